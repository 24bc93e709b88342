// Slice: a range of each axis, with bounds that clamp.

#include <algorithm>
#include <limits>

#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"
#include "ops/shared/picked_axis.h"

namespace pot {
namespace {

constexpr std::int64_t kBoundsAreInputs = 10;

/// From `start`, by `step`, up to but not including `end`.
struct Cut {
  Expr start;
  Expr end;
  Expr step = 1;
};

/// Negative bounds count from the end of the axis; both clamp to it. Walking backwards, the place
/// before the first element is one more that an end, but no start, can be at.
/// Pre: the axis has elements.
std::int64_t clamped(std::int64_t bound, std::int64_t size, std::int64_t first, bool backwards) {
  const std::int64_t place = bound < 0 ? bound + size : bound;
  return std::clamp<std::int64_t>(place, first, backwards ? size - 1 : size);
}

std::int64_t steps_between(std::int64_t start, std::int64_t end, std::int64_t step) {
  if (step > 0) return start < end ? 1 + (end - start - 1) / step : 0;
  // -step of the smallest number there is overflows; one more is as far out of any axis.
  const std::int64_t stride = -std::max(step, -std::numeric_limits<std::int64_t>::max());
  return start > end ? 1 + (start - end - 1) / stride : 0;
}

/// As `clamped`, for a size or a bound with symbols; of an axis without elements, what makes the
/// slice empty. Nothing when the sign of the bound is not known.
std::optional<Expr> clamped(const Expr& bound, const Expr& size, std::int64_t first,
                            bool backwards) {
  const auto least = bound.at_least();
  const auto most = bound.at_most();
  const Expr last = backwards ? size - Expr(1) : size;
  if (least && *least >= 0) return min(bound, last);
  // All but the last: of no elements that is none, as counting from the end gives.
  if (!backwards && (size - bound).is(1)) return max(Expr(0), bound);
  // As many from the end as there are is from the first, also when that is none.
  if ((bound + size).is(0)) return min(Expr(0), last);
  if (!most || *most >= 0) return std::nullopt;
  if (backwards && bound.is(-1)) return last;
  constexpr std::int64_t kPastEverySize = -std::numeric_limits<std::int32_t>::max();
  const Expr place = *most <= kPastEverySize ? Expr(first) : max(Expr(first), bound + size);
  return backwards && first == 0 ? min(place, last) : place;
}

/// The last -bound elements, or as many as there are: plainer than what is behind the clamped
/// start.
Expr to_the_end(const Expr& bound, const Expr& start, const Expr& size) {
  const auto most = bound.at_most();
  return most && *most < 0 ? min(size, -bound) : max(Expr(0), size - start);
}

std::optional<Expr> symbolic_length(const Cut& cut, const Expr& size) {
  const auto step = cut.step.number();
  if (!step || *step == 0) return std::nullopt;
  const bool backwards = *step < 0;
  const auto start = clamped(cut.start, size, 0, backwards);
  const auto end = clamped(cut.end, size, backwards ? -1 : 0, backwards);
  if (!start || !end) return std::nullopt;
  if (!backwards && *end == size) return ceil_div(to_the_end(cut.start, *start, size), cut.step);
  const Expr distance = max(Expr(0), backwards ? *start - *end : *end - *start);
  return ceil_div(distance, backwards ? -cut.step : cut.step);
}

/// The part of one axis: how long it is and, where all is numbers, where it starts.
struct Part {
  std::optional<Expr> length;
  std::int64_t start = 0;
  std::int64_t step = 1;
};

/// Walking backwards to the largest number: to the last element, so nowhere, by the standard;
/// onnxruntime goes to the first.
bool runtimes_differ(const Cut& cut) {
  return cut.step.at_most().value_or(-1) < 0 &&
         (cut.end.is(std::numeric_limits<std::int64_t>::max()) ||
          cut.end.is(std::numeric_limits<std::int32_t>::max()));
}

Part part_of(const Cut& cut, const Expr& size) {
  if (runtimes_differ(cut)) return {};
  const auto numbers = {cut.start.number(), cut.end.number(), cut.step.number(), size.number()};
  const bool known = std::ranges::all_of(numbers, [](const auto& each) { return bool(each); });
  if (!known) return {symbolic_length(cut, size)};
  const std::int64_t step = *cut.step.number();
  if (step == 0 || *size.number() < 0) return {};
  if (size.is(0)) return {Expr(0)};
  const bool backwards = step < 0;
  const std::int64_t start = clamped(*cut.start.number(), *size.number(), 0, backwards);
  const std::int64_t end =
      clamped(*cut.end.number(), *size.number(), backwards ? -1 : 0, backwards);
  return {Expr(steps_between(start, end, step)), start, step};
}

/// What the four lists say; null where a list is not known.
struct Lists {
  Elements starts;
  Elements ends;
  Elements steps;
  std::optional<std::vector<std::int64_t>> axes;  ///< all in order, when none are given
};

Elements listed(const NodeFacts& at, std::string_view name, std::size_t slot) {
  if (const auto attribute = at.attr_ints(name)) {
    return std::make_shared<const std::vector<Expr>>(attribute->begin(), attribute->end());
  }
  return elements_of(at.in(slot));
}

/// How many axes are cut, from any list whose length is known.
std::optional<std::size_t> cut_count(const NodeFacts& at, const Lists& lists) {
  for (const auto& list : {lists.starts, lists.ends, lists.steps}) {
    if (list) return list->size();
  }
  const auto dims = dims_from(at, at.in(1));
  return dims ? std::optional(dims->size()) : std::nullopt;
}

Lists lists_of(const NodeFacts& at) {
  Lists lists{listed(at, "starts", 1), listed(at, "ends", 2), elements_of(at.in(4)), {}};
  const auto axes = at.ints_or_input("axes", 3);
  lists.axes = axes.numbers;
  const auto count = cut_count(at, lists);
  if (!axes.given && count) {
    lists.axes.emplace(*count);
    for (std::size_t i = 0; i < *count; ++i) (*lists.axes)[i] = static_cast<std::int64_t>(i);
  }
  return lists;
}

bool fits(const Elements& list, std::size_t count) { return !list || list->size() == count; }

/// The cut of the i-th axis that is named; nothing when one of its numbers is not known at all.
std::optional<Cut> cut_of(const NodeFacts& at, const Lists& lists, std::size_t i) {
  if (!lists.starts || !lists.ends || (at.has(4) && !lists.steps)) return std::nullopt;
  return Cut{(*lists.starts)[i], (*lists.ends)[i], lists.steps ? (*lists.steps)[i] : Expr(1)};
}

Inferred slice_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) return std::vector{tensor_fact(in.dtype)};
  const Lists lists = lists_of(at);
  if (!lists.axes) {
    return std::vector{tensor_fact(in.dtype, at.unknown_dims(in.rank(), "its axes are computed"))};
  }
  const std::size_t count = lists.axes->size();
  if (!fits(lists.starts, count) || !fits(lists.ends, count) || !fits(lists.steps, count)) {
    return contradiction("starts, ends, axes and steps have different lengths");
  }
  Dims dims = *in.dims;
  std::vector<Part> parts(in.rank());
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis = normalized_axis((*lists.axes)[i], in.rank());
    if (!axis) {
      return contradiction("axis " + std::to_string((*lists.axes)[i]) + " is outside of " +
                           at.input_label(0) + ", which has rank " + std::to_string(in.rank()));
    }
    const auto cut = cut_of(at, lists, i);
    if (cut && cut->step.is(0)) return contradiction("a step of 0");
    if (cut) parts[*axis] = part_of(*cut, dims[*axis]);
    dims[*axis] = cut && parts[*axis].length ? *parts[*axis].length
                                             : at.unknown_size("its bounds are computed");
  }
  return std::vector{moved(at, in, std::move(dims), [&](const Position& to) {
    Position from = to;
    for (std::size_t i = 0; i < from.size(); ++i) {
      from[i] = parts[i].start + to[i] * parts[i].step;
    }
    return std::optional(std::move(from));
  })};
}

