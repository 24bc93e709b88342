// Transposed convolutions: each element of the input spreads over a window of the output.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/channels_last_rule.h"
#include "ops/shared/conv_layout.h"
#include "ops/shared/op_table.h"
#include "ops/shared/windows.h"

namespace pot {
namespace {

constexpr std::size_t kX = 0;
constexpr std::size_t kW = 1;
constexpr std::size_t kBias = 2;

using Numbers = std::vector<std::int64_t>;

/// The size of one axis where nothing but the windows decides it.
Result<Expr> spread(const Windows& windows, const Expr& size, std::size_t axis,
                    std::int64_t output_padding) {
  const Expr stride = windows.strides[axis];
  const Expr whole = stride * (size - 1) + Expr(output_padding) + windows.extent(axis);
  if (windows.padding == Windows::Padding::same) {
    // Padding is never negative, so a stride beyond the window leaves no room to fill.
    const auto cut = Expr::less(windows.extent(axis) + Expr(output_padding), stride);
    if (cut == true) return whole;
    return cut == false ? size * stride : min(size * stride, whole);
  }
  const Expr out = whole - Expr(windows.begins[axis]) - Expr(windows.ends[axis]);
  const auto number = out.number();
  if (number && *number <= 0) {
    return contradiction("pads take " +
                         (Expr(windows.begins[axis]) + Expr(windows.ends[axis])).text() +
                         " of spatial size " + whole.text() + ", which leaves nothing");
  }
  return out;
}

Result<Numbers> output_paddings(const NodeFacts& at, std::size_t axes) {
  auto given = at.attr_ints("output_padding");
  if (!given || given->empty()) return Numbers(axes, 0);
  if (given->size() == axes) return *std::move(given);
  return contradiction("output_padding has " + counted(given->size(), "number", "numbers") +
                       ", but there are " + counted(axes, "spatial size", "spatial sizes"));
}

/// The sizes that `output_shape` says, without batch and channels; nothing where it is not given.
Result<std::optional<Numbers>> said_sizes(const NodeFacts& at, std::size_t axes) {
  auto said = at.attr_ints("output_shape");
  if (!said || said->empty()) return std::optional<Numbers>();
  if (said->size() == axes + 2) said->erase(said->begin(), said->begin() + 2);
  if (said->size() != axes) {
    return contradiction("output_shape has " + counted(said->size(), "number", "numbers") +
                         ", but there are " + counted(axes, "spatial size", "spatial sizes"));
  }
  for (const std::int64_t size : *said) {
    if (size < 0) return contradiction("output_shape holds " + std::to_string(size));
  }
  return said;
}

Result<Dims> spatial_sizes(const NodeFacts& at, std::vector<Expr> kernel) {
  const std::size_t axes = kernel.size();
  const auto said = said_sizes(at, axes);
  if (!said) return said.error();
  if (said.value()) return Dims(said.value()->begin(), said.value()->end());
  const auto more = output_paddings(at, axes);
  if (!more) return more.error();
  const auto windows = read_windows(at, std::move(kernel));
  if (!windows) return windows.error();
  Dims out;
  for (std::size_t i = 0; i < axes; ++i) {
    auto size = spread(windows.value(), size_of(at, kX, i + 2), i, more.value()[i]);
    if (!size) return size.error();
    out.push_back(std::move(size).value());
  }
  return out;
}

/// The weight is (channels in, channels out / group, kernel...).
Result<Expr> channels_out(const NodeFacts& at) {
  const std::int64_t group = at.attr_int("group", 1);
  if (group < 1) return contradiction("group is " + std::to_string(group) + ", but at least 1");
  const Fact& x = at.in(kX);
  const Fact& w = at.in(kW);
  if (!w.has_rank()) {
    const bool by_bias = at.in(kBias).has_rank() && at.in(kBias).rank() == 1;
    return size_of(at, by_bias ? kBias : kW, 0);
  }
  if (x.has_rank() && !agreed((*x.dims)[1], (*w.dims)[0])) {
    return contradiction(quoted(at, kX) + " has " + (*x.dims)[1].text() + " channels, but " +
                         quoted(at, kW) + " takes " + (*w.dims)[0].text());
  }
  const auto takes = (*w.dims)[0].number();
  if (takes && *takes % group != 0) {
    return contradiction(quoted(at, kW) + " takes " + std::to_string(*takes) +
                         " channels, which do not divide into " + std::to_string(group) +
                         " groups");
  }
  Expr makes = (*w.dims)[1] * Expr(group);
  const auto fits =
      require_size(at, kBias, 0, makes, quoted(at, kW) + " makes " + makes.text() + " channels");
  if (!fits) return fits.error();
  return makes;
}

/// Sizes of the kernel, as many as there are spatial axes; nothing where no rank is known.
Result<std::optional<std::vector<Expr>>> known_kernel(const NodeFacts& at) {
  auto said = read_kernel(at);
  if (!said) return said.error();
  const Fact& x = at.in(kX);
  const Fact& w = at.in(kW);
  if (x.has_rank() && w.has_rank() && x.rank() != w.rank()) {
    return contradiction(quoted(at, kX) + " has " + counted(x.rank(), "axis", "axes") + ", but " +
                         quoted(at, kW) + " has " + std::to_string(w.rank()));
  }
  for (const std::size_t slot : {kX, kW}) {
    const Fact& fact = at.in(slot);
    if (!fact.has_rank()) continue;
    if (fact.rank() < 3) return require_rank(at, slot, 3).error();
    if (said.value() && said.value()->size() + 2 != fact.rank()) {
      return contradiction("kernel_shape has " +
                           counted(said.value()->size(), "number", "numbers") + ", but there are " +
                           counted(fact.rank() - 2, "spatial size", "spatial sizes"));
    }
  }
  if (!said.value() && !x.has_rank() && !w.has_rank()) return std::optional<std::vector<Expr>>();
  const std::size_t axes = x.has_rank()   ? x.rank() - 2
                           : w.has_rank() ? w.rank() - 2
                                          : said.value()->size();
  auto kernel = kernel_of(at, kW, said.value(), axes);
  if (!kernel) return kernel.error();
  return std::optional(std::move(kernel).value());
}

Inferred conv_transpose(const NodeFacts& at) {
  auto kernel = known_kernel(at);
  if (!kernel) return kernel.error();
  if (!kernel.value()) return std::vector{tensor_fact(at.in(kX).dtype)};
  auto channels = channels_out(at);
  if (!channels) return channels.error();
  const auto spatial = spatial_sizes(at, *std::move(kernel).value());
  if (!spatial) return spatial.error();
  Dims out{size_of(at, kX, 0), std::move(channels).value()};
  out.insert(out.end(), spatial.value().begin(), spatial.value().end());
  return std::vector{tensor_fact(at.in(kX).dtype, std::move(out))};
}

Result<Relayout> conv_transpose_channels_last(const LayoutNode& node, FilterLayout filters) {
  return channels_last_call(node, filters,
                            {.inputs = {{Held::channels_last}, {Held::filter}, {Held::as_is}}});
}

Result<Relayout> conv_transpose_layout(const LayoutNode& node, Operand operand,
                                       const Layout& layout) {
  return conv_layout(node, operand, layout, {.transposed = true});
}

}  // namespace

void register_conv_transpose(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::conv_transpose};
  table.add("ConvTranspose", {.traits = sums,
                              .shape = conv_transpose,
                              .layout = conv_transpose_layout,
                              .channels_last = conv_transpose_channels_last});
}

}  // namespace pot
