#pragma once
// How the elements of a value are stored: its axes in some order, and, rarely, the indices along
// one axis in another order too.

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/expr.h"
#include "ir/permutation.h"

namespace pot {

/// Indices along one axis in another order: the axis is cut into factors (row-major, as Reshape
/// would), and the factors are stored in this order and joined again. What Flatten makes of axes
/// that a Transpose has moved, and what a channel shuffle does.
struct InnerOrder {
  std::size_t axis = 0;             ///< of the value
  std::vector<std::int64_t> sizes;  ///< of the factors, in the value's order; each above 1
  Permutation order;                ///< never the identity

  friend bool operator==(const InnerOrder&, const InnerOrder&) = default;
  friend auto operator<=>(const InnerOrder&, const InnerOrder&) = default;
};

/// What is stored is Transpose(value, perm), each axis of `inner` reordered within itself.
struct Layout {
  Permutation perm;
  std::vector<InnerOrder> inner;  ///< by axis, each at most once; empty nearly always

  Layout() = default;
  Layout(Permutation axes) : perm(std::move(axes)) {}
  [[nodiscard]] static Layout identity(std::size_t rank) { return {Permutation::identity(rank)}; }

  [[nodiscard]] std::size_t rank() const noexcept { return perm.rank(); }
  /// Nothing but an order of axes.
  [[nodiscard]] bool plain() const noexcept { return inner.empty(); }
  [[nodiscard]] bool is_identity() const noexcept { return plain() && perm.is_identity(); }
  /// The inner order of an axis, or null.
  [[nodiscard]] const InnerOrder* inner_of(std::size_t axis) const noexcept;

  /// "0,2,3,1", with inner orders "0,1 (1: 3x2 as 1,0)".
  [[nodiscard]] std::string text() const;

  friend bool operator==(const Layout&, const Layout&) = default;
  friend auto operator<=>(const Layout&, const Layout&) = default;
};

/// y = Transpose(x, perm). What is stored as `layout` of y is stored as this layout of x.
[[nodiscard]] Layout before_transpose(const Permutation& perm, const Layout& layout);
/// The other way round: what is stored as `layout` of x is stored as this layout of y.
[[nodiscard]] Layout after_transpose(const Permutation& perm, const Layout& layout);

/// Sizes of what is stored. Pre: one for each axis of the value.
[[nodiscard]] std::vector<Expr> stored_dims(const Layout& layout, std::span<const Expr> dims);

/// Both store the elements of a value with these sizes in the same order, so that one is a Reshape
/// of the other: only axes of size 1 differ in place. Pre: ranks agree.
[[nodiscard]] bool same_memory(const Layout& a, const Layout& b, std::span<const Expr> dims);

}  // namespace pot
