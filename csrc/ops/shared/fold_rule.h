#pragma once
// What a node makes of constants, element for element as onnxruntime computes it.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ops/shared/shape_rule.h"

namespace pot {

/// The outputs, unnamed; nothing where it is not known here what a runtime computes.
using Folded = std::optional<std::vector<TensorRef>>;

/// Pre: the fact of every input that is given has its `constant`. Rounds as IEEE arithmetic does,
/// or leaves it to the runtime.
using FoldRule = Folded (*)(const NodeFacts& at);

/// Type and sizes of the outputs by the shape rule of the operator.
struct MadeType {
  DType dtype = DType::undefined;
  std::vector<std::int64_t> dims;
};
[[nodiscard]] std::optional<MadeType> made_type(const NodeFacts& at, std::size_t slot = 0);

/// The same bytes under other dims. Nothing where the counts differ.
[[nodiscard]] Folded with_dims(const TensorRef& tensor, const MadeType& made);

/// Where the elements of a result lie in a tensor, in elements.
struct Placement {
  std::vector<std::int64_t> strides;  ///< one for each dim of the result
  std::int64_t offset = 0;
};
/// A result made of elements of one tensor. Nothing for types without whole bytes, unreadable data
/// and for places outside of the tensor.
[[nodiscard]] Folded placed(const TensorRef& tensor, const MadeType& made,
                            const Placement& placement);

/// Row-major.
[[nodiscard]] std::vector<std::int64_t> strides_of(std::span<const std::int64_t> dims);
/// How a tensor is read where it is broadcast to `to`. Nothing when it is not.
[[nodiscard]] std::optional<Placement> broadcast_placement(std::span<const std::int64_t> dims,
                                                           std::span<const std::int64_t> to);
/// The elements of an input, broadcast to these dims, without a copy where they have them.
[[nodiscard]] std::optional<Bytes> broadcast_bytes(const TensorRef& tensor,
                                                   std::span<const std::int64_t> to);

/// A result over bytes that were just computed.
[[nodiscard]] Folded made_of(const MadeType& made, std::vector<std::byte> bytes);

}  // namespace pot
