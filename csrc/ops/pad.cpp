// Pad and CenterCropPad: axes that grow or shrink at their ends.

#include <algorithm>

#include "ops/shared/axis_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Error outside(std::int64_t axis, std::size_t rank) {
  return contradiction("axis " + std::to_string(axis) + " is outside of rank " +
                       std::to_string(rank));
}

/// What is added before and behind each axis; nothing where it is not known.
struct Ends {
  std::optional<Expr> before = Expr(0);
  std::optional<Expr> behind = Expr(0);
};

Elements pads_of(const NodeFacts& at) {
  for (const std::string_view name : {"pads", "paddings"}) {
    if (const auto attribute = at.attr_ints(name)) {
      return std::make_shared<const std::vector<Expr>>(attribute->begin(), attribute->end());
    }
  }
  return elements_of(at.in(1));
}

std::vector<std::int64_t> all_axes(std::size_t rank) {
  std::vector<std::int64_t> out(rank);
  for (std::size_t i = 0; i < rank; ++i) out[i] = static_cast<std::int64_t>(i);
  return out;
}

Result<std::vector<Ends>> ends_of(const NodeFacts& at, std::size_t rank) {
  const Elements pads = pads_of(at);
  const auto axes = at.ints_or_input("axes", 3);
  if (axes.given && !axes.numbers) return std::vector<Ends>(rank, {std::nullopt, std::nullopt});
  const auto places = axes.given ? *axes.numbers : all_axes(rank);
  std::vector<Ends> ends(rank);
  if (pads && pads->size() != 2 * places.size()) {
    return contradiction(std::to_string(pads->size()) + " pads for " +
                         std::to_string(places.size()) + " axes");
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto axis = normalized_axis(places[i], rank);
    if (!axis) return outside(places[i], rank);
    ends[*axis] =
        pads ? Ends{(*pads)[i], (*pads)[i + places.size()]} : Ends{std::nullopt, std::nullopt};
  }
  return ends;
}

/// Elements that are left of one axis, and what goes before them.
struct Kept {
  std::int64_t start = 0;
  std::int64_t size = 0;
  std::int64_t before = 0;
};

/// Negative pads cut first, the others add to what is left.
Kept kept_of(std::int64_t size, std::int64_t before, std::int64_t behind) {
  const std::int64_t start = std::max<std::int64_t>(0, -before);
  const std::int64_t end = size - std::max<std::int64_t>(0, -behind);
  return {start, end - start, std::max<std::int64_t>(0, before)};
}

/// Where a padded position lies in the input: nowhere where the constant goes.
std::optional<std::int64_t> origin(std::int64_t padded, const Kept& kept, const std::string& mode) {
  const std::int64_t place = padded - kept.before;
  const std::int64_t size = kept.size;
  if (place >= 0 && place < size) return kept.start + place;
  if (size <= 0 || mode == "constant") return std::nullopt;
  if (mode == "edge") return kept.start + std::clamp<std::int64_t>(place, 0, size - 1);
  if (mode == "wrap") return kept.start + ((place % size) + size) % size;
  if (mode != "reflect" || size == 1) return std::nullopt;
  const std::int64_t period = 2 * (size - 1);
  const std::int64_t folded = ((place % period) + period) % period;
  return kept.start + std::min(folded, period - folded);
}

std::optional<Expr> filling_of(const NodeFacts& at) {
  if (at.opset() < 11) return stored_float(at.attr_float("value", 0), DType::float32);
  if (!at.has(2)) return Expr(0);
  const Elements elements = elements_of(at.in(2));
  return elements && elements->size() == 1 ? std::optional(elements->front()) : std::nullopt;
}

Fact padded(const NodeFacts& at, Dims dims, const std::vector<Kept>& kept) {
  const Fact& in = at.in(0);
  const auto shape = small_shape(dims);
  const auto old_shape = small_shape(*in.dims);
  const Elements known = shape && old_shape ? elements_of(in) : nullptr;
  if (!known) return tensor_fact(in.dtype, std::move(dims));
  const std::string mode = at.attr_string("mode", "constant");
  const auto filling = mode == "constant" ? filling_of(at) : std::nullopt;
  std::vector<std::optional<Expr>> elements;
  for (const Position& to : positions(*shape)) {
    Position from;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const auto place = origin(to[i], kept[i], mode);
      if (place) from.push_back(*place);
    }
    elements.push_back(
        from.size() == to.size() ? std::optional((*known)[flat_index(from, *old_shape)]) : filling);
  }
  return from_elements(at, in.dtype, std::move(dims), std::move(elements));
}

/// A number so small that no sum of a few overflows.
bool is_near(const Expr& size) {
  constexpr std::int64_t kFar = std::int64_t{1} << 40;
  const auto number = size.number();
  return number && *number > -kFar && *number < kFar;
}

