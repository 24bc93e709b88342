#pragma once
// Element types, numbered as in TensorProto.DataType.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pot {

/// A number that is not listed is a type newer than this tool: kept, written back, never read.
enum class DType : std::int32_t {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  complex64 = 14,
  complex128 = 15,
  bfloat16 = 16,
  float8e4m3fn = 17,
  float8e4m3fnuz = 18,
  float8e5m2 = 19,
  float8e5m2fnuz = 20,
  uint4 = 21,
  int4 = 22,
  float4e2m1 = 23,
  float8e8m0 = 24,
  uint2 = 25,
  int2 = 26,
  float6e2m3 = 27,
  float6e3m2 = 28,
};

/// "float32", "bool", "int4"; "undefined"; "type 99" for a number that is not known.
[[nodiscard]] std::string dtype_name(DType dtype);

/// The inverse of `dtype_name`, for known types.
[[nodiscard]] std::optional<DType> dtype_named(std::string_view name);

/// Bits that one stored element takes (4 for int4); 0 for strings and unknown types.
[[nodiscard]] unsigned dtype_bits(DType dtype) noexcept;

/// Elements of a tensor with these dims; nothing when one is negative or the product overflows.
[[nodiscard]] std::optional<std::uint64_t> element_count(
    std::span<const std::int64_t> dims) noexcept;

/// Bytes of such a tensor as ONNX stores it raw (sub-byte types packed, rounded up).
/// Nothing for strings, unknown types, negative dims and overflow.
[[nodiscard]] std::optional<std::uint64_t> stored_size(DType dtype,
                                                       std::span<const std::int64_t> dims) noexcept;

}  // namespace pot
