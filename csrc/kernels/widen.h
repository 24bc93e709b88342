#pragma once
// Small floats and small integers as float.

#include <span>

#include "base/bytes.h"
#include "kernels/element.h"

namespace pot::kernels {

/// Whether float holds every value of the element, so that `widen` takes it.
[[nodiscard]] bool widens(Element element) noexcept;

/// Pre: widens(element), and `bytes` hold out.size() elements. Exact; NaN stays NaN.
void widen(Element element, Packing packing, ByteView bytes, std::span<float> out) noexcept;

}  // namespace pot::kernels
