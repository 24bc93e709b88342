#include "ops/shared/axis_layout.h"

#include <algorithm>
#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/picked_axis.h"

namespace pot {
namespace {

bool is_given(const LayoutNode& node, Operand operand) {
  if (!operand.output) return node.at().has(operand.slot);
  const auto& outputs = node.at().node().outputs;
  return operand.slot < outputs.size() && bool(outputs[operand.slot]);
}

/// Sets the layout of an operand. Refusal: it has another rank.
Status put_layout(Relayout& into, const LayoutNode& node, Operand operand, const Layout& layout) {
  auto& layouts = operand.output ? into.outputs : into.inputs;
  if (operand.slot >= layouts.size()) return refuse(operand_label(node, operand) + " is missing");
  const auto rank = known_rank(node, operand);
  if (!rank) return rank.error();
  if (rank.value() != layout.rank()) {
    return refuse(operand_label(node, operand) + " has " + counted(rank.value(), "axis", "axes") +
                  ", others have " + std::to_string(layout.rank()));
  }
  layouts[operand.slot] = layout;
  return ok_status();
}

TensorRef integers(const Fact& like, std::vector<std::int64_t> dims,
                   std::span<const std::int64_t> elements) {
  if (like.dtype != DType::int32) {
    return make_tensor_copy("", DType::int64, std::move(dims), std::as_bytes(elements));
  }
  const std::vector<std::int32_t> narrow(elements.begin(), elements.end());
  return make_tensor_copy("", DType::int32, std::move(dims), std::as_bytes(std::span(narrow)));
}

/// The place from which on what is stored holds the axes from `axis` on, but for sizes of 1. The
/// file's own place first.
std::optional<std::size_t> cut_place(const Layout& layout, const Dims& dims, std::size_t axis) {
  const auto cuts_at = [&](std::size_t cut) {
    for (std::size_t place = 0; place < layout.rank(); ++place) {
      const std::size_t here = layout.perm[place];
      if (!dims[here].is(1) && (place >= cut) != (here >= axis)) return false;
    }
    return true;
  };
  if (cuts_at(axis)) return axis;
  for (std::size_t cut = 0; cut < layout.rank(); ++cut) {
    if (cuts_at(cut)) return cut;
  }
  return std::nullopt;
}

/// Elements behind the cut come in the same order.
bool keeps_order(const Layout& layout, const Dims& dims, std::size_t axis) {
  std::size_t last = axis;
  for (const std::int64_t stored : layout.perm.ints()) {
    const auto here = static_cast<std::size_t>(stored);
    if (here < axis || dims[here].is(1)) continue;
    if (here < last || layout.inner_of(here)) return false;
    last = here;
  }
  return true;
}

/// Axes of a value that lacks `apart`, as those of the whole one.
std::vector<std::size_t> kept_axes(std::span<const std::size_t> apart, std::size_t whole_rank) {
  std::vector<std::size_t> kept;
  for (std::size_t axis = 0; axis < whole_rank; ++axis) {
    if (std::ranges::find(apart, axis) == apart.end()) kept.push_back(axis);
  }
  return kept;
}

}  // namespace

Status require_plain(const Layout& layout, std::span<const std::size_t> axes) {
  for (const std::size_t axis : axes) {
    if (layout.inner_of(axis)) {
      return refuse("its axis " + std::to_string(axis) + " is stored in another inner order");
    }
  }
  return ok_status();
}

Status require_plain(const Layout& layout) {
  std::vector<std::size_t> axes;
  for (const InnerOrder& inner : layout.inner) axes.push_back(inner.axis);
  return require_plain(layout, axes);
}

Result<std::size_t> known_rank(const LayoutNode& node, Operand operand) {
  const auto rank = node.rank(operand);
  if (!rank) return refuse("the rank of " + operand_label(node, operand) + " is not known");
  return *rank;
}

Result<std::vector<std::size_t>> normal_axes(std::span<const std::int64_t> axes, std::size_t rank) {
  std::vector<std::size_t> out;
  for (const std::int64_t axis : axes) {
    const auto normal = normalized_axis(axis, rank);
    if (!normal) {
      return refuse("axis " + std::to_string(axis) + " is outside of rank " + std::to_string(rank));
    }
    out.push_back(*normal);
  }
  return out;
}

Result<std::vector<std::size_t>> sorted_axes(std::span<const std::int64_t> axes, std::size_t rank) {
  auto out = normal_axes(axes, rank);
  if (!out) return out;
  std::ranges::sort(out.value());
  out.value().erase(std::unique(out.value().begin(), out.value().end()), out.value().end());
  return out;
}

Result<std::size_t> normal_axis(const LayoutNode& node, std::string_view name,
                                std::int64_t otherwise, std::size_t rank) {
  const std::int64_t written = node.at().attr_int(name, otherwise);
  const auto axes = normal_axes({&written, 1}, rank);
  if (!axes) return axes.error();
  return axes.value().front();
}

std::int64_t written_axis(const Layout& layout, std::int64_t axis) {
  const std::int64_t place = stored_axis(layout, axis).value_or(axis);
  return axis < 0 && place >= 0 ? place - static_cast<std::int64_t>(layout.rank()) : place;
}

std::vector<std::int64_t> places_of(const Layout& layout, std::span<const std::size_t> axes) {
  std::vector<std::int64_t> out;
  for (const std::size_t axis : axes) {
    out.push_back(static_cast<std::int64_t>(layout.perm.place_of(axis)));
  }
  return out;
}

Result<Relayout> all_alike(const LayoutNode& node, Operand asked, const Layout& layout,
                           std::span<const std::size_t> slots) {
  if (!asked.output && std::ranges::find(slots, asked.slot) == slots.end()) {
    return refuse(operand_label(node, asked) + " is read as it is");
  }
  if (slots.empty() || !is_given(node, {.slot = slots.front()})) {
    return refuse("its first input is missing");
  }
  Relayout made = unmoved(node);
  for (const std::size_t slot : slots) {
    if (!is_given(node, {.slot = slot})) continue;
    const auto put = put_layout(made, node, {.slot = slot}, layout);
    if (!put) return put.error();
  }
  for (std::size_t slot = 0; slot < made.outputs.size(); ++slot) {
    if (!is_given(node, {.output = true, .slot = slot})) continue;
    const auto put = put_layout(made, node, {.output = true, .slot = slot}, layout);
    if (!put) return put.error();
  }
  return made;
}

Result<Relayout> along_axis(const LayoutNode& node, Operand asked, const Layout& layout,
                            std::span<const std::size_t> slots, std::int64_t otherwise) {
  auto made = all_alike(node, asked, layout, slots);
  if (!made) return made;
  const auto axis = normal_axis(node, "axis", otherwise, layout.rank());
  if (!axis) return axis.error();
  const auto plain = require_plain(layout, {&axis.value(), 1});
  if (!plain) return plain.error();
  const std::size_t place = layout.perm.place_of(axis.value());
  if (place == axis.value()) return made;
  DrawnNode drawn = redrawn(node);
  put_attribute(drawn, "axis", written_axis(layout, node.at().attr_int("axis", otherwise)));
  return with_node(std::move(made).value(), std::move(drawn));
}

Result<Relayout> across_cut(const LayoutNode& node, Operand asked, const Layout& layout,
                            const MatrixCut& cut) {
  auto made = all_alike(node, asked, layout, kFirstInput);
  if (!made) return made;
  const auto axis = normal_axis(node, "axis", cut.otherwise, layout.rank());
  if (!axis) return axis.error();
  const Dims& dims = *node.at().in(0).dims;
  const auto place = cut_place(layout, dims, axis.value());
  if (!place) return refuse("axis cuts the tensor in two before opset 13");
  if (cut.ordered && !keeps_order(layout, dims, axis.value())) {
    return refuse("the order of the elements counts");
  }
  if (*place == axis.value()) return made;
  DrawnNode drawn = redrawn(node);
  put_attribute(drawn, "axis", static_cast<std::int64_t>(*place));
  return with_node(std::move(made).value(), std::move(drawn));
}

AxesApart from_whole(const Layout& whole, std::span<const std::size_t> apart) {
  AxesApart made{whole, Layout(whole.perm.without(apart))};
  const auto kept = kept_axes(apart, whole.rank());
  for (const InnerOrder& inner : whole.inner) {
    const auto found = std::ranges::find(kept, inner.axis);
    if (found == kept.end()) continue;
    made.rest.inner.push_back(inner);
    made.rest.inner.back().axis = static_cast<std::size_t>(found - kept.begin());
  }
  return made;
}

AxesApart from_rest(const Layout& rest, std::span<const std::size_t> apart) {
  const std::size_t rank = rest.rank() + apart.size();
  const auto kept = kept_axes(apart, rank);
  std::vector<std::int64_t> order;
  std::size_t next = 0;
  for (std::size_t place = 0; place < rank; ++place) {
    const bool stays = std::ranges::find(apart, place) != apart.end();
    order.push_back(static_cast<std::int64_t>(stays ? place : kept[rest.perm[next++]]));
  }
  AxesApart made{Layout(*Permutation::of(order)), rest};
  made.whole.inner = rest.inner;
  for (InnerOrder& inner : made.whole.inner) inner.axis = kept[inner.axis];
  return made;
}

Result<Parted> part_layouts(const LayoutNode& node, Operand asked, const Layout& layout,
                            const Parting& parting) {
  if (asked != parting.whole && asked != parting.rest) {
    return refuse(operand_label(node, asked) + " is read as it is");
  }
  const auto whole_rank = known_rank(node, parting.whole);
  if (!whole_rank) return whole_rank.error();
  const auto rest_rank = known_rank(node, parting.rest);
  if (!rest_rank) return rest_rank.error();
  if (whole_rank.value() != rest_rank.value() + parting.axes.size()) {
    return refuse("its axes do not fit its ranks");
  }
  const AxesApart apart =
      asked == parting.whole ? from_whole(layout, parting.axes) : from_rest(layout, parting.axes);
  const auto plain = require_plain(apart.whole, parting.axes);
  if (!plain) return plain.error();
  Parted made{unmoved(node), places_of(apart.whole, parting.axes)};
  std::ranges::sort(made.places);
  const auto whole = put_layout(made.layouts, node, parting.whole, apart.whole);
  if (!whole) return whole.error();
  const auto rest = put_layout(made.layouts, node, parting.rest, apart.rest);
  if (!rest) return rest.error();
  return made;
}

Result<Parted> reduced_layouts(const LayoutNode& node, Operand asked, const Layout& layout,
                               std::span<const std::size_t> axes) {
  if (node.at().attr_int("keepdims", 1) == 0) {
    const Parting parting{.whole = {}, .rest = {.output = true}, .axes = axes};
    return part_layouts(node, asked, layout, parting);
  }
  auto layouts = all_alike(node, asked, layout, kFirstInput);
  if (!layouts) return layouts.error();
  const auto plain = require_plain(layout, axes);
  if (!plain) return plain.error();
  Parted made{std::move(layouts).value(), places_of(layout, axes)};
  std::ranges::sort(made.places);
  return made;
}

void put_ints(DrawnNode& drawn, std::size_t slot, const Fact& like,
              std::span<const std::int64_t> elements) {
  if (drawn.inputs.size() <= slot) drawn.inputs.resize(slot + 1);
  const auto count = static_cast<std::int64_t>(elements.size());
  drawn.inputs[slot] = {.from = DrawnInput::From::constant,
                        .tensor = integers(like, {count}, elements)};
}

DrawnInput int_like(const Fact& like, std::int64_t element) {
  std::vector<std::int64_t> dims(like.has_rank() ? like.rank() : 0, 1);
  return {.from = DrawnInput::From::constant,
          .tensor = integers(like, std::move(dims), {&element, 1})};
}

void put_axes(DrawnNode& drawn, const LayoutNode& node, std::size_t slot, const Layout& layout) {
  NodeFacts::Listed listed = node.at().ints_or_input("axes", slot);
  std::vector<std::int64_t> axes = std::move(listed.numbers).value_or(std::vector<std::int64_t>{});
  for (std::int64_t& axis : axes) axis = written_axis(layout, axis);
  if (node.at().attr_ints("axes")) {
    put_attribute(drawn, "axes", std::move(axes));
    return;
  }
  put_ints(drawn, slot, node.at().in(slot), axes);
}

Result<DrawnInput> in_stored_order(const LayoutNode& node, std::size_t slot, const Layout& layout,
                                   std::size_t lists) {
  const auto length = node.at().in(slot).numbers();
  const auto expected = static_cast<std::int64_t>(lists * layout.rank());
  if (!length || length->size() != 1 || length->front() != expected) {
    return refuse(node.at().input_label(slot) + " is not known to have " +
                  std::to_string(expected) + " elements");
  }
  DrawnInput made = from_input(slot);
  for (std::size_t list = 0; list < lists; ++list) {
    for (const std::int64_t axis : layout.perm.ints()) {
      made.take.push_back(axis + static_cast<std::int64_t>(list * layout.rank()));
    }
  }
  return made;
}

std::vector<std::int64_t> in_stored_order(std::span<const std::int64_t> elements,
                                          const Layout& layout) {
  std::vector<std::int64_t> out;
  for (std::size_t first = 0; first + layout.rank() <= elements.size(); first += layout.rank()) {
    const auto stored = layout.perm.apply(elements.subspan(first, layout.rank()));
    out.insert(out.end(), stored.begin(), stored.end());
  }
  return out;
}

DrawnInput in_file_order(std::size_t slot, const Layout& layout) {
  DrawnInput made = from_input(slot);
  if (const InnerOrder* inner = layout.inner_of(0)) made.take = stored_places(*inner);
  return made;
}

Relayout with_node(Relayout layouts, DrawnNode drawn) {
  layouts.nodes.push_back(std::move(drawn));
  return layouts;
}

}  // namespace pot
