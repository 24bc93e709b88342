#include "passes/fold_values.h"

#include <algorithm>

#include "passes/known_tensor.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

/// Larger constants that a node hands on are left to what knows of weights.
constexpr std::uint64_t kSmall = kMostElements * sizeof(std::int64_t);

TensorRef small_tensor(const Fact& fact) {
  const TensorRef tensor = known_tensor(fact);
  return tensor && tensor->nbytes().value_or(kSmall + 1) <= kSmall ? tensor : nullptr;
}

/// The constants of one graph that nodes of it make.
class KnownValues {
 public:
  KnownValues(Graph& graph, const ModelFacts& facts) : graph_(graph), read_(read_values(graph)) {
    tensors_.resize(graph.value_count());
    for (const NodeId id : graph.nodes()) {
      const Node& node = graph.node(id);
      if (node.is("Constant") || hands_constant_through(node)) continue;
      for (const ValueId output : node.outputs) {
        if (output) tensors_[output.index] = small_tensor(facts.of(graph, output));
      }
    }
  }

  std::size_t fold() {
    std::vector<NodeId> gone;
    for (const NodeId id : graph_.nodes()) {
      if (is_known(graph_.node(id))) gone.push_back(id);
    }
    if (gone.empty()) return 0;
    find_wanted(gone);
    for (const NodeId id : gone) {
      const std::vector<ValueId> outputs = graph_.node(id).outputs;
      for (const ValueId output : outputs) {
        if (output && wanted_[output.index]) {
          make_constant(graph_, output, tensors_[output.index]);
        }
      }
    }
    std::erase_if(gone, [this](NodeId id) {  // what keeps the name of an output
      return std::ranges::any_of(graph_.node(id).outputs, [this](ValueId output) {
        return output && graph_.value(output).is_output;
      });
    });
    graph_.remove_nodes(gone);
    return gone.size();
  }

 private:
  /// An Identity that gives a constant the name of an output is as small as it gets.
  bool hands_constant_through(const Node& node) const {
    return node.is("Identity") && node.inputs.size() == 1 && node.outputs.size() == 1 &&
           graph_.value(node.outputs[0]).is_output && constant_of(graph_, node.inputs[0]);
  }

  bool is_known(const Node& node) const {
    bool any = false;
    for (const ValueId output : node.outputs) {
      if (!output || !read_[output.index]) continue;
      if (!tensors_[output.index]) return false;
      any = true;
    }
    return any;
  }

  /// What stays reads it. `gone` is sorted by the order of the file, which need not be one.
  void find_wanted(const std::vector<NodeId>& gone) {
    std::vector<bool> goes;
    for (const NodeId id : gone) {
      if (goes.size() <= id.index) goes.resize(id.index + 1, false);
      goes[id.index] = true;
    }
    wanted_.assign(graph_.value_count(), false);
    for (const NodeId id : graph_.nodes()) {
      if (id.index < goes.size() && goes[id.index]) continue;
      for (const ValueId input : graph_.node(id).inputs) {
        if (input) wanted_[input.index] = true;
      }
      for (const ValueId captured : graph_.captures(id)) wanted_[captured.index] = true;
    }
    for (const ValueInfo& output : graph_.outputs()) {
      if (output.value) wanted_[output.value.index] = true;
    }
  }

  Graph& graph_;
  std::vector<bool> read_, wanted_;
  std::vector<TensorRef> tensors_;
};

/// Null for forms that stay as they are.
TensorRef lifted(const Node& constant) {
  if (TensorRef tensor = constant.attr_tensor("value")) return tensor;
  if (const auto* ints = constant.attr_ints("value_ints")) return make_int64s("", *ints);
  if (const auto number = constant.attr_int("value_int")) {
    return make_tensor_copy("", DType::int64, {}, std::as_bytes(std::span(&*number, 1)));
  }
  if (const auto number = constant.attr_float("value_float")) {
    return make_tensor_copy("", DType::float32, {}, std::as_bytes(std::span(&*number, 1)));
  }
  const Attribute* floats = constant.attribute("value_floats");
  const auto* list = floats ? floats->get<std::vector<float>>() : nullptr;
  if (!list) return nullptr;
  return make_tensor_copy("", DType::float32, {static_cast<std::int64_t>(list->size())},
                          std::as_bytes(std::span(*list)));
}

std::size_t lift_constants(Graph& graph) {
  std::vector<NodeId> gone;
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (!node.is("Constant") || node.outputs.size() != 1 || !node.outputs[0]) continue;
    if (graph.value(node.outputs[0]).is_output) continue;
    const TensorRef tensor = lifted(node);
    if (!tensor) continue;
    make_constant(graph, node.outputs[0], tensor);
    gone.push_back(id);
  }
  graph.remove_nodes(gone);
  return gone.size();
}

}  // namespace

Result<bool> fold_values(Model& model, const ModelFacts& facts, Changes& changes) {
  std::size_t folded = 0;
  for (const GraphPtr& graph : graphs_of(model)) folded += KnownValues(*graph, facts).fold();
  changes.count("folded shape arithmetic", folded);
  return folded != 0;
}

Result<bool> lift_constants(Model& model, Changes& changes) {
  std::size_t lifted = 0;
  for (const GraphPtr& graph : graphs_of(model)) lifted += lift_constants(*graph);
  changes.count("Constant nodes that became initializers", lifted);
  return lifted != 0;
}

}  // namespace pot
