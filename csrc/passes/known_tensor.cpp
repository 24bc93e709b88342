#include "passes/known_tensor.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace pot {
namespace {

using Buffer = std::vector<std::byte>;

template <class T>
void append(Buffer& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

template <class T>
bool append_whole(Buffer& out, const Expr& element) {
  const auto number = element.number();
  if (!number || !std::in_range<T>(*number)) return false;
  append(out, static_cast<T>(*number));
  return true;
}

bool append_bool(Buffer& out, const Expr& element) {
  const bool known = element.is(0) || element.is(1);
  if (known) append(out, static_cast<std::uint8_t>(element.is(1) ? 1 : 0));
  return known;
}

/// Whether the double is the element itself, not its rounding.
bool is_exactly(const Expr& element, double value) {
  if (const auto number = element.number()) {
    constexpr double kTooLarge = 0x1p63;
    return value < kTooLarge && static_cast<std::int64_t>(value) == *number;
  }
  constexpr int kMostDigits = 52;
  for (int digits = 1; digits <= kMostDigits; ++digits) {
    const double scaled = std::ldexp(value, digits);
    if (scaled != std::floor(scaled)) continue;
    return std::abs(scaled) < 0x1p62 &&
           element * Expr(std::int64_t{1} << digits) == Expr(static_cast<std::int64_t>(scaled));
  }
  return false;
}

template <class T>
bool append_float(Buffer& out, const Expr& element) {
  const auto value = element.constant();
  if (!value || !is_exactly(element, *value)) return false;
  const T stored = static_cast<T>(*value);
  if (static_cast<double>(stored) != *value) return false;
  append(out, stored);
  return true;
}

bool append_element(Buffer& out, DType dtype, const Expr& element) {
  switch (dtype) {
    case DType::int64:
      return append_whole<std::int64_t>(out, element);
    case DType::int32:
      return append_whole<std::int32_t>(out, element);
    case DType::int16:
      return append_whole<std::int16_t>(out, element);
    case DType::int8:
      return append_whole<std::int8_t>(out, element);
    case DType::uint64:
      return append_whole<std::uint64_t>(out, element);
    case DType::uint32:
      return append_whole<std::uint32_t>(out, element);
    case DType::uint16:
      return append_whole<std::uint16_t>(out, element);
    case DType::uint8:
      return append_whole<std::uint8_t>(out, element);
    case DType::boolean:
      return append_bool(out, element);
    case DType::float32:
      return append_float<float>(out, element);
    case DType::float64:
      return append_float<double>(out, element);
    default:
      return false;
  }
}

}  // namespace

TensorRef known_tensor(const Fact& fact) {
  if (!fact.is_tensor()) return nullptr;
  if (fact.constant) return fact.constant;
  if (!fact.elements) return nullptr;
  auto dims = fact.numbers();
  if (!dims || element_count(*dims) != fact.elements->size()) return nullptr;
  Buffer bytes;
  for (const Expr& element : *fact.elements) {
    if (!append_element(bytes, fact.dtype, element)) return nullptr;
  }
  return make_tensor_copy("", fact.dtype, std::move(*dims), bytes);
}

}  // namespace pot
