#pragma once
// Arithmetic of inner orders: indices along one axis in another order.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ir/layout.h"

namespace pot {

/// Pre: 0 .. n-1 in some order.
[[nodiscard]] Permutation order_of(std::span<const std::size_t> indices);

/// An inner order in the one form that equal orders share: neighbours that stay neighbours are one
/// factor. Nothing when it moves nothing. Pre: as many sizes as the order has axes, each above 1.
[[nodiscard]] std::optional<InnerOrder> inner_order(std::size_t axis,
                                                    std::span<const std::int64_t> sizes,
                                                    const Permutation& order);

/// The fewest factors of which both lists are made by joining neighbours. Nothing where there are
/// none. Pre: all sizes are above 0.
[[nodiscard]] std::optional<std::vector<std::int64_t>> refined(std::span<const std::int64_t> a,
                                                               std::span<const std::int64_t> b);

/// The factors of `order`, cut into `sizes`, in stored order: indices into `sizes`.
/// Pre: `sizes` refines them.
[[nodiscard]] std::vector<std::size_t> stored_factors(const InnerOrder& order,
                                                      std::span<const std::int64_t> sizes);

/// The inner orders of the two axes that an axis is split into. Empty where one keeps its order.
struct InnerHalves {
  std::optional<InnerOrder> outer;
  std::optional<InnerOrder> inner;
};
/// Of an axis that is `outer` x the rest. Nothing when the order mixes the two.
/// Pre: outer is above 0.
[[nodiscard]] std::optional<InnerHalves> halves(const InnerOrder& order, std::int64_t outer);

/// The inner order of an axis that is `outer` x `inner`: the other way round. Nothing where both
/// keep their order. Pre: both sizes are above 0.
[[nodiscard]] std::optional<InnerOrder> joined(std::size_t axis, const InnerHalves& parts,
                                               std::int64_t outer, std::int64_t inner);

/// Gives an axis of the layout this inner order, or none.
void put_inner(Layout& layout, std::size_t axis, const std::optional<InnerOrder>& order);

}  // namespace pot
