// Reductions along axes. The largest and the smallest element are exact, sums and products round.

#include <algorithm>

#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

using Reduction = std::optional<Expr> (*)(std::span<const Expr> elements, DType dtype);

/// In floating point the order of a sum decides its rounding, unless nothing is rounded: whole
/// numbers whose magnitudes add up to one that is held exactly.
std::optional<Expr> exact_in_any_order(const Expr& result, const Expr& magnitude, DType dtype) {
  if (!is_float(dtype)) return stored(result, dtype);
  const auto most = magnitude.number();
  if (!result.number() || !most || *most > exact_up_to(dtype)) return std::nullopt;
  return result;
}

std::optional<Expr> sum(std::span<const Expr> elements, DType dtype) {
  Expr total(0);
  Expr magnitude(0);
  for (const Expr& each : elements) {
    if (is_float(dtype) && !each.number()) return std::nullopt;
    total = total + each;
    if (is_float(dtype)) magnitude = magnitude + max(each, -each);
  }
  return exact_in_any_order(total, magnitude, dtype);
}

std::optional<Expr> product(std::span<const Expr> elements, DType dtype) {
  Expr total(1);
  for (const Expr& each : elements) {
    // A zero can end up as -0.0, which no Expr is.
    if (is_float(dtype) && each.number().value_or(0) <= 0) return std::nullopt;
    total = total * each;
  }
  return exact_in_any_order(total, total, dtype);
}

std::optional<Expr> largest(std::span<const Expr> elements, DType dtype) {
  if (elements.empty()) return std::nullopt;
  Expr out = elements.front();
  for (const Expr& each : elements) out = max(out, each);
  return is_rounded(out, dtype) ? std::nullopt : stored(out, dtype);
}

std::optional<Expr> least(std::span<const Expr> elements, DType dtype) {
  if (elements.empty()) return std::nullopt;
  Expr out = elements.front();
  for (const Expr& each : elements) out = min(out, each);
  return is_rounded(out, dtype) ? std::nullopt : stored(out, dtype);
}

std::optional<Expr> mean(std::span<const Expr> elements, DType dtype) {
  const auto total = elements.empty() ? std::nullopt : sum(elements, dtype);
  if (!total) return std::nullopt;
  const Expr out = divide(*total, Expr(static_cast<std::int64_t>(elements.size())));
  return out.number() ? stored(out, dtype) : std::nullopt;
}

/// Which axes go; nothing when that is not known.
struct Axes {
  std::optional<std::vector<bool>> reduced;
  std::optional<std::size_t> count{};  ///< known even where the axes are not
  bool none = false;                   ///< `noop_with_empty_axes`: each element by itself
};

Result<Axes> axes_of(const NodeFacts& at, std::size_t rank) {
  const auto axes = at.ints_or_input("axes", 1);
  if (axes.given && !axes.numbers) {
    const auto dims = dims_from(at, at.in(1));
    return Axes{std::nullopt, dims ? std::optional(dims->size()) : std::nullopt};
  }
  std::vector<bool> reduced(rank, false);
  if (!axes.given || axes.numbers->empty()) {
    const bool none = at.attr_int("noop_with_empty_axes", 0) != 0;
    reduced.assign(rank, !none);
    return Axes{reduced, std::nullopt, none};
  }
  for (const std::int64_t axis : *axes.numbers) {
    const auto place = normalized_axis(axis, rank);
    if (!place) {
      return contradiction("axis " + std::to_string(axis) + " is outside of " + at.input_label(0) +
                           ", which has rank " + std::to_string(rank));
    }
    reduced[*place] = true;
  }
  return Axes{reduced, std::nullopt};
}

Fact of_unknown_axes(const NodeFacts& at, DType dtype, const Axes& axes) {
  const std::size_t rank = at.in(0).rank();
  const std::string why = "its axes are computed";
  if (at.attr_int("keepdims", 1) != 0) return tensor_fact(dtype, at.unknown_dims(rank, why));
  // An empty list reduces all axes, or none.
  if (!axes.count || *axes.count == 0 || *axes.count > rank) return tensor_fact(dtype);
  return tensor_fact(dtype, at.unknown_dims(rank - *axes.count, why));
}

