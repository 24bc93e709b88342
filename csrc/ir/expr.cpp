#include "ir/expr.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <set>

#include "ir/expr_terms.h"

namespace pot {
namespace {

Expr fresh(AtomKind kind, std::string reason) {
  static std::atomic<std::uint64_t> last{0};
  auto atom = std::make_shared<Atom>();
  atom->kind = kind;
  atom->text = std::move(reason);
  atom->id = ++last;
  atom->integral = kind == AtomKind::fresh_size;
  atom->hash = std::hash<std::uint64_t>{}(atom->id * 0x9e3779b97f4a7c15U);
  return expr_of(std::move(atom));
}

/// Calls `visit` for each atom in an expression, those in atoms included.
template <class Visit>
void for_each_atom(const Expr& expr, const Visit& visit) {
  const Expr::Terms* terms = Expr::Arithmetic::terms(expr);
  if (!terms) return;
  for (const Term& term : terms->list) {
    for (const Factor& factor : term.monomial) {
      visit(*factor.atom);
      for (const Expr& arg : factor.atom->args) for_each_atom(arg, visit);
    }
  }
}

std::vector<std::string> texts(const Expr& expr, bool of_symbols) {
  std::set<std::string> found;
  for_each_atom(expr, [&](const Atom& atom) {
    if (!atom.text.empty() && (atom.kind == AtomKind::symbol) == of_symbols) {
      found.insert(atom.text);
    }
  });
  return {found.begin(), found.end()};
}

/// An atom over other arguments.
Expr rebuilt(AtomKind kind, const std::vector<Expr>& args) {
  if (kind == AtomKind::floor) return floor(args[0]);
  if (kind == AtomKind::quotient) return divide(args[0], args[1]);
  Expr out = args[0];
  for (std::size_t i = 1; i < args.size(); ++i) {
    if (kind == AtomKind::min) out = min(out, args[i]);
    if (kind == AtomKind::max) out = max(out, args[i]);
    if (kind == AtomKind::broadcast) out = broadcast(out, args[i]);
  }
  return out;
}

Expr substituted(const AtomRef& atom, const Expr::Binding& of) {
  if (atom->kind == AtomKind::symbol) {
    if (auto bound = of(atom->text)) return *std::move(bound);
    return expr_of(atom);
  }
  if (atom->args.empty()) return expr_of(atom);
  std::vector<Expr> args;
  bool same = true;
  for (const Expr& arg : atom->args) {
    args.push_back(arg.substitute(of));
    same = same && args.back() == arg;
  }
  return same ? expr_of(atom) : rebuilt(atom->kind, args);
}

}  // namespace

Expr Expr::symbol(std::string name) {
  auto atom = std::make_shared<Atom>();
  atom->hash = std::hash<std::string>{}(name);
  atom->text = std::move(name);
  return expr_of(std::move(atom));
}

Expr Expr::fresh_size(std::string reason) { return fresh(AtomKind::fresh_size, std::move(reason)); }

Expr Expr::fresh_value(std::string reason) {
  return fresh(AtomKind::fresh_value, std::move(reason));
}

Expr Expr::ratio(std::int64_t numerator, std::int64_t denominator) {
  const auto number = Rational::of(numerator, denominator);
  return number ? expr_of(*number) : too_large();
}

std::optional<double> Expr::constant() const noexcept {
  if (!terms_) return static_cast<double>(number_);
  const auto number = rational_of(*this);
  if (!number) return std::nullopt;
  return static_cast<double>(number->num) / static_cast<double>(number->den);
}

std::vector<std::string> Expr::symbols() const { return texts(*this, true); }

std::vector<std::string> Expr::reasons() const { return texts(*this, false); }

bool Expr::writable() const {
  if (!terms_) return true;
  bool fresh_inside = false;
  for_each_atom(*this, [&](const Atom& atom) { fresh_inside = fresh_inside || atom.id != 0; });
  // A symbol may have any name: one that does not survive inside of an expression is noticed here.
  return !fresh_inside && parse(text()) == *this;
}

Expr Expr::substitute(const Binding& of) const {
  if (!terms_) return *this;
  Sum sum;
  for (const Term& term : terms_->list) {
    Expr product = expr_of(term.coefficient);
    for (const Factor& factor : term.monomial) {
      product = product * power(substituted(factor.atom, of), factor.power);
    }
    sum.add(product);
  }
  return std::move(sum).expr();
}

bool operator==(const Expr& a, const Expr& b) noexcept {
  if (!a.terms_ || !b.terms_) return !a.terms_ && !b.terms_ && a.number_ == b.number_;
  if (a.terms_ == b.terms_) return true;
  return a.terms_->hash == b.terms_->hash && compare(a, b) == 0;
}

std::size_t Expr::hash() const noexcept {
  return terms_ ? terms_->hash : std::hash<std::int64_t>{}(number_);
}

Expr operator+(const Expr& a, const Expr& b) {
  if (!a.terms_ && !b.terms_) {
    std::int64_t out = 0;
    return __builtin_add_overflow(a.number_, b.number_, &out) ? too_large() : Expr(out);
  }
  Sum sum(a);
  sum.add(b);
  return std::move(sum).expr();
}

Expr operator-(const Expr& a, const Expr& b) {
  if (!a.terms_ && !b.terms_) {
    std::int64_t out = 0;
    return __builtin_sub_overflow(a.number_, b.number_, &out) ? too_large() : Expr(out);
  }
  Sum sum(a);
  sum.add(b, {-1, 1});
  return std::move(sum).expr();
}

std::optional<std::int64_t> Expr::at_least() const {
  if (!terms_) return number_;
  const auto bound = lower_bound(*this);
  if (!bound) return std::nullopt;
  return bound->floor() + (terms_->integral && !bound->whole() ? 1 : 0);
}

std::optional<std::int64_t> Expr::at_most() const {
  if (!terms_) return number_;
  const auto bound = upper_bound(*this);
  if (!bound) return std::nullopt;
  return bound->floor() + (terms_->integral || bound->whole() ? 0 : 1);
}

std::optional<bool> Expr::equal(const Expr& a, const Expr& b) {
  if (a == b) return true;
  if (!a.terms_ && !b.terms_) return false;
  const Expr difference = a - b;
  if (const auto number = rational_of(difference)) return number->num == 0;
  const auto low = lower_bound(difference);
  const auto high = upper_bound(difference);
  if ((low && low->num > 0) || (high && high->num < 0)) return false;
  // 2*h never equals 5: every term but the constant is a multiple of 2.
  std::int64_t shared = 0;
  for (const Term& term : difference.terms_->list) {
    if (!difference.terms_->integral || term.coefficient.num < -kBeyondSizes) return std::nullopt;
    if (term.monomial.empty()) {
      return shared > 1 && term.coefficient.num % shared != 0 ? std::optional(false) : std::nullopt;
    }
    shared = std::gcd(shared, term.coefficient.num);
  }
  return std::nullopt;
}

std::optional<bool> Expr::less(const Expr& a, const Expr& b) {
  if (!a.terms_ && !b.terms_) return a.number_ < b.number_;
  const Expr difference = a - b;
  if (const auto high = upper_bound(difference); high && high->num < 0) return true;
  if (const auto low = lower_bound(difference); low && low->num >= 0) return false;
  return std::nullopt;
}

}  // namespace pot
