// Sizes of tensors as tensors.

#include <algorithm>

#include "ops/elements.h"
#include "ops/op_table.h"

namespace pot {
namespace {

Inferred shape_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) {
    return std::vector{tensor_fact(DType::int64, {at.unknown_size("the rank is not known")})};
  }
  const auto rank = static_cast<std::int64_t>(in.rank());
  // `start` and `end` are of opset 15; a runtime for an older one ignores them.
  const bool cut = at.opset() >= 15;
  const auto clamped = [&](std::int64_t bound) {
    return std::clamp<std::int64_t>(bound < 0 ? bound + rank : bound, 0, rank);
  };
  const std::int64_t start = clamped(cut ? at.attr_int("start", 0) : 0);
  const std::int64_t end = std::max(start, clamped(cut ? at.attr_int("end", rank) : rank));
  std::vector<Expr> sizes(in.dims->begin() + start, in.dims->begin() + end);
  if (sizes.size() > kMostElements) return std::vector{tensor_fact(DType::int64, {end - start})};
  return std::vector{tensor_fact(DType::int64, {end - start}, std::move(sizes))};
}

Inferred size_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) return std::vector{tensor_fact(DType::int64, Dims{})};
  return std::vector{tensor_fact(DType::int64, std::vector<std::int64_t>{}, {in.count()})};
}

}  // namespace

void register_shape(OpTable& table) {
  table.add("Shape", {.shape = shape_rule});
  table.add("Size", {.shape = size_rule});
}

}  // namespace pot
