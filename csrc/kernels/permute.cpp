#include "kernels/permute.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

namespace pot::kernels {
namespace {

struct Axis {
  std::int64_t size = 1;
  std::int64_t stride = 0;  // bytes in the source
};

/// Axes without those of one element; neighbours that run on into each other are one.
struct Axes {
  std::array<Axis, kMostAxes> list{};
  std::size_t count = 0;

  explicit Axes(const StridedView& view) noexcept {
    for (std::size_t i = 0; i < view.dims.size(); ++i) {
      const Axis axis{view.dims[i], view.strides[i]};
      if (axis.size == 1) continue;
      if (count != 0 && list[count - 1].stride == axis.stride * axis.size) {
        list[count - 1] = {list[count - 1].size * axis.size, axis.stride};
      } else {
        list[count++] = axis;
      }
    }
  }
};

void copy_element(std::byte* to, const std::byte* from, std::size_t size) noexcept {
  switch (size) {
    case 1:
      *to = *from;
      return;
    case 2:
      std::memcpy(to, from, 2);
      return;
    case 4:
      std::memcpy(to, from, 4);
      return;
    case 8:
      std::memcpy(to, from, 8);
      return;
    default:
      std::memcpy(to, from, size);
  }
}

void copy_row(std::byte* to, const std::byte* from, Axis row, std::size_t element) noexcept {
  const auto size = static_cast<std::size_t>(row.size);
  if (row.stride == static_cast<std::int64_t>(element)) {
    std::memcpy(to, from, size * element);
    return;
  }
  for (std::size_t i = 0; i < size; ++i) {
    copy_element(to + i * element, from, element);
    from += row.stride;
  }
}

/// The last two axes, where the source is dense along the first of them: in squares, so that
/// neither side leaves the cache. 32 elements of 4 bytes are two cache lines.
void copy_turned(std::byte* to, const std::byte* from, Axis rows, Axis columns,
                 std::size_t element) noexcept {
  constexpr std::int64_t kSide = 32;
  const auto width = static_cast<std::int64_t>(element);
  for (std::int64_t r = 0; r < rows.size; r += kSide) {
    const std::int64_t last_row = std::min(r + kSide, rows.size);
    for (std::int64_t c = 0; c < columns.size; c += kSide) {
      const std::int64_t last_column = std::min(c + kSide, columns.size);
      for (std::int64_t i = r; i < last_row; ++i) {
        const std::byte* source = from + i * rows.stride + c * columns.stride;
        std::byte* target = to + (i * columns.size + c) * width;
        for (std::int64_t j = c; j < last_column; ++j) {
          copy_element(target, source, element);
          source += columns.stride;
          target += width;
        }
      }
    }
  }
}

}  // namespace

void permute(const StridedView& view, ByteView from, std::span<std::byte> to) noexcept {
  assert(view.dims.size() == view.strides.size() && view.dims.size() <= kMostAxes);
  if (to.empty()) return;
  const Axes axes(view);
  const std::byte* source = from.data() + view.offset;
  const Axis last = axes.count > 0 ? axes.list[axes.count - 1] : Axis{1, 0};
  const Axis before = axes.count > 1 ? axes.list[axes.count - 2] : Axis{1, 0};
  const bool turned = before.stride == static_cast<std::int64_t>(view.element);
  const std::size_t inner = turned ? 2 : 1;
  const std::size_t outer = axes.count > inner ? axes.count - inner : 0;
  const auto step = static_cast<std::size_t>(last.size * (turned ? before.size : 1)) * view.element;
  std::array<std::int64_t, kMostAxes> at{};
  for (std::byte* target = to.data();; target += step) {
    if (turned) {
      copy_turned(target, source, before, last, view.element);
    } else {
      copy_row(target, source, last, view.element);
    }
    std::size_t axis = outer;
    while (axis-- > 0) {
      source += axes.list[axis].stride;
      if (++at[axis] < axes.list[axis].size) break;
      source -= axes.list[axis].stride * axes.list[axis].size;
      at[axis] = 0;
    }
    if (axis == static_cast<std::size_t>(-1)) return;
  }
}

}  // namespace pot::kernels
