#include "ops/pool_layout.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ops/axis_layout.h"
#include "ops/broadcast_layout.h"
#include "ops/conv_layout.h"
#include "ops/inner_order.h"

namespace pot {
namespace {

constexpr std::size_t kFirstSpatial = 2;
constexpr std::int64_t kAxesAreAnInput = 18;  // of the reductions that stand for pools

/// Batch and channels are the first two of what is stored.
bool keeps_front(const Permutation& order) {
  return order[0] < kFirstSpatial && order[1] < kFirstSpatial;
}

bool makes_indices(const LayoutNode& node) {
  const auto& outputs = node.at().node().outputs;
  return outputs.size() > 1 && bool(outputs[1]);
}

std::vector<std::size_t> spatial_axes(std::size_t rank) {
  std::vector<std::size_t> axes;
  for (std::size_t axis = kFirstSpatial; axis < rank; ++axis) axes.push_back(axis);
  return axes;
}

DrawnNode reduction(const LayoutNode& node, const Layout& layout, std::string_view op_type) {
  DrawnNode drawn{.op_type = std::string(op_type)};
  drawn.inputs = {from_input(0)};
  const std::vector<std::int64_t> places = places_of(layout, spatial_axes(layout.rank()));
  if (node.at().opset() >= kAxesAreAnInput) {
    drawn.inputs.push_back(from_ints(places));
  } else {
    put_attribute(drawn, "axes", places);
  }
  put_attribute(drawn, "keepdims", std::int64_t{1});
  return drawn;
}

}  // namespace

Result<Relayout> pool_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (layout.rank() <= kFirstSpatial) return refuse("it has no spatial axes");
  if (makes_indices(node)) return refuse("its indices count in the order in which it reads");
  if (!keeps_front(layout.perm)) return refuse("a pool has its batch and channels first");
  const Status plain = require_plain(layout, spatial_axes(layout.rank()));
  if (!plain) return plain.error();
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  const auto places = places_of(layout, spatial_axes(layout.rank()));
  if (std::ranges::is_sorted(places)) return made;
  DrawnNode drawn = redrawn(node);
  if (const Status put = put_windows(drawn, node, layout.perm); !put) return put.error();
  return with_node(std::move(made).value(), std::move(drawn));
}

Result<Relayout> global_pool_layout(const LayoutNode& node, Operand operand, const Layout& layout,
                                    std::string_view reduction_name) {
  if (layout.rank() <= kFirstSpatial) return refuse("it has no spatial axes");
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  for (const std::size_t axis : spatial_axes(layout.rank())) {
    put_inner(made.value().outputs[0], axis, std::nullopt);
  }
  if (keeps_front(layout.perm)) return made;
  if (reduction_name.empty()) return refuse("no reduction takes this power");
  return with_node(std::move(made).value(), reduction(node, layout, reduction_name));
}

}  // namespace pot
