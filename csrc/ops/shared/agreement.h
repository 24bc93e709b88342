#pragma once
// Sizes that have to be the same: which of two says more, and what to say when they differ.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ops/shared/shape_rule.h"

namespace pot {

/// The one that says more: a number before a name before a fresh size. Nothing when they provably
/// differ.
[[nodiscard]] std::optional<Expr> agreed(const Expr& a, const Expr& b);

/// "'w'": the value in this slot, as messages name it.
[[nodiscard]] std::string quoted(const NodeFacts& at, std::size_t slot);
/// "1 axis", "3 axes".
[[nodiscard]] std::string counted(std::size_t count, const std::string& one,
                                  const std::string& many);

/// The size of one axis of an input; a fresh one when its rank is not known.
/// Pre: axis < rank where the rank is known.
[[nodiscard]] Expr size_of(const NodeFacts& at, std::size_t slot, std::size_t axis);

/// Error: the rank is known and is not this one. `what` says who asks: "Conv".
[[nodiscard]] Status require_rank(const NodeFacts& at, std::size_t slot, std::size_t rank);
/// Error: the input is known to have another size there than `size`, which is `owner`'s: "'x' has
/// 64 channels".
[[nodiscard]] Status require_size(const NodeFacts& at, std::size_t slot, std::size_t axis,
                                  const Expr& size, const std::string& owner);

/// Elements that are sizes, as an input or attribute of this name gives them. Error: one of them is
/// negative.
[[nodiscard]] Result<Dims> sizes_from(std::span<const Expr> elements, const std::string& name);

/// The dtype that an integer attribute names; `otherwise` when it is not there or 0.
[[nodiscard]] DType dtype_attribute(const NodeFacts& at, std::string_view name, DType otherwise);

/// A tensor of these dims, or of unknown rank.
[[nodiscard]] Fact tensor_of(DType dtype, std::optional<Dims> dims);
/// An input whose elements change, but neither shape nor type.
[[nodiscard]] Fact shaped_like(const Fact& fact);
/// Its shape with another type.
[[nodiscard]] Fact shaped_like(const Fact& fact, DType dtype);

}  // namespace pot
