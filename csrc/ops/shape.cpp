// Sizes of tensors as tensors.

#include <algorithm>

#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// `start` and `end` are of this opset; a runtime for an older one ignores them.
constexpr std::int64_t kHasRange = 15;

/// The axes from `start` to before `end`.
struct Range {
  std::int64_t start = 0;
  std::int64_t end = 0;
};

Range range_of(const NodeFacts& at, std::size_t of_rank) {
  const auto rank = static_cast<std::int64_t>(of_rank);
  if (at.opset() < kHasRange) return {0, rank};
  const auto clamped = [&](std::int64_t bound) {
    return std::clamp<std::int64_t>(bound < 0 ? bound + rank : bound, 0, rank);
  };
  const std::int64_t start = clamped(at.attr_int("start", 0));
  return {start, std::max(start, clamped(at.attr_int("end", rank)))};
}

Inferred shape_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) {
    return std::vector{tensor_fact(DType::int64, {at.unknown_size("the rank is not known")})};
  }
  const auto [start, end] = range_of(at, in.rank());
  std::vector<Expr> sizes(in.dims->begin() + start, in.dims->begin() + end);
  if (sizes.size() > kMostElements) return std::vector{tensor_fact(DType::int64, {end - start})};
  return std::vector{tensor_fact(DType::int64, {end - start}, std::move(sizes))};
}

Inferred size_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) return std::vector{tensor_fact(DType::int64, Dims{})};
  return std::vector{tensor_fact(DType::int64, std::vector<std::int64_t>{}, {in.count()})};
}

/// Shape of what is stored, and of it the sizes that are asked for, in the file's order.
Result<Relayout> shape_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (operand != Operand{}) return refuse("it lists sizes by axis");
  Relayout made = unmoved(node);
  made.inputs[0] = layout;
  const auto [start, end] = range_of(node.at(), layout.rank());
  std::vector<std::size_t> axes;
  for (std::int64_t axis = start; axis < end; ++axis)
    axes.push_back(static_cast<std::size_t>(axis));
  const auto places = places_of(layout, axes);
  const bool in_row = std::ranges::adjacent_find(places, [](std::int64_t a, std::int64_t b) {
                        return b != a + 1;
                      }) == places.end();
  DrawnNode sizes = redrawn(node);
  if (places.empty() || (in_row && places.front() == start)) return made;
  if (in_row && node.at().opset() >= kHasRange) {
    put_attribute(sizes, "start", places.front());
    put_attribute(sizes, "end", places.back() + 1);
    return with_node(std::move(made), std::move(sizes));
  }
  drop_attribute(sizes, "start");
  drop_attribute(sizes, "end");
  DrawnNode picked{.op_type = "Gather"};
  picked.inputs.push_back(from_drawn(0));
  picked.inputs.push_back(from_ints(places));
  made.nodes.push_back(std::move(sizes));
  return with_node(std::move(made), std::move(picked));
}

/// As many elements wherever they lie.
Result<Relayout> size_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (operand != Operand{}) return refuse("it makes one number");
  Relayout made = unmoved(node);
  made.inputs[0] = layout;
  return made;
}

}  // namespace

void register_shape(OpTable& table) {
  table.add("Shape", {.shape = shape_rule, .layout = shape_layout});
  table.add("Size", {.shape = size_rule, .layout = size_layout});
}

}  // namespace pot
