// Names of elements, the hash of content, and widening.

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "kernels/element.h"
#include "kernels/hash.h"
#include "kernels/widen.h"

namespace {

using namespace pot;
using namespace pot::kernels;

TEST(elements_have_two_spellings) {
  CHECK(element_of("float8e8m0") == Element::float8e8m0);
  CHECK(element_of("float8_e8m0fnu") == Element::float8e8m0);
  CHECK(!element_of("string"));
  for (unsigned code = 0; code <= static_cast<unsigned>(Element::complex128); ++code) {
    CHECK(element_of(name_of(static_cast<Element>(code))) == static_cast<Element>(code));
  }
}

TEST(storage) {
  CHECK_EQ(storage_bits(Element::int4, Packing::packed), 4U);
  CHECK_EQ(storage_bits(Element::int4, Packing::whole), 8U);
  CHECK_EQ(storage_bits(Element::float32, Packing::packed), 32U);
}

// From the specification's own test vectors.
TEST(hashes_are_those_of_xxh64) {
  CHECK_EQ(hash_bytes({}), 0xEF46DB3751D8E999U);
  CHECK_EQ(hash_bytes(as_bytes("a")), 0xD24EC4F1A98C6E5BU);
  CHECK_EQ(hash_bytes(as_bytes("abc")), 0x44BC2CF5AD770999U);
  CHECK_EQ(hash_bytes(as_bytes("Nobody inspects the spammish repetition")), 0xFBCEA83C8A378BF1U);
}

template <std::size_t kSize>
std::vector<float> widened(Element element, const std::array<unsigned char, kSize>& bytes,
                           std::size_t count, Packing packing = Packing::whole) {
  std::vector<float> out(count);
  widen(element, packing, std::as_bytes(std::span(bytes)), out);
  return out;
}

TEST(small_floats_widen) {
  const std::array<unsigned char, 4> codes{0x38, 0x7e, 0x01, 0x80};
  CHECK(widened(Element::float8e4m3fn, codes, 4) == std::vector<float>{1, 448, 0x1p-9F, -0.0F});
  CHECK_EQ(widened(Element::float8e5m2, codes, 3)[2], 0x1p-16F);
  CHECK(std::isnan(widened(Element::float8e4m3fnuz, codes, 4)[3]));
  CHECK_EQ(widened(Element::float8e8m0, codes, 4)[3], 2.0F);
  CHECK_EQ(widened(Element::float8e8m0, std::array<unsigned char, 1>{0}, 1)[0], 0x1p-127F);
}

TEST(halves_widen) {
  const std::array<unsigned char, 8> codes{0x01, 0x00, 0xff, 0x7b, 0x00, 0xfc, 0x00, 0xc0};
  const auto values = widened(Element::float16, codes, 4);
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(values == std::vector<float>{0x1p-24F, 65504, -infinity, -2});
  CHECK(widened(Element::bfloat16, codes, 1) == std::vector<float>{0x1p-133F});
}

TEST(packed_elements_widen) {
  const std::array<unsigned char, 2> bytes{0x8f, 0x17};
  CHECK(widened(Element::int4, bytes, 3, Packing::packed) == std::vector<float>{-1, -8, 7});
  CHECK(widened(Element::uint2, bytes, 4, Packing::packed) == std::vector<float>{3, 3, 0, 2});
  CHECK(widened(Element::float4e2m1, bytes, 3, Packing::packed) ==
        std::vector<float>{-6, -0.0F, 6});
  CHECK(widens(Element::int4));
  CHECK(!widens(Element::int64));
}

}  // namespace
