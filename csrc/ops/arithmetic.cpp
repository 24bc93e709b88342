// Arithmetic of two and more operands, element by element.

#include <cmath>

#include "ops/shared/broadcast_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

using Operation = std::optional<Expr> (*)(const Expr& a, const Expr& b, DType dtype);

/// Few enough binary digits that the product with a size, or the quotient of one, is told apart
/// from the whole numbers around it in single precision.
bool is_short(const Expr& value) {
  constexpr std::int64_t kDigits = 256;
  constexpr double kMost = 4096;
  const auto constant = value.constant();
  return is_whole(value * Expr(kDigits)) && (!constant || std::abs(*constant) <= kMost);
}

/// A result in floating point that symbols are part of: known only where nothing is rounded.
std::optional<Expr> unrounded(const Expr& value, DType dtype) {
  if (is_rounded(value, dtype)) return std::nullopt;
  return stored(value, dtype);
}

std::optional<Expr> add(const Expr& a, const Expr& b, DType dtype) {
  return unrounded(a + b, dtype);
}

std::optional<Expr> subtract(const Expr& a, const Expr& b, DType dtype) {
  return unrounded(a - b, dtype);
}

std::optional<Expr> multiply(const Expr& a, const Expr& b, DType dtype) {
  const bool numbers = a.constant() && b.constant();
  if (is_float(dtype) && !numbers && !(is_short(a) && is_short(b))) return std::nullopt;
  // 0 * -1 is -0.0, which no Expr is.
  if (is_float(dtype) && numbers) return stored_float(*a.constant() * *b.constant(), dtype);
  return unrounded(a * b, dtype);
}

std::optional<Expr> quotient(const Expr& a, const Expr& b, DType dtype) {
  if (b.is(0)) return std::nullopt;
  if (!is_float(dtype)) return stored(trunc_div(a, b), dtype);
  if (a.constant() && b.constant()) return stored_float(*a.constant() / *b.constant(), dtype);
  if (!is_short(a) || !is_short(b)) return std::nullopt;
  return stored(divide(a, b), dtype);
}

std::optional<Expr> least(const Expr& a, const Expr& b, DType dtype) {
  return stored(min(a, b), dtype);
}

std::optional<Expr> largest(const Expr& a, const Expr& b, DType dtype) {
  return stored(max(a, b), dtype);
}

/// Applied from left to right, rounding each time, as the runtimes do.
Inferred combine(const NodeFacts& at, Operation operation) {
  const DType dtype = common_dtype(at);
  const ElementRule element = [=](std::span<const Expr> in) -> std::optional<Expr> {
    std::optional<Expr> out = in[0];
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (is_rounded(in[i], dtype)) return std::nullopt;
      if (i > 0) out = operation(*out, in[i], dtype);
      if (!out) return std::nullopt;
    }
    return out;
  };
  return elementwise(at, {.dtype = dtype, .element = element});
}

template <Operation operation>
Inferred combined(const NodeFacts& at) {
  return combine(at, operation);
}

/// The root of a square, which every pow gives without rounding.
std::optional<Expr> square_root(const Expr& base, DType dtype) {
  if (!is_float(dtype) || !base.number() || *base.number() <= 0) return std::nullopt;
  const double root = std::sqrt(static_cast<double>(*base.number()));
  const auto whole = static_cast<std::int64_t>(root);
  if (whole > exact_up_to(DType::float32) || whole * whole != *base.number()) return std::nullopt;
  return stored(Expr(whole), dtype);
}

std::optional<Expr> power(const Expr& base, const Expr& exponent, DType dtype) {
  if (exponent.constant() == 0.5) return square_root(base, dtype);
  constexpr std::int64_t kMost = 64;
  const auto times = exponent.number();
  if (!times || *times < 0 || *times > kMost) return std::nullopt;
  Expr out(1);
  for (std::int64_t i = 0; i < *times; ++i) out = out * base;
  // pow need not round correctly: only what needs no rounding is known.
  const auto held = unrounded(out, dtype);
  return held && *held == out ? held : std::nullopt;
}

Inferred pow_rule(const NodeFacts& at) {
  const DType dtype = at.in(0).dtype;
  const ElementRule element = [=](std::span<const Expr> in) -> std::optional<Expr> {
    if (in.size() != 2 || is_rounded(in[0], dtype)) return std::nullopt;
    return power(in[0], in[1], dtype);
  };
  return elementwise(at, {.dtype = dtype, .element = element});
}

std::optional<Expr> remainder(const Expr& a, const Expr& b, DType dtype) {
  if (b.is(0)) return std::nullopt;
  if (!is_float(dtype)) return stored(a - b * trunc_div(a, b), dtype);
  if (!a.constant() || !b.constant()) return std::nullopt;
  return stored_float(std::fmod(*a.constant(), *b.constant()), dtype);
}

std::optional<Expr> modulo(const Expr& a, const Expr& b, DType dtype) {
  if (b.is(0) || is_float(dtype)) return std::nullopt;
  return stored(floor_mod(a, b), dtype);
}

Inferred mod_rule(const NodeFacts& at) {
  return combine(at, at.attr_int("fmod", 0) != 0 ? remainder : modulo);
}

}  // namespace

void register_arithmetic(OpTable& table) {
  // Sum, Mean, Max and Min take any number of inputs; with more than two, another order rounds
  // differently, which is noise and no other function.
  const OpTraits commutative{.commutative = true};
  table.add({"Add", "Sum"},
            {.traits = commutative, .shape = combined<add>, .layout = broadcast_layout});
  table.add("Mul",
            {.traits = commutative, .shape = combined<multiply>, .layout = broadcast_layout});
  table.add("Max", {.traits = commutative, .shape = combined<largest>, .layout = broadcast_layout});
  table.add("Min", {.traits = commutative, .shape = combined<least>, .layout = broadcast_layout});
  table.add("Mean", {.traits = commutative, .shape = broadcast_inputs, .layout = broadcast_layout});
  table.add("Sub", {.shape = combined<subtract>, .layout = broadcast_layout});
  table.add("Div", {.shape = combined<quotient>, .layout = broadcast_layout});
  table.add("Mod", {.shape = mod_rule, .layout = broadcast_layout});
  table.add("Pow", {.shape = pow_rule, .layout = broadcast_layout});
}

}  // namespace pot
