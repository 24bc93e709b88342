// The largest and smallest elements along an axis, and where they are.

#include <algorithm>
#include <numeric>

#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Error outside(std::int64_t axis, std::size_t rank) {
  return contradiction("axis " + std::to_string(axis) + " is outside of rank " +
                       std::to_string(rank));
}

/// How many TopK takes: an attribute before opset 10, then an input.
std::optional<Expr> k_of(const NodeFacts& at) {
  if (const auto attribute = at.node().attr_int("k")) return Expr(*attribute);
  const Elements elements = elements_of(at.in(1));
  return elements && elements->size() == 1 ? std::optional(elements->front()) : std::nullopt;
}

std::vector<std::size_t> places(std::size_t count) {
  std::vector<std::size_t> out(count);
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

/// Of a vector of numbers: its elements sorted, the first `k` of them, and where they were.
std::optional<std::vector<Fact>> top_of_vector(const NodeFacts& at, std::int64_t k) {
  const Fact& in = at.in(0);
  const auto numbers = in.rank() == 1 ? numbers_of(in) : std::nullopt;
  if (!numbers || at.attr_int("sorted", 1) == 0 || k < 0) return std::nullopt;
  if (static_cast<std::size_t>(k) > numbers->size()) return std::nullopt;
  const bool largest = at.attr_int("largest", 1) != 0;
  auto order = places(numbers->size());
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return largest ? (*numbers)[a] > (*numbers)[b] : (*numbers)[a] < (*numbers)[b];
  });
  std::vector<Expr> values;
  std::vector<Expr> indices;
  for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
    values.emplace_back((*numbers)[order[i]]);
    indices.emplace_back(static_cast<std::int64_t>(order[i]));
  }
  return std::vector{tensor_fact(in.dtype, {k}, std::move(values)),
                     tensor_fact(DType::int64, {k}, std::move(indices))};
}

Inferred top_k(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) return std::vector{tensor_fact(in.dtype), tensor_fact(DType::int64)};
  const std::int64_t asked = at.attr_int("axis", -1);
  const auto axis = normalized_axis(asked, in.rank());
  if (!axis) return outside(asked, in.rank());
  const auto k = k_of(at);
  const Expr& size = (*in.dims)[*axis];
  if (k && Expr::less(size, *k) == true) {
    return contradiction("the top " + k->text() + " of axis " + std::to_string(*axis) + " of " +
                         at.input_label(0) + ", which has size " + size.text());
  }
  if (k && k->number()) {
    if (auto known = top_of_vector(at, *k->number())) return std::move(*known);
  }
  Dims dims = *in.dims;
  dims[*axis] = k ? as_size(at, *k) : at.unknown_size("how many it takes is computed");
  return std::vector{tensor_fact(in.dtype, dims), tensor_fact(DType::int64, dims)};
}

/// The place of the extreme along the axis, from one position of the output.
std::int64_t best_place(const std::vector<std::int64_t>& numbers,
                        const std::vector<std::int64_t>& shape, Position from, std::size_t axis,
                        bool largest, bool last) {
  std::int64_t best = 0;
  std::int64_t extreme = 0;
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    from[axis] = i;
    const std::int64_t number = numbers[flat_index(from, shape)];
    const bool beats = largest ? number > extreme : number < extreme;
    if (i == 0 || beats || (last && number == extreme)) {
      best = i;
      extreme = number;
    }
  }
  return best;
}

Inferred arg_extreme(const NodeFacts& at, bool largest) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) return std::vector{tensor_fact(DType::int64)};
  const std::int64_t asked = at.attr_int("axis", 0);
  const auto axis = normalized_axis(asked, in.rank());
  if (!axis) return outside(asked, in.rank());
  Dims dims = *in.dims;
  dims[*axis] = 1;
  const auto kept = dims;
  if (at.attr_int("keepdims", 1) == 0) {
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(*axis));
  }
  const auto shape = small_shape(*in.dims);
  const auto numbers = shape ? numbers_of(in) : std::nullopt;
  if (!numbers || (*shape)[*axis] == 0) {
    return std::vector{tensor_fact(DType::int64, std::move(dims))};
  }
  const bool last = at.attr_int("select_last_index", 0) != 0;
  std::vector<std::optional<Expr>> elements;
  for (const Position& to : positions(*small_shape(kept))) {
    elements.emplace_back(best_place(*numbers, *shape, to, *axis, largest, last));
  }
  return std::vector{from_elements(at, DType::int64, std::move(dims), std::move(elements))};
}

Inferred arg_max(const NodeFacts& at) { return arg_extreme(at, true); }
Inferred arg_min(const NodeFacts& at) { return arg_extreme(at, false); }

Result<Relayout> top_k_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  return along_axis(node, operand, layout, kFirstInput, -1);
}

Result<Relayout> arg_extreme_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const auto rank = known_rank(node, {.slot = 0});
  if (!rank) return rank.error();
  const auto axis = normal_axis(node, "axis", 0, rank.value());
  if (!axis) return axis.error();
  auto made = reduced_layouts(node, operand, layout, {&axis.value(), 1});
  if (!made) return made.error();
  auto& layouts = made.value().layouts;
  DrawnNode drawn = redrawn(node);
  put_attribute(drawn, "axis", written_axis(layouts.inputs[0], node.at().attr_int("axis", 0)));
  return with_node(std::move(layouts), std::move(drawn));
}

}  // namespace

void register_extremes(OpTable& table) {
  table.add("TopK", {.shape = top_k, .layout = top_k_layout});
  table.add("ArgMax", {.shape = arg_max, .layout = arg_extreme_layout});
  table.add("ArgMin", {.shape = arg_min, .layout = arg_extreme_layout});
}

}  // namespace pot
