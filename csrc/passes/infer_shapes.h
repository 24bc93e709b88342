#pragma once
// Shapes, types and shape arithmetic of all values, by the rules of csrc/ops.

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "ir/model.h"
#include "ops/shared/fact.h"
#include "ops/shared/shape_rule.h"

namespace pot {

/// What another library infers for one node: facts of its outputs, as far as it knows them. Asked
/// where no rule exists.
using Fallback = std::function<Inferred(const NodeFacts& at)>;

/// Facts of every value of a model: the main graph's, and those of bodies.
class ModelFacts {
 public:
  struct Place {
    const Graph* graph = nullptr;
    NodeId node;
  };
  struct Contradiction {
    Place place;
    std::string message;  ///< begins with the node: "node 'conv1' (Conv): x has 3 channels, ..."
  };

  /// Unknown for an omitted value, one that was not reached, and one that an edit has made since.
  /// Those of a value of a body hold in every turn. Pre: the graph is of the model.
  [[nodiscard]] const Fact& of(const Graph& graph, ValueId id) const;
  /// The same, where a value that a body reads from around it has the facts that it has there.
  [[nodiscard]] const Fact& seen_from(const Graph& graph, ValueId id) const;

  /// Nodes whose operator has no rule, so that the fallback was asked.
  [[nodiscard]] const std::vector<Place>& without_rule() const noexcept { return without_rule_; }
  /// Nodes of the main graph whose inputs do not fit together; what they make is unknown.
  [[nodiscard]] const std::vector<Contradiction>& contradictions() const noexcept {
    return contradictions_;
  }

 private:
  friend class ShapeInference;
  /// The graph lives as long as its facts, so that no new one has its address.
  struct OfGraph {
    std::shared_ptr<const Graph> graph;
    std::vector<Fact> facts;
  };
  std::unordered_map<const Graph*, OfGraph> facts_;
  std::vector<Place> without_rule_;
  std::vector<Contradiction> contradictions_;
};

/// Infers the whole model, bodies and function calls included. Nothing is edited.
///
/// Inputs have their declared types; what the file declares of other values only completes what is
/// not even known to be a tensor or of which rank. Error: a cycle.
[[nodiscard]] Result<ModelFacts> infer_shapes(const Model& model, const Fallback& fallback = {});

/// Shows a node as its shape rule sees it. Bodies that `visit` infers leave `facts` as they are.
/// Pre: `facts` are of the model; the node is in its main graph or in a body there.
void visit_node(const Model& model, const ModelFacts& facts, const Graph& graph, NodeId node,
                const std::function<void(const NodeFacts& at)>& visit);

}  // namespace pot
