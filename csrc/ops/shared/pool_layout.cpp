#include "ops/shared/pool_layout.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ops/shared/axis_layout.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/conv_layout.h"
#include "ops/shared/inner_order.h"

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

DrawnNode reduction(const LayoutNode& node, std::string_view op_type, const DrawnInput& read,
                    std::span<const std::int64_t> places) {
  DrawnNode drawn{.op_type = std::string(op_type)};
  drawn.inputs = {read};
  if (node.at().opset() >= kAxesAreAnInput) {
    drawn.inputs.push_back(from_ints(places));
  } else {
    put_attribute(drawn, "axes", std::vector<std::int64_t>(places.begin(), places.end()));
  }
  put_attribute(drawn, "keepdims", std::int64_t{1});
  return drawn;
}

/// One batch of planes whose channels lie last: onnxruntime takes 6 to 9 times as long for all
/// positions at once as for the columns and then the rows (1.31, 0.17 ms and 0.03 ms for 56 x 56
/// positions of 64 channels).
bool is_slow_at_once(const LayoutNode& node, const Layout& layout) {
  const auto batch = (*node.at().in(0).dims)[0].number();
  return layout.rank() > kFirstSpatial + 1 && layout.perm[0] == 0 &&
         layout.perm[layout.rank() - 1] == 1 && batch.value_or(1) == 1;
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
  std::vector<std::int64_t> places = places_of(layout, spatial_axes(layout.rank()));
  std::ranges::sort(places);
  std::span<const std::int64_t> left(places);
  DrawnInput read = from_input(0);
  if (is_slow_at_once(node, layout)) {
    made.value().nodes.push_back(reduction(node, reduction_name, read, left.last(1)));
    read = from_drawn(0);
    left = left.first(left.size() - 1);
  }
  return with_node(std::move(made).value(), reduction(node, reduction_name, read, left));
}

}  // namespace pot
