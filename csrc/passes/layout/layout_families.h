#pragma once
// Values that Transposes make of each other, found in a model.

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "passes/layout/layout_network.h"
#include "passes/layout/weighed_sizes.h"

namespace pot {

/// Where a value is among the families of a network.
class LayoutFamilies {
 public:
  struct At {
    std::size_t family = 0;
    std::size_t member = 0;
  };

  /// Fills `network.families` and `network.transposes`, which outlives this. A value whose rank is
  /// not known, or that the file defines twice, is in no family. Error: a cycle.
  [[nodiscard]] static Result<LayoutFamilies> find(Model& model, const ModelFacts& facts,
                                                   const WeighedSizes& sizes,
                                                   LayoutNetwork& network);

  /// What a graph means by this value, its own or one from around it.
  [[nodiscard]] std::optional<At> of(const Graph& graph, ValueId id) const;
  /// A Transpose that is nothing but a member of a family.
  [[nodiscard]] bool replaced(const Graph& graph, NodeId node) const;
  /// A node that makes nothing but a constant that is stored as it is read.
  [[nodiscard]] bool is_constant(const Graph& graph, NodeId node) const;

 private:
  struct OfGraph {
    std::vector<std::optional<At>> values;
    std::unordered_set<NodeId> transposes;
  };

  LayoutFamilies(const ModelFacts& facts, const WeighedSizes& sizes, LayoutNetwork& network)
      : facts_(&facts), sizes_(&sizes), network_(&network) {}
  Status add(Graph& graph);
  void add_root(Graph& graph, ValueId id);
  bool add_member(Graph& graph, const Node& node);

  const ModelFacts* facts_;
  const WeighedSizes* sizes_;
  LayoutNetwork* network_;
  std::unordered_map<const Graph*, OfGraph> graphs_;
};

}  // namespace pot
