#include "ops/shared/quantize_layout.h"

#include <string>
#include <utility>

#include "ops/shared/broadcast_layout.h"

namespace pot {
namespace {

constexpr std::size_t kX = 0;
constexpr std::size_t kScale = 1;
constexpr std::size_t kZeroPoint = 2;

enum class Granularity { tensor, axis, blocks };

struct Scales {
  Granularity granularity = Granularity::tensor;
  std::size_t axis = 0;  ///< of the data; not of a whole tensor
};

/// What the shape of the scale says. Pre: the rank of the data is known.
Result<Scales> scales_of(const LayoutNode& node) {
  const Fact& scale = node.at().in(kScale);
  if (!scale.has_rank()) {
    return refuse("the rank of " + node.at().input_label(kScale) + " is not known");
  }
  const auto zero_point = node.rank({false, kZeroPoint});
  if (zero_point && *zero_point != scale.rank()) {
    return refuse("its scale and its zero point have other shapes");
  }
  const bool blocked = node.at().attr_int("block_size", 0) > 0;
  if (scale.rank() == 0 || (!blocked && scale.count().is(1))) return Scales{};
  const std::size_t rank = node.at().in(kX).rank();
  if (scale.rank() != (blocked ? rank : 1)) {
    return refuse(node.at().input_label(kScale) + " has " + std::to_string(scale.rank()) +
                  " axes, which stand for no axis or blocks of " + node.at().input_label(kX));
  }
  constexpr std::int64_t kNamesAnAxis = 13;
  if (node.at().node().is_standard() && node.at().opset() < kNamesAnAxis) {
    return refuse("before opset 13 there is one scale for the whole tensor");
  }
  // A vector has one axis, whatever the attribute says.
  const std::int64_t said = rank == 1 ? 0 : node.at().attr_int("axis", 1);
  const auto axis = normalized_axis(said, rank);
  if (!axis) {
    return refuse("axis " + std::to_string(said) + " is outside of rank " + std::to_string(rank));
  }
  return Scales{blocked ? Granularity::blocks : Granularity::axis, *axis};
}

/// The layout of the data in which the asked operand is stored as it should be.
Result<Layout> data_layout(const LayoutNode& node, Operand operand, const Layout& layout,
                           const Scales& scales) {
  const bool data = operand.output || operand.slot == kX;
  if (data || scales.granularity == Granularity::blocks) return layout;
  if (scales.granularity == Granularity::tensor) {
    return refuse(operand_label(node, operand) + " is one number for the whole tensor");
  }
  // Of a vector, only an inner order can be asked for.
  Layout made = Layout::identity(node.at().in(kX).rank());
  made.inner = layout.inner;
  for (InnerOrder& one : made.inner) one.axis = scales.axis;
  return made;
}

/// The scale, and so the zero point, beside data of this layout.
Result<Layout> scale_layout(const LayoutNode& node, const Scales& scales, const Layout& data) {
  const InnerOrder* inner = data.inner_of(scales.axis);
  if (scales.granularity == Granularity::blocks) {
    if (inner) return refuse("its blocks lie along the axis that is stored in another inner order");
    return data;
  }
  Layout made = Layout::identity(node.at().in(kScale).rank());
  if (inner && scales.granularity == Granularity::axis) {
    made.inner.push_back({.axis = 0, .sizes = inner->sizes, .order = inner->order});
  }
  return made;
}

}  // namespace

Result<Relayout> quantize_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (operand.slot > kZeroPoint || node.at().output_count() != 1 || !node.at().in(kX).has_rank()) {
    return refuse("the rank of " + node.at().input_label(kX) + " is not known");
  }
  for (const Operand data : {Operand{.slot = kX}, Operand{.output = true}}) {
    if (const Status movable = require_movable(node, data); !movable) return movable.error();
  }
  const auto scales = scales_of(node);
  if (!scales) return scales.error();
  const auto data = data_layout(node, operand, layout, scales.value());
  if (!data) return data.error();
  if (data.value().rank() != node.at().in(kX).rank()) {
    return refuse(operand_label(node, operand) + " has another rank than the data");
  }
  auto scale = scale_layout(node, scales.value(), data.value());
  if (!scale) return scale.error();
  Relayout made = unmoved(node);
  made.inputs[kX] = made.outputs[0] = data.value();
  if (node.at().has(kZeroPoint) && node.at().in(kZeroPoint).has_rank()) {
    made.inputs[kZeroPoint] = scale.value();
  }
  made.inputs[kScale] = std::move(scale).value();
  const std::size_t place = data.value().perm.place_of(scales.value().axis);
  if (scales.value().granularity == Granularity::tensor || place == scales.value().axis)
    return made;
  made.nodes.push_back(redrawn(node));
  put_attribute(made.nodes[0], "axis", static_cast<std::int64_t>(place));
  return made;
}

}  // namespace pot
