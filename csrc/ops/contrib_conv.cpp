// Convolutions and pools in the layouts that onnxruntime gives them.

#include <algorithm>
#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/axis_layout.h"
#include "ops/shared/channels_last_rule.h"
#include "ops/shared/conv_layout.h"
#include "ops/shared/op_table.h"
#include "ops/shared/standard_rule.h"

namespace pot {
namespace {

constexpr std::string_view kBlocked = "com.microsoft.nchwc";
constexpr std::string_view kChannelsLast = "com.ms.internal.nhwc";

bool channels_are_last(const NodeFacts& at) { return at.attr_int("channels_last", 0) != 0; }

/// ShapeRule: as the standard operator of the same name.
Inferred same_name(const NodeFacts& at) { return by_standard(at, {.op_type = at.node().op_type}); }

Inferred same_name_channels_last(const NodeFacts& at) {
  return by_standard_channels_last(at, {.op_type = at.node().op_type});
}

Inferred conv(const NodeFacts& at) { return by_standard(at, {.op_type = "Conv"}); }

// The weight keeps its layout.
Inferred nhwc_fused_conv(const NodeFacts& at) {
  return by_standard_channels_last(at, {.op_type = "Conv", .slots = {0, 1, 2}});
}

/// The weight has its channels last, too, or not: the documentation says one thing, and what writes
/// the operator does the other.
Inferred nhwc_conv(const NodeFacts& at) {
  std::vector<Fact> inputs(at.inputs().begin(), at.inputs().end());
  for (std::size_t slot = 0; slot < inputs.size() && slot < 2; ++slot) {
    inputs[slot] = channels_first(inputs[slot]);
  }
  Inferred made = by_standard(at, {.op_type = "Conv"}, std::move(inputs));
  if (!made) {
    Inferred other = nhwc_fused_conv(at);
    return other ? other : made;
  }
  for (Fact& fact : made.value()) fact = channels_last(fact);
  return made;
}

Inferred nhwc_max_pool(const NodeFacts& at) {
  return by_standard_channels_last(at, {.op_type = "MaxPool"});
}

Inferred masked_max_pool(const NodeFacts& at) {
  return by_standard(at, {.op_type = "MaxPool", .slots = {0}});
}

Inferred quantized_conv(const NodeFacts& at) {
  if (channels_are_last(at)) return by_standard_channels_last(at, {.op_type = "QLinearConv"});
  return by_standard(at, {.op_type = "QLinearConv"});
}

/// A pool of input 0, which scales and zero points follow.
Inferred quantized_pool(const NodeFacts& at, std::string_view op_type) {
  const Standard pool{.op_type = op_type, .opset = 19, .slots = {0}};
  return channels_are_last(at) ? by_standard_channels_last(at, pool) : by_standard(at, pool);
}

Inferred quantized_average(const NodeFacts& at) { return quantized_pool(at, "AveragePool"); }

Inferred quantized_global_average(const NodeFacts& at) {
  return quantized_pool(at, "GlobalAveragePool");
}

Inferred quantized_conv_transpose(const NodeFacts& at) {
  const DType dtype = at.in(7).dtype == DType::undefined ? at.in(0).dtype : at.in(7).dtype;
  return first_with_dtype(
      by_standard_channels_last(at, {.op_type = "ConvTranspose", .slots = {0, 3, 8}}), dtype);
}

/// Input 2 holds the pads: begins, then ends.
Inferred conv_transpose_with_pads(const NodeFacts& at) {
  Inferred made = by_standard(at, {.op_type = "ConvTranspose", .slots = {0, 1, 3}});
  if (!made || !at.has(2) || made.value().empty() || !made.value()[0].has_rank()) return made;
  Fact& out = made.value()[0];
  const Elements pads = elements_of(at.in(2));
  const std::size_t axes = out.rank() < 2 ? 0 : out.rank() - 2;
  if (pads && pads->size() != 2 * axes) {
    return contradiction(quoted(at, 2) + " has " + counted(pads->size(), "number", "numbers") +
                         ", but there are " + counted(axes, "spatial size", "spatial sizes") +
                         ", each with a begin and an end");
  }
  for (std::size_t i = 0; i < axes; ++i) {
    Expr& size = (*out.dims)[i + 2];
    if (!pads) {
      size = at.unknown_size("its pads are computed");
      continue;
    }
    const Expr taken = (*pads)[i] + (*pads)[i + axes];
    if (Expr::less(size, taken) == true) {
      return contradiction("pads take " + taken.text() + " of spatial size " + size.text());
    }
    size = size - taken;
  }
  return made;
}

/// The output is shaped as the input; the state, where none is given, by the weight.
Inferred causal_conv(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (at.has(3)) return std::vector{shaped_like(x), shaped_like(at.in(3))};
  const bool plain = at.attr_int("ndim", 1) == 1 && !channels_are_last(at) &&
                     at.attr_int("state_window", 0) == 0 && x.has_rank() && x.rank() == 3 &&
                     at.in(1).has_rank() && at.in(1).rank() == 3;
  if (!plain) return std::vector{shaped_like(x), tensor_fact(x.dtype)};
  const std::int64_t dilation = at.attr_int("dilation", 1);
  if (dilation < 1) return contradiction("dilation is " + std::to_string(dilation));
  const Expr carried = max(size_of(at, 1, 2) - 1, Expr(0)) * Expr(dilation);
  return std::vector{shaped_like(x),
                     tensor_fact(x.dtype, Dims{size_of(at, 0, 0), size_of(at, 0, 1), carried})};
}

/// Channels rounded up to blocks, as many at a time as the machine's vectors hold.
Expr blocked(const NodeFacts& at, const Expr& channels) {
  constexpr std::int64_t kLargestBlock = 16;
  if (floor_mod(channels, Expr(kLargestBlock)).is(0)) return channels;
  return at.unknown_size("channels are rounded up to the blocks of the machine");
}

Inferred reorder_input(const NodeFacts& at) {
  Fact out = channels_are_last(at) ? channels_first(at.in(0)) : without_elements(at.in(0));
  if (out.has_rank() && out.rank() >= 2) (*out.dims)[1] = blocked(at, (*out.dims)[1]);
  return std::vector{std::move(out)};
}

Inferred reorder_output(const NodeFacts& at) {
  Fact out = without_elements(at.in(0));
  const std::int64_t channels = at.attr_int("channels", 0);
  if (out.has_rank() && out.rank() >= 2 && channels > 0) (*out.dims)[1] = Expr(channels);
  return std::vector{channels_are_last(at) ? channels_last(out) : std::move(out)};
}

/// Whole scales, one for each axis.
Inferred blocked_upsample(const NodeFacts& at) {
  Fact out = without_elements(at.in(0));
  const auto scales = at.attr_ints("scales");
  if (!out.has_rank() || !scales) return std::vector{std::move(out)};
  if (scales->size() != out.rank()) {
    return contradiction("scales has " + counted(scales->size(), "number", "numbers") + ", but " +
                         quoted(at, 0) + " has " + counted(out.rank(), "axis", "axes"));
  }
  for (std::size_t i = 0; i < scales->size(); ++i) {
    if ((*scales)[i] < 1) return contradiction("scales holds " + std::to_string((*scales)[i]));
    (*out.dims)[i] = (*out.dims)[i] * Expr((*scales)[i]);
  }
  return std::vector{std::move(out)};
}

/// Input 3 is added to the output, so it lies as that does.
Result<Relayout> fused_conv_channels_last(const LayoutNode& node, FilterLayout filters) {
  return channels_last_call(
      node, filters,
      {.inputs = {
           {Held::channels_last}, {Held::filter}, {Held::as_is}, {Held::channels_last, "sum"}}});
}

Result<Relayout> with_pads_channels_last(const LayoutNode& node, FilterLayout filters) {
  return channels_last_call(
      node, filters,
      {.inputs = {{Held::channels_last}, {Held::filter}, {Held::as_is}, {Held::as_is}}});
}

Result<Relayout> quantized_pool_channels_last(const LayoutNode& node, FilterLayout filters) {
  if (channels_are_last(node.at())) return refuse("its channels are last already");
  constexpr std::size_t kInputs = 5;
  ChannelsLastOperands operands;
  operands.inputs.resize(kInputs);
  operands.inputs[0].held = Held::channels_last;
  return channels_last_call(node, filters, operands);
}

Result<Relayout> fused_conv_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  return conv_layout(node, operand, layout, {.sum = 3});
}

/// How an image is stored whose operator has a flag that says where its channels are.
struct FlaggedImage {
  bool channels_last = false;
  Permutation order;  ///< of its axes as N, C, spatial axes
};

Result<FlaggedImage> flagged_image(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (operand.slot != 0) return refuse("it is read as it is beside an image");
  if (layout.rank() < 3) return refuse("it has no spatial axes");
  if (const Status plain = require_plain(layout); !plain) return plain.error();
  // The stored axes as N, C, spatial axes, whatever the file has.
  const std::size_t rank = layout.rank();
  const bool last = channels_are_last(node.at());
  const Permutation file = last ? pot::channels_last(rank) : Permutation::identity(rank);
  std::vector<std::int64_t> named = file.then(layout.perm).ints();
  const auto channels = std::ranges::find(named, 1);
  const bool is_last = channels + 1 == named.end();
  if (named[0] != 0 || (!is_last && channels != named.begin() + 1)) {
    return refuse("it has its batch first, and its channels behind it or last");
  }
  if (is_last) std::rotate(named.begin() + 1, channels, named.end());
  return FlaggedImage{is_last, *Permutation::of(named)};
}

/// Quantized operators can have their channels last.
Result<Relayout> flagged_layout(const LayoutNode& node, Operand operand, const Layout& layout,
                                std::optional<std::size_t> weight) {
  const auto image = flagged_image(node, operand, layout);
  if (!image) return image.error();
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  DrawnNode drawn = redrawn(node);
  const Permutation& order = image.value().order;
  put_attribute(drawn, "channels_last", std::int64_t{image.value().channels_last});
  if (const Status put = put_windows(drawn, node, order); !put) return put.error();
  if (weight) {
    const auto rank = known_rank(node, {false, *weight});
    if (!rank) return rank.error();
    if (rank.value() != order.rank()) return refuse("its weight has another rank than its input");
    made.value().inputs[*weight] = Layout(order);
  }
  return with_node(std::move(made).value(), std::move(drawn));
}

Result<Relayout> quantized_conv_layout(const LayoutNode& node, Operand operand,
                                       const Layout& layout) {
  return flagged_layout(node, operand, layout, 3);
}

Result<Relayout> quantized_pool_layout(const LayoutNode& node, Operand operand,
                                       const Layout& layout) {
  return flagged_layout(node, operand, layout, std::nullopt);
}

void register_blocked(OpTable& table) {
  table.add("Conv", {.traits = {.accumulation = Accumulation::conv}, .shape = conv}, kBlocked);
  table.add("AveragePool", {.traits = {.accumulation = Accumulation::pool}, .shape = same_name},
            kBlocked);
  table.add("GlobalAveragePool",
            {.traits = {.accumulation = Accumulation::reduce}, .shape = same_name}, kBlocked);
  table.add({"GlobalMaxPool", "MaxPool"}, {.shape = same_name}, kBlocked);
  table.add("ReorderInput", {.shape = reorder_input}, kBlocked);
  table.add("ReorderOutput", {.shape = reorder_output}, kBlocked);
  table.add("Upsample", {.shape = blocked_upsample}, kBlocked);
}

void register_channels_last(OpTable& table) {
  const OpTraits conv_sums{.accumulation = Accumulation::conv};
  const OpTraits pool_sums{.accumulation = Accumulation::pool};
  const OpTraits reduces{.accumulation = Accumulation::reduce};
  const auto add = [&](std::initializer_list<std::string_view> op_types, const OpTraits& traits) {
    table.add(op_types, {.traits = traits, .shape = same_name_channels_last}, kChannelsLast);
  };
  add({"Conv", "QLinearConv"}, conv_sums);
  add({"AveragePool", "LpPool"}, pool_sums);
  add({"GlobalAveragePool", "GlobalLpPool"}, reduces);
  add({"BatchNormalization", "DepthToSpace", "GlobalMaxPool", "MaxPool", "SpaceToDepth"}, {});
  add({"InstanceNormalization", "LRN"}, {.accumulation = Accumulation::norm});
  add({"ConvTranspose"}, {.accumulation = Accumulation::conv_transpose});
  table.add(
      "QLinearConvTranspose",
      {.traits = {.accumulation = Accumulation::conv_transpose}, .shape = quantized_conv_transpose},
      kChannelsLast);
}

}  // namespace

