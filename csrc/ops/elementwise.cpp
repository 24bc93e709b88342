// Functions of one operand, element by element.

#include <cmath>

#include "ops/shared/broadcast_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

using Function = std::optional<Expr> (*)(const Expr& value, DType dtype);

/// Pre: none; a value that is known to be a rounding stays so only for floor and ceil.
template <Function function>
Inferred applied(const NodeFacts& at) {
  const DType dtype = common_dtype(at);
  const ElementRule element = [=](std::span<const Expr> in) { return function(in[0], dtype); };
  return elementwise(at, {.dtype = dtype, .element = element});
}

/// The number in floating point, where it is one: a rounding to zero then keeps its sign, which
/// no Expr can.
std::optional<Expr> from_double(const Expr& value, DType dtype, double (*function)(double)) {
  return stored_float(function(*value.constant()), dtype);
}

std::optional<Expr> absolute(const Expr& value, DType dtype) {
  return is_rounded(value, dtype) ? std::nullopt : stored(max(value, -value), dtype);
}

std::optional<Expr> negative(const Expr& value, DType dtype) {
  if (is_rounded(value, dtype)) return std::nullopt;
  if (is_float(dtype) && value.is(0)) return std::nullopt;
  return stored(-value, dtype);
}

std::optional<Expr> rounded_down(const Expr& value, DType dtype) {
  if (is_float(dtype) && value.constant()) return from_double(value, dtype, std::floor);
  return stored(floor(value), dtype);
}

std::optional<Expr> rounded_up(const Expr& value, DType dtype) {
  if (is_float(dtype) && value.constant()) return from_double(value, dtype, std::ceil);
  return stored(ceil(value), dtype);
}

/// Halves go to the even neighbour.
std::optional<Expr> rounded(const Expr& value, DType dtype) {
  if (is_float(dtype) && value.constant()) return from_double(value, dtype, std::nearbyint);
  return is_whole(value) ? std::optional(value) : std::nullopt;
}

std::optional<Expr> square_root(const Expr& value, DType dtype) {
  if (!is_float(dtype) || !value.constant()) return std::nullopt;
  return from_double(value, dtype, std::sqrt);
}

std::optional<Expr> sign(const Expr& value, DType dtype) {
  if (const auto constant = value.constant()) {
    return stored(Expr(*constant > 0 ? 1 : *constant < 0 ? -1 : 0), dtype);
  }
  const auto least = value.at_least();
  const auto most = value.at_most();
  if (least && *least > 0) return Expr(1);
  return most && *most < 0 ? std::optional(Expr(-1)) : std::nullopt;
}

std::optional<Expr> relu(const Expr& value, DType dtype) {
  return is_rounded(value, dtype) ? std::nullopt : stored(max(value, Expr(0)), dtype);
}

/// Elements that are known are finite numbers.
Inferred is_special(const NodeFacts& at) {
  const ElementRule never = [](std::span<const Expr>) { return std::optional(Expr(0)); };
  return elementwise(at, {.dtype = DType::boolean, .element = never});
}

/// One bound of Clip: an input since opset 11, an attribute before.
struct Bound {
  bool known = true;
  std::optional<Expr> value;
};

Bound bound_of(const NodeFacts& at, std::string_view name, std::size_t slot) {
  if (const auto attribute = at.node().attr_float(name)) {
    const auto value = stored_float(*attribute, DType::float32);
    return {value.has_value(), value};
  }
  if (!at.has(slot)) return {};
  const Elements elements = elements_of(at.in(slot));
  if (!elements || elements->size() != 1) return {false, std::nullopt};
  return {true, elements->front()};
}

Inferred clip_rule(const NodeFacts& at) {
  const Fact& in = at.in(0);
  if (!in.has_rank()) return same_as_input(at);
  const auto shape = small_shape(*in.dims);
  const Elements known = shape ? elements_of(in) : nullptr;
  const Bound low = bound_of(at, "min", 1);
  const Bound high = bound_of(at, "max", 2);
  if (!known || !low.known || !high.known) return same_as_input(at);
  std::vector<std::optional<Expr>> elements;
  for (const Expr& each : *known) {
    Expr value = low.value ? max(each, *low.value) : each;
    if (high.value) value = min(value, *high.value);
    const bool vague = is_rounded(each, in.dtype) || is_rounded(value, in.dtype);
    elements.push_back(vague ? std::nullopt : stored(value, in.dtype));
  }
  return std::vector{from_elements(at, in.dtype, *in.dims, std::move(elements))};
}

}  // namespace

void register_elementwise(OpTable& table) {
  table.add("Abs", {.shape = applied<absolute>, .layout = unary_layout});
  table.add("Neg", {.shape = applied<negative>, .layout = unary_layout});
  table.add("Floor", {.shape = applied<rounded_down>, .layout = unary_layout});
  table.add("Ceil", {.shape = applied<rounded_up>, .layout = unary_layout});
  table.add("Round", {.shape = applied<rounded>, .layout = unary_layout});
  table.add("Sqrt", {.shape = applied<square_root>, .layout = unary_layout});
  table.add("Sign", {.shape = applied<sign>, .layout = unary_layout});
  table.add("Relu", {.shape = applied<relu>, .layout = unary_layout});
  table.add("Clip", {.shape = clip_rule, .layout = unary_layout});
  table.add({"IsInf", "IsNaN"}, {.shape = is_special, .layout = unary_layout});
  table.add({"Acos",       "Acosh",       "Asin",      "Asinh",     "Atan", "Atanh",
             "Celu",       "Cos",         "Cosh",      "Elu",       "Erf",  "Exp",
             "Gelu",       "HardSigmoid", "HardSwish", "LeakyRelu", "Log",  "Mish",
             "Reciprocal", "Selu",        "Shrink",    "Sigmoid",   "Sin",  "Sinh",
             "Softplus",   "Softsign",    "Swish",     "Tan",       "Tanh", "ThresholdedRelu"},
            {.shape = same_as_input, .layout = unary_layout});
  // The slope of PRelu broadcasts to the input, never the other way round; the operands of SwiGLU
  // have one shape.
  table.add({"PRelu", "SwiGLU"}, {.shape = same_as_input, .layout = broadcast_layout});
}

}  // namespace pot
