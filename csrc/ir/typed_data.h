#pragma once
// Elements that are stored in float_data, int32_data, ... instead of raw_data.

#include <optional>

#include "ir/tensor.h"

namespace pot {

/// The elements where one packed field already holds them as raw_data would; nothing otherwise.
[[nodiscard]] std::optional<Bytes> stored_typed(const Tensor& tensor);

/// The elements as raw_data would hold them: `stored_typed` or a new buffer.
/// Error: not as many as the shape says. Its text names neither tensor nor file.
[[nodiscard]] Result<Bytes> decode_typed(const Tensor& tensor);

}  // namespace pot
