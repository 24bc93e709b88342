// Resize, and Upsample before it: sizes by factors or as they are said.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ops/shared/agreement.h"
#include "ops/shared/axis_layout.h"
#include "ops/shared/channels_last_rule.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

constexpr std::size_t kScales = 2;
constexpr std::size_t kSizes = 3;

/// Runtimes compute size * scale in float32. For a size that is not known the exact product is the
/// same only where the scale has few digits (2, 0.5, 1.25): then no rounding can reach the next
/// whole number.
bool has_few_digits(double scale) {
  constexpr int kDigits = 12;
  int exponent = 0;
  const double fraction = std::frexp(scale, &exponent);
  const double digits = std::ldexp(fraction, kDigits);
  return digits == std::floor(digits);
}

Result<Expr> scaled(const NodeFacts& at, const Expr& size, const Expr& scale) {
  const auto factor = scale.constant();
  if (!factor) {
    const auto most = scale.at_most();
    if (most && *most <= 0) return contradiction("a scale is " + scale.text());
    return at.unknown_size("the scale " + scale.text() + " is rounded as it runs");
  }
  if (!(*factor > 0)) {
    return contradiction("a scale is " + scale.text() + ", but has to be above 0");
  }
  if (*factor == 1.0) return size;
  if (const auto number = size.number()) {
    const float out = static_cast<float>(*number) * static_cast<float>(*factor);
    if (!(out < 0x1p62F)) return at.unknown_size("its size is beyond what can be held");
    return Expr(static_cast<std::int64_t>(out));
  }
  if (has_few_digits(*factor)) return floor(size * scale);
  return at.unknown_size("size times scale " + scale.text() + " is rounded as it runs");
}

/// The attribute or input that holds the scales; null when they are not known.
Elements scales_of(const NodeFacts& at, std::size_t slot) {
  const Attribute* attribute = at.node().attribute("scales");
  const auto* floats = attribute ? attribute->get<std::vector<float>>() : nullptr;
  if (!floats) return at.has(slot) ? elements_of(at.in(slot)) : nullptr;
  auto out = std::make_shared<std::vector<Expr>>();
  constexpr std::int64_t kUnits = std::int64_t{1} << 40;  // finer than factors that someone chose
  for (const float scale : *floats) {
    const double units = static_cast<double>(scale) * static_cast<double>(kUnits);
    if (!(std::abs(units) < 0x1p62)) return nullptr;
    out->push_back(Expr::ratio(static_cast<std::int64_t>(units), kUnits));
  }
  return out;
}

/// An input that is given: an empty tensor stands for one that is not.
bool is_given(const NodeFacts& at, std::size_t slot) {
  if (!at.has(slot)) return false;
  const Fact& fact = at.in(slot);
  return !fact.has_rank() || !fact.count().is(0);
}

/// The axes that scales or sizes speak of: all of them unless `axes` says which.
Result<std::vector<std::size_t>> resized_axes(const NodeFacts& at, std::size_t rank) {
  std::vector<std::size_t> out;
  const auto said = at.attr_ints("axes");
  if (!said || said->empty() || at.opset() < 18) {
    for (std::size_t axis = 0; axis < rank; ++axis) out.push_back(axis);
    return out;
  }
  for (const std::int64_t each : *said) {
    const auto axis = normalized_axis(each, rank);
    if (!axis) {
      return contradiction("axes holds " + std::to_string(each) + ", but " + quoted(at, 0) +
                           " has " + counted(rank, "axis", "axes"));
    }
    out.push_back(*axis);
  }
  return out;
}

Status check_count(const std::string& what, std::size_t count, std::size_t axes) {
  if (count == axes) return ok_status();
  return contradiction(what + " has " + counted(count, "number", "numbers") + ", but " +
                       counted(axes, "axis is", "axes are") + " resized");
}

