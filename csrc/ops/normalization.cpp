// Normalizations over a group of elements.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/channels_last_rule.h"
#include "ops/shared/norm_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Inputs from `first` on have one element for each channel.
Status check_channels(const NodeFacts& at, std::size_t first) {
  const Fact& x = at.in(0);
  if (!x.has_rank() || x.rank() < 2) return ok_status();
  const Expr& channels = (*x.dims)[1];
  for (std::size_t slot = first; slot < at.input_count(); ++slot) {
    const auto fits = require_size(at, slot, 0, channels,
                                   quoted(at, 0) + " has " + channels.text() + " channels");
    if (!fits) return fits;
  }
  return ok_status();
}

/// What it learns in training has the shape of the mean.
Inferred batch_normalization(const NodeFacts& at) {
  const bool spatial = at.opset() >= 9 || at.attr_int("spatial", 1) != 0;
  if (spatial) {
    const auto fits = check_channels(at, 1);
    if (!fits) return fits.error();
  }
  std::vector<Fact> out(at.output_count());
  for (std::size_t i = 1; i < out.size(); ++i) {
    const std::size_t slot = i % 2 == 1 ? 3 : 4;
    out[i] = at.opset() < 14 ? shaped_like(at.in(slot), at.in(0).dtype) : shaped_like(at.in(slot));
  }
  if (!out.empty()) out[0] = shaped_like(at.in(0));
  return out;
}

Inferred instance_normalization(const NodeFacts& at) {
  const auto fits = check_channels(at, 1);
  if (!fits) return fits.error();
  return std::vector{shaped_like(at.in(0))};
}

Inferred group_normalization(const NodeFacts& at) {
  const Fact& x = at.in(0);
  const std::int64_t groups = at.attr_int("num_groups", 1);
  if (groups < 1) return contradiction("num_groups is " + std::to_string(groups));
  if (x.has_rank() && x.rank() >= 2) {
    const auto channels = (*x.dims)[1].number();
    if (channels && *channels % groups != 0) {
      return contradiction(quoted(at, 0) + " has " + std::to_string(*channels) +
                           " channels, which do not divide into " + std::to_string(groups) +
                           " groups");
    }
  }
  // Before opset 21 scale and bias have one element for each group.
  if (at.opset() >= 21) {
    const auto fits = check_channels(at, 1);
    if (!fits) return fits.error();
  }
  return std::vector{shaped_like(x)};
}

/// Scale and bias broadcast to the input, aligned at its end, and do not make it larger.
Status check_broadcast(const NodeFacts& at, std::size_t slot) {
  const Fact& x = at.in(0);
  const Fact& factor = at.in(slot);
  if (!x.has_rank() || !factor.has_rank()) return ok_status();
  if (factor.rank() > x.rank()) {
    return contradiction(quoted(at, slot) + " has " + counted(factor.rank(), "axis", "axes") +
                         ", but " + quoted(at, 0) + " has " + std::to_string(x.rank()));
  }
  const std::size_t before = x.rank() - factor.rank();
  for (std::size_t axis = 0; axis < factor.rank(); ++axis) {
    if ((*factor.dims)[axis].is(1)) continue;
    const Expr& size = (*x.dims)[before + axis];
    const auto fits =
        require_size(at, slot, axis, size, quoted(at, 0) + " is " + size.text() + " long there");
    if (!fits) return fits;
  }
  return ok_status();
}

/// The statistics: one for each position before `axis`.
Result<Fact> statistics(const NodeFacts& at) {
  const Fact& x = at.in(0);
  const DType dtype = dtype_attribute(at, "stash_type", DType::float32);
  if (!x.has_rank()) return tensor_fact(dtype);
  const std::int64_t said = at.attr_int("axis", -1);
  const auto axis = normalized_axis(said, x.rank());
  if (!axis) {
    return contradiction("axis is " + std::to_string(said) + ", but " + quoted(at, 0) + " has " +
                         counted(x.rank(), "axis", "axes"));
  }
  Dims dims(x.rank(), Expr(1));
  for (std::size_t i = 0; i < *axis; ++i) dims[i] = (*x.dims)[i];
  return tensor_fact(dtype, std::move(dims));
}

Inferred layer_normalization(const NodeFacts& at) {
  for (const std::size_t slot : {std::size_t{1}, std::size_t{2}}) {
    const auto fits = check_broadcast(at, slot);
    if (!fits) return fits.error();
  }
  const auto each = statistics(at);
  if (!each) return each.error();
  return std::vector{shaped_like(at.in(0)), each.value(), each.value()};
}

/// The scale decides the type of the output.
Inferred rms_normalization(const NodeFacts& at) {
  const auto fits = check_broadcast(at, 1);
  if (!fits) return fits.error();
  const auto checked = statistics(at);
  if (!checked) return checked.error();
  const DType scale = at.in(1).dtype;
  return std::vector{shaped_like(at.in(0), scale == DType::undefined ? at.in(0).dtype : scale)};
}

Inferred unchanged(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

Result<Relayout> batch_normalization_channels_last(const LayoutNode& node, FilterLayout filters) {
  constexpr std::int64_t kAlwaysSpatial = 9;
  if (node.at().opset() < kAlwaysSpatial && node.at().attr_int("spatial", 1) == 0) {
    return refuse("spatial=0: each place has a mean of its own");
  }
  return one_channels_last(node, filters);
}

/// Where the standard had no GroupNormalization, a Reshape makes channels of groups: they are
/// spread over all maps, and no map is stored like that.
Result<Relayout> instance_normalization_channels_last(const LayoutNode& node,
                                                      FilterLayout filters) {
  const Graph& graph = node.at().graph();
  const NodeId maker =
      node.at().has(0) ? graph.value(node.at().node().inputs[0]).producer : NodeId{};
  if (maker && graph.node(maker).is("Reshape")) return refuse("a Reshape makes its channels");
  return one_channels_last(node, filters);
}

}  // namespace

void register_normalization(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::norm};
  // At inference its mean and variance are inputs, so it sums nothing.
  table.add("BatchNormalization", {.shape = batch_normalization,
                                   .layout = batch_norm_layout,
                                   .channels_last = batch_normalization_channels_last});
  table.add("InstanceNormalization", {.traits = sums,
                                      .shape = instance_normalization,
                                      .layout = instance_norm_layout,
                                      .channels_last = instance_normalization_channels_last});
  table.add("GroupNormalization", {.traits = sums,
                                   .shape = group_normalization,
                                   .layout = group_norm_layout,
                                   .channels_last = one_channels_last});
  table.add("LayerNormalization",
            {.traits = sums, .shape = layer_normalization, .layout = layer_norm_layout});
  table.add("RMSNormalization",
            {.traits = sums, .shape = rms_normalization, .layout = layer_norm_layout});
  // LRN sums the squares of `size` channels.
  table.add("LRN", {.traits = sums,
                    .shape = unchanged,
                    .layout = response_norm_layout,
                    .channels_last = one_channels_last});
  // onnxruntime's, in the default domain since before the standard had them.
  table.add("SimplifiedLayerNormalization",
            {.traits = sums, .shape = layer_normalization, .layout = layer_norm_layout});
}

}  // namespace pot
