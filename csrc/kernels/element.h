#pragma once
// The element types that the kernels read, by the names that ONNX and numpy users know.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pot::kernels {

enum class Element : std::uint8_t {
  float32,
  float64,
  float16,
  bfloat16,
  float8e4m3fn,
  float8e4m3fnuz,
  float8e5m2,
  float8e5m2fnuz,
  float8e8m0,
  float6e2m3,
  float6e3m2,
  float4e2m1,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  int4,
  uint4,
  int2,
  uint2,
  boolean,
  complex64,
  complex128,
};

/// One byte (or more) for each element, or, for elements of 4 and 2 bits, as many as fit into
/// a byte with the first in the lowest bits. Float6 always takes a byte.
enum class Packing : std::uint8_t { whole, packed };

/// The element called `name`: ONNX spelling ("float8e4m3fn", "bool") or ml_dtypes spelling
/// ("float8_e4m3fn", "float4_e2m1fn").
[[nodiscard]] std::optional<Element> element_of(std::string_view name) noexcept;

/// The ONNX spelling.
[[nodiscard]] std::string_view name_of(Element element) noexcept;

/// Bits of storage that one element takes.
[[nodiscard]] unsigned storage_bits(Element element, Packing packing) noexcept;

}  // namespace pot::kernels
