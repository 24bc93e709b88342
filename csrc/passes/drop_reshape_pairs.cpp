#include "passes/drop_reshape_pairs.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "passes/stand_in.h"

namespace pot {
namespace {

/// Longer ones are no activation function.
constexpr std::size_t kMostNodes = 32;

bool only_reshapes(const Node& node) {
  return node.is("Reshape") || node.is("Flatten") || node.is("Squeeze") || node.is("Unsqueeze");
}

bool is_elementwise(const Node& node) {
  constexpr std::array<std::string_view, 33> kOps{
      "Abs",  "Add", "Cast",     "Ceil", "Celu",        "Clip",      "Cos",       "Div",  "Elu",
      "Erf",  "Exp", "Floor",    "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log",  "Mish",
      "Mul",  "Neg", "Not",      "Pow",  "Reciprocal",  "Relu",      "Round",     "Selu", "Sigmoid",
      "Sign", "Sin", "Softplus", "Sqrt", "Sub",         "Tanh"};
  return node.is_standard() && node.outputs.size() == 1 && node.outputs[0] &&
         std::ranges::count(kOps, std::string_view(node.op_type)) != 0;
}

/// The nodes between one Reshape back and those that it takes back.
class Stretch {
 public:
  Stretch(const Graph& graph, const ModelFacts& facts, NodeId last)
      : graph_(graph), facts_(facts), last_(last) {}

  bool find() {
    const Node& last = graph_.node(last_);
    before_ = &facts_.of(graph_, last.outputs[0]);
    between_ = &facts_.of(graph_, last.inputs[0]);
    if (!before_->has_rank() || !between_->has_rank()) return false;
    if (!take(last.inputs[0])) return false;
    return !nodes_.empty() && std::ranges::all_of(nodes_, [this](NodeId id) {
      return stays_inside(graph_.node(id).outputs[0]);
    });
  }

  [[nodiscard]] const std::vector<NodeId>& nodes() const noexcept { return nodes_; }

  /// What a node reads at the sizes before: past the Reshape that made this.
  [[nodiscard]] ValueId source_of(ValueId id) const {
    const NodeId producer = id ? graph_.value(id).producer : NodeId{};
    if (!producer || std::ranges::count(nodes_, producer) != 0) return id;
    const Node& node = graph_.node(producer);
    const bool back = only_reshapes(node) && same(id, *between_) && same(node.inputs[0], *before_);
    return back ? node.inputs[0] : id;
  }

 private:
  bool same(ValueId id, const Fact& as) const {
    const Fact& fact = facts_.seen_from(graph_, id);
    return fact.has_rank() && *fact.dims == *as.dims;
  }

  /// One number for all elements, which no more axes come from.
  bool is_scalar(ValueId id) const {
    const Fact& fact = facts_.seen_from(graph_, id);
    return fact.has_rank() && fact.rank() <= before_->rank() && fact.rank() <= between_->rank() &&
           std::ranges::all_of(*fact.dims, [](const Expr& dim) { return dim.is(1); });
  }

  bool take(ValueId id) {
    if (!same(id, *between_)) return false;
    const NodeId producer = graph_.value(id).producer;
    if (!producer) return false;
    if (std::ranges::count(nodes_, producer) != 0) return true;
    const Node& node = graph_.node(producer);
    if (only_reshapes(node)) return !node.inputs.empty() && same(node.inputs[0], *before_);
    if (!is_elementwise(node) || nodes_.size() == kMostNodes) return false;
    nodes_.push_back(producer);
    bool shaped = false;  // scalars alone give a scalar, whatever the Reshape makes of it
    const bool all = std::ranges::all_of(node.inputs, [&](ValueId input) {
      if (!input || is_scalar(input)) return true;
      shaped = true;
      return take(input);
    });
    return all && shaped;
  }

  bool stays_inside(ValueId id) const {
    if (graph_.value(id).is_output) return false;
    const auto uses = graph_.uses(id);
    return std::ranges::all_of(uses, [this](const Use& use) {
      return use.slot != Use::kCaptured &&
             (use.node == last_ || std::ranges::count(nodes_, use.node) != 0);
    });
  }

  const Graph& graph_;
  const ModelFacts& facts_;
  NodeId last_;
  const Fact* before_ = nullptr;
  const Fact* between_ = nullptr;
  std::vector<NodeId> nodes_;
};

bool drop(Graph& graph, const ModelFacts& facts, NodeId last, Changes& changes) {
  Stretch stretch(graph, facts, last);
  if (!stretch.find()) return false;
  std::vector<std::pair<NodeId, std::vector<ValueId>>> inputs;
  for (const NodeId id : stretch.nodes()) {
    std::vector<ValueId> sources = graph.node(id).inputs;
    std::ranges::transform(sources, sources.begin(),
                           [&](ValueId input) { return stretch.source_of(input); });
    inputs.emplace_back(id, std::move(sources));
  }
  for (auto& [id, sources] : inputs) graph.set_inputs(id, std::move(sources));
  for (const NodeId id : stretch.nodes()) {
    const ValueId old = graph.node(id).outputs[0];
    const ValueId renamed =
        graph.intern(graph.fresh_name(std::string(graph.value_name(old)) + "_unshaped"));
    graph.set_outputs(id, {renamed});
    graph.replace_uses(old, renamed);
  }
  const Node& back = graph.node(last);
  const ValueId made = back.inputs[0];
  return stand_in(graph, back.outputs[0], made, changes);
}

}  // namespace

Result<bool> drop_reshape_pairs(Model& model, const ModelFacts& facts, Changes& changes) {
  std::size_t dropped = 0;
  for (const GraphPtr& graph : graphs_of(model)) {
    const std::vector<NodeId> listing(graph->nodes().begin(), graph->nodes().end());
    for (const NodeId id : listing) {
      const Node& node = graph->node(id);
      const bool whole = only_reshapes(node) && !node.inputs.empty() && node.inputs[0] &&
                         node.outputs.size() == 1 && node.outputs[0];
      if (whole && drop(*graph, facts, id, changes)) ++dropped;
    }
  }
  changes.count("dropped Reshapes that are taken back", dropped);
  return dropped != 0;
}

}  // namespace pot
