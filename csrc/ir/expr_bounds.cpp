// What can be proved of the value of an expression, for all sizes.

#include <algorithm>

#include "ir/expr_terms.h"

namespace pot {
namespace {

/// From low to high; nothing on a side: not bounded.
struct Interval {
  std::optional<Rational> low;
  std::optional<Rational> high;
};

bool at_least_zero(const Interval& interval) { return interval.low && interval.low->num >= 0; }

std::optional<Rational> product(const std::optional<Rational>& a,
                                const std::optional<Rational>& b) {
  return a && b ? multiply(*a, *b) : std::nullopt;
}

std::optional<Rational> smaller(const std::optional<Rational>& a,
                                const std::optional<Rational>& b) {
  if (!a || !b) return std::nullopt;
  return less(*a, *b) ? a : b;
}

std::optional<Rational> greater(const std::optional<Rational>& a,
                                const std::optional<Rational>& b) {
  if (!a || !b) return std::nullopt;
  return less(*a, *b) ? b : a;
}

Interval product(const Interval& a, const Interval& b) {
  if (at_least_zero(a) && at_least_zero(b)) {
    return {product(a.low, b.low).value_or(Rational{0, 1}), product(a.high, b.high)};
  }
  if (!a.low || !a.high || !b.low || !b.high) return {};
  const auto one = product(a.low, b.low);
  const auto two = product(a.low, b.high);
  const auto three = product(a.high, b.low);
  const auto four = product(a.high, b.high);
  return {smaller(smaller(one, two), smaller(three, four)),
          greater(greater(one, two), greater(three, four))};
}

Interval scaled(const Interval& a, const Rational& factor) {
  const auto times = [&](const std::optional<Rational>& bound) {
    return bound ? multiply(*bound, factor) : std::nullopt;
  };
  if (factor.num < 0) return {times(a.high), times(a.low)};
  return {times(a.low), times(a.high)};
}

Interval sum(const Interval& a, const Interval& b) {
  const auto plus = [](const std::optional<Rational>& one, const std::optional<Rational>& other) {
    return one && other ? add(*one, *other) : std::nullopt;
  };
  return {plus(a.low, b.low), plus(a.high, b.high)};
}

Interval interval_of(const Expr& expr);

std::optional<Rational> rounded(const std::optional<Rational>& bound) {
  if (!bound) return std::nullopt;
  return Rational{bound->floor(), 1};
}

Interval of_choice(const Atom& atom) {
  std::vector<Interval> args;
  for (const Expr& arg : atom.args) args.push_back(interval_of(arg));
  const bool is_min = atom.kind == AtomKind::min;
  const bool is_max = atom.kind == AtomKind::max;
  Interval out = args[0];
  for (std::size_t i = 1; i < args.size(); ++i) {
    // One known bound is enough on the side where the choice goes.
    out.low = is_max && !(out.low && args[i].low) ? (out.low ? out.low : args[i].low)
              : is_max                            ? greater(out.low, args[i].low)
                                                  : smaller(out.low, args[i].low);
    out.high = is_min && !(out.high && args[i].high) ? (out.high ? out.high : args[i].high)
               : is_min                              ? smaller(out.high, args[i].high)
                                                     : greater(out.high, args[i].high);
  }
  return out;
}

Interval interval_of(const Atom& atom) {
  switch (atom.kind) {
    case AtomKind::symbol:
    case AtomKind::fresh_size:
      return {Rational{0, 1}, std::nullopt};
    case AtomKind::fresh_value:
      return {};
    case AtomKind::floor: {
      const Interval inside = interval_of(atom.args[0]);
      return {rounded(inside.low), rounded(inside.high)};
    }
    case AtomKind::quotient: {
      // A divisor is not 0, so a whole one that is not negative is at least 1.
      const Interval below = interval_of(atom.args[1]);
      const Interval above = interval_of(atom.args[0]);
      if (!at_least_zero(above) || !at_least_zero(below)) return {};
      return {Rational{0, 1}, integral(atom.args[1]) ? above.high : std::nullopt};
    }
    case AtomKind::min:
    case AtomKind::max:
    case AtomKind::broadcast:
      return of_choice(atom);
  }
  return {};
}

Interval interval_of(const Monomial& monomial) {
  Interval out{Rational{1, 1}, Rational{1, 1}};
  for (const Factor& factor : monomial) {
    const Interval base = interval_of(*factor.atom);
    for (std::uint32_t i = 0; i < factor.power; ++i) out = product(out, base);
    if (factor.power % 2 == 0 && !out.low)
      out.low = monomial.size() == 1 ? std::optional(Rational{0, 1}) : std::nullopt;
  }
  return out;
}

Interval interval_of(const Expr& expr) {
  Interval out{Rational{0, 1}, Rational{0, 1}};
  for (const Term& term : terms_of(expr)) {
    out = sum(out, scaled(interval_of(term.monomial), term.coefficient));
  }
  return out;
}

struct StandIns {
  std::vector<Expr> any;  ///< each is never above the atom (for `upper`: never below)
  std::vector<Expr> all;  ///< the atom is one of these
};

/// What can take the place of an atom in a bound, simpler than it.
StandIns stand_ins(const Atom& atom, bool upper) {
  if (atom.kind == AtomKind::floor) {
    if (upper) return {{atom.args[0]}, {}};
    // floor(n/4) is at least n/4 - 3/4, when n is whole.
    std::int64_t parts = 1;
    for (const Term& term : terms_of(atom.args[0])) {
      const auto next = common_multiple(parts, term.coefficient.den);
      if (!next || !integral(term.monomial)) return {{atom.args[0] - Expr(1)}, {}};
      parts = *next;
    }
    return {{atom.args[0] - Expr::ratio(parts - 1, parts)}, {}};
  }
  if (atom.kind == AtomKind::quotient) return {};
  const bool goes_there = upper ? atom.kind == AtomKind::min : atom.kind == AtomKind::max;
  if (goes_there) return {atom.args, {}};
  return {{}, atom.args};
}

/// Puts what bounds an atom in its place, one after the other, as long as there is budget for it:
/// h - floor(h/2) is at least h - h/2.
class Relaxation {
 public:
  std::optional<Rational> lower(const Expr& expr, std::uint32_t depth) {
    auto best = interval_of(expr).low;
    if (depth == 0) return best;
    for (const Term& term : terms_of(expr)) {
      for (std::size_t i = 0; i < term.monomial.size(); ++i) {
        if (term.monomial[i].power != 1 || term.monomial[i].atom->args.empty()) continue;
        const auto bound = relaxed(expr, term, i, depth);
        if (bound && (!best || less(*best, *bound))) best = bound;
      }
    }
    return best;
  }

