// Elements repeated along axes.

#include <array>

#include "ops/elements.h"
#include "ops/op_table.h"

namespace pot {
namespace {

Inferred expand_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const auto target = dims_from(at, at.in(1));
  if (!in.has_rank() || !target) return std::vector{tensor_fact(in.dtype)};
  auto dims = broadcast_dims(std::array{*in.dims, *target});
  if (!dims) return dims.error();
  const std::size_t lead = dims.value().size() - in.rank();
  const auto shape = in.numbers();
  return std::vector{moved(at, in, std::move(dims).value(), [&](const Position& to) {
    Position from(to.begin() + static_cast<std::ptrdiff_t>(lead), to.end());
    for (std::size_t i = 0; i < from.size(); ++i) {
      if ((*shape)[i] == 1) from[i] = 0;
    }
    return std::optional(std::move(from));
  })};
}

Inferred tile_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const auto repeats = dims_from(at, at.in(1));
  if (!in.has_rank()) {
    if (!repeats) return std::vector{tensor_fact(in.dtype)};
    return std::vector{tensor_fact(in.dtype, at.unknown_dims(repeats->size(), "of any shape"))};
  }
  if (!repeats) {
    return std::vector{tensor_fact(in.dtype, at.unknown_dims(in.rank(), "repeats are computed"))};
  }
  if (repeats->size() != in.rank()) {
    return contradiction(std::to_string(repeats->size()) + " repeats for " + at.input_label(0) +
                         ", which has rank " + std::to_string(in.rank()));
  }
  Dims dims;
  for (std::size_t i = 0; i < in.rank(); ++i) dims.push_back((*in.dims)[i] * (*repeats)[i]);
  const auto shape = in.numbers();
  return std::vector{moved(at, in, std::move(dims), [&](const Position& to) {
    Position from = to;
    for (std::size_t i = 0; i < from.size(); ++i) from[i] %= (*shape)[i];
    return std::optional(std::move(from));
  })};
}

}  // namespace

void register_expand(OpTable& table) {
  table.add("Expand", {.shape = expand_rule});
  table.add("Tile", {.shape = tile_rule});
}

}  // namespace pot
