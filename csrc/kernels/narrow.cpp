#include "kernels/narrow.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

namespace pot::kernels {
namespace {

constexpr std::uint32_t kMagnitude = 0x7fffffff;
constexpr std::uint32_t kInfinity = 0x7f800000;
constexpr std::uint32_t kLeastOverflow = 0x477ff000;  // 65520: ties go to even, which is infinite
constexpr std::uint32_t kLeastNormal = 0x38800000;    // 2^-14
constexpr std::uint16_t kHalfInfinity = 0x7c00;
constexpr std::uint16_t kHalfNaN = 0x7e00;
constexpr std::uint16_t kHalfLargest = 0x7bff;
constexpr std::uint16_t kHalfLeastNormal = 0x0400;

struct Rounded {
  std::uint32_t half;
  std::uint32_t overflowed;
};

// Without branches, so that the loop below becomes vector code.
inline Rounded rounded(std::uint32_t bits, std::uint32_t beyond) noexcept {
  const std::uint32_t magnitude = bits & kMagnitude;
  const std::uint32_t sign = (bits >> 16) & 0x8000;
  // Half the spacing less one, and the last digit that stays: ties go to even. The exponent of
  // half starts 112 later.
  const std::uint32_t normal = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  // The sum with 0.5 has its last digit where that of a subnormal half is.
  const float shifted = std::bit_cast<float>(std::min(magnitude, kLeastNormal)) + 0.5F;
  const std::uint32_t small = std::bit_cast<std::uint32_t>(shifted) - 0x3f000000;
  const std::uint32_t finite = magnitude < kLeastNormal ? small : normal;
  const std::uint32_t special = magnitude > kInfinity ? kHalfNaN : kHalfInfinity;
  const std::uint32_t large = magnitude < kInfinity ? beyond : special;
  const std::uint32_t half = magnitude < kLeastOverflow ? finite : large;
  const bool overflowed = magnitude >= kLeastOverflow && magnitude < kInfinity;
  return {half | sign, overflowed ? 1U : 0U};
}

}  // namespace

NarrowStats narrow_to_half(ByteView floats, std::span<std::byte> halves,
                           bool stay_finite) noexcept {
  assert(floats.size() == halves.size() * 2);
  constexpr std::size_t kRun = 1024;
  std::array<std::uint32_t, kRun> in;
  std::array<std::uint16_t, kRun> out;
  const std::uint32_t beyond = stay_finite ? kHalfLargest : kHalfInfinity;
  NarrowStats stats;
  for (std::size_t done = 0; done < halves.size() / 2; done += kRun) {
    const std::size_t count = std::min(kRun, halves.size() / 2 - done);
    std::memcpy(in.data(), floats.data() + done * 4, count * 4);
    std::uint32_t overflowed = 0;
    std::uint32_t subnormal = 0;
    std::uint32_t vanished = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Rounded one = rounded(in[i], beyond);
      out[i] = static_cast<std::uint16_t>(one.half);
      const std::uint32_t left = one.half & 0x7fff;
      overflowed += one.overflowed;
      subnormal += static_cast<std::uint32_t>(left - 1 < kHalfLeastNormal - 1U);
      vanished += static_cast<std::uint32_t>((left == 0) & ((in[i] & kMagnitude) != 0));
    }
    std::memcpy(halves.data() + done * 2, out.data(), count * 2);
    stats.overflowed += overflowed;
    stats.subnormal += subnormal;
    stats.vanished += vanished;
  }
  return stats;
}

}  // namespace pot::kernels
