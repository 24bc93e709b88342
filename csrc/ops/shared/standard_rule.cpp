#include "ops/shared/standard_rule.h"

#include <algorithm>
#include <span>
#include <utility>

#include "ops/shared/op_table.h"

namespace pot {
namespace {

Node as_standard(const NodeFacts& at, const Standard& standard) {
  Node node = at.node().clone();
  node.op_type = Text(standard.op_type);
  node.domain = Text();
  if (standard.slots.empty()) return node;
  node.inputs.clear();
  for (const std::size_t slot : standard.slots) {
    node.inputs.push_back(at.has(slot) ? at.node().inputs[slot] : ValueId{});
  }
  return node;
}

}  // namespace

Inferred by_standard(const NodeFacts& at, const Standard& standard, std::vector<Fact> inputs) {
  const OpEntry* entry = op_table().find("", standard.op_type);
  if (!entry || !entry->shape) return std::vector<Fact>{};
  const Node node = as_standard(at, standard);
  std::vector<Fact> given = std::move(inputs);
  if (!standard.slots.empty()) {
    std::vector<Fact> moved;
    for (const std::size_t slot : standard.slots) {
      moved.push_back(slot < given.size() ? std::move(given[slot]) : Fact{});
    }
    given = std::move(moved);
  }
  given.resize(node.inputs.size());
  Inferred made = entry->shape(NodeFacts(at.graph(), node, standard.opset, std::move(given)));
  if (!made) return made;
  for (Fact& fact : made.value()) fact = without_elements(fact);
  return made;
}

Inferred by_standard(const NodeFacts& at, const Standard& standard) {
  return by_standard(at, standard, {at.inputs().begin(), at.inputs().end()});
}

Inferred first_with_dtype(Inferred inferred, DType dtype) {
  if (!inferred || inferred.value().empty()) return inferred;
  Fact first = inferred.value().front();
  if (first.is_tensor()) first.dtype = dtype;
  return std::vector{std::move(first)};
}

Fact channels_first(const Fact& fact) {
  if (!fact.has_rank() || fact.rank() < 3) return fact;
  Fact out = without_elements(fact);
  std::rotate(out.dims->begin() + 1, out.dims->end() - 1, out.dims->end());
  return out;
}

Fact channels_last(const Fact& fact) {
  if (!fact.has_rank() || fact.rank() < 3) return fact;
  Fact out = without_elements(fact);
  std::rotate(out.dims->begin() + 1, out.dims->begin() + 2, out.dims->end());
  return out;
}

Inferred by_standard_channels_last(const NodeFacts& at, const Standard& standard) {
  std::vector<Fact> inputs(at.inputs().begin(), at.inputs().end());
  if (!inputs.empty()) inputs.front() = channels_first(inputs.front());
  Inferred made = by_standard(at, standard, std::move(inputs));
  if (!made) return made;
  for (Fact& fact : made.value()) fact = channels_last(fact);
  return made;
}

}  // namespace pot
