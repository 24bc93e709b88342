#include "ir/expr_terms.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace pot {
namespace {

std::optional<std::int64_t> plus(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out)) return std::nullopt;
  return out;
}

std::optional<std::int64_t> times(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
  return out;
}

// Its magnitude does not fit, and a reduced fraction of it hardly ever matters.
bool extreme(std::int64_t number) { return number == std::numeric_limits<std::int64_t>::min(); }

void mix(std::size_t& hash, std::size_t part) {
  hash ^= part + 0x9e3779b97f4a7c15U + (hash << 6) + (hash >> 2);
}

std::size_t hash_of(const std::vector<Term>& terms) {
  std::size_t hash = terms.size();
  for (const Term& term : terms) {
    mix(hash, static_cast<std::size_t>(term.coefficient.num));
    mix(hash, static_cast<std::size_t>(term.coefficient.den));
    for (const Factor& factor : term.monomial) mix(hash, factor.atom->hash + factor.power);
  }
  return hash;
}

std::uint64_t degree(const Monomial& monomial) {
  std::uint64_t sum = 0;
  for (const Factor& factor : monomial) sum += factor.power;
  return sum;
}

int sign(bool smaller) { return smaller ? -1 : 1; }

}  // namespace

std::optional<Rational> Rational::of(std::int64_t num, std::int64_t den) {
  if (den == 1) return Rational{num, 1};
  if (extreme(num) || extreme(den)) return std::nullopt;
  const std::int64_t shared = std::gcd(num, den);
  const std::int64_t turn = den < 0 ? -1 : 1;
  return Rational{turn * (num / shared), turn * (den / shared)};
}

std::int64_t Rational::floor() const noexcept { return num / den - (num % den < 0 ? 1 : 0); }

std::optional<Rational> add(const Rational& a, const Rational& b) {
  const std::int64_t shared = std::gcd(a.den, b.den);
  const auto left = times(a.num, b.den / shared);
  const auto right = times(b.num, a.den / shared);
  const auto den = times(a.den / shared, b.den);
  if (!left || !right || !den) return std::nullopt;
  const auto num = plus(*left, *right);
  return num ? Rational::of(*num, *den) : std::nullopt;
}

std::optional<Rational> multiply(const Rational& a, const Rational& b) {
  const auto left = Rational::of(a.num, b.den);
  const auto right = Rational::of(b.num, a.den);
  if (!left || !right) return std::nullopt;
  const auto num = times(left->num, right->num);
  const auto den = times(left->den, right->den);
  if (!num || !den) return std::nullopt;
  return Rational{*num, *den};
}

std::optional<Rational> negate(const Rational& a) {
  if (extreme(a.num)) return std::nullopt;
  return Rational{-a.num, a.den};
}

std::optional<Rational> subtract(const Rational& a, const Rational& b) {
  const auto minus = negate(b);
  return minus ? add(a, *minus) : std::nullopt;
}

std::optional<Rational> divide(const Rational& a, const Rational& b) {
  const auto turned = Rational::of(b.den, b.num);
  return turned ? multiply(a, *turned) : std::nullopt;
}

std::optional<std::int64_t> common_multiple(std::int64_t a, std::int64_t b) {
  return times(a / std::gcd(a, b), b);
}

bool less(const Rational& a, const Rational& b) {
  if (a.den == b.den) return a.num < b.num;
  const std::int64_t left = a.floor();
  const std::int64_t right = b.floor();
  if (left != right) return left < right;
  // Both remainders are below 1, so doubles of the exact difference have its sign.
  const auto difference = subtract(a, b);
  if (difference) return difference->num < 0;
  return static_cast<long double>(a.num) / static_cast<long double>(a.den) <
         static_cast<long double>(b.num) / static_cast<long double>(b.den);
}