/// Elements of the output, each reduced from those that fall onto it.
std::vector<std::optional<Expr>> reduced_elements(const Fact& in, const std::vector<bool>& reduced,
                                                  const std::vector<std::int64_t>& kept_shape,
                                                  Reduction reduction) {
  const Elements elements = elements_of(in);
  const auto places = positions(*in.numbers());
  std::vector<std::vector<Expr>> groups(small_count(kept_shape));
  for (std::size_t i = 0; i < places.size(); ++i) {
    Position to = places[i];
    for (std::size_t axis = 0; axis < to.size(); ++axis) {
      if (reduced[axis]) to[axis] = 0;
    }
    groups[flat_index(to, kept_shape)].push_back((*elements)[i]);
  }
  std::vector<std::optional<Expr>> out;
  for (const auto& group : groups) out.push_back(reduction(group, in.dtype));
  return out;
}

Inferred reduce(const NodeFacts& at, DType dtype, Reduction reduction) {
  const Fact& in = at.in(0);
  const bool keeps = at.attr_int("keepdims", 1) != 0;
  if (!in.has_rank()) {
    const auto axes = at.ints_or_input("axes", 1);
    const bool all = !axes.given && !keeps && at.attr_int("noop_with_empty_axes", 0) == 0;
    return std::vector{all ? tensor_fact(dtype, Dims{}) : tensor_fact(dtype)};
  }
  const auto axes = axes_of(at, in.rank());
  if (!axes) return axes.error();
  if (!axes.value().reduced) return std::vector{of_unknown_axes(at, dtype, axes.value())};
  if (axes.value().none && reduction && in.dtype == dtype) return std::vector{in};
  const auto& reduced = *axes.value().reduced;
  Dims dims;
  Dims kept = *in.dims;
  for (std::size_t axis = 0; axis < reduced.size(); ++axis) {
    if (reduced[axis]) kept[axis] = 1;
    if (!reduced[axis] || keeps) dims.push_back(kept[axis]);
  }
  const auto shape = reduction ? small_shape(*in.dims) : std::nullopt;
  const auto kept_shape = small_shape(kept);
  if (!shape || !kept_shape || !elements_of(in)) {
    return std::vector{tensor_fact(dtype, std::move(dims))};
  }
  auto elements = reduced_elements(in, reduced, *kept_shape, reduction);
  return std::vector{from_elements(at, dtype, std::move(dims), std::move(elements))};
}

template <Reduction reduction>
Inferred reduced(const NodeFacts& at) {
  return reduce(at, at.in(0).dtype, reduction);
}

Inferred reduced_shape(const NodeFacts& at) { return reduce(at, at.in(0).dtype, nullptr); }

Result<Relayout> reduce_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const auto rank = known_rank(node, {.slot = 0});
  if (!rank) return rank.error();
  const auto axes = axes_of(node.at(), rank.value());
  if (!axes) return refuse(axes.error().message);
  if (!axes.value().reduced) return refuse("its axes are computed");
  std::vector<std::size_t> reduced;
  for (std::size_t axis = 0; axis < rank.value(); ++axis) {
    if ((*axes.value().reduced)[axis]) reduced.push_back(axis);
  }
  auto made = reduced_layouts(node, operand, layout, reduced);
  if (!made) return made.error();
  auto& layouts = made.value().layouts;
  // Without a list all axes go, or none, wherever they lie.
  const auto listed = node.at().ints_or_input("axes", 1).numbers;
  if (!listed || listed->empty()) return std::move(layouts);
  DrawnNode drawn = redrawn(node);
  put_axes(drawn, node, 1, layouts.inputs[0]);
  return with_node(std::move(layouts), std::move(drawn));
}

}  // namespace

void register_reduce(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::reduce};
  const auto add = [&](std::initializer_list<std::string_view> op_types, OpTraits traits,
                       ShapeRule shape) {
    table.add(op_types, {.traits = traits, .shape = shape, .layout = reduce_layout});
  };
  add({"ReduceSum"}, sums, reduced<sum>);
  add({"ReduceProd"}, sums, reduced<product>);
  add({"ReduceMean"}, sums, reduced<mean>);
  add({"ReduceMax"}, {}, reduced<largest>);
  add({"ReduceMin"}, {}, reduced<least>);
  add({"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"}, sums,
      reduced_shape);
}

}  // namespace pot
