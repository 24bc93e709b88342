// Comparisons of two tensors.

#include "ops/shared/broadcast_layout.h"
#include "ops/shared/elements.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

using Comparison = std::optional<bool> (*)(const Expr& a, const Expr& b);

std::optional<bool> equal(const Expr& a, const Expr& b) { return Expr::equal(a, b); }
std::optional<bool> less(const Expr& a, const Expr& b) { return Expr::less(a, b); }
std::optional<bool> greater(const Expr& a, const Expr& b) { return Expr::less(b, a); }

std::optional<bool> at_most(const Expr& a, const Expr& b) {
  const auto above = Expr::less(b, a);
  return above ? std::optional(!*above) : std::nullopt;
}

std::optional<bool> at_least(const Expr& a, const Expr& b) { return at_most(b, a); }

template <Comparison comparison>
Inferred compared(const NodeFacts& at) {
  const DType dtype = common_dtype(at);
  const ElementRule element = [=](std::span<const Expr> in) -> std::optional<Expr> {
    if (in.size() != 2 || is_rounded(in[0], dtype) || is_rounded(in[1], dtype)) return std::nullopt;
    const auto holds = comparison(in[0], in[1]);
    return holds ? std::optional(Expr(*holds ? 1 : 0)) : std::nullopt;
  };
  return elementwise(at, {.dtype = DType::boolean, .element = element});
}

}  // namespace

void register_compare(OpTable& table) {
  table.add(
      "Equal",
      {.traits = {.commutative = true}, .shape = compared<equal>, .layout = broadcast_layout});
  table.add("Less", {.shape = compared<less>, .layout = broadcast_layout});
  table.add("Greater", {.shape = compared<greater>, .layout = broadcast_layout});
  table.add("LessOrEqual", {.shape = compared<at_most>, .layout = broadcast_layout});
  table.add("GreaterOrEqual", {.shape = compared<at_least>, .layout = broadcast_layout});
}

}  // namespace pot