int compare(const Atom& a, const Atom& b) {
  if (&a == &b) return 0;
  if (a.kind != b.kind) return sign(a.kind < b.kind);
  if (a.id != b.id) return sign(a.id < b.id);
  if (a.id != 0) return 0;
  if (const int by_text = a.text.compare(b.text); by_text != 0) return sign(by_text < 0);
  if (a.args.size() != b.args.size()) return sign(a.args.size() < b.args.size());
  for (std::size_t i = 0; i < a.args.size(); ++i) {
    if (const int by_arg = compare(a.args[i], b.args[i]); by_arg != 0) return by_arg;
  }
  return 0;
}

int compare(const Monomial& a, const Monomial& b) {
  const std::uint64_t left = degree(a);
  const std::uint64_t right = degree(b);
  if (left != right) return sign(left < right);
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    // The one with the earlier atom has more of it: it is the greater.
    if (const int atoms = compare(*a[i].atom, *b[i].atom); atoms != 0) return -atoms;
    if (a[i].power != b[i].power) return sign(a[i].power < b[i].power);
  }
  return 0;
}

int compare(const Expr& a, const Expr& b) {
  const Expr::Terms* left = Expr::Arithmetic::terms(a);
  const Expr::Terms* right = Expr::Arithmetic::terms(b);
  if (!left && !right) return *a.number() == *b.number() ? 0 : sign(*a.number() < *b.number());
  if (left == right) return 0;
  if (!left || !right) return sign(!left);
  const std::size_t shared = std::min(left->list.size(), right->list.size());
  for (std::size_t i = 0; i < shared; ++i) {
    const int order = compare(left->list[i].monomial, right->list[i].monomial);
    if (order != 0) return -order;
    const Rational& one = left->list[i].coefficient;
    const Rational& other = right->list[i].coefficient;
    if (one != other) return sign(less(one, other));
  }
  if (left->list.size() == right->list.size()) return 0;
  return sign(left->list.size() < right->list.size());
}

bool integral(const Monomial& monomial) {
  return std::all_of(monomial.begin(), monomial.end(),
                     [](const Factor& factor) { return factor.atom->integral; });
}

Monomial multiply(const Monomial& a, const Monomial& b) {
  Monomial out;
  out.reserve(a.size() + b.size());
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const int order = compare(*a[i].atom, *b[j].atom);
    if (order == 0) {
      out.push_back({a[i].atom, a[i].power + b[j].power});
      ++i, ++j;
    } else {
      out.push_back(order < 0 ? a[i++] : b[j++]);
    }
  }
  out.insert(out.end(), a.begin() + static_cast<std::ptrdiff_t>(i), a.end());
  out.insert(out.end(), b.begin() + static_cast<std::ptrdiff_t>(j), b.end());
  return out;
}

std::optional<Monomial> divide(const Monomial& a, const Monomial& b) {
  Monomial out;
  std::size_t j = 0;
  for (const Factor& factor : a) {
    if (j == b.size() || compare(*factor.atom, *b[j].atom) != 0) {
      out.push_back(factor);
      continue;
    }
    if (factor.power < b[j].power) return std::nullopt;
    if (factor.power > b[j].power) out.push_back({factor.atom, factor.power - b[j].power});
    ++j;
  }
  if (j < b.size()) return std::nullopt;
  return out;
}

void Sum::add(const Rational& coefficient, Monomial monomial) {
  if (coefficient.num == 0) return;
  for (const Factor& factor : monomial) {
    if (factor.power > kMostPower) failed_ = true;
  }
  terms_.push_back({coefficient, std::move(monomial)});
  ordered_ = terms_.size() < 2;
}

void Sum::add(const Expr& expr, const Rational& factor) {
  const Expr::Terms* terms = Expr::Arithmetic::terms(expr);
  if (!terms) {
    const auto product = multiply(Rational{*expr.number(), 1}, factor);
    return product ? add(*product, {}) : fail();
  }
  for (const Term& term : terms->list) {
    const auto product = multiply(term.coefficient, factor);
    product ? add(*product, term.monomial) : fail();
  }
}