 private:
  std::optional<Rational> relaxed(const Expr& expr, const Term& term, std::size_t at,
                                  std::uint32_t depth) {
    Term rest = term;
    rest.monomial.erase(rest.monomial.begin() + static_cast<std::ptrdiff_t>(at));
    if (!at_least_zero(interval_of(rest.monomial))) return std::nullopt;
    const Expr without = expr - expr_of(term);
    const Expr factor = expr_of(rest);
    const auto bound_with = [&](const Expr& other) -> std::optional<Rational> {
      if (budget_ == 0) return std::nullopt;
      --budget_;
      return lower(without + factor * other, depth - 1);
    };
    const StandIns others = stand_ins(*term.monomial[at].atom, term.coefficient.num < 0);
    std::optional<Rational> best;
    for (const Expr& other : others.any) {
      const auto bound = bound_with(other);
      if (bound && (!best || less(*best, *bound))) best = bound;
    }
    for (std::size_t i = 0; i < others.all.size(); ++i) {
      const auto bound = bound_with(others.all[i]);
      best = i == 0 ? bound : smaller(best, bound);
      if (!best) break;
    }
    return best;
  }

  std::uint32_t budget_ = 24;
};

}  // namespace

std::optional<Rational> lower_bound(const Expr& expr) {
  if (const auto number = rational_of(expr)) return number;
  constexpr std::uint32_t kDeepest = 4;
  return Relaxation().lower(expr, kDeepest);
}

std::optional<Rational> upper_bound(const Expr& expr) {
  const auto bound = lower_bound(Expr(0) - expr);
  return bound ? negate(*bound) : std::nullopt;
}

bool never_above(const Expr& a, const Expr& b) {
  const auto low = lower_bound(b - a);
  return low && low->num >= 0;
}

}  // namespace pot
