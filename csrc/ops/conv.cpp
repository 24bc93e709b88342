// Convolutions.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/channels_last_rule.h"
#include "ops/shared/conv_layout.h"
#include "ops/shared/op_table.h"
#include "ops/shared/windows.h"

namespace pot {
namespace {

/// Where a convolution has its inputs: a quantized one has scales between them.
struct Slots {
  std::size_t x = 0;
  std::size_t w = 1;
  std::size_t bias = 2;
};

/// Rank of the input; nothing where neither it, nor the weight, nor kernel_shape is known.
Result<std::optional<std::size_t>> common_rank(const NodeFacts& at, const Slots& slots,
                                               const std::optional<std::vector<Expr>>& kernel) {
  const Fact& x = at.in(slots.x);
  const Fact& w = at.in(slots.w);
  if (x.has_rank() && w.has_rank() && x.rank() != w.rank()) {
    return contradiction(quoted(at, slots.x) + " has " + counted(x.rank(), "axis", "axes") +
                         ", but " + quoted(at, slots.w) + " has " + std::to_string(w.rank()));
  }
  std::optional<std::size_t> rank;
  if (kernel) rank = kernel->size() + 2;
  if (w.has_rank()) rank = w.rank();
  if (x.has_rank()) rank = x.rank();
  if (rank && *rank < 3) {
    return contradiction(quoted(at, x.has_rank() ? slots.x : slots.w) + " has " +
                         counted(*rank, "axis", "axes") +
                         ", but takes a batch, channels and at least one spatial axis");
  }
  if (rank && kernel && kernel->size() + 2 != *rank) {
    return contradiction("kernel_shape has " + counted(kernel->size(), "number", "numbers") +
                         ", but there are " + counted(*rank - 2, "spatial size", "spatial sizes"));
  }
  return rank;
}

/// Channels of the input are those that the weight takes, once for each group.
Status check_channels(const NodeFacts& at, const Slots& slots) {
  const std::int64_t group = at.attr_int("group", 1);
  if (group < 1) return contradiction("group is " + std::to_string(group) + ", but at least 1");
  const Fact& x = at.in(slots.x);
  const Fact& w = at.in(slots.w);
  if (!w.has_rank()) return ok_status();
  if (x.has_rank()) {
    const Expr takes = (*w.dims)[1] * Expr(group);
    if (!agreed((*x.dims)[1], takes)) {
      return contradiction(quoted(at, slots.x) + " has " + (*x.dims)[1].text() + " channels, but " +
                           quoted(at, slots.w) + " takes " + takes.text() + " (group " +
                           std::to_string(group) + ")");
    }
  }
  const Expr& makes = (*w.dims)[0];
  const auto number = makes.number();
  if (number && *number % group != 0) {
    return contradiction(quoted(at, slots.w) + " makes " + makes.text() +
                         " channels, which do not divide into " + std::to_string(group) +
                         " groups");
  }
  if (!at.has(slots.bias)) return ok_status();
  return require_size(at, slots.bias, 0, makes,
                      quoted(at, slots.w) + " makes " + makes.text() + " channels");
}

/// Shape of the output; nothing where no rank is known.
Result<std::optional<Dims>> convolved(const NodeFacts& at, const Slots& slots) {
  auto said = read_kernel(at);
  if (!said) return said.error();
  const auto rank = common_rank(at, slots, said.value());
  if (!rank) return rank.error();
  if (!rank.value()) return std::optional<Dims>();
  const auto checked = check_channels(at, slots);
  if (!checked) return checked.error();

  const std::size_t axes = *rank.value() - 2;
  auto kernel = kernel_of(at, slots.w, said.value(), axes);
  if (!kernel) return kernel.error();
  const auto windows = read_windows(at, std::move(kernel).value());
  if (!windows) return windows.error();
  Dims sizes;
  for (std::size_t i = 0; i < axes; ++i) sizes.push_back(size_of(at, slots.x, i + 2));
  auto counts = count_windows(windows.value(), sizes);
  if (!counts) return counts.error();

  const bool by_bias =
      !at.in(slots.w).has_rank() && at.in(slots.bias).has_rank() && at.in(slots.bias).rank() == 1;
  Dims out{size_of(at, slots.x, 0), size_of(at, by_bias ? slots.bias : slots.w, 0)};
  out.insert(out.end(), counts.value().begin(), counts.value().end());
  return std::optional(std::move(out));
}

Inferred convolution(const NodeFacts& at, const Slots& slots, DType dtype) {
  auto dims = convolved(at, slots);
  if (!dims) return dims.error();
  return std::vector{tensor_of(dtype, std::move(dims).value())};
}

Inferred conv(const NodeFacts& at) { return convolution(at, {}, at.in(0).dtype); }

Inferred conv_integer(const NodeFacts& at) {
  // Slots 2 and 3 are zero points: there is no bias.
  return convolution(at, {.bias = at.input_count()}, DType::int32);
}

Inferred qlinear_conv(const NodeFacts& at) {
  const DType by_zero_point = at.in(7).dtype;
  return convolution(at, {.x = 0, .w = 3, .bias = 8},
                     by_zero_point == DType::undefined ? at.in(0).dtype : by_zero_point);
}

/// The offsets and the mask have the spatial sizes of the output too.
Inferred deform_conv(const NodeFacts& at) {
  auto dims = convolved(at, {.bias = 3});
  if (!dims) return dims.error();
  auto& out = dims.value();
  for (const std::size_t slot : {std::size_t{2}, std::size_t{4}}) {
    const Fact& guide = at.in(slot);
    if (!out || !guide.has_rank() || guide.rank() != out->size()) continue;
    for (std::size_t axis = 2; axis < out->size(); ++axis) {
      const auto both = agreed((*out)[axis], (*guide.dims)[axis]);
      if (!both) {
        return contradiction(quoted(at, slot) + " is " + (*guide.dims)[axis].text() +
                             " long on axis " + std::to_string(axis) + ", but the output is " +
                             (*out)[axis].text());
      }
      (*out)[axis] = *both;
    }
  }
  return std::vector{tensor_of(at.in(0).dtype, std::move(out))};
}

/// Depthwise and causal over one axis; the state is what the next call needs of this one.
Inferred causal_conv(const NodeFacts& at) {
  for (const std::size_t slot : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
    const auto checked = require_rank(at, slot, 3);
    if (!checked) return checked.error();
  }
  const Fact& x = at.in(0);
  const Expr channels = size_of(at, at.in(1).has_rank() && !x.has_rank() ? 1 : 0,
                                at.in(1).has_rank() && !x.has_rank() ? 0 : 1);
  const auto fits =
      require_size(at, 1, 0, channels, quoted(at, 0) + " has " + channels.text() + " channels");
  if (!fits) return fits.error();
  const Expr carried =
      !at.in(1).has_rank() && at.in(3).has_rank() ? size_of(at, 3, 2) : size_of(at, 1, 2) - 1;
  if (const auto most = carried.at_most(); most && *most < 0) {
    return contradiction(quoted(at, 1) + " is 0 long on axis 2, but a kernel takes at least 1");
  }
  const auto past =
      require_size(at, 3, 2, carried, quoted(at, 1) + " carries " + carried.text() + " positions");
  if (!past) return past.error();
  const Dims state{size_of(at, 0, 0), channels, carried};
  return std::vector{shaped_like(x), tensor_fact(x.dtype, state)};
}

Result<Relayout> conv_channels_last(const LayoutNode& node, FilterLayout filters) {
  return channels_last_call(node, filters,
                            {.inputs = {{Held::channels_last}, {Held::filter}, {Held::as_is}}});
}

Result<Relayout> conv_integer_channels_last(const LayoutNode& node, FilterLayout filters) {
  return channels_last_call(
      node, filters,
      {.inputs = {{Held::channels_last}, {Held::filter}, {Held::as_is}, {Held::as_is}}});
}

Result<Relayout> qlinear_conv_channels_last(const LayoutNode& node, FilterLayout filters) {
  constexpr std::size_t kInputs = 9;  // the filter is input 3: a scale and a zero point follow each
  ChannelsLastOperands operands;
  operands.inputs.resize(kInputs);
  operands.inputs[0].held = Held::channels_last;
  operands.inputs[3].held = Held::filter;
  return channels_last_call(node, filters, operands);
}

/// Offsets and mask are maps as the input is: convolutions make them.
Result<Relayout> deform_conv_channels_last(const LayoutNode& node, FilterLayout filters) {
  return channels_last_call(node, filters,
                            {.inputs = {{Held::channels_last},
                                        {Held::filter},
                                        {Held::channels_last},
                                        {Held::as_is},
                                        {Held::channels_last, "mask"}}});
}

Result<Relayout> plain_conv_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  return conv_layout(node, operand, layout, {.is_product = true});
}

/// Slots 2 and 3 are zero points.
Result<Relayout> conv_integer_layout(const LayoutNode& node, Operand operand,
                                     const Layout& layout) {
  return conv_layout(node, operand, layout, {.bias = std::nullopt, .per_channel = {3}});
}

Result<Relayout> qlinear_conv_layout(const LayoutNode& node, Operand operand,
                                     const Layout& layout) {
  return conv_layout(node, operand, layout, {.w = 3, .bias = 8, .per_channel = {4, 5}});
}

}  // namespace

void register_conv(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::conv};
  table.add("Conv", {.traits = sums,
                     .shape = conv,
                     .layout = plain_conv_layout,
                     .channels_last = conv_channels_last});
  table.add("ConvInteger", {.traits = sums,
                            .shape = conv_integer,
                            .layout = conv_integer_layout,
                            .channels_last = conv_integer_channels_last});
  table.add("DeformConv",
            {.traits = sums, .shape = deform_conv, .channels_last = deform_conv_channels_last});
  table.add("CausalConvWithState", {.traits = sums, .shape = causal_conv});
  // Here the weight is input 3: each tensor is followed by its scale and its zero point.
  table.add("QLinearConv", {.traits = sums,
                            .shape = qlinear_conv,
                            .layout = qlinear_conv_layout,
                            .channels_last = qlinear_conv_channels_last});
}

}  // namespace pot
