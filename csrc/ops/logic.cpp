// Logic of truth values and of bits.

#include <limits>

#include "ops/shared/broadcast_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

std::optional<bool> truth(const Expr& value) {
  const auto number = value.number();
  return number ? std::optional(*number != 0) : std::nullopt;
}

Expr as_element(bool value) { return value ? 1 : 0; }

/// And with `decisive` false, Or with `decisive` true: one decisive operand settles the result.
template <bool decisive>
Inferred and_or(const NodeFacts& at) {
  const ElementRule element = [](std::span<const Expr> in) -> std::optional<Expr> {
    bool all_known = true;
    for (const Expr& each : in) {
      const auto value = truth(each);
      if (value == decisive) return as_element(decisive);
      all_known = all_known && value;
    }
    return all_known ? std::optional(as_element(!decisive)) : std::nullopt;
  };
  return elementwise(at, {.dtype = DType::boolean, .element = element, .partly = true});
}

Inferred exclusive_or(const NodeFacts& at) {
  const ElementRule element = [](std::span<const Expr> in) -> std::optional<Expr> {
    if (in.size() != 2 || !truth(in[0]) || !truth(in[1])) return std::nullopt;
    return as_element(*truth(in[0]) != *truth(in[1]));
  };
  return elementwise(at, {.dtype = DType::boolean, .element = element});
}

Inferred negation(const NodeFacts& at) {
  const ElementRule element = [](std::span<const Expr> in) -> std::optional<Expr> {
    const auto value = truth(in[0]);
    return value ? std::optional(as_element(!*value)) : std::nullopt;
  };
  return elementwise(at, {.dtype = DType::boolean, .element = element});
}

using BitOperation = std::optional<std::int64_t> (*)(std::int64_t a, std::int64_t b, DType dtype);

/// uint64 reaches further than the numbers here.
bool is_unsigned(DType dtype) {
  return dtype == DType::uint8 || dtype == DType::uint16 || dtype == DType::uint32 ||
         dtype == DType::uint64;
}

std::optional<std::int64_t> bits_and(std::int64_t a, std::int64_t b, DType /*dtype*/) {
  return a & b;
}

std::optional<std::int64_t> bits_or(std::int64_t a, std::int64_t b, DType /*dtype*/) {
  return a | b;
}

std::optional<std::int64_t> bits_xor(std::int64_t a, std::int64_t b, DType /*dtype*/) {
  return a ^ b;
}

std::optional<std::int64_t> shift_left(std::int64_t a, std::int64_t b, DType dtype) {
  if (a < 0 || b < 0 || b >= dtype_bits(dtype)) return std::nullopt;
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  if (a > (kLargest >> b)) return std::nullopt;
  return a << b;
}

std::optional<std::int64_t> shift_right(std::int64_t a, std::int64_t b, DType dtype) {
  if (a < 0 || b < 0 || b >= dtype_bits(dtype)) return std::nullopt;
  return a >> b;
}

Inferred on_bits(const NodeFacts& at, BitOperation operation) {
  const DType dtype = common_dtype(at);
  const ElementRule element = [=](std::span<const Expr> in) -> std::optional<Expr> {
    if (in.size() != 2 || !in[0].number() || !in[1].number()) return std::nullopt;
    const auto bits = operation(*in[0].number(), *in[1].number(), dtype);
    return bits ? stored(Expr(*bits), dtype) : std::nullopt;
  };
  return elementwise(at, {.dtype = dtype, .element = element});
}

template <BitOperation operation>
Inferred bitwise(const NodeFacts& at) {
  return on_bits(at, operation);
}

Inferred bit_shift(const NodeFacts& at) {
  return on_bits(at, at.attr_string("direction", "") == "LEFT" ? shift_left : shift_right);
}

Inferred bitwise_not(const NodeFacts& at) {
  const DType dtype = common_dtype(at);
  const ElementRule element = [=](std::span<const Expr> in) -> std::optional<Expr> {
    const auto number = in[0].number();
    if (!number || dtype == DType::uint64) return std::nullopt;
    if (!is_unsigned(dtype)) return stored(Expr(~*number), dtype);
    const std::int64_t ones = (std::int64_t{1} << dtype_bits(dtype)) - 1;
    return stored(Expr(ones - *number), dtype);
  };
  return elementwise(at, {.dtype = dtype, .element = element});
}

}  // namespace

void register_logic(OpTable& table) {
  const OpTraits commutative{.commutative = true};
  table.add("And", {.traits = commutative, .shape = and_or<false>, .layout = broadcast_layout});
  table.add("Or", {.traits = commutative, .shape = and_or<true>, .layout = broadcast_layout});
  table.add("Xor", {.traits = commutative, .shape = exclusive_or, .layout = broadcast_layout});
  table.add("Not", {.shape = negation, .layout = unary_layout});
  table.add("BitwiseAnd",
            {.traits = commutative, .shape = bitwise<bits_and>, .layout = broadcast_layout});
  table.add("BitwiseOr",
            {.traits = commutative, .shape = bitwise<bits_or>, .layout = broadcast_layout});
  table.add("BitwiseXor",
            {.traits = commutative, .shape = bitwise<bits_xor>, .layout = broadcast_layout});
  table.add("BitwiseNot", {.shape = bitwise_not, .layout = unary_layout});
  table.add("BitShift", {.shape = bit_shift, .layout = broadcast_layout});
}

}  // namespace pot