Inferred pad_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) return std::vector{tensor_fact(in.dtype)};
  const auto ends = ends_of(at, in.rank());
  if (!ends) return ends.error();
  Dims dims;
  std::vector<Kept> kept;
  for (std::size_t i = 0; i < in.rank(); ++i) {
    const Ends& end = ends.value()[i];
    if (!end.before || !end.behind) {
      dims.push_back(at.unknown_size("its pads are computed"));
      continue;
    }
    const Expr& old = (*in.dims)[i];
    if (is_near(old) && is_near(*end.before) && is_near(*end.behind)) {
      kept.push_back(kept_of(*old.number(), *end.before->number(), *end.behind->number()));
    }
    const Expr size = old + *end.before + *end.behind;
    if (size.number().value_or(0) < 0) {
      return contradiction("axis " + std::to_string(i) + " of " + at.input_label(0) + " has size " +
                           old.text() + ", its pads take more away");
    }
    dims.push_back(as_size(at, size));
  }
  if (kept.size() != in.rank()) return std::vector{tensor_fact(in.dtype, std::move(dims))};
  return std::vector{padded(at, std::move(dims), kept)};
}

/// The axes that are named become as large as `shape` says, cut or padded in the middle.
Inferred center_crop_pad(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) return std::vector{tensor_fact(in.dtype)};
  const auto axes = at.attr_ints("axes").value_or(all_axes(in.rank()));
  const auto sizes = dims_from(at, at.in(1));
  if (sizes && sizes->size() != axes.size()) {
    return contradiction(std::to_string(sizes->size()) + " sizes for " +
                         std::to_string(axes.size()) + " axes");
  }
  Dims dims = *in.dims;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = normalized_axis(axes[i], in.rank());
    if (!axis) return outside(axes[i], in.rank());
    dims[*axis] = sizes ? (*sizes)[i] : at.unknown_size("the data decides the size");
  }
  return std::vector{tensor_fact(in.dtype, std::move(dims))};
}

/// An axis in another inner order must not grow.
Status require_plain_ends(const LayoutNode& node, const Layout& layout) {
  const auto ends = ends_of(node.at(), layout.rank());
  if (!ends) return refuse(ends.error().message);
  std::vector<std::size_t> growing;
  for (std::size_t axis = 0; axis < layout.rank(); ++axis) {
    const auto& [before, behind] = ends.value()[axis];
    if (!before || !behind || !before->is(0) || !behind->is(0)) growing.push_back(axis);
  }
  return require_plain(layout, growing);
}

/// Pads that are computed as pairs of an axis are turned about by a Transpose and joined.
Result<Relayout> turned_pads(const LayoutNode& node, const Layout& layout) {
  constexpr std::int64_t kMostPads = 128;
  const auto length = node.at().in(1).numbers();
  if (layout.rank() != 1 || !length || length->front() > kMostPads) {
    return refuse("its pads are no list of known length");
  }
  Relayout made = unmoved(node);
  made.inputs[1] = layout;
  DrawnNode drawn = redrawn(node);
  drawn.inputs[1] = in_file_order(1, layout);
  return with_node(std::move(made), std::move(drawn));
}

Result<Relayout> pad_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (operand == Operand{.slot = 1}) return turned_pads(node, layout);
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  const auto plain = require_plain_ends(node, layout);
  if (!plain) return plain.error();
  DrawnNode drawn = redrawn(node);
  const auto listed = node.at().ints_or_input("axes", 3);
  if (listed.given) {
    if (!listed.numbers) return refuse("its axes are computed");
    const auto axes = normal_axes(*listed.numbers, layout.rank());
    if (!axes) return axes.error();
    put_axes(drawn, node, 3, layout);
  } else if (node.at().has(1)) {
    auto pads = in_stored_order(node, 1, layout, 2);
    if (!pads) return pads.error();
    drawn.inputs[1] = std::move(pads).value();
  } else {
    const auto pads = node.at().attr_ints("pads");
    if (!pads) return refuse("it has no pads");
    put_attribute(drawn, "pads", in_stored_order(*pads, layout));
  }
  return with_node(std::move(made).value(), std::move(drawn));
}

Result<Relayout> center_crop_pad_layout(const LayoutNode& node, Operand operand,
                                        const Layout& layout) {
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  const auto plain = require_plain(layout);
  if (!plain) return plain.error();
  DrawnNode drawn = redrawn(node);
  if (const auto written = node.at().attr_ints("axes")) {
    const auto axes = normal_axes(*written, layout.rank());
    if (!axes) return axes.error();
    put_axes(drawn, node, 2, layout);
  } else {
    auto sizes = in_stored_order(node, 1, layout, 1);
    if (!sizes) return sizes.error();
    drawn.inputs[1] = std::move(sizes).value();
  }
  return with_node(std::move(made).value(), std::move(drawn));
}

}  // namespace

void register_pad(OpTable& table) {
  table.add("Pad", {.shape = pad_rule, .layout = pad_layout});
  table.add("CenterCropPad", {.shape = center_crop_pad, .layout = center_crop_pad_layout});
}

}  // namespace pot
