// min, max and broadcast: one of several, where it is not known which.

#include <algorithm>

#include "ir/expr_terms.h"

namespace pot {
namespace {

/// The arguments of a min of mins, flat; any other expression is its own only argument.
void flatten(AtomKind kind, const Expr& expr, std::vector<Expr>& out) {
  const auto terms = terms_of(expr);
  const bool shifted = terms.size() == 2 && terms[1].monomial.empty();
  const bool one = (terms.size() == 1 || shifted) && terms[0].coefficient == Rational{1, 1} &&
                   terms[0].monomial.size() == 1 && terms[0].monomial[0].power == 1;
  if (!one || terms[0].monomial[0].atom->kind != kind || (shifted && kind == AtomKind::broadcast)) {
    out.push_back(expr);
    return;
  }
  const Expr shift = shifted ? expr_of(terms[1]) : Expr(0);
  for (const Expr& arg : terms[0].monomial[0].atom->args) flatten(kind, arg + shift, out);
}

/// `a` is never the answer beside `b`.
bool loses(AtomKind kind, const Expr& a, const Expr& b) {
  return kind == AtomKind::min ? never_above(b, a) : never_above(a, b);
}

/// Without those that another one always beats, in canonical order.
std::vector<Expr> survivors(AtomKind kind, std::vector<Expr> args) {
  std::sort(args.begin(), args.end(),
            [](const Expr& a, const Expr& b) { return compare(a, b) < 0; });
  args.erase(std::unique(args.begin(), args.end()), args.end());
  for (std::size_t i = 0; i < args.size();) {
    const auto beaten = [&](const Expr& other) {
      return &other != &args[i] && loses(kind, args[i], other);
    };
    if (std::any_of(args.begin(), args.end(), beaten)) {
      args.erase(args.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  return args;
}

/// The whole constant of the first argument that is no number: max(h - 1, 0) is max(h, 1) - 1.
std::int64_t shift_of(const std::vector<Expr>& args) {
  for (const Expr& arg : args) {
    if (arg.is_number()) continue;
    const Rational last = terms_of(arg).back().coefficient;
    return terms_of(arg).back().monomial.empty() && last.whole() ? last.num : 0;
  }
  return 0;
}

Expr chosen(AtomKind kind, const Expr& a, const Expr& b) {
  std::vector<Expr> args;
  flatten(kind, a, args);
  flatten(kind, b, args);
  if (args.size() > kMostTerms) return too_large();
  args = survivors(kind, std::move(args));
  if (args.size() == 1) return args[0];
  const std::int64_t shift = shift_of(args);
  if (shift == 0) return make_atom(kind, std::move(args));
  for (Expr& arg : args) arg = arg - Expr(shift);
  std::sort(args.begin(), args.end(),
            [](const Expr& one, const Expr& other) { return compare(one, other) < 0; });
  return make_atom(kind, std::move(args)) + Expr(shift);
}

/// Where both broadcast, the size is that of `larger`: the other one is the same, or 1. Only where
/// `larger` is 1 and the other one 0 it would be the other's.
bool covers(const Expr& larger, const Expr& other) {
  return never_above(other, larger) && never_above(min(1, larger), other);
}

bool never_one(const Expr& size) { return Expr::equal(size, 1) == false; }

}  // namespace

Expr min(const Expr& a, const Expr& b) {
  const auto left = a.number();
  const auto right = b.number();
  if (left && right) return std::min(*left, *right);
  if (left && *left >= kBeyondSizes) return b;
  if (right && *right >= kBeyondSizes) return a;
  return chosen(AtomKind::min, a, b);
}

Expr max(const Expr& a, const Expr& b) {
  const auto left = a.number();
  const auto right = b.number();
  if (left && right) return std::max(*left, *right);
  if (left && *left <= -kBeyondSizes) return b;
  if (right && *right <= -kBeyondSizes) return a;
  return chosen(AtomKind::max, a, b);
}

Expr broadcast(const Expr& a, const Expr& b) {
  if (a.is(1) || a == b) return b;
  if (b.is(1)) return a;
  // What is not 1 decides: the other one is 1 or the same.
  if (a.is_number()) return a;
  if (b.is_number()) return b;
  if (never_one(a)) return a;
  if (never_one(b)) return b;
  if (covers(a, b)) return a;
  if (covers(b, a)) return b;
  std::vector<Expr> args;
  flatten(AtomKind::broadcast, a, args);
  flatten(AtomKind::broadcast, b, args);
  std::sort(args.begin(), args.end(),
            [](const Expr& one, const Expr& other) { return compare(one, other) < 0; });
  args.erase(std::unique(args.begin(), args.end()), args.end());
  if (args.size() == 1) return args[0];
  return args.size() > kMostTerms ? too_large() : make_atom(AtomKind::broadcast, std::move(args));
}

}  // namespace pot