/// What the runtimes do with `roi` in this mode, they do not agree on.
bool is_cropped(const NodeFacts& at) {
  return at.attr_string("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize";
}

Inferred by_scales(const NodeFacts& at, std::size_t slot) {
  const Fact& x = at.in(0);
  if (!x.has_rank()) return std::vector{tensor_fact(x.dtype)};
  const auto axes = resized_axes(at, x.rank());
  if (!axes) return axes.error();
  const Elements scales = scales_of(at, slot);
  if (scales) {
    const auto fits = check_count("scales", scales->size(), axes.value().size());
    if (!fits) return fits.error();
  }
  Dims out = *x.dims;
  for (std::size_t i = 0; i < axes.value().size(); ++i) {
    Expr& size = out[axes.value()[i]];
    if (!scales || is_cropped(at)) {
      size = at.unknown_size(scales ? "roi may count for the size" : "scales are computed");
      continue;
    }
    auto sized = scaled(at, size, (*scales)[i]);
    if (!sized) return sized.error();
    size = std::move(sized).value();
  }
  return std::vector{tensor_fact(x.dtype, std::move(out))};
}

/// Sizes with the input's proportions: the smallest (or largest) factor is taken for all axes.
Dims proportional(const NodeFacts& at, const std::vector<Expr>& from, const Dims& to,
                  bool not_larger) {
  const bool square = std::ranges::all_of(from, [&](const Expr& size) { return size == from[0]; });
  if (square) {  // one axis is square too
    Expr chosen = to[0];
    for (const Expr& size : to) chosen = not_larger ? min(chosen, size) : max(chosen, size);
    return Dims(to.size(), chosen);
  }
  float scale = 0;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const auto target = to[i].number();
    const auto size = from[i].number();
    if (!target || !size || *size == 0) {
      return at.unknown_dims(to.size(), "its proportions are kept as it runs");
    }
    const float factor = static_cast<float>(*target) / static_cast<float>(*size);
    scale = i == 0 ? factor : not_larger ? std::min(scale, factor) : std::max(scale, factor);
  }
  Dims out;
  for (const Expr& size : from) {
    const float whole = std::round(scale * static_cast<float>(*size.number()));
    out.push_back(whole < 0x1p62F ? Expr(static_cast<std::int64_t>(whole))
                                  : at.unknown_size("its size is beyond what can be held"));
  }
  return out;
}

Result<Dims> said_sizes(const NodeFacts& at, std::size_t slot,
                        const std::vector<std::size_t>& axes) {
  const Elements said = elements_of(at.in(slot));
  if (!said) return at.unknown_dims(axes.size(), quoted(at, slot) + " is computed");
  const auto fits = check_count(quoted(at, slot), said->size(), axes.size());
  if (!fits) return fits.error();
  auto sizes = sizes_from(*said, quoted(at, slot));
  const std::string policy = at.attr_string("keep_aspect_ratio_policy", "stretch");
  if (!sizes || axes.empty() || at.opset() < 18 || policy == "stretch") return sizes;
  std::vector<Expr> from;
  for (const std::size_t axis : axes) from.push_back((*at.in(0).dims)[axis]);
  return proportional(at, from, sizes.value(), policy == "not_larger");
}

Inferred by_sizes(const NodeFacts& at, std::size_t slot) {
  const Fact& x = at.in(0);
  if (!x.has_rank()) {
    const Elements said = elements_of(at.in(slot));
    if (!said || at.node().attribute("axes")) return std::vector{tensor_fact(x.dtype)};
    auto sizes = sizes_from(*said, quoted(at, slot));
    if (!sizes) return sizes.error();
    return std::vector{tensor_fact(x.dtype, std::move(sizes).value())};
  }
  const auto axes = resized_axes(at, x.rank());
  if (!axes) return axes.error();
  const auto sizes = said_sizes(at, slot, axes.value());
  if (!sizes) return sizes.error();
  Dims out = *x.dims;
  for (std::size_t i = 0; i < axes.value().size(); ++i) out[axes.value()[i]] = sizes.value()[i];
  return std::vector{tensor_fact(x.dtype, std::move(out))};
}

/// Upsample, and Resize before opset 11, know nothing but scales.
bool has_scales_only(const NodeFacts& at) {
  return at.opset() < 11 || at.node().op_type == "Upsample";
}

Inferred resize(const NodeFacts& at) {
  if (has_scales_only(at)) return by_scales(at, 1);
  return is_given(at, kSizes) ? by_sizes(at, kSizes) : by_scales(at, kScales);
}

/// Axes of which is not known that they keep their size and every element its place.
Result<std::vector<std::size_t>> scaled_axes(const LayoutNode& node, std::size_t rank) {
  const NodeFacts& at = node.at();
  auto axes = resized_axes(at, rank);
  if (!axes) return refuse(axes.error().message);
  const bool sized = !has_scales_only(at) && is_given(at, kSizes);
  if (sized && at.attr_string("keep_aspect_ratio_policy", "stretch") != "stretch") return axes;
  const Elements scales = sized ? nullptr : scales_of(at, has_scales_only(at) ? 1 : kScales);
  const Fact& out = node.out(0);
  std::vector<std::size_t> scaled;
  for (std::size_t i = 0; i < axes.value().size(); ++i) {
    const std::size_t axis = axes.value()[i];
    const bool same = sized ? out.has_rank() && (*at.in(0).dims)[axis] == (*out.dims)[axis]
                            : scales && i < scales->size() && (*scales)[i].is(1);
    if (!same || is_cropped(at)) scaled.push_back(axis);
  }
  return scaled;
}

