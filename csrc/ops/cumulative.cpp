// Running sums and products.

#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

using Step = Expr (*)(const Expr& a, const Expr& b);

Expr sum(const Expr& a, const Expr& b) { return a + b; }
Expr product(const Expr& a, const Expr& b) { return a * b; }

struct Running {
  std::vector<std::int64_t> shape;
  Elements elements;
  std::size_t axis;
};

/// Whole numbers only: a runtime may add floats in another order.
std::optional<Running> running(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const auto axes = numbers_of(at.in(1));
  if (!in.has_rank() || !is_integer(in.dtype) || !axes || axes->size() != 1) return std::nullopt;
  const auto axis = normalized_axis(axes->front(), in.rank());
  const auto shape = small_shape(*in.dims);
  const Elements elements = shape ? elements_of(in) : nullptr;
  if (!axis || !elements) return std::nullopt;
  return Running{*shape, elements, *axis};
}

Inferred cumulate(const NodeFacts& at, Step step, std::int64_t neutral) {
  const auto known = running(at);
  if (!known) return same_as_input(at);
  const auto& [shape, elements, axis] = *known;
  const bool exclusive = at.attr_int("exclusive", 0) != 0;
  const bool backwards = at.attr_int("reverse", 0) != 0;
  std::vector<std::optional<Expr>> out;
  for (const Position& to : positions(shape)) {
    Expr total(neutral);
    for (std::int64_t i = 0; i < shape[axis]; ++i) {
      Position from = to;
      from[axis] = i;
      const bool before = backwards ? i > to[axis] : i < to[axis];
      if (before || (i == to[axis] && !exclusive)) {
        total = step(total, (*elements)[flat_index(from, shape)]);
      }
    }
    out.push_back(stored(total, at.in(0).dtype));
  }
  return std::vector{from_elements(at, at.in(0).dtype, *at.in(0).dims, std::move(out))};
}

Inferred cumulative_sum(const NodeFacts& at) { return cumulate(at, sum, 0); }
Inferred cumulative_product(const NodeFacts& at) { return cumulate(at, product, 1); }

Result<Relayout> cumulative_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  const auto written = numbers_of(node.at().in(1));
  if (!written || written->size() != 1) return refuse("its axis is computed");
  const auto axis = normal_axes(*written, layout.rank());
  if (!axis) return axis.error();
  const auto plain = require_plain(layout, axis.value());
  if (!plain) return plain.error();
  DrawnNode drawn = redrawn(node);
  drawn.inputs[1] = int_like(node.at().in(1), places_of(layout, axis.value()).front());
  return with_node(std::move(made).value(), std::move(drawn));
}

}  // namespace

void register_cumulative(OpTable& table) {
  const OpTraits scans{.accumulation = Accumulation::scan};
  table.add("CumSum", {.traits = scans, .shape = cumulative_sum, .layout = cumulative_layout});
  table.add("CumProd", {.traits = scans, .shape = cumulative_product, .layout = cumulative_layout});
}

}  // namespace pot
