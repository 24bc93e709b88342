#pragma once
// Hashes of constants and attributes: equal content gives equal hashes, whatever it is called.

#include <cstdint>
#include <initializer_list>

#include "ir/model.h"

namespace pot {

struct ConstantKey {
  std::uint64_t content = 0;  ///< dtype, dims and elements; never 0 for a constant
  std::uint64_t shape = 0;    ///< dtype and dims
  std::uint64_t elements = 0;
};

/// What tells one large tensor (over 64 KiB) from another.
enum class LargeBy {
  samples,  ///< elements at both ends and 14 places between, so that most of it stays unread
  place,    ///< file and offset, where it lies in a file: nothing of it is read
};

/// A tensor that cannot be read is hashed by its name.
[[nodiscard]] ConstantKey constant_key(const Tensor& tensor, LargeBy large = LargeBy::samples);

/// The constant that a Constant node makes. Pre: `node` is one.
[[nodiscard]] ConstantKey constant_key(const Node& node);

/// Elements of a constant (an initializer, or what a Constant node makes) by what they are and how
/// often they occur: equal for every permutation and reshape.
[[nodiscard]] std::uint64_t multiset_key(const Graph& graph, ValueId constant);

/// The tensor behind an initializer or a Constant node's output; null when there is none.
[[nodiscard]] TensorRef constant_tensor(const Graph& graph, ValueId constant);

/// Whether no element of many that are looked at is equal; false for small or unreadable tensors.
[[nodiscard]] bool nothing_in_common(const TensorRef& ours, const TensorRef& theirs);

/// All attributes by name and value, bodies by structure (names inside do not matter).
[[nodiscard]] std::uint64_t attributes_key(const Graph& graph, const Node& node);

/// Structure of a function's body.
[[nodiscard]] std::uint64_t body_key(const Graph& body);

[[nodiscard]] std::uint64_t text_key(std::string_view text) noexcept;

/// Order matters.
[[nodiscard]] std::uint64_t mix(std::initializer_list<std::uint64_t> parts) noexcept;

}  // namespace pot
