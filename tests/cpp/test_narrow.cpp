// Floats as halves, beside widening and a slow search for the nearest.

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "kernels/narrow.h"
#include "kernels/widen.h"

namespace {

using namespace pot;
using namespace pot::kernels;

struct Narrowed {
  std::vector<std::uint16_t> halves;
  NarrowStats stats;
};

Narrowed narrowed(const std::vector<float>& floats, bool stay_finite = false) {
  Narrowed out{std::vector<std::uint16_t>(floats.size()), {}};
  out.stats = narrow_to_half(std::as_bytes(std::span(floats)),
                             std::as_writable_bytes(std::span(out.halves)), stay_finite);
  return out;
}

std::vector<float> all_halves() {
  std::vector<std::uint16_t> codes(1 << 16);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint16_t>(i);
  std::vector<float> out(codes.size());
  widen(Element::float16, Packing::whole, std::as_bytes(std::span(codes)), out);
  return out;
}

TEST(every_half_comes_back) {
  const std::vector<float> values = all_halves();
  const Narrowed found = narrowed(values);
  std::size_t wrong = 0;
  for (std::size_t code = 0; code < values.size(); ++code) {
    const bool nan = std::isnan(values[code]);
    wrong += nan ? (found.halves[code] & 0x7fff) != 0x7e00 : found.halves[code] != code;
  }
  CHECK_EQ(wrong, 0U);
  CHECK_EQ(found.stats.overflowed, 0U);
  CHECK_EQ(found.stats.vanished, 0U);
  CHECK_EQ(found.stats.subnormal, 2 * 1023U);
}

// Between two halves: what lies below the middle goes down, above it up, the middle to the even.
TEST(the_nearest_half_is_taken) {
  const std::vector<float> values = all_halves();
  std::size_t wrong = 0;
  for (std::uint16_t code = 0; code < 0x7bff; ++code) {
    const float middle = (values[code] + values[code + 1U]) / 2;  // exact
    const std::vector<float> around{std::nextafter(middle, 0.0F), middle,
                                    std::nextafter(middle, 1e30F), -middle};
    const auto even = static_cast<std::uint16_t>(code + (code & 1));
    const auto up = static_cast<std::uint16_t>(code + 1);
    const std::vector<std::uint16_t> expected{code, even, up,
                                              static_cast<std::uint16_t>(even | 0x8000)};
    wrong += narrowed(around).halves != expected;
  }
  CHECK_EQ(wrong, 0U);
}

TEST(what_half_does_not_hold_is_counted) {
  const float huge = std::numeric_limits<float>::max();
  const float infinite = std::numeric_limits<float>::infinity();
  const std::vector<float> values{65519.9F, 65520, -huge, infinite,  -infinite, 1e-5F,
                                  -1e-9F,   0,     -0.0F, 0x1p-149F, 0x1p-14F};
  const Narrowed found = narrowed(values);
  const std::vector<std::uint16_t> expected{0x7bff, 0x7c00, 0xfc00, 0x7c00, 0xfc00, 0x00a8,
                                            0x8000, 0x0000, 0x8000, 0x0000, 0x0400};
  CHECK(found.halves == expected);
  CHECK_EQ(found.stats.overflowed, 2U);
  CHECK_EQ(found.stats.subnormal, 1U);
  CHECK_EQ(found.stats.vanished, 2U);
  const Narrowed finite = narrowed(values, true);
  CHECK_EQ(finite.halves[1], 0x7bff);
  CHECK_EQ(finite.halves[2], 0xfbff);
  CHECK_EQ(finite.halves[3], 0x7c00);
  CHECK_EQ(finite.stats.overflowed, 2U);
}

TEST(runs_of_any_length_and_place) {
  std::vector<float> values(3000, 1.5F);
  values.back() = 1e6F;
  std::vector<std::byte> moved(values.size() * 4 + 1);
  std::memcpy(moved.data() + 1, values.data(), values.size() * 4);
  std::vector<std::byte> halves(values.size() * 2 + 1);
  const NarrowStats stats =
      narrow_to_half(ByteView(moved).subspan(1), std::span(halves).subspan(1), false);
  CHECK_EQ(stats.overflowed, 1U);
  std::uint16_t last = 0;
  std::memcpy(&last, halves.data() + 1 + 2999 * 2, 2);
  CHECK_EQ(last, 0x7c00);
  CHECK_EQ(narrow_to_half({}, {}, false).overflowed, 0U);
}

}  // namespace