/// Of an axis in another inner order, when no other one is cut: its elements are picked, which
/// copies as many bytes.
Result<Relayout> picked_range(const LayoutNode& node, Relayout made, std::size_t axis) {
  const Layout& layout = made.inputs[0];
  const auto blocks = require_blocks(node, layout, axis);
  if (!blocks) return blocks.error();
  const auto cut = cut_of(node.at(), lists_of(node.at()), 0);
  const Part part = cut ? part_of(*cut, (*node.at().in(0).dims)[axis]) : Part{};
  const auto length = part.length ? part.length->number() : std::nullopt;
  if (!length || *length > kMostPicked || !(*node.at().in(0).dims)[axis].number() ||
      !cut->start.number()) {
    return require_plain(layout).error();
  }
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < *length; ++i) indices.push_back(part.start + i * part.step);
  auto drawn = picked(layout, axis, indices);
  if (!drawn) return drawn.error();
  made.outputs[0] = in_order(layout, axis);
  return with_node(std::move(made), std::move(drawn).value());
}

/// Bounds may be computed: only where they are applied changes.
Result<Relayout> slice_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  const auto written = lists_of(node.at()).axes;
  if (!written) return refuse("its axes are computed");
  const auto axes = normal_axes(*written, layout.rank());
  if (!axes) return axes.error();
  if (operand == Operand{} && axes.value().size() == 1 && layout.inner_of(axes.value()[0])) {
    return picked_range(node, std::move(made).value(), axes.value()[0]);
  }
  const auto plain = require_plain(layout, axes.value());
  if (!plain) return plain.error();
  std::vector<std::int64_t> places;
  for (const std::int64_t axis : *written) places.push_back(written_axis(layout, axis));
  DrawnNode drawn = redrawn(node);
  if (node.at().opset() < kBoundsAreInputs) {
    put_attribute(drawn, "axes", places);
  } else {
    put_ints(drawn, 3, node.at().in(1), places);
  }
  return with_node(std::move(made).value(), std::move(drawn));
}

}  // namespace

void register_slice(OpTable& table) {
  table.add("Slice", {.shape = slice_rule, .layout = slice_layout});
}

}  // namespace pot