/// What onnxruntime interpolates on a CPU, found by trying: any axes of two or three, otherwise not
/// the outermost two; linearly also channels-last, of four axes.
Status check_interpolation(const LayoutNode& node, const Layout& layout,
                           std::span<const std::size_t> scaled) {
  const std::string mode = node.at().attr_string("mode", "nearest");
  const auto places = places_of(layout, scaled);
  const bool stay =
      std::ranges::equal(places, std::vector<std::int64_t>(scaled.begin(), scaled.end()));
  if (mode == "nearest" || stay) return ok_status();
  const bool cubic = mode == "cubic";
  const auto is_scaled = [&](std::int64_t place) {
    return std::ranges::find(places, place) != places.end();
  };
  const bool last = layout.rank() == 4 && !cubic && !is_scaled(0) && !is_scaled(3);
  const bool first = !is_scaled(0) && !is_scaled(1);
  const bool small = layout.rank() == 2 || (layout.rank() == 3 && !cubic);
  if (!first && !last && !small) {
    return refuse(cubic ? "onnxruntime interpolates cubically behind two axes that are not scaled"
                        : "onnxruntime interpolates linearly behind two axes that are not scaled, "
                          "or between two of four axes");
  }
  const bool rounds = is_integer(node.at().in(0).dtype) && node.at().attr_int("antialias", 0) == 0;
  if (rounds) return refuse("onnxruntime rounds interpolated integers otherwise there");
  return ok_status();
}

Result<DrawnNode> resized_in_stored_order(const LayoutNode& node, const Layout& layout) {
  const NodeFacts& at = node.at();
  DrawnNode drawn = redrawn(node);
  const auto said = at.attr_ints("axes");
  if (said && !said->empty() && at.opset() >= 18) {
    const auto axes = normal_axes(*said, layout.rank());
    if (!axes) return axes.error();
    put_attribute(drawn, "axes", places_of(layout, axes.value()));
    return drawn;
  }
  const Attribute* attribute = at.node().attribute("scales");
  if (const auto* scales = attribute ? attribute->get<std::vector<float>>() : nullptr) {
    if (scales->size() != layout.rank()) return refuse("scales are not one for each axis");
    put_attribute(drawn, "scales", layout.perm.apply(*scales));
    return drawn;
  }
  for (std::size_t slot = 1; slot < at.input_count(); ++slot) {
    const bool regions = slot == 1 && !has_scales_only(at);
    if (!is_given(at, slot) || (regions && !is_cropped(at))) continue;
    auto list = in_stored_order(node, slot, layout, regions ? 2 : 1);
    if (!list) return list.error();
    drawn.inputs[slot] = std::move(list).value();
  }
  return drawn;
}

Result<Relayout> resize_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  const auto scaled = scaled_axes(node, layout.rank());
  if (!scaled) return scaled.error();
  const auto plain = require_plain(layout, scaled.value());
  if (!plain) return plain.error();
  const auto runs = check_interpolation(node, layout, scaled.value());
  if (!runs) return runs.error();
  auto drawn = resized_in_stored_order(node, layout);
  if (!drawn) return drawn.error();
  return with_node(std::move(made).value(), std::move(drawn).value());
}

/// onnxruntime runs the plain operator channels-last, but for cubic weights and those of three
/// axes.
Result<Relayout> resize_channels_last(const LayoutNode& node, FilterLayout filters) {
  constexpr std::size_t kVolume = 5;
  const std::string mode = node.at().attr_string("mode", "nearest");
  const bool in_volume = mode == "linear" && node.rank({.slot = 0}) == kVolume;
  if (mode != "cubic" && !in_volume) return refuse("it works in any layout as it is");
  return one_channels_last(node, filters);
}

}  // namespace

void register_resize(OpTable& table) {
  const OpTraits samples{.accumulation = Accumulation::interpolate};
  table.add({"Resize", "Upsample"}, {.traits = samples,
                                     .shape = resize,
                                     .layout = resize_layout,
                                     .channels_last = resize_channels_last});
}

}  // namespace pot
