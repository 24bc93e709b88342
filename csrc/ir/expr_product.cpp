#include <algorithm>

#include "ir/expr_terms.h"

namespace pot {
namespace {

bool is_quotient(const Factor& factor) { return factor.atom->kind == AtomKind::quotient; }

/// The product of one term and a sum where (a/b) * b is a; nothing when no such pair is in it.
std::optional<Expr> cancelled(const Term& term, const Expr& sum) {
  for (std::size_t i = 0; i < term.monomial.size(); ++i) {
    const Factor& factor = term.monomial[i];
    if (!is_quotient(factor)) continue;
    const Expr& below = factor.atom->args[1];
    Expr other = sum;
    if (sum != below) {
      const auto terms = terms_of(sum);
      const auto divisor = terms_of(below);
      if (terms.size() != 1 || divisor.size() != 1) continue;
      const auto left = divide(terms[0].monomial, divisor[0].monomial);
      const auto scale = divide(terms[0].coefficient, divisor[0].coefficient);
      if (!left || !scale) continue;
      other = expr_of(Term{*scale, *left});
    } else {
      other = 1;
    }
    Term rest = term;
    if (--rest.monomial[i].power == 0) {
      rest.monomial.erase(rest.monomial.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return expr_of(rest) * factor.atom->args[0] * other;
  }
  return std::nullopt;
}

Expr product(const Term& a, const Term& b) {
  if (auto out = cancelled(a, expr_of(b))) return *std::move(out);
  if (auto out = cancelled(b, expr_of(a))) return *std::move(out);
  const auto coefficient = multiply(a.coefficient, b.coefficient);
  if (!coefficient) return too_large();
  Sum sum;
  sum.add(*coefficient, multiply(a.monomial, b.monomial));
  return std::move(sum).expr();
}

bool has_quotient(const std::vector<Term>& terms) {
  return std::any_of(terms.begin(), terms.end(), [](const Term& term) {
    return std::any_of(term.monomial.begin(), term.monomial.end(), is_quotient);
  });
}

Expr product(const std::vector<Term>& left, const std::vector<Term>& right) {
  const bool careful = has_quotient(left) || has_quotient(right);
  Sum sum;
  for (const Term& a : left) {
    for (const Term& b : right) {
      if (careful) {
        sum.add(product(a, b));
        continue;
      }
      const auto coefficient = multiply(a.coefficient, b.coefficient);
      coefficient ? sum.add(*coefficient, multiply(a.monomial, b.monomial)) : sum.fail();
    }
  }
  return std::move(sum).expr();
}

/// The part of both monomials that divides both.
Monomial shared_part(const Monomial& a, const Monomial& b) {
  Monomial out;
  for (const Factor& factor : a) {
    for (const Factor& other : b) {
      if (compare(*factor.atom, *other.atom) == 0) {
        out.push_back({factor.atom, std::min(factor.power, other.power)});
      }
    }
  }
  return out;
}

/// The part that divides each term of both.
Monomial shared_part(const std::vector<Term>& a, const std::vector<Term>& b) {
  Monomial out = b[0].monomial;
  for (const Term& term : b) out = shared_part(out, term.monomial);
  for (const Term& term : a) out = shared_part(out, term.monomial);
  return out;
}

Expr without(const std::vector<Term>& terms, const Monomial& part) {
  Sum sum;
  for (const Term& term : terms) sum.add(term.coefficient, *divide(term.monomial, part));
  return std::move(sum).expr();
}

struct Division {
  Sum whole;
  Expr rest;
};

/// Long division of polynomials. The rest is 0 where it goes evenly.
std::optional<Division> long_division(const Expr& a, const std::vector<Term>& b) {
  Division out;
  Sum rest;
  Expr left = a;
  for (std::size_t step = 0; step < kMostTerms && !left.is(0); ++step) {
    const Term lead = terms_of(left).front();
    Term next = lead;
    const auto monomial = divide(lead.monomial, b[0].monomial);
    const auto coefficient = divide(lead.coefficient, b[0].coefficient);
    if (!coefficient) return std::nullopt;
    if (!monomial) {
      rest.add(lead.coefficient, lead.monomial);
      left = left - expr_of(lead);
      continue;
    }
    next = {*coefficient, *monomial};
    out.whole.add(next.coefficient, next.monomial);
    left = left - product({next}, b);
  }
  if (!left.is(0)) return std::nullopt;
  out.rest = std::move(rest).expr();
  return out;
}

/// A quotient that does not come out even. Pre: neither is a number; nothing divides both.
Expr quotient(const Expr& a, const Expr& b) {
  // The leading coefficients are taken out, so that 2*a / 3*b and a / b share the atom.
  const Rational above = terms_of(a).front().coefficient;
  const Rational below = terms_of(b).front().coefficient;
  const auto factor = divide(above, below);
  const auto over_above = divide({1, 1}, above);
  const auto over_below = divide({1, 1}, below);
  if (!factor || !over_above || !over_below) return too_large();
  return expr_of(*factor) *
         make_atom(AtomKind::quotient, {a * expr_of(*over_above), b * expr_of(*over_below)});
}

}  // namespace

Expr operator*(const Expr& a, const Expr& b) {
  if (!a.terms_ && !b.terms_) {
    std::int64_t out = 0;
    return __builtin_mul_overflow(a.number_, b.number_, &out) ? too_large() : Expr(out);
  }
  if (a.is(1)) return b;
  if (b.is(1)) return a;
  const auto left = terms_of(a);
  const auto right = terms_of(b);
  if (left.size() == 1 && right.size() > 1) {
    if (auto out = cancelled(left[0], b)) return *std::move(out);
  }
  if (right.size() == 1 && left.size() > 1) {
    if (auto out = cancelled(right[0], a)) return *std::move(out);
  }
  return product(left, right);
}

Expr divide(const Expr& a, const Expr& b) {
  if (b.is(0)) return Expr::fresh_value("a division by zero");
  if (b.is(1)) return a;
  if (a.is(0)) return a;
  if (const auto number = rational_of(b)) {
    const auto inverse = divide(Rational{1, 1}, *number);
    return inverse ? a * expr_of(*inverse) : too_large();
  }
  if (a == b) return 1;
  const auto left = terms_of(a);
  const auto right = terms_of(b);
  if (const Monomial shared = shared_part(left, right); !shared.empty()) {
    return divide(without(left, shared), without(right, shared));
  }
  auto division = long_division(a, right);
  if (!division) return quotient(a, b);
  const Expr whole = std::move(division->whole).expr();
  return division->rest.is(0) ? whole : whole + quotient(division->rest, b);
}

}  // namespace pot
