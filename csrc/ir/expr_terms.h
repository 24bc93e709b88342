#pragma once
// What an Expr is made of: for csrc/ir/expr*.cpp, and for what turns expressions into nodes.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/expr.h"

namespace pot {

/// A reduced fraction with a positive denominator. Operations give nothing on overflow.
struct Rational {
  std::int64_t num = 0;
  std::int64_t den = 1;

  /// Pre: `den` is not 0.
  [[nodiscard]] static std::optional<Rational> of(std::int64_t num, std::int64_t den);
  [[nodiscard]] bool whole() const noexcept { return den == 1; }
  [[nodiscard]] std::int64_t floor() const noexcept;
  friend bool operator==(const Rational&, const Rational&) = default;
};

[[nodiscard]] std::optional<Rational> add(const Rational& a, const Rational& b);
[[nodiscard]] std::optional<Rational> multiply(const Rational& a, const Rational& b);
[[nodiscard]] std::optional<Rational> negate(const Rational& a);
[[nodiscard]] std::optional<Rational> subtract(const Rational& a, const Rational& b);
/// Pre: b is not 0.
[[nodiscard]] std::optional<Rational> divide(const Rational& a, const Rational& b);
/// Pre: b is not 0. Least common multiple of two positive numbers.
[[nodiscard]] std::optional<std::int64_t> common_multiple(std::int64_t a, std::int64_t b);
[[nodiscard]] bool less(const Rational& a, const Rational& b);

enum class AtomKind : std::uint8_t {
  symbol,
  fresh_size,
  fresh_value,
  floor,      ///< of args[0]
  quotient,   ///< args[0] / args[1]
  min,        ///< of two or more
  max,        ///< likewise
  broadcast,  ///< likewise
};

/// Something that a polynomial cannot look into.
struct Atom {
  AtomKind kind = AtomKind::symbol;
  std::string text;      ///< name of a symbol, reason of a fresh one
  std::uint64_t id = 0;  ///< of a fresh one
  std::vector<Expr> args;
  bool integral = true;  ///< always a whole number
  std::uint32_t depth = 1;
  std::uint64_t size = 1;  ///< terms in it, counted as often as they are written
  std::size_t hash = 0;
};
using AtomRef = std::shared_ptr<const Atom>;

struct Factor {
  AtomRef atom;
  std::uint32_t power = 1;
};

/// A product of powers, ordered by atom. Empty: 1.
using Monomial = std::vector<Factor>;

struct Term {
  Rational coefficient;
  Monomial monomial;
};

/// Highest degree first, so the constant is last. No two have the same monomial, none is 0.
struct Expr::Terms {
  std::vector<Term> list;
  bool integral = true;
  std::uint32_t depth = 0;
  std::uint64_t size = 0;
  std::size_t hash = 0;
};

/// Total order of expressions, the same in every run that makes fresh ones in the same order.
[[nodiscard]] int compare(const Atom& a, const Atom& b);
/// Graded lexicographic order: divides and multiplies along.
[[nodiscard]] int compare(const Monomial& a, const Monomial& b);
[[nodiscard]] int compare(const Expr& a, const Expr& b);
[[nodiscard]] bool integral(const Monomial& monomial);
[[nodiscard]] Monomial multiply(const Monomial& a, const Monomial& b);
/// a / b, or nothing when b does not divide a.
[[nodiscard]] std::optional<Monomial> divide(const Monomial& a, const Monomial& b);

/// Largest that is held; beyond, a fresh unknown stands for the result.
inline constexpr std::size_t kMostTerms = 64;
inline constexpr std::uint64_t kMostSize = 512;
inline constexpr std::uint32_t kMostDepth = 24;
inline constexpr std::uint32_t kMostPower = 64;

/// "to the end" in the Slice of an exporter: no size reaches it.
inline constexpr std::int64_t kBeyondSizes = 2147483647;

/// A sum that is being made.
class Sum {
 public:
  Sum() = default;
  explicit Sum(const Expr& expr) { add(expr); }

  void add(const Rational& coefficient, Monomial monomial);
  void add(const Expr& expr, const Rational& factor = {1, 1});
  void add_number(std::int64_t number) { add({number, 1}, {}); }
  void fail() noexcept { failed_ = true; }
  /// The terms so far, in canonical order.
  [[nodiscard]] const std::vector<Term>& terms();
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  /// A fresh unknown when something did not fit.
  [[nodiscard]] Expr expr() &&;

 private:
  std::vector<Term> terms_;
  bool failed_ = false;
  bool ordered_ = true;
};

/// Reads and makes expressions from inside.
struct Expr::Arithmetic {
  [[nodiscard]] static const Terms* terms(const Expr& expr) noexcept { return expr.terms_.get(); }
  [[nodiscard]] static Expr of(std::vector<Term> ordered);
  /// The expression that is this one atom.
  [[nodiscard]] static Expr of(AtomRef atom);
  [[nodiscard]] static Expr of(const Monomial& monomial) { return of({Term{{1, 1}, monomial}}); }
};
/// The terms of any expression, numbers too.
[[nodiscard]] std::vector<Term> terms_of(const Expr& expr);
[[nodiscard]] bool integral(const Expr& expr);
[[nodiscard]] std::optional<Rational> rational_of(const Expr& expr);
[[nodiscard]] Expr expr_of(const Rational& number);
[[nodiscard]] Expr expr_of(AtomRef atom);
[[nodiscard]] Expr expr_of(const Term& term);
[[nodiscard]] Expr power(const Expr& base, std::uint32_t exponent);
/// An atom with arguments; a fresh unknown when it would be too large.
[[nodiscard]] Expr make_atom(AtomKind kind, std::vector<Expr> args);
[[nodiscard]] Expr too_large();

/// Bounds that are proved, as exact as they come. Nothing: not bounded, or not proved.
[[nodiscard]] std::optional<Rational> lower_bound(const Expr& expr);
[[nodiscard]] std::optional<Rational> upper_bound(const Expr& expr);
/// a <= b for all sizes.
[[nodiscard]] bool never_above(const Expr& a, const Expr& b);

}  // namespace pot
