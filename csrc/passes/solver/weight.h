#pragma once
// What a choice costs when bytes come first and something else decides between equal bytes.

#include <compare>
#include <cstdint>

namespace pot {

/// Added component by component and compared bytes first: an ordered group like the integers, so
/// that flows and tables of minima work on it as they do on numbers. One int64 would not hold both:
/// 2^40 bytes and three counts up to 2^20 are usual.
struct Weight {
  std::int64_t bytes = 0;
  std::int64_t ties = 0;

  friend auto operator<=>(const Weight&, const Weight&) = default;
  friend Weight operator+(Weight a, Weight b) noexcept {
    return {a.bytes + b.bytes, a.ties + b.ties};
  }
  friend Weight operator-(Weight a, Weight b) noexcept {
    return {a.bytes - b.bytes, a.ties - b.ties};
  }
  Weight& operator+=(Weight other) noexcept { return *this = *this + other; }
  Weight& operator-=(Weight other) noexcept { return *this = *this - other; }
};

}  // namespace pot
