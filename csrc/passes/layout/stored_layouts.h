#pragma once
// Which layouts of which values the new graph holds, where, and under which names.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "passes/layout/layout_readers.h"

namespace pot {

/// A family of values in one layout.
struct StoredLayout {
  std::size_t family = 0;
  Layout layout;                        ///< of the root
  Graph* graph = nullptr;               ///< that holds it
  ValueId id;                           ///< there
  std::optional<std::size_t> source{};  ///< which other one it is converted from
  NodeId reuse{};                       ///< a Transpose of the file that does so from now on
};

class StoredLayouts {
 public:
  /// Decides; names that are new are known to their graphs from then on, nothing else is edited.
  StoredLayouts(const LayoutNetwork& network, const LayoutPlan& plan, const LayoutReaders& readers);

  /// Sources before what is made of them.
  [[nodiscard]] const std::vector<StoredLayout>& all() const noexcept { return stored_; }
  /// Pre: something reads or makes it.
  [[nodiscard]] const StoredLayout& of(std::size_t family, const Layout& layout) const;
  /// The id under which a graph that is inside of its own, or that one, reads it. A value of the
  /// same name there gets another one.
  [[nodiscard]] ValueId seen_from(Graph& graph, const StoredLayout& stored) const;

 private:
  /// Whoever reads one layout of a family.
  struct Need {
    Layout layout;
    std::vector<Graph*> graphs{};
    std::vector<const LayoutReaders::Output*> outputs{};
  };
  using Needs = std::vector<Need>;

  void gather(const LayoutPlan& plan, const LayoutReaders& readers);
  Need& need(std::size_t family, const Layout& layout);
  void store_made(std::size_t family, const Layout& made);
  void store_constant(std::size_t family);
  [[nodiscard]] NodeId kept_transpose(std::size_t family, const Layout& layout) const;
  std::size_t add(std::size_t family, const Layout& layout, Graph* graph,
                  std::optional<std::size_t> source);
  void name_all(std::size_t family, std::size_t from);
  void take_outputs(StoredLayout& stored, const Need& need);
  [[nodiscard]] bool free(const Graph* graph, ValueId id) const;
  [[nodiscard]] bool take(StoredLayout& stored, ValueId id);
  [[nodiscard]] ValueId member_named(const StoredLayout& stored) const;
  void reuse_transpose(StoredLayout& stored) const;

  const LayoutNetwork& network_;
  std::vector<Needs> needs_;  // by family
  std::vector<StoredLayout> stored_;
  std::map<std::pair<std::size_t, Layout>, std::size_t> index_;
  // Of the family that is being named: ids that are taken, and those of outputs of graphs.
  std::set<std::pair<const Graph*, ValueId>> taken_;
  std::set<std::pair<const Graph*, ValueId>> reserved_;
};

}  // namespace pot
