#include "kernels/element.h"

#include <array>

namespace pot::kernels {
namespace {

struct Entry {
  std::string_view name;
  std::string_view ml_dtypes_name;
  unsigned bits;         // with an element in whole bytes
  unsigned packed_bits;  // the same where the element is never packed
};

// In the order of the enumeration.
constexpr std::array<Entry, 27> kEntries{{
    {"float32", "float32", 32, 32},
    {"float64", "float64", 64, 64},
    {"float16", "float16", 16, 16},
    {"bfloat16", "bfloat16", 16, 16},
    {"float8e4m3fn", "float8_e4m3fn", 8, 8},
    {"float8e4m3fnuz", "float8_e4m3fnuz", 8, 8},
    {"float8e5m2", "float8_e5m2", 8, 8},
    {"float8e5m2fnuz", "float8_e5m2fnuz", 8, 8},
    {"float8e8m0", "float8_e8m0fnu", 8, 8},
    {"float6e2m3", "float6_e2m3fn", 8, 8},
    {"float6e3m2", "float6_e3m2fn", 8, 8},
    {"float4e2m1", "float4_e2m1fn", 8, 4},
    {"int8", "int8", 8, 8},
    {"int16", "int16", 16, 16},
    {"int32", "int32", 32, 32},
    {"int64", "int64", 64, 64},
    {"uint8", "uint8", 8, 8},
    {"uint16", "uint16", 16, 16},
    {"uint32", "uint32", 32, 32},
    {"uint64", "uint64", 64, 64},
    {"int4", "int4", 8, 4},
    {"uint4", "uint4", 8, 4},
    {"int2", "int2", 8, 2},
    {"uint2", "uint2", 8, 2},
    {"bool", "bool", 8, 8},
    {"complex64", "complex64", 64, 64},
    {"complex128", "complex128", 128, 128},
}};

const Entry& entry(Element element) noexcept { return kEntries[static_cast<std::size_t>(element)]; }

}  // namespace

std::optional<Element> element_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kEntries.size(); ++i) {
    if (name == kEntries[i].name || name == kEntries[i].ml_dtypes_name) {
      return static_cast<Element>(i);
    }
  }
  return std::nullopt;
}

std::string_view name_of(Element element) noexcept { return entry(element).name; }

unsigned storage_bits(Element element, Packing packing) noexcept {
  return packing == Packing::packed ? entry(element).packed_bits : entry(element).bits;
}

}  // namespace pot::kernels
