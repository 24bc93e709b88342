#include "ops/shared/conv_layout.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "ops/shared/axis_layout.h"
#include "ops/shared/axis_product.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/inner_order.h"

namespace pot {
namespace {

constexpr std::size_t kChannels = 1;
constexpr std::size_t kFirstSpatial = 2;

/// Numbers of a list with `each` of them for every spatial axis, as `order` stores the axes.
std::vector<std::int64_t> in_order(const std::vector<std::int64_t>& numbers,
                                   const Permutation& order, std::size_t each) {
  const std::size_t axes = order.rank() - kFirstSpatial;
  std::vector<std::int64_t> stored;
  for (std::size_t part = 0; part < each; ++part) {
    for (std::size_t place = kFirstSpatial; place < order.rank(); ++place) {
      stored.push_back(numbers[part * axes + order[place] - kFirstSpatial]);
    }
  }
  return stored;
}

bool all_are(const std::optional<std::vector<std::int64_t>>& numbers, std::int64_t value) {
  return !numbers || std::ranges::all_of(*numbers, [&](std::int64_t one) { return one == value; });
}

/// Its kernel covers one position, so that it multiplies each position by a matrix.
bool is_pointwise(const LayoutNode& node, const ConvRoles& roles) {
  const NodeFacts& at = node.at();
  const Fact& w = at.in(roles.w);
  if (!roles.is_product || !w.constant || !w.has_rank() || w.rank() < 3) return false;
  const bool one = std::all_of(w.dims->begin() + kFirstSpatial, w.dims->end(),
                               [](const Expr& size) { return size.is(1); });
  return one && at.attr_int("group", 1) == 1 && all_are(at.attr_ints("strides"), 1) &&
         all_are(at.attr_ints("pads"), 0) && at.in(roles.x).dtype != DType::bfloat16;
}

/// Orders of the channels on both sides of a convolution, cut into groups.
struct ChannelOrders {
  InnerHalves x;
  InnerHalves y;
};

class Convolution {
 public:
  Convolution(const LayoutNode& node, const ConvRoles& roles) : node_(node), roles_(roles) {}

  Result<Relayout> relayout(Operand operand, const Layout& layout) {
    const bool of_weight = operand == Operand{false, roles_.w};
    if (!is_image(operand) && !of_weight) {
      return refuse(operand_label(node_, operand) + " is read as it is by a convolution");
    }
    if (of_weight && !layout.plain()) {
      return refuse("its weight is read in an inner order only beside its input or output");
    }
    if (layout.perm[0] != 0 || layout.perm[kChannels] != kChannels) {
      return of_weight ? refuse("the first two axes of its weight have to stay")
                       : as_product(operand, layout);
    }
    for (const InnerOrder& one : layout.inner) {
      if (one.axis != kChannels) return require_plain(layout).error();
    }
    Relayout made = unmoved(node_);
    const Layout order(layout.perm);
    for (const std::size_t slot : {roles_.x, roles_.w}) {
      if (node_.rank({false, slot}) != order.rank()) {
        return refuse("the rank of " + node_.at().input_label(slot) + " is not known");
      }
      made.inputs[slot] = order;
    }
    if (has_sum()) made.inputs[*roles_.sum] = order;
    made.outputs[0] = order;
    if (!layout.plain()) {
      const Status ordered = order_channels(operand, layout.inner.front(), made);
      if (!ordered) return ordered.error();
    }
    return draw(std::move(made), order.perm);
  }

 private:
  [[nodiscard]] bool has_sum() const { return roles_.sum && node_.at().has(*roles_.sum); }

  /// It has batch and channels.
  [[nodiscard]] bool is_image(Operand operand) const {
    if (operand.output) return operand.slot == 0;
    return operand.slot == roles_.x || operand.slot == roles_.sum;
  }

  [[nodiscard]] Result<Relayout> as_product(Operand operand, const Layout& layout) const {
    const Error pinned = refuse("a convolution has its batch and channels first");
    const Fact& x = node_.at().in(roles_.x);
    if (!is_pointwise(node_, roles_) || has_sum() || x.rank() != layout.rank()) return pinned;
    AxisProduct product;
    product.tensor = roles_.x;
    product.axis = kChannels;
    product.matrix = roles_.w;
    product.in = roles_.transposed ? 0 : 1;
    product.out = roles_.transposed ? 1 : 0;
    product.bias = roles_.bias;
    if (roles_.bias) product.per_out.push_back(*roles_.bias);
    const std::size_t place = layout.perm.place_of(kChannels);
    if (place + 2 < layout.rank()) return pinned;
    return product_layout(node_, operand, layout, product);
  }

