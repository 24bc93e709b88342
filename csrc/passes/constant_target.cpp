#include "passes/constant_target.h"

#include <algorithm>
#include <limits>

namespace pot {
namespace {

using Numbers = std::optional<std::vector<std::int64_t>>;

bool all_numbers(const std::vector<Expr>& elements) {
  return std::ranges::all_of(elements, [](const Expr& each) { return each.number().has_value(); });
}

/// Elements of an input that is known in part: there is something to do.
Elements open_elements(const NodeFacts& at, std::size_t slot) {
  if (!at.has(slot)) return nullptr;
  Elements elements = elements_of(at.in(slot));
  return elements && !all_numbers(*elements) ? elements : nullptr;
}

bool at_least(const Expr& expr, std::int64_t least) {
  const auto bound = expr.at_least();
  return bound && *bound >= least;
}

/// 0 copies the size of the same axis; one other size may be what is left of the count.
Numbers reshape_target(const NodeFacts& at) {
  const Elements elements = open_elements(at, 1);
  const Fact& data = at.in(0);
  if (!elements || !data.has_rank()) return std::nullopt;
  const bool literal_zeros = at.attr_int("allowzero", 0) != 0;
  std::vector<std::int64_t> out;
  std::optional<std::size_t> left;
  bool may_be_empty = false;  // then a -1 has no answer
  for (std::size_t axis = 0; axis < elements->size(); ++axis) {
    const Expr& size = (*elements)[axis];
    const bool copied = axis < data.rank() && (*data.dims)[axis] == size;
    if (const auto number = size.number()) {
      out.push_back(*number);
      may_be_empty = may_be_empty || *number == 0;
      if (*number == 0 && literal_zeros) return std::nullopt;
      if (*number >= 0) continue;
    } else if (copied) {
      out.push_back(0);
      may_be_empty = may_be_empty || !at_least(size, 1);
      continue;
    } else {
      if (!at_least(size, 0)) return std::nullopt;
      out.push_back(-1);
    }
    if (left) return std::nullopt;
    left = axis;
  }
  // A -1 that was there has had the same question to answer before.
  const bool computed = left && !(*elements)[*left].number();
  if (computed && may_be_empty) return std::nullopt;
  return out;
}

/// 1 is stretched to whatever the input has.
Numbers expand_target(const NodeFacts& at) {
  const Elements elements = open_elements(at, 1);
  const Fact& data = at.in(0);
  if (!elements || !data.has_rank()) return std::nullopt;
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const Expr& size = (*elements)[i];
    const std::size_t behind = elements->size() - i;
    const bool same = behind <= data.rank() && (*data.dims)[data.rank() - behind] == size;
    if (const auto number = size.number()) {
      out.push_back(*number);
    } else if (same) {
      out.push_back(1);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

/// A bound of a Slice that goes forwards, counted from the end where it depends on the size.
std::optional<std::int64_t> slice_bound(const Expr& bound, const Expr& size, bool narrow) {
  if (const auto number = bound.number()) return number;
  const Expr before_end = size - bound;
  if (at_least(bound - size, 0)) {
    return narrow ? std::numeric_limits<std::int32_t>::max()
                  : std::numeric_limits<std::int64_t>::max();
  }
  const auto number = before_end.number();
  // A negative bound would have counted from the end itself.
  if (number && *number > 0 && at_least(bound, 0)) return -*number;
  return std::nullopt;
}

/// The axes of a Slice, by element of its bounds.
std::optional<std::vector<std::size_t>> slice_axes(const NodeFacts& at, std::size_t count) {
  std::vector<std::size_t> out;
  Numbers axes;
  if (at.has(3)) {
    axes = numbers_of(at.in(3));
    if (!axes || axes->size() != count) return std::nullopt;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t axis = axes ? (*axes)[i] : static_cast<std::int64_t>(i);
    const auto normal = normalized_axis(axis, at.in(0).rank());
    if (!normal) return std::nullopt;
    out.push_back(*normal);
  }
  return out;
}

Numbers slice_bounds(const NodeFacts& at, std::size_t slot) {
  const Elements bounds = open_elements(at, slot);
  const Fact& data = at.in(0);
  if (!bounds || !data.has_rank()) return std::nullopt;
  const auto axes = slice_axes(at, bounds->size());
  if (!axes) return std::nullopt;
  if (at.has(4)) {
    const auto steps = numbers_of(at.in(4));
    const auto forwards = [](std::int64_t step) { return step > 0; };
    if (!steps || !std::ranges::all_of(*steps, forwards)) return std::nullopt;
  }
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < bounds->size(); ++i) {
    const auto bound =
        slice_bound((*bounds)[i], (*data.dims)[(*axes)[i]], at.in(slot).dtype == DType::int32);
    if (!bound) return std::nullopt;
    out.push_back(*bound);
  }
  return out;
}

}  // namespace

std::vector<ConstantTarget> constant_targets(const NodeFacts& at) {
  std::vector<ConstantTarget> out;
  const auto take = [&](std::size_t slot, Numbers numbers) {
    if (numbers) out.push_back({slot, *std::move(numbers)});
  };
  if (at.node().is("Reshape")) take(1, reshape_target(at));
  if (at.node().is("Expand")) take(1, expand_target(at));
  if (at.node().is("Slice")) {
    take(1, slice_bounds(at, 1));
    take(2, slice_bounds(at, 2));
  }
  return out;
}

namespace {

/// Axes of `longer` that are 1 and without which it is `shorter`.
std::optional<std::vector<std::int64_t>> added_ones(const Dims& shorter, const Dims& longer) {
  std::vector<std::int64_t> axes;
  std::size_t at = 0;
  for (std::size_t axis = 0; axis < longer.size(); ++axis) {
    if (at < shorter.size() && shorter[at] == longer[axis]) {
      ++at;
    } else if (longer[axis].is(1)) {
      axes.push_back(static_cast<std::int64_t>(axis));
    } else {
      return std::nullopt;
    }
  }
  if (at != shorter.size() || axes.empty()) return std::nullopt;
  return axes;
}

}  // namespace

std::optional<OneAxes> one_axes(const NodeFacts& at, const Fact& made) {
  const Fact& data = at.in(0);
  if (!at.node().is("Reshape") || !data.has_rank() || !made.has_rank()) return std::nullopt;
  if (!open_elements(at, 1)) return std::nullopt;
  if (auto axes = added_ones(*data.dims, *made.dims)) return OneAxes{true, *std::move(axes)};
  if (auto axes = added_ones(*made.dims, *data.dims)) return OneAxes{false, *std::move(axes)};
  return std::nullopt;
}

std::optional<std::vector<float>> whole_scales(const NodeFacts& at) {
  constexpr std::size_t kSizes = 3;
  const bool stretches = at.attr_string("keep_aspect_ratio_policy", "stretch") == "stretch";
  const bool crops =
      at.attr_string("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize";
  if (!at.node().is("Resize") || at.opset() < 11 || !stretches || crops) return std::nullopt;
  const Elements sizes = open_elements(at, kSizes);
  const Fact& data = at.in(0);
  if (!sizes || !data.has_rank()) return std::nullopt;
  auto axes = at.attr_ints("axes");
  if (!axes) {
    axes.emplace();
    for (std::size_t i = 0; i < data.rank(); ++i) axes->push_back(static_cast<std::int64_t>(i));
  }
  if (axes->size() != sizes->size()) return std::nullopt;
  std::vector<float> out;
  for (std::size_t i = 0; i < sizes->size(); ++i) {
    const auto axis = normalized_axis((*axes)[i], data.rank());
    if (!axis) return std::nullopt;
    const Expr& size = (*data.dims)[*axis];
    // Beyond, neither the size nor the product is exact as float32.
    constexpr std::int64_t kLargestScale = 64;
    const auto factor = size.is(0) ? std::nullopt : divide((*sizes)[i], size).number();
    if (!factor || *factor < 1 || *factor > kLargestScale) return std::nullopt;
    out.push_back(static_cast<float>(*factor));
  }
  return out;
}

}  // namespace pot
