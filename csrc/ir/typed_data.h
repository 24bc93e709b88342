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

/// The same elements in a typed field where `like` has its own there (float_data, double_data,
/// int64_data), so that a tensor whose elements are moved about stays as it is written.
/// Pre: `tensor` has its elements as raw bytes.
[[nodiscard]] TensorRef typed_like(TensorRef tensor, const Tensor& like);

}  // namespace pot
