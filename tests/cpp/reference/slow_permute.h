#pragma once
// The slow, obvious twin of kernels::permute: one element after the other, each place computed.

#include <cstring>
#include <vector>

#include "kernels/permute.h"

namespace pot::reference {

inline std::vector<std::byte> slow_permute(const kernels::StridedView& view, ByteView from) {
  std::size_t count = 1;
  for (const std::int64_t dim : view.dims) count *= static_cast<std::size_t>(dim);
  std::vector<std::byte> out(count * view.element);
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t place = view.offset;
    std::size_t rest = i;
    for (std::size_t axis = view.dims.size(); axis-- > 0;) {
      const auto size = static_cast<std::size_t>(view.dims[axis]);
      place += static_cast<std::int64_t>(rest % size) * view.strides[axis];
      rest /= size;
    }
    std::memcpy(out.data() + i * view.element, from.data() + place, view.element);
  }
  return out;
}

}  // namespace pot::reference