  /// Rows and columns of the weight follow the orders of the channels that it makes and takes.
  Status order_channels(Operand operand, const InnerOrder& asked, Relayout& made) const {
    const std::int64_t group = node_.at().attr_int("group", 1);
    const Dims& w = *node_.at().in(roles_.w).dims;
    const auto first = w[0].number();
    const auto second = w[1].number();
    if (!first || !second || *first < 1 || *second < 1 || group < 1 || *first % group != 0) {
      return refuse("the sizes of its weight are not known");
    }
    const auto parts = halves(asked, group);
    if (!parts) return refuse("the channels of its groups are mixed");
    // The whole side has all groups, the other one is the weight's of one group.
    const std::int64_t in_group = roles_.transposed ? *first / group : *second;
    const std::int64_t out_group = roles_.transposed ? *second : *first / group;
    const bool of_input = operand == Operand{false, roles_.x};
    const InnerHalves in{parts->outer, of_input ? parts->inner : std::nullopt};
    const InnerHalves out{parts->outer, of_input ? std::nullopt : parts->inner};
    const auto x = joined(kChannels, in, group, in_group);
    const auto y = joined(kChannels, out, group, out_group);
    put_inner(made.inputs[roles_.x], kChannels, x);
    put_inner(made.outputs[0], kChannels, y);
    if (has_sum()) put_inner(made.inputs[*roles_.sum], kChannels, y);
    put_inner(made.inputs[roles_.w], 0, roles_.transposed ? x : y);
    put_inner(made.inputs[roles_.w], 1, roles_.transposed ? out.inner : in.inner);
    return order_lists(y, made);
  }

  /// What has one element for each channel that is made.
  Status order_lists(const std::optional<InnerOrder>& y, Relayout& made) const {
    std::vector<std::size_t> slots = roles_.per_channel;
    if (roles_.bias) slots.push_back(*roles_.bias);
    for (const std::size_t slot : slots) {
      const Fact& fact = node_.at().in(slot);
      if (!y || !node_.at().has(slot) || (fact.has_rank() && fact.count().is(1))) continue;
      if (!fact.has_rank() || fact.rank() != 1) {
        return refuse(node_.at().input_label(slot) + " is no list of one element for each channel");
      }
      put_inner(made.inputs[slot], 0, y);
    }
    return ok_status();
  }

  Result<Relayout> draw(Relayout made, const Permutation& order) const {
    if (order.is_identity()) return made;
    const Dims& kernel = *node_.at().in(roles_.w).dims;
    if (std::all_of(kernel.begin() + kFirstSpatial, kernel.end(),
                    [](const Expr& size) { return size.is(1); })) {
      Layout& weight = made.inputs[roles_.w];
      weight.perm = Permutation::identity(weight.rank());
    }
    DrawnNode drawn = redrawn(node_);
    if (const Status put = put_windows(drawn, node_, order); !put) return put.error();
    return with_node(std::move(made), std::move(drawn));
  }

  const LayoutNode& node_;
  const ConvRoles& roles_;
};

}  // namespace

Status put_windows(DrawnNode& drawn, const LayoutNode& node, const Permutation& order) {
  constexpr std::pair<std::string_view, std::size_t> kLists[] = {
      {"kernel_shape", 1}, {"strides", 1},        {"dilations", 1},
      {"pads", 2},         {"output_padding", 1}, {"output_shape", 1}};
  const std::size_t axes = order.rank() - kFirstSpatial;
  for (const auto& [name, each] : kLists) {
    const auto numbers = node.at().attr_ints(name);
    if (!numbers || numbers->empty()) continue;
    if (numbers->size() != each * axes) {
      return refuse(std::string(name) + " does not have " + (each == 1 ? "one number" : "two") +
                    " for each spatial axis");
    }
    put_attribute(drawn, std::string(name), in_order(*numbers, order, each));
  }
  return ok_status();
}

Result<Relayout> conv_layout(const LayoutNode& node, Operand operand, const Layout& layout,
                             const ConvRoles& roles) {
  if (layout.rank() < 3) return refuse("it has no spatial axes");
  return Convolution(node, roles).relayout(operand, layout);
}

}  // namespace pot
