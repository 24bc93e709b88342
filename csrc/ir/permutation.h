#pragma once
// An order of axes, as Transpose's `perm` gives it.

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pot {

/// Axis `perm[place]` of a value lies at `place` of what is stored (numpy's and ONNX's `perm`).
class Permutation {
 public:
  /// Of a scalar.
  Permutation() = default;
  [[nodiscard]] static Permutation identity(std::size_t rank);
  /// Nothing when these are not 0 .. n-1 in some order.
  [[nodiscard]] static std::optional<Permutation> of(std::span<const std::int64_t> axes);
  /// Transpose without `perm`: the axes backwards.
  [[nodiscard]] static Permutation reversed(std::size_t rank);

  [[nodiscard]] std::size_t rank() const noexcept { return axes_.size(); }
  /// The axis that lies at this place. Pre: place < rank().
  [[nodiscard]] std::size_t operator[](std::size_t place) const noexcept { return axes_[place]; }
  /// Where an axis lies. Pre: axis < rank().
  [[nodiscard]] std::size_t place_of(std::size_t axis) const noexcept;
  [[nodiscard]] bool is_identity() const noexcept;

  /// a.then(b): Transpose by `a`, and what comes out by `b`. Pre: equal ranks.
  [[nodiscard]] Permutation then(const Permutation& next) const;
  /// p.then(p.inverse()) is the identity.
  [[nodiscard]] Permutation inverse() const;
  /// The order of the axes that are left without these, renumbered as a reduction with
  /// keepdims=0 renumbers them. Pre: `gone` holds each axis at most once.
  [[nodiscard]] Permutation without(std::span<const std::size_t> gone) const;

  /// One entry an axis, in stored order. Pre: as many as the rank.
  template <class T>
  [[nodiscard]] std::vector<T> apply(std::span<const T> by_axis) const {
    std::vector<T> stored;
    stored.reserve(axes_.size());
    for (const std::uint32_t axis : axes_) stored.push_back(by_axis[axis]);
    return stored;
  }
  template <class T>
  [[nodiscard]] std::vector<T> apply(const std::vector<T>& by_axis) const {
    return apply(std::span<const T>(by_axis));
  }

  /// As the attribute `perm` holds it.
  [[nodiscard]] std::vector<std::int64_t> ints() const { return {axes_.begin(), axes_.end()}; }
  /// "0,2,3,1"
  [[nodiscard]] std::string text() const;

  friend bool operator==(const Permutation&, const Permutation&) = default;
  friend std::strong_ordering operator<=>(const Permutation&, const Permutation&) = default;

 private:
  std::vector<std::uint32_t> axes_;
};

/// N, spatial axes, C: how channels-last stores what the operators know as N, C, spatial axes.
/// Pre: rank >= 2.
[[nodiscard]] Permutation channels_last(std::size_t rank);

}  // namespace pot
