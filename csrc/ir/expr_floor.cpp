// Rounding. A floor is canonical when what is in it has nothing whole left to take out.

#include <limits>

#include "ir/expr_terms.h"

namespace pot {
namespace {

/// Common denominator of the coefficients; nothing on overflow.
std::optional<std::int64_t> denominator(const std::vector<Term>& terms, bool with_constant) {
  std::int64_t out = 1;
  for (const Term& term : terms) {
    if (!with_constant && term.monomial.empty()) continue;
    const auto next = common_multiple(out, term.coefficient.den);
    if (!next) return std::nullopt;
    out = *next;
  }
  return out;
}

bool all_integral(const std::vector<Term>& terms) {
  for (const Term& term : terms) {
    if (!integral(term.monomial)) return false;
  }
  return true;
}

/// Moves the whole part of each coefficient of whole products to `out`; returns what is left.
Expr take_whole(const Expr& expr, Sum& out) {
  Sum left;
  bool leading = true;
  for (const Term& term : terms_of(expr)) {
    if (!integral(term.monomial)) {
      left.add(term.coefficient, term.monomial);
      continue;
    }
    const Rational& coefficient = term.coefficient;
    // A leading -1/2 stays negative: floor() turns it into the ceiling that it is.
    const std::int64_t whole = leading ? coefficient.num / coefficient.den : coefficient.floor();
    out.add({whole, 1}, term.monomial);
    const auto rest = subtract(coefficient, {whole, 1});
    rest ? left.add(*rest, term.monomial) : left.fail();
    leading = leading && rest && rest->num == 0;
  }
  return std::move(left).expr();
}

/// floor(h/2 + 1/3) is floor(h/2): the constant counts in steps of the other denominators.
Expr with_stepped_constant(const Expr& expr) {
  const auto terms = terms_of(expr);
  if (terms.empty() || !terms.back().monomial.empty()) return expr;
  const auto step = denominator(terms, false);
  const auto scaled = step ? multiply(terms.back().coefficient, {*step, 1}) : std::nullopt;
  if (!scaled || scaled->whole()) return expr;
  return expr - expr_of(terms.back()) + Expr::ratio(scaled->floor(), *step);
}

/// floor((floor(a) + n) / m) is floor((a + n) / m). Nothing where that does not apply.
std::optional<Expr> without_inner_floor(const Expr& expr) {
  const auto terms = terms_of(expr);
  const auto parts = denominator(terms, true);
  if (!parts) return std::nullopt;
  const Term* found = nullptr;
  for (const Term& term : terms) {
    if (term.monomial.size() != 1 || term.monomial[0].power != 1) continue;
    if (term.monomial[0].atom->kind != AtomKind::floor) continue;
    if (term.coefficient != Rational{1, *parts}) continue;
    if (found)
      return std::nullopt;  // only one of two may be opened, and which is no matter of order
    found = &term;
  }
  if (!found) return std::nullopt;
  return expr - expr_of(*found) + expr_of(found->coefficient) * found->monomial[0].atom->args[0];
}

/// Nothing but a number below it and above it: floor(x) for 0 <= x < 1.
std::optional<std::int64_t> between(const Expr& expr) {
  const auto low = lower_bound(expr);
  const auto high = low ? upper_bound(expr) : std::nullopt;
  if (!high || low->floor() != high->floor()) return std::nullopt;
  return low->floor();
}

/// floor(-x/3) is -floor((x + 2)/3).
std::optional<Expr> mirrored(const Expr& expr) {
  const auto parts = denominator(terms_of(expr), true);
  if (!parts) return std::nullopt;
  return Expr(0) - floor(Expr::ratio(*parts - 1, *parts) - expr);
}

}  // namespace

Expr floor(const Expr& a) {
  if (integral(a)) return a;
  if (const auto number = rational_of(a)) return number->floor();
  Sum out;
  Expr left = a;
  for (std::uint32_t turn = 0; turn < kMostDepth; ++turn) {
    left = take_whole(left, out);
    if (const auto number = rational_of(left)) {
      out.add_number(number->floor());
      return std::move(out).expr();
    }
    const auto terms = terms_of(left);
    if (!all_integral(terms)) break;
    if (terms.front().coefficient.num < 0) {
      if (auto turned = mirrored(left)) out.add(*turned), left = 0;
      break;
    }
    left = with_stepped_constant(left);
    auto opened = without_inner_floor(left);
    if (!opened) break;
    left = *std::move(opened);
  }
  if (const auto number = between(left)) {
    out.add_number(*number);
  } else {
    out.add(integral(left) ? left : make_atom(AtomKind::floor, {left}));
  }
  return std::move(out).expr();
}

Expr ceil(const Expr& a) { return Expr(0) - floor(Expr(0) - a); }

Expr floor_div(const Expr& a, const Expr& b) {
  const auto above = a.number();
  const auto below = b.number();
  if (above && below && *below > 0) return Rational{*above, *below}.floor();
  return floor(divide(a, b));
}

Expr ceil_div(const Expr& a, const Expr& b) { return ceil(divide(a, b)); }

Expr trunc_div(const Expr& a, const Expr& b) {
  const auto above = a.number();
  const auto below = b.number();
  if (above && below && *below != 0 && *below != -1) return *above / *below;
  const Expr exact = divide(a, b);
  const auto low = lower_bound(exact);
  if (low && low->num >= 0) return floor(exact);
  const auto high = upper_bound(exact);
  if (high && high->num <= 0) return ceil(exact);
  return max(0, floor(exact)) + min(0, ceil(exact));
}

Expr floor_mod(const Expr& a, const Expr& b) {
  if (b.is(0)) return Expr::fresh_value("a division by zero");
  return a - b * floor_div(a, b);
}

}  // namespace pot