const std::vector<Term>& Sum::terms() {
  if (ordered_) return terms_;
  std::stable_sort(terms_.begin(), terms_.end(), [](const Term& a, const Term& b) {
    return compare(a.monomial, b.monomial) > 0;
  });
  std::vector<Term> merged;
  for (Term& term : terms_) {
    if (merged.empty() || compare(merged.back().monomial, term.monomial) != 0) {
      if (!merged.empty() && merged.back().coefficient.num == 0) merged.pop_back();
      merged.push_back(std::move(term));
      continue;
    }
    const auto sum = pot::add(merged.back().coefficient, term.coefficient);
    sum ? void(merged.back().coefficient = *sum) : fail();
  }
  if (!merged.empty() && merged.back().coefficient.num == 0) merged.pop_back();
  terms_ = std::move(merged);
  ordered_ = true;
  return terms_;
}

Expr Sum::expr() && {
  if (terms_.size() > kMostTerms * kMostTerms) fail();
  if (failed_) return too_large();
  auto ordered = terms();
  return failed_ ? too_large() : Expr::Arithmetic::of(std::move(ordered));
}

Expr Expr::Arithmetic::of(std::vector<Term> ordered) {
  if (ordered.empty()) return Expr(0);
  if (ordered.size() == 1 && ordered[0].monomial.empty() && ordered[0].coefficient.whole()) {
    return Expr(ordered[0].coefficient.num);
  }
  auto terms = std::make_shared<Terms>();
  for (const Term& term : ordered) {
    terms->integral = terms->integral && term.coefficient.whole() && pot::integral(term.monomial);
    terms->size += 1;
    for (const Factor& factor : term.monomial) {
      terms->depth = std::max(terms->depth, factor.atom->depth);
      terms->size += factor.atom->size;
    }
  }
  if (ordered.size() > kMostTerms || terms->size > kMostSize) return too_large();
  terms->hash = hash_of(ordered);
  terms->list = std::move(ordered);
  Expr out;
  out.terms_ = std::move(terms);
  return out;
}

std::vector<Term> terms_of(const Expr& expr) {
  if (const Expr::Terms* terms = Expr::Arithmetic::terms(expr)) return terms->list;
  if (expr.is(0)) return {};
  return {Term{{*expr.number(), 1}, {}}};
}

bool integral(const Expr& expr) {
  const Expr::Terms* terms = Expr::Arithmetic::terms(expr);
  return !terms || terms->integral;
}

std::optional<Rational> rational_of(const Expr& expr) {
  const Expr::Terms* terms = Expr::Arithmetic::terms(expr);
  if (!terms) return Rational{*expr.number(), 1};
  if (terms->list.size() == 1 && terms->list[0].monomial.empty()) {
    return terms->list[0].coefficient;
  }
  return std::nullopt;
}

Expr expr_of(const Rational& number) {
  if (number.whole()) return Expr(number.num);
  return Expr::Arithmetic::of({Term{number, {}}});
}

Expr expr_of(AtomRef atom) { return Expr::Arithmetic::of({Term{{1, 1}, {{std::move(atom), 1}}}}); }

Expr expr_of(const Term& term) { return Expr::Arithmetic::of({term}); }

Expr power(const Expr& base, std::uint32_t exponent) {
  Expr out = 1;
  for (std::uint32_t i = 0; i < exponent; ++i) out = out * base;
  return out;
}

Expr too_large() { return Expr::fresh_value("a size too complicated to track"); }

Expr make_atom(AtomKind kind, std::vector<Expr> args) {
  auto atom = std::make_shared<Atom>();
  atom->kind = kind;
  std::size_t hash = static_cast<std::size_t>(kind);
  bool whole = true;
  for (const Expr& arg : args) {
    whole = whole && integral(arg);
    mix(hash, arg.hash());
    const Expr::Terms* terms = Expr::Arithmetic::terms(arg);
    atom->size += terms ? terms->size : 1;
    atom->depth = std::max(atom->depth, terms ? terms->depth + 1 : 1);
  }
  if (atom->size > kMostSize || atom->depth > kMostDepth) return too_large();
  atom->integral = kind == AtomKind::floor || (kind != AtomKind::quotient && whole);
  atom->hash = hash;
  atom->args = std::move(args);
  return expr_of(std::move(atom));
}

}  // namespace pot