void register_contrib_conv(OpTable& table) {
  const OpTraits conv_sums{.accumulation = Accumulation::conv};
  table.add("FusedConv",
            {.traits = conv_sums,
             .shape = conv,
             .layout = fused_conv_layout,
             .channels_last = fused_conv_channels_last},
            ort_domain);
  table.add("NhwcConv", {.traits = conv_sums, .shape = nhwc_conv}, ort_domain);
  table.add("NhwcFusedConv", {.traits = conv_sums, .shape = nhwc_fused_conv}, ort_domain);
  table.add("QLinearConv",
            {.traits = conv_sums, .shape = quantized_conv, .layout = quantized_conv_layout},
            ort_domain);
  table.add("CausalConvWithState", {.traits = conv_sums, .shape = causal_conv}, ort_domain);
  table.add("ConvTransposeWithDynamicPads",
            {.traits = {.accumulation = Accumulation::conv_transpose},
             .shape = conv_transpose_with_pads,
             .channels_last = with_pads_channels_last},
            ort_domain);
  table.add("NhwcMaxPool", {.shape = nhwc_max_pool}, ort_domain);
  table.add("MaxpoolWithMask", {.shape = masked_max_pool}, ort_domain);
  table.add("QLinearAveragePool",
            {.traits = {.accumulation = Accumulation::pool},
             .shape = quantized_average,
             .layout = quantized_pool_layout,
             .channels_last = quantized_pool_channels_last},
            ort_domain);
  table.add("QLinearGlobalAveragePool",
            {.traits = {.accumulation = Accumulation::reduce},
             .shape = quantized_global_average,
             .layout = quantized_pool_layout,
             .channels_last = quantized_pool_channels_last},
            ort_domain);
  register_blocked(table);
  register_channels_last(table);
}

}  // namespace pot
