#include "ops/shared/windows.h"

#include <string>
#include <utility>

#include "ops/shared/agreement.h"

namespace pot {
namespace {

using Numbers = std::vector<std::int64_t>;

/// A list with one number for each axis, `otherwise` where it is not given or empty.
Result<Numbers> per_axis(const NodeFacts& at, std::string_view name, std::size_t axes,
                         std::int64_t otherwise) {
  auto numbers = at.attr_ints(name);
  if (!numbers || numbers->empty()) return Numbers(axes, otherwise);
  if (numbers->size() == axes) return *std::move(numbers);
  return contradiction(std::string(name) + " has " + counted(numbers->size(), "number", "numbers") +
                       ", but there are " + counted(axes, "spatial size", "spatial sizes"));
}

Result<Numbers> positive_per_axis(const NodeFacts& at, std::string_view name, std::size_t axes) {
  auto numbers = per_axis(at, name, axes, 1);
  if (!numbers) return numbers;
  for (const std::int64_t number : numbers.value()) {
    if (number >= 1) continue;
    return contradiction(std::string(name) + " holds " + std::to_string(number) +
                         ", but has to be at least 1");
  }
  return numbers;
}

Result<Windows::Padding> read_padding(const NodeFacts& at) {
  const std::string mode = at.attr_string("auto_pad", "NOTSET");
  if (mode.empty() || mode == "NOTSET") return Windows::Padding::given;
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") return Windows::Padding::same;
  if (mode == "VALID") return Windows::Padding::none;
  return contradiction("auto_pad is '" + mode +
                       "', but can be NOTSET, SAME_UPPER, SAME_LOWER or VALID");
}

Error too_large(const Expr& extent, const Expr& padded) {
  return contradiction("kernel " + extent.text() + " is larger than the padded input " +
                       padded.text());
}

Expr padded_size(const Windows& windows, const Expr& size, std::size_t axis) {
  return size + Expr(windows.begins[axis]) + Expr(windows.ends[axis]);
}

/// Windows of a pool on one axis. Pre: padding is not `same`.
Result<Expr> pooled(const Windows& windows, const Expr& size, std::size_t axis, bool ceil_mode) {
  const Expr stride = windows.strides[axis];
  const Expr extent = windows.extent(axis);
  const Expr padded = padded_size(windows, size, axis);
  const Expr room = padded - extent;
  Expr count = floor_div(room, stride) + 1;
  if (room.is_number()) count = trunc_div(room, stride) + 1;
  if (ceil_mode) {
    count = ceil_div(room, stride) + 1;
    // Window i starts at i * stride, which has to be before the padding at the end. Where that
    // padding and the stride are small, no window can start there.
    const Expr behind = Expr(windows.ends[axis]) - extent + stride;
    const auto most = behind.at_most();
    if (!most || *most > 0) {
      count = min(count, ceil_div(size + Expr(windows.begins[axis]), stride));
    }
  }
  const auto number = count.number();
  if (number && *number <= 0) return too_large(extent, padded);
  return count;
}

}  // namespace

Expr Windows::extent(std::size_t axis) const {
  return (kernel[axis] - 1) * Expr(dilations[axis]) + 1;
}

Result<std::optional<std::vector<Expr>>> read_kernel(const NodeFacts& at) {
  using Kernel = std::optional<std::vector<Expr>>;
  const auto numbers = at.attr_ints("kernel_shape");
  if (!numbers || numbers->empty()) return Kernel();
  for (const std::int64_t number : *numbers) {
    if (number >= 1) continue;
    return contradiction("kernel_shape holds " + std::to_string(number) +
                         ", but has to be at least 1");
  }
  return Kernel(std::in_place, numbers->begin(), numbers->end());
}

Result<std::vector<Expr>> kernel_of(const NodeFacts& at, std::size_t w_slot,
                                    const std::optional<std::vector<Expr>>& said,
                                    std::size_t axes) {
  std::vector<Expr> kernel;
  for (std::size_t i = 0; i < axes; ++i) {
    if (!at.in(w_slot).has_rank()) {
      kernel.push_back(said ? (*said)[i] : size_of(at, w_slot, i));
      continue;
    }
    const Expr& size = (*at.in(w_slot).dims)[i + 2];
    const auto both = said ? agreed(size, (*said)[i]) : size;
    if (!both) {
      return contradiction("kernel_shape says " + (*said)[i].text() + ", but " +
                           quoted(at, w_slot) + " is " + size.text() + " long on axis " +
                           std::to_string(i + 2));
    }
    kernel.push_back(*both);
  }
  return kernel;
}

Result<Windows> read_windows(const NodeFacts& at, std::vector<Expr> kernel) {
  const std::size_t axes = kernel.size();
  auto padding = read_padding(at);
  if (!padding) return padding.error();
  auto strides = positive_per_axis(at, "strides", axes);
  if (!strides) return strides.error();
  auto dilations = positive_per_axis(at, "dilations", axes);
  if (!dilations) return dilations.error();
  Numbers pads(2 * axes, 0);
  if (padding.value() == Windows::Padding::given) {
    auto given = at.attr_ints("pads");
    if (given && !given->empty()) pads = *std::move(given);
  }
  if (pads.size() != 2 * axes) {
    return contradiction("pads has " + counted(pads.size(), "number", "numbers") +
                         ", but there are " + counted(axes, "spatial size", "spatial sizes") +
                         ", each with a begin and an end");
  }
  const auto half = pads.begin() + static_cast<std::ptrdiff_t>(axes);
  return Windows{padding.value(),
                 std::move(kernel),
                 std::move(strides).value(),
                 std::move(dilations).value(),
                 {pads.begin(), half},
                 {half, pads.end()}};
}

Result<Dims> count_windows(const Windows& windows, std::span<const Expr> sizes) {
  Dims out;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    const Expr stride = windows.strides[axis];
    if (windows.padding == Windows::Padding::same) {
      out.push_back(ceil_div(sizes[axis], stride));
      continue;
    }
    const Expr extent = windows.extent(axis);
    const Expr padded = padded_size(windows, sizes[axis], axis);
    if (Expr::less(padded, extent) == true) return too_large(extent, padded);
    out.push_back(floor_div(padded - extent, stride) + 1);
  }
  return out;
}

Result<Dims> count_pooled(const Windows& windows, std::span<const Expr> sizes, bool ceil_mode) {
  Dims out;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (windows.padding == Windows::Padding::same) {
      out.push_back(ceil_div(sizes[axis], Expr(windows.strides[axis])));
      continue;
    }
    auto count = pooled(windows, sizes[axis], axis, ceil_mode);
    if (!count) return count.error();
    out.push_back(std::move(count).value());
  }
  return out;
}

}  // namespace pot
