// Conversions between element types.

#include <cmath>

#include "ops/shared/broadcast_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

std::optional<Expr> to_bool(const Expr& value) {
  const auto zero = Expr::equal(value, Expr(0));
  return zero ? std::optional(Expr(*zero ? 0 : 1)) : std::nullopt;
}

std::optional<Expr> to_float(const Expr& value, DType from, DType to) {
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  if (is_rounded(value, from)) return std::nullopt;
  const auto number = value.number();
  if (number && (*number > kExact || *number < -kExact)) return std::nullopt;
  return stored(value, to);
}

std::optional<Expr> converted(const Expr& value, DType from, DType to) {
  if (from == to) return value;
  if (to == DType::boolean) return to_bool(value);
  if (is_float(to)) return to_float(value, from, to);
  if (!is_integer(to)) return std::nullopt;
  const auto whole = is_float(from) ? truncated(value) : std::optional(value);
  return whole ? stored(*whole, to) : std::nullopt;
}

Inferred convert(const NodeFacts& at, DType to) {
  const Fact& in = at.in(0);
  if (in.is_tensor() && in.dtype == to) return std::vector{in};
  if (!in.has_rank()) return std::vector{tensor_fact(to)};
  const auto shape = small_shape(*in.dims);
  const Elements known = shape ? elements_of(in) : nullptr;
  if (!known) return std::vector{tensor_fact(to, *in.dims)};
  std::vector<std::optional<Expr>> elements;
  for (const Expr& each : *known) elements.push_back(converted(each, in.dtype, to));
  return std::vector{from_elements(at, to, *in.dims, std::move(elements))};
}

DType target_type(const NodeFacts& at) {
  return DType{static_cast<std::int32_t>(at.attr_int("to", 0))};
}

Inferred cast_rule(const NodeFacts& at) { return convert(at, target_type(at)); }

Inferred cast_like(const NodeFacts& at) { return convert(at, at.in(1).dtype); }

/// The bits are read as another type: as many elements, where those are as wide.
Inferred bit_cast(const NodeFacts& at) {
  const Fact& in = at.in(0);
  const DType to = target_type(at);
  if (!in.has_rank()) return std::vector{tensor_fact(to)};
  const unsigned from_bits = dtype_bits(in.dtype);
  if (from_bits != 0 && dtype_bits(to) != 0 && from_bits != dtype_bits(to)) {
    return contradiction("BitCast from " + dtype_name(in.dtype) + " to " + dtype_name(to) +
                         ": elements of another width");
  }
  return std::vector{tensor_fact(to, *in.dims)};
}

/// Of input 1 only the type is read.
Result<Relayout> cast_like_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  if (operand != Operand{.output = false, .slot = 1}) return unary_layout(node, operand, layout);
  Relayout made = unmoved(node);
  made.inputs[1] = layout;
  return made;
}

}  // namespace

void register_cast(OpTable& table) {
  table.add("Cast", {.shape = cast_rule, .layout = unary_layout});
  table.add("CastLike", {.shape = cast_like, .layout = cast_like_layout});
  table.add("BitCast", {.shape = bit_cast, .layout = unary_layout});
}

}  // namespace pot
