#pragma once
// Typed indices. An id is only meaningful together with the graph that gave it out.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>

namespace pot {

template <class Tag>
struct Id {
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  std::uint32_t index = kNone;

  /// False for the id of nothing: an omitted input, a value without a producer.
  [[nodiscard]] explicit constexpr operator bool() const noexcept { return index != kNone; }
  friend constexpr auto operator<=>(Id, Id) noexcept = default;
};

/// A node of one graph. Never given out twice, so a stale one is noticed.
using NodeId = Id<struct NodeTag>;
/// A named value of one graph (of that graph's own table, outer values included).
using ValueId = Id<struct ValueTag>;

}  // namespace pot

template <class Tag>
struct std::hash<pot::Id<Tag>> {
  std::size_t operator()(pot::Id<Tag> id) const noexcept { return id.index; }
};
