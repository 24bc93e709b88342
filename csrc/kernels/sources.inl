// How each element is read. A source has
//   Raw      the unsigned (or own) type that is loaded,
//   Value    float or double: holds every element exactly (double: nearest for 64-bit integers),
//   Order    an integer in which the elements are ordered and adjacent values differ by one,
//   order(raw), value(raw), and for floats kLow and kHigh, the orders of the finite extremes
//            (with kInfinite, the infinities are one further out, and NaNs beyond them),
//   kDirect  whether a Value has the bytes of a Raw, so that nothing need be widened.
// No include guard: compiled once for each POT_TARGET.

namespace pot::kernels::POT_TARGET {
namespace {

// Any alignment, any type: the only way that these kernels read the caller's memory.
template <class T>
inline T load(const std::byte* bytes, std::size_t index) noexcept {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return value;
}

// Sign and magnitude to two's complement, so that both zeros are 0 and -min is -1.
template <class Order, class Raw>
inline Order signed_order(Raw raw) noexcept {
  const Order bits = static_cast<Order>(raw);
  const Order sign = static_cast<Order>(bits >> (sizeof(Order) * 8 - 1));
  const Order magnitude = static_cast<Order>(bits & std::numeric_limits<Order>::max());
  return static_cast<Order>((magnitude ^ sign) - sign);
}

template <class Raw, class Order>
inline Raw signed_raw(Order order) noexcept {
  if (order >= 0) return static_cast<Raw>(order);
  return static_cast<Raw>(static_cast<Raw>(-order) | (Raw{1} << (sizeof(Raw) * 8 - 1)));
}

struct Float32 {
  using Raw = std::uint32_t;
  using Order = std::int32_t;
  using Value = float;
  static constexpr bool kFloating = true;
  static constexpr bool kInfinite = true;
  static constexpr bool kDirect = true;
  static constexpr Order kHigh = 0x7f7fffff;
  static constexpr Order kLow = -kHigh;
  static constexpr Order kHuge = 0x7f000000;  // from here on a difference may not fit a float
  static Order order(Raw raw) noexcept { return signed_order<Order>(raw); }
  static float value(Raw raw) noexcept { return std::bit_cast<float>(raw); }
  static double value_at(Order order) noexcept {
    return std::bit_cast<float>(signed_raw<Raw>(order));
  }
};

struct Float64 {
  using Raw = std::uint64_t;
  using Order = std::int64_t;
  using Value = double;
  static constexpr bool kFloating = true;
  static constexpr bool kInfinite = true;
  static constexpr bool kDirect = true;
  static constexpr Order kHigh = 0x7fefffffffffffff;
  static constexpr Order kLow = -kHigh;
  static Order order(Raw raw) noexcept { return signed_order<Order>(raw); }
  static double value(Raw raw) noexcept { return std::bit_cast<double>(raw); }
  static double value_at(Order order) noexcept {
    return std::bit_cast<double>(signed_raw<Raw>(order));
  }
};

struct Float16 {
  using Raw = std::uint16_t;
  using Order = std::int16_t;
  using Value = float;
  static constexpr bool kFloating = true;
  static constexpr bool kInfinite = true;
  static constexpr bool kDirect = false;
  static constexpr Order kHigh = 0x7bff;
  static constexpr Order kLow = -kHigh;
  static Order order(Raw raw) noexcept { return signed_order<Order>(raw); }
  // The exponent is shifted into place and re-biased by a product, which also normalizes
  // denormals.
  static float value(Raw raw) noexcept {
    const std::uint32_t magnitude = std::uint32_t{raw} & 0x7fff;
    const std::uint32_t sign = (std::uint32_t{raw} & 0x8000) << 16;
    const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112F;
    const std::uint32_t nonfinite = magnitude > 0x7bff ? 0x7f800000U : 0U;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | nonfinite | sign);
  }
  static double value_at(Order order) noexcept { return value(signed_raw<Raw>(order)); }
};

struct BFloat16 {
  using Raw = std::uint16_t;
  using Order = std::int16_t;
  using Value = float;
  static constexpr bool kFloating = true;
  static constexpr bool kInfinite = true;
  static constexpr bool kDirect = false;
  static constexpr Order kHigh = 0x7f7f;
  static constexpr Order kLow = -kHigh;
  static constexpr Order kHuge = 0x7f00;
  static Order order(Raw raw) noexcept { return signed_order<Order>(raw); }
  static float value(Raw raw) noexcept { return std::bit_cast<float>(std::uint32_t{raw} << 16); }
  static double value_at(Order order) noexcept { return value(signed_raw<Raw>(order)); }
};

// What the largest codes of a small float mean.
enum class Special : std::uint8_t { none, ieee, all_ones, negative_zero };

struct ByteTable {
  std::array<float, 256> value{};
  std::array<std::int16_t, 256> order{};
};

constexpr float power_of_two(int exponent) noexcept {
  float value = 1;
  for (; exponent > 0; --exponent) value *= 2;
  for (; exponent < 0; ++exponent) value /= 2;
  return value;
}

template <int kExponent, int kMantissa, int kBias, Special kSpecial>
constexpr float small_float(unsigned raw) noexcept {
  constexpr unsigned kSign = 1U << (kExponent + kMantissa);
  const bool negative = (raw & kSign) != 0;
  const unsigned magnitude = raw & (kSign - 1);
  const unsigned exponent = magnitude >> kMantissa;
  const unsigned mantissa = magnitude & ((1U << kMantissa) - 1);
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  if (kSpecial == Special::negative_zero && negative && magnitude == 0) return kNaN;
  if (kSpecial == Special::all_ones && magnitude == kSign - 1) return kNaN;
  if (kSpecial == Special::ieee && exponent == (1U << kExponent) - 1) {
    if (mantissa != 0) return kNaN;
    return negative ? -std::numeric_limits<float>::infinity()
                    : std::numeric_limits<float>::infinity();
  }
  const float significand =
      static_cast<float>(exponent == 0 ? mantissa : mantissa | (1U << kMantissa));
  const int power = (exponent == 0 ? 1 : static_cast<int>(exponent)) - kBias - kMantissa;
  const float value = significand * power_of_two(power);
  return negative ? -value : value;
}

template <int kExponent, int kMantissa, int kBias, Special kSpecial>
constexpr ByteTable small_float_table() noexcept {
  ByteTable table;
  constexpr int kSign = 1 << (kExponent + kMantissa);
  for (unsigned raw = 0; raw < 256; ++raw) {
    table.value[raw] = small_float<kExponent, kMantissa, kBias, kSpecial>(raw);
    const int magnitude = static_cast<int>(raw) & (kSign - 1);
    const bool negative = (static_cast<int>(raw) & kSign) != 0;
    const bool nan_code = kSpecial == Special::negative_zero && negative && magnitude == 0;
    const int order = nan_code ? kSign : negative ? -magnitude : magnitude;
    table.order[raw] = static_cast<std::int16_t>(order);
  }
  return table;
}

template <int kExponent, int kMantissa, int kBias, Special kSpecial>
struct SmallFloat {
  using Raw = std::uint8_t;
  using Order = std::int16_t;
  using Value = float;
  static constexpr bool kFloating = true;
  static constexpr bool kInfinite = kSpecial == Special::ieee;
  static constexpr bool kDirect = false;
  static constexpr ByteTable kTable = small_float_table<kExponent, kMantissa, kBias, kSpecial>();
  static constexpr Order kAllOnes = (1 << (kExponent + kMantissa)) - 1;
  static constexpr Order kHigh = kSpecial == Special::ieee       ? kAllOnes - (1 << kMantissa)
                                 : kSpecial == Special::all_ones ? kAllOnes - 1
                                                                 : kAllOnes;
  static constexpr Order kLow = -kHigh;
  static Order order(Raw raw) noexcept { return kTable.order[raw]; }
  static float value(Raw raw) noexcept { return kTable.value[raw]; }
  static double value_at(Order order) noexcept {
    return order < 0 ? -kTable.value[static_cast<Raw>(-order)]
                     : kTable.value[static_cast<Raw>(order)];
  }
};

using Float8E4M3FN = SmallFloat<4, 3, 7, Special::all_ones>;
using Float8E4M3FNUZ = SmallFloat<4, 3, 8, Special::negative_zero>;
using Float8E5M2 = SmallFloat<5, 2, 15, Special::ieee>;
using Float8E5M2FNUZ = SmallFloat<5, 2, 16, Special::negative_zero>;
using Float6E2M3 = SmallFloat<2, 3, 1, Special::none>;
using Float6E3M2 = SmallFloat<3, 2, 3, Special::none>;
using Float4E2M1 = SmallFloat<2, 1, 1, Special::none>;

// A bare exponent: 2^(raw - 127), no sign, no zero, 255 is NaN.
struct Float8E8M0 {
  using Raw = std::uint8_t;
  using Order = std::int16_t;
  using Value = float;
  static constexpr bool kFloating = true;
  static constexpr bool kInfinite = false;
  static constexpr bool kDirect = false;
  static constexpr Order kHigh = 254;
  static constexpr Order kLow = 0;
  static Order order(Raw raw) noexcept { return raw; }
  static float value(Raw raw) noexcept {
    const std::uint32_t bits = raw == 0 ? 0x00400000U : std::uint32_t{raw} << 23;
    return std::bit_cast<float>(raw == 255 ? 0x7fc00000U : bits);
  }
  static double value_at(Order order) noexcept { return value(static_cast<Raw>(order)); }
};

template <class Int, class Float>
struct Integer {
  using Raw = Int;
  using Order = Int;
  using Value = Float;
  static constexpr bool kFloating = false;
  static constexpr bool kDirect = false;
  static Order order(Raw raw) noexcept { return raw; }
  static Value value(Raw raw) noexcept { return static_cast<Value>(raw); }
  static double value_at(Order order) noexcept { return static_cast<double>(order); }
};

// An integer of 4 or 2 bits in the low bits of a byte; the others are not looked at.
template <int kBits, bool kSigned>
struct SmallInteger {
  using Raw = std::uint8_t;
  using Order = std::int8_t;
  using Value = float;
  static constexpr bool kFloating = false;
  static constexpr bool kDirect = false;
  static Order order(Raw raw) noexcept {
    const int code = raw & ((1 << kBits) - 1);
    const int sign = kSigned ? code & (1 << (kBits - 1)) : 0;
    return static_cast<Order>(code - 2 * sign);
  }
  static float value(Raw raw) noexcept { return static_cast<float>(order(raw)); }
  static double value_at(Order order) noexcept { return order; }
};

// Any byte but zero is true.
struct Boolean {
  using Raw = std::uint8_t;
  using Order = std::int8_t;
  using Value = float;
  static constexpr bool kFloating = false;
  static constexpr bool kDirect = false;
  static Order order(Raw raw) noexcept { return static_cast<Order>(raw != 0); }
  static float value(Raw raw) noexcept { return static_cast<float>(raw != 0); }
  static double value_at(Order order) noexcept { return order; }
};

// Whether a difference of two such values may overflow the float that it is held in.
template <class Source>
concept HasHuge = requires { Source::kHuge; };

// Whether a double cannot hold every element: differences are taken in the integers.
template <class Source>
inline constexpr bool kWide = !Source::kFloating && sizeof(typename Source::Raw) == 8;

// One byte for each element out of `kBits` bits for each, lowest bits first.
template <int kBits>
inline void unpack(const std::byte* packed, std::size_t count, std::byte* out) noexcept {
  constexpr std::size_t kPerByte = 8 / kBits;
  constexpr unsigned kMask = (1U << kBits) - 1;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned byte = std::to_integer<unsigned>(packed[i / kPerByte]);
    out[i] = static_cast<std::byte>((byte >> (i % kPerByte * kBits)) & kMask);
  }
}

}  // namespace
}  // namespace pot::kernels::POT_TARGET
