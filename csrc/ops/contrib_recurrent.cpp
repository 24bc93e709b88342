// Recurrent layers as onnxruntime quantizes them and joins them with attention.

#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/fixed_layout.h"
#include "ops/shared/op_table.h"
#include "ops/shared/standard_rule.h"

namespace pot {
namespace {

/// Weights are (directions, features, gates * hidden): the last two axes change places.
Fact turned(const Fact& weight) {
  Fact out = without_elements(weight);
  if (out.has_rank() && out.rank() == 3) std::swap((*out.dims)[1], (*out.dims)[2]);
  return out;
}

Inferred quantized_lstm(const NodeFacts& at) {
  std::vector<Fact> inputs(at.inputs().begin(), at.inputs().end());
  for (const std::size_t slot : {std::size_t{1}, std::size_t{2}}) {
    if (slot < inputs.size()) inputs[slot] = turned(inputs[slot]);
  }
  return by_standard(at, {.op_type = "LSTM", .slots = {0, 1, 2, 3, 4, 5, 6, 7}}, std::move(inputs));
}

/// The weight takes the input and what is attended to side by side.
Inferred attention_lstm(const NodeFacts& at) {
  std::vector<Fact> inputs(at.inputs().begin(), at.inputs().end());
  if (inputs.size() > 1) inputs[1] = Fact{};
  return by_standard(at, {.op_type = "LSTM", .slots = {0, 1, 2, 3, 4, 5, 6, 7}}, std::move(inputs));
}

/// Tokens of (..., heads, size); the state that is handed on has the shape of the one given.
Inferred delta_net(const NodeFacts& at) {
  const Fact& query = at.in(0);
  const Fact& value = at.in(2);
  Fact state = at.has(6) ? shaped_like(at.in(6)) : Fact{};
  const bool apart = query.has_rank() && value.has_rank() && query.rank() == value.rank();
  return std::vector{apart ? shaped_like(value, query.dtype) : tensor_fact(query.dtype),
                     std::move(state)};
}

}  // namespace

void register_contrib_recurrent(OpTable& table) {
  const OpTraits steps{.accumulation = Accumulation::recurrent};
  table.add("DynamicQuantizeLSTM",
            {.traits = steps, .shape = quantized_lstm, .layout = fixed_layout<kStepsAlongAxis0>},
            ort_domain);
  table.add("AttnLSTM",
            {.traits = steps, .shape = attention_lstm, .layout = fixed_layout<kStepsAlongAxis0>},
            ort_domain);
  table.add("GatedDeltaNet", {.traits = steps, .shape = delta_net}, ort_domain);
}

}  // namespace pot
