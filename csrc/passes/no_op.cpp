#include "passes/no_op.h"

#include <algorithm>
#include <cstring>

#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// A constant of one element that equals a small whole number.
bool is_constant(const Graph& graph, ValueId id, int number) {
  if (!id) return false;
  TensorRef tensor = graph.constant(id, true);
  const NodeId producer = graph.value(id).producer;
  if (!tensor && producer && graph.node(producer).is("Constant")) {
    tensor = graph.node(producer).attr_tensor("value");
  }
  if (!tensor || tensor->count() != 1 || tensor->dims.size() > 1) return false;
  const auto data = tensor->data();
  if (!data) return false;
  const auto holds = [&](auto wanted) {
    return data.value().view.size() == sizeof wanted &&
           std::memcmp(data.value().view.data(), &wanted, sizeof wanted) == 0;
  };
  switch (tensor->dtype()) {
    case DType::float32:
      return holds(static_cast<float>(number));
    case DType::float64:
      return holds(static_cast<double>(number));
    case DType::float16:
      return holds(static_cast<std::uint16_t>(number == 0 ? 0 : 0x3C00));
    case DType::bfloat16:
      return holds(static_cast<std::uint16_t>(number == 0 ? 0 : 0x3F80));
    case DType::int32:
      return holds(static_cast<std::int32_t>(number));
    case DType::int64:
      return holds(static_cast<std::int64_t>(number));
    default:
      return false;
  }
}

/// The input that is left when the other one changes nothing.
ValueId beside_neutral(const Graph& graph, const Node& node) {
  if (node.inputs.size() != 2) return {};
  const bool sum = node.is("Add") || node.is("Sub");
  const bool product = node.is("Mul") || node.is("Div");
  if (!sum && !product) return {};
  const int neutral = sum ? 0 : 1;
  if (is_constant(graph, node.inputs[1], neutral)) return node.inputs[0];
  const bool either = node.is("Add") || node.is("Mul");
  return either && is_constant(graph, node.inputs[0], neutral) ? node.inputs[1] : ValueId{};
}

bool trains(const Graph& graph, const Node& dropout) {
  if (dropout.attr_int("is_test").value_or(1) == 0) return true;
  if (dropout.inputs.size() < 3 || !dropout.inputs[2]) return false;
  const TensorRef mode = graph.constant(dropout.inputs[2], true);
  if (!mode) return true;
  const auto elements = read_ints(*mode);
  return !elements || elements.value() != std::vector<std::int64_t>{0};
}

bool moves_nothing(const Node& transpose) {
  const auto* perm = transpose.attr_ints("perm");
  if (!perm) return false;
  for (std::size_t i = 0; i < perm->size(); ++i) {
    if ((*perm)[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

ValueId source(const Graph& graph, const Node& node, const KnownDtypes& dtypes) {
  if (node.inputs.empty() || !node.inputs[0]) return {};
  const ValueId first = node.inputs[0];
  const OpEntry* entry = op_table().find(node.domain, node.op_type);
  if (entry && entry->traits.alias) {
    return node.op_type == "Dropout" && trains(graph, node) ? ValueId{} : first;
  }
  if (node.is("Cast")) {
    const DType to{static_cast<std::int32_t>(node.attr_int("to").value_or(0))};
    return to != DType::undefined && dtypes.of(first) == to ? first : ValueId{};
  }
  if (node.is("Transpose")) return moves_nothing(node) ? first : ValueId{};
  const bool joins = node.is("Concat") || node.is("Sum") || node.is("Max") || node.is("Min");
  if (joins && node.inputs.size() == 1) return first;
  return beside_neutral(graph, node);
}

}  // namespace

ValueId handed_through(const Graph& graph, const Node& node, const KnownDtypes& dtypes) {
  if (node.outputs.empty() || !node.outputs[0]) return {};
  const bool only_output = std::all_of(
      node.outputs.begin() + 1, node.outputs.end(),
      [&](ValueId id) { return !id || (graph.uses(id).empty() && !graph.value(id).is_output); });
  return only_output ? source(graph, node, dtypes) : ValueId{};
}

}  // namespace pot
