#include "ir/dtype.h"

#include <array>
#include <limits>

namespace pot {
namespace {

struct Entry {
  std::string_view name;
  unsigned bits;
};

// Indexed by TensorProto.DataType.
constexpr std::array<Entry, 29> kTypes{{
    {"undefined", 0},      {"float32", 32},     {"uint8", 8},          {"int8", 8},
    {"uint16", 16},        {"int16", 16},       {"int32", 32},         {"int64", 64},
    {"string", 0},         {"bool", 8},         {"float16", 16},       {"float64", 64},
    {"uint32", 32},        {"uint64", 64},      {"complex64", 64},     {"complex128", 128},
    {"bfloat16", 16},      {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
    {"float8e5m2fnuz", 8}, {"uint4", 4},        {"int4", 4},           {"float4e2m1", 4},
    {"float8e8m0", 8},     {"uint2", 2},        {"int2", 2},           {"float6e2m3", 6},
    {"float6e3m2", 6},
}};

const Entry* entry(DType dtype) noexcept {
  const auto number = static_cast<std::int64_t>(dtype);
  if (number < 0 || number >= static_cast<std::int64_t>(kTypes.size())) return nullptr;
  return &kTypes[static_cast<std::size_t>(number)];
}

}  // namespace

std::string dtype_name(DType dtype) {
  if (const Entry* known = entry(dtype)) return std::string(known->name);
  return "type " + std::to_string(static_cast<std::int32_t>(dtype));
}

std::optional<DType> dtype_named(std::string_view name) {
  for (std::size_t i = 1; i < kTypes.size(); ++i) {
    if (kTypes[i].name == name) return DType{static_cast<std::int32_t>(i)};
  }
  return std::nullopt;
}

unsigned dtype_bits(DType dtype) noexcept {
  const Entry* known = entry(dtype);
  return known ? known->bits : 0;
}

std::optional<std::uint64_t> element_count(std::span<const std::int64_t> dims) noexcept {
  std::uint64_t count = 1;
  bool empty = false;
  bool overflow = false;
  for (const std::int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) {
      empty = true;
      continue;
    }
    const auto factor = static_cast<std::uint64_t>(dim);
    overflow = overflow || count > std::numeric_limits<std::uint64_t>::max() / factor;
    count *= factor;
  }
  if (empty) return 0;  // whatever the other dimensions are
  if (overflow) return std::nullopt;
  return count;
}

std::optional<std::uint64_t> stored_size(DType dtype, std::span<const std::int64_t> dims) noexcept {
  const unsigned bits = dtype_bits(dtype);
  const auto count = element_count(dims);
  if (bits == 0 || !count) return std::nullopt;
  if (*count > (std::numeric_limits<std::uint64_t>::max() - 7) / bits) return std::nullopt;
  return (*count * bits + 7) / 8;
}

}  // namespace pot
