// Axes of size 1 put in and taken away.

#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Axes as places in a shape of this rank. Error: one is outside, or named twice.
Result<std::vector<bool>> marked(std::span<const std::int64_t> axes, std::size_t rank) {
  std::vector<bool> marks(rank, false);
  for (const std::int64_t axis : axes) {
    const auto place = normalized_axis(axis, rank);
    if (!place) {
      return contradiction("axis " + std::to_string(axis) + " is outside of rank " +
                           std::to_string(rank));
    }
    if (marks[*place]) return contradiction("axis " + std::to_string(axis) + " is named twice");
    marks[*place] = true;
  }
  return marks;
}

std::optional<std::size_t> axis_count(const NodeFacts& at) {
  const auto dims = dims_from(at, at.in(1));
  return dims ? std::optional(dims->size()) : std::nullopt;
}

Inferred unsqueeze_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const auto axes = at.ints_or_input("axes", 1);
  if (!in.has_rank()) return std::vector{tensor_fact(in.dtype)};
  if (!axes.numbers) {
    const auto added = axis_count(at);
    if (!added) return std::vector{tensor_fact(in.dtype)};
    return std::vector{
        tensor_fact(in.dtype, at.unknown_dims(in.rank() + *added, "the axes are computed"))};
  }
  const std::size_t rank = in.rank() + axes.numbers->size();
  const auto marks = marked(*axes.numbers, rank);
  if (!marks) return marks.error();
  Dims dims;
  auto next = in.dims->begin();
  for (const bool added : marks.value()) dims.push_back(added ? Expr(1) : *next++);
  return std::vector{reshaped(in, std::move(dims))};
}

/// Without axes every size of 1 goes: which ones must be known.
Fact squeeze_ones(const Fact& in) {
  Dims dims;
  for (const Expr& dim : *in.dims) {
    if (dim.is(1)) continue;
    if (Expr::equal(dim, Expr(1)) != false) return tensor_fact(in.dtype);
    dims.push_back(dim);
  }
  return reshaped(in, std::move(dims));
}

Inferred squeeze_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const auto axes = at.ints_or_input("axes", 1);
  if (!in.has_rank()) return std::vector{tensor_fact(in.dtype)};
  if (!axes.given) return std::vector{squeeze_ones(in)};
  if (!axes.numbers) {
    const auto dropped = axis_count(at);
    if (!dropped || *dropped > in.rank()) return std::vector{tensor_fact(in.dtype)};
    return std::vector{
        tensor_fact(in.dtype, at.unknown_dims(in.rank() - *dropped, "the axes are computed"))};
  }
  const auto marks = marked(*axes.numbers, in.rank());
  if (!marks) return marks.error();
  Dims dims;
  for (std::size_t i = 0; i < in.rank(); ++i) {
    const Expr& dim = (*in.dims)[i];
    if (!marks.value()[i]) {
      dims.push_back(dim);
    } else if (Expr::equal(dim, Expr(1)) == false) {
      return contradiction("axis " + std::to_string(i) + " of " + at.input_label(0) + " has size " +
                           dim.text() + ", Squeeze drops sizes of 1");
    }
  }
  return std::vector{reshaped(in, std::move(dims))};
}

Result<Relayout> unsqueeze_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const auto written = node.at().ints_or_input("axes", 1).numbers;
  if (!written) return refuse("its axes are computed");
  const auto rank = known_rank(node, {.output = true});
  if (!rank) return rank.error();
  const auto axes = sorted_axes(*written, rank.value());
  if (!axes) return axes.error();
  const Parting parting{.whole = {.output = true}, .rest = {}, .axes = axes.value()};
  auto made = part_layouts(node, operand, layout, parting);
  if (!made) return made.error();
  auto& layouts = made.value().layouts;
  DrawnNode drawn = redrawn(node);
  put_axes(drawn, node, 1, layouts.outputs[0]);
  return with_node(std::move(layouts), std::move(drawn));
}

/// Axes of size 1, as far as sizes are known.
std::vector<std::int64_t> ones_of(const Fact& in) {
  std::vector<std::int64_t> ones;
  for (std::size_t axis = 0; in.has_rank() && axis < in.rank(); ++axis) {
    if ((*in.dims)[axis].is(1)) ones.push_back(static_cast<std::int64_t>(axis));
  }
  return ones;
}

Result<Relayout> squeeze_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const auto listed = node.at().ints_or_input("axes", 1);
  if (listed.given && !listed.numbers) return refuse("its axes are computed");
  const auto rank = known_rank(node, {.slot = 0});
  if (!rank) return rank.error();
  const auto axes =
      sorted_axes(listed.given ? *listed.numbers : ones_of(node.at().in(0)), rank.value());
  if (!axes) return axes.error();
  const Parting parting{.whole = {}, .rest = {.output = true}, .axes = axes.value()};
  auto made = part_layouts(node, operand, layout, parting);
  if (!made) return made.error();
  auto& layouts = made.value().layouts;
  if (!listed.given) return std::move(layouts);
  DrawnNode drawn = redrawn(node);
  put_axes(drawn, node, 1, layouts.inputs[0]);
  return with_node(std::move(layouts), std::move(drawn));
}

}  // namespace

void register_squeeze(OpTable& table) {
  table.add("Unsqueeze", {.shape = unsqueeze_rule, .layout = unsqueeze_layout});
  table.add("Squeeze", {.shape = squeeze_rule, .layout = squeeze_layout});
}

}  // namespace pot
