// Pooling. The maximum of a window is exact; averages and lengths are rounded.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/channels_last_rule.h"
#include "ops/shared/op_table.h"
#include "ops/shared/pool_layout.h"
#include "ops/shared/windows.h"

namespace pot {
namespace {

using Kernel = std::optional<std::vector<Expr>>;

/// Pre: kernel or input 0 says how many spatial axes there are.
Status check_axes(const NodeFacts& at, const Kernel& kernel) {
  const Fact& x = at.in(0);
  if (!x.has_rank()) return ok_status();
  if (x.rank() < 3) return require_rank(at, 0, 3).error();
  if (!kernel || kernel->size() + 2 == x.rank()) return ok_status();
  return contradiction("kernel_shape has " + counted(kernel->size(), "number", "numbers") +
                       ", but there are " + counted(x.rank() - 2, "spatial size", "spatial sizes"));
}

/// Shape of the output; nothing where no rank is known.
Result<std::optional<Dims>> pooled_dims(const NodeFacts& at) {
  const auto kernel = read_kernel(at);
  if (!kernel) return kernel.error();
  const auto checked = check_axes(at, kernel.value());
  if (!checked) return checked.error();
  const Fact& x = at.in(0);
  if (!kernel.value()) {
    if (!x.has_rank()) return std::optional<Dims>();
    return std::optional(at.unknown_dims(x.rank(), "kernel_shape is missing"));
  }
  const auto windows = read_windows(at, *kernel.value());
  if (!windows) return windows.error();
  Dims sizes;
  for (std::size_t i = 0; i < kernel.value()->size(); ++i) sizes.push_back(size_of(at, 0, i + 2));
  auto counts = count_pooled(windows.value(), sizes, at.attr_int("ceil_mode", 0) != 0);
  if (!counts) return counts.error();
  Dims out{size_of(at, 0, 0), size_of(at, 0, 1)};
  out.insert(out.end(), counts.value().begin(), counts.value().end());
  return std::optional(std::move(out));
}

Inferred pool(const NodeFacts& at) {
  auto dims = pooled_dims(at);
  if (!dims) return dims.error();
  return std::vector{tensor_of(at.in(0).dtype, std::move(dims).value())};
}

/// The second output says where in the input each maximum is.
Inferred max_pool(const NodeFacts& at) {
  auto out = pool(at);
  if (!out) return out;
  Fact indices = shaped_like(out.value()[0], DType::int64);
  return std::vector{std::move(out).value()[0], std::move(indices)};
}

Inferred global_pool(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (!x.has_rank()) return std::vector{tensor_fact(x.dtype)};
  if (x.rank() < 2) return require_rank(at, 0, 3).error();
  Dims out(x.rank(), Expr(1));
  out[0] = (*x.dims)[0];
  out[1] = (*x.dims)[1];
  return std::vector{tensor_fact(x.dtype, std::move(out))};
}

/// The size that a pool with these windows would have reduced.
Result<std::optional<Dims>> unpooled_dims(const NodeFacts& at) {
  const auto kernel = read_kernel(at);
  if (!kernel) return kernel.error();
  const auto checked = check_axes(at, kernel.value());
  if (!checked) return checked.error();
  if (!kernel.value()) return std::optional<Dims>();
  const auto windows = read_windows(at, *kernel.value());
  if (!windows) return windows.error();
  Dims out{size_of(at, 0, 0), size_of(at, 0, 1)};
  for (std::size_t i = 0; i < kernel.value()->size(); ++i) {
    const Windows& each = windows.value();
    const Expr whole = Expr(each.strides[i]) * (size_of(at, 0, i + 2) - 1) + each.kernel[i];
    const Expr pads = Expr(each.begins[i]) + Expr(each.ends[i]);
    out.push_back(whole - pads);
    const auto number = out.back().number();
    if (number && *number <= 0) {
      return contradiction("pads take " + pads.text() + " of spatial size " + whole.text() +
                           ", which leaves nothing");
    }
  }
  return std::optional(std::move(out));
}

Inferred max_unpool(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (const Elements said = at.has(2) ? elements_of(at.in(2)) : nullptr) {
    if (x.has_rank() && said->size() != x.rank()) {
      return contradiction(quoted(at, 2) + " has " + counted(said->size(), "size", "sizes") +
                           ", but " + quoted(at, 0) + " has " + counted(x.rank(), "axis", "axes"));
    }
    auto sizes = sizes_from(*said, quoted(at, 2));
    if (!sizes) return sizes.error();
    return std::vector{tensor_fact(x.dtype, std::move(sizes).value())};
  }
  if (at.has(2)) {
    if (!x.has_rank()) return std::vector{tensor_fact(x.dtype)};
    return std::vector{tensor_fact(
        x.dtype, at.unknown_dims(x.rank(), "output_shape " + quoted(at, 2) + " is computed"))};
  }
  auto dims = unpooled_dims(at);
  if (!dims) return dims.error();
  return std::vector{tensor_of(x.dtype, std::move(dims).value())};
}

/// Indices count in the input as the operator has it, whatever the layout they are stored in.
Result<Relayout> max_pool_channels_last(const LayoutNode& node, FilterLayout filters) {
  return channels_last_call(node, filters,
                            {.inputs = {{Held::channels_last}},
                             .outputs = {{Held::channels_last}, {Held::channels_last, "indices"}}});
}

Result<Relayout> max_unpool_channels_last(const LayoutNode& node, FilterLayout filters) {
  return channels_last_call(
      node, filters,
      {.inputs = {{Held::channels_last}, {Held::channels_last}, {Held::as_is, "output_shape"}}});
}

Result<Relayout> global_average_layout(const LayoutNode& node, Operand operand,
                                       const Layout& layout) {
  return global_pool_layout(node, operand, layout, "ReduceMean");
}

Result<Relayout> global_max_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  return global_pool_layout(node, operand, layout, "ReduceMax");
}

Result<Relayout> global_length_layout(const LayoutNode& node, Operand operand,
                                      const Layout& layout) {
  const std::int64_t p = node.at().attr_int("p", 2);
  return global_pool_layout(node, operand, layout, p == 1 ? "ReduceL1" : p == 2 ? "ReduceL2" : "");
}

}  // namespace

void register_pool(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::pool};
  table.add(
      {"AveragePool", "LpPool"},
      {.traits = sums, .shape = pool, .layout = pool_layout, .channels_last = one_channels_last});
  table.add("MaxPool",
            {.shape = max_pool, .layout = pool_layout, .channels_last = max_pool_channels_last});
  table.add("MaxUnpool", {.shape = max_unpool, .channels_last = max_unpool_channels_last});

  const OpTraits reduces{.accumulation = Accumulation::reduce};
  const auto add_global = [&](std::string_view op_type, const OpTraits& traits, LayoutRule layout) {
    table.add(op_type, {.traits = traits,
                        .shape = global_pool,
                        .layout = layout,
                        .channels_last = one_channels_last});
  };
  add_global("GlobalAveragePool", reduces, global_average_layout);
  add_global("GlobalLpPool", reduces, global_length_layout);
  add_global("GlobalMaxPool", {}, global_max_layout);
}

}  // namespace pot
