#include "ops/shared/norm_layout.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "ops/shared/axis_layout.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/inner_order.h"

namespace pot {
namespace {

constexpr std::array<std::size_t, 1> kChannels{1};

/// The elements before and after: input 0 and output 0. Other outputs are lists.
Result<Relayout> both_sides(const LayoutNode& node, const Layout& layout) {
  const auto rank = known_rank(node, {false, 0});
  if (!rank) return rank.error();
  if (rank.value() != layout.rank()) return refuse("its output has another rank than its input");
  Relayout made = unmoved(node);
  made.inputs[0] = layout;
  made.outputs[0] = layout;
  return made;
}

Status require_side(const LayoutNode& node, Operand operand) {
  if (operand.slot == 0) return ok_status();
  return refuse(operand_label(node, operand) + " is not what is normalized");
}

/// Channels are behind whatever is first.
Status require_channels_second(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (Status side = require_side(node, operand); !side) return side;
  if (layout.rank() >= 2 && layout.perm[1] == kChannels[0]) return ok_status();
  return refuse("it has its channels at place 1");
}

Status require_batch_and_channels(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (Status side = require_side(node, operand); !side) return side;
  if (layout.rank() >= 2 && layout.perm[0] == 0 && layout.perm[1] == kChannels[0]) {
    return ok_status();
  }
  return refuse("it has its batch and channels first");
}

/// Lists with one element for each channel, from input 1 on, follow an inner order of the channels.
void order_lists(const LayoutNode& node, Relayout& made, const Layout& layout) {
  const InnerOrder* order = layout.inner_of(kChannels[0]);
  if (!order) return;
  for (std::size_t slot = 1; slot < made.inputs.size(); ++slot) {
    if (node.at().has(slot) && made.inputs[slot].rank() == 1) {
      put_inner(made.inputs[slot], 0, *order);
    }
  }
}

bool makes_more(const LayoutNode& node) {
  const auto& outputs = node.at().node().outputs;
  return std::any_of(outputs.begin() + (outputs.empty() ? 0 : 1), outputs.end(),
                     [](ValueId output) { return bool(output); });
}

/// Axes on both sides of the cut stay on their sides.
bool keeps_cut(const Permutation& order, std::size_t cut) {
  for (std::size_t place = 0; place < order.rank(); ++place) {
    if ((place < cut) != (order[place] < cut)) return false;
  }
  return true;
}

}  // namespace

Result<Relayout> batch_norm_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  constexpr std::int64_t kAlwaysSpatial = 9;
  if (node.at().opset() < kAlwaysSpatial && node.at().attr_int("spatial", 1) == 0) {
    return refuse("spatial=0: each place has a mean of its own");
  }
  if (const Status second = require_channels_second(node, operand, layout); !second)
    return second.error();
  if (makes_more(node)) {
    const Status plain = require_plain(layout, kChannels);
    if (!plain) return plain.error();
  }
  auto made = both_sides(node, layout);
  if (made) order_lists(node, made.value(), layout);
  return made;
}

Result<Relayout> instance_norm_layout(const LayoutNode& node, Operand operand,
                                      const Layout& layout) {
  if (const Status first = require_batch_and_channels(node, operand, layout); !first)
    return first.error();
  auto made = both_sides(node, layout);
  if (made) order_lists(node, made.value(), layout);
  return made;
}

Result<Relayout> group_norm_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (const Status first = require_batch_and_channels(node, operand, layout); !first)
    return first.error();
  if (const Status plain = require_plain(layout, kChannels); !plain) return plain.error();
  return both_sides(node, layout);
}

Result<Relayout> response_norm_layout(const LayoutNode& node, Operand operand,
                                      const Layout& layout) {
  if (const Status second = require_channels_second(node, operand, layout); !second)
    return second.error();
  if (const Status plain = require_plain(layout, kChannels); !plain) return plain.error();
  return both_sides(node, layout);
}

Result<Relayout> layer_norm_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (!operand.output && operand.slot != 0) {
    return refuse(operand_label(node, operand) + " is not what is normalized");
  }
  const auto rank = known_rank(node, {false, 0});
  if (!rank) return rank.error();
  if (rank.value() != layout.rank()) return refuse("its output has another rank than its input");
  const auto cut = normal_axis(node, "axis", -1, rank.value());
  if (!cut) return cut.error();
  if (!keeps_cut(layout.perm, cut.value())) {
    return refuse("it normalizes all axes from axis " + std::to_string(cut.value()) + " on");
  }
  Relayout made = unmoved(node);
  made.inputs[0] = layout;
  Layout statistics = layout;
  for (std::size_t axis = cut.value(); axis < layout.rank(); ++axis) {
    put_inner(statistics, axis, std::nullopt);
  }
  for (std::size_t slot = 0; slot < made.outputs.size(); ++slot) {
    if (node.rank({true, slot}) == layout.rank()) made.outputs[slot] = slot ? statistics : layout;
  }
  if (operand.output && made.outputs[operand.slot] != layout) {
    return refuse("its statistics have one element along what is normalized");
  }
  for (std::size_t slot = 1; slot < made.inputs.size(); ++slot) {
    if (!node.at().has(slot)) continue;
    const auto factors = known_rank(node, {false, slot});
    if (!factors) return factors.error();
    if (factors.value() > layout.rank()) return refuse("its scale has more axes than its input");
    auto beside = aligned_operand(node.at().in(slot), layout, node.at().input_label(slot));
    if (!beside) return beside.error();
    if (!beside.value().unsqueeze.empty()) {
      return refuse(node.at().input_label(slot) + " does not have all axes that are normalized");
    }
    made.inputs[slot] = std::move(beside.value().layout);
  }
  return made;
}

Result<Relayout> skip_norm_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  constexpr std::array<std::size_t, 2> kSummed{0, 1};
  const Fact& x = node.at().in(0);
  const Fact& skip = node.at().in(1);
  if (!x.has_rank() || !skip.has_rank() || *x.dims != *skip.dims) {
    return refuse("its two inputs may broadcast");
  }
  const std::vector<std::size_t> last{layout.rank() - 1};
  if (layout.rank() == 0 || layout.perm[last[0]] != last[0]) {
    return refuse("it normalizes the last axis");
  }
  if (const Status plain = require_plain(layout, last); !plain) return plain.error();
  return all_alike(node, operand, layout, kSummed);
}

}  // namespace pot
