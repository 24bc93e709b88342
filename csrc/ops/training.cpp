// Gradients and the steps of optimizers. Nothing changes its shape.

#include "ops/shared/agreement.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Learning rate and step count, then groups of as many tensors each: weights, gradients and what
/// the optimizer remembers. It gives all but the gradients back.
Inferred step(const NodeFacts& at, std::size_t groups) {
  constexpr std::size_t kFirst = 2;
  if (at.input_count() < kFirst || (at.input_count() - kFirst) % groups != 0) {
    return contradiction("the node has " + counted(at.input_count(), "input", "inputs") +
                         ", but takes 2 and " + std::to_string(groups) + " for each tensor");
  }
  const std::size_t tensors = (at.input_count() - kFirst) / groups;
  std::vector<Fact> out;
  for (std::size_t group = 0; group < groups; ++group) {
    if (group == 1) continue;
    for (std::size_t i = 0; i < tensors; ++i) {
      out.push_back(shaped_like(at.in(kFirst + group * tensors + i)));
    }
  }
  return out;
}

Inferred step_with_one_memory(const NodeFacts& at) { return step(at, 3); }
Inferred step_with_two_memories(const NodeFacts& at) { return step(at, 4); }

/// One gradient for each of the inputs that `xs` names, which come first.
Inferred gradient(const NodeFacts& at) {
  std::vector<Fact> out;
  for (std::size_t i = 0; i < at.output_count(); ++i) out.push_back(shaped_like(at.in(i)));
  return out;
}

}  // namespace

void register_training(OpTable& table) {
  constexpr std::string_view domain = "ai.onnx.preview.training";
  table.add({"Adagrad", "Momentum"}, {.shape = step_with_one_memory}, domain);
  table.add("Adam", {.shape = step_with_two_memories}, domain);
  table.add("Gradient", {.shape = gradient}, domain);
}

}  // namespace pot
