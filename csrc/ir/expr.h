#pragma once
// An exact number that may depend on sizes which are not known yet: "h//2", "2*w + 1", "max(a, b)".

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pot {

/// A size or an element of shape arithmetic, in canonical form: a sum of products of symbols and
/// of floor, quotient, min, max and broadcast of such sums, with rational coefficients. Most are
/// plain numbers and cost no allocation.
///
/// All operations are total: where a result cannot be held (overflow, too many terms) it is a fresh
/// unknown, which equals nothing but itself. Two things are taken for granted of sizes: one that
/// divides another is not 0 (b*w / w is b), and none reaches 2147483647, which exporters write for
/// "to the end".
class Expr {
 public:
  Expr() noexcept = default;
  Expr(std::int64_t number) noexcept : number_(number) {}

  /// The size of this name; the same name is the same size. At least 0.
  [[nodiscard]] static Expr symbol(std::string name);
  /// A size that only the data decides: at least 0. `reason` says what decides it ("NonZero of
  /// data"), and is found again through `reasons()`.
  [[nodiscard]] static Expr fresh_size(std::string reason);
  /// An element of which nothing is known.
  [[nodiscard]] static Expr fresh_value(std::string reason);
  /// numerator / denominator. Pre: denominator is not 0.
  [[nodiscard]] static Expr ratio(std::int64_t numerator, std::int64_t denominator);
  /// A dim_param. "s0//2", "2*w + 1", "Max(1, s0)", "((s53 - 1)//2) + 1", "past + sequence" are
  /// expressions; any other text ("batch-size", "input.1_dim_0") is one symbol of that name.
  /// Pre: not empty.
  [[nodiscard]] static Expr parse(std::string_view text);

  [[nodiscard]] bool is_number() const noexcept { return !terms_; }
  /// The whole number, or nothing when it is symbolic (or a fraction).
  [[nodiscard]] std::optional<std::int64_t> number() const noexcept {
    if (terms_) return std::nullopt;
    return number_;
  }
  [[nodiscard]] bool is(std::int64_t value) const noexcept { return !terms_ && number_ == value; }
  /// A double where it is a constant (whole or fraction).
  [[nodiscard]] std::optional<double> constant() const noexcept;

  /// What can be proved of it: bounds that hold for every size of its symbols.
  [[nodiscard]] std::optional<std::int64_t> at_least() const;
  [[nodiscard]] std::optional<std::int64_t> at_most() const;
  /// True or false where that can be proved.
  [[nodiscard]] static std::optional<bool> equal(const Expr& a, const Expr& b);
  [[nodiscard]] static std::optional<bool> less(const Expr& a, const Expr& b);

  /// Names of the symbols that it depends on, sorted; fresh ones are left out.
  [[nodiscard]] std::vector<std::string> symbols() const;
  /// Why it is not known: the reasons of the fresh symbols in it, sorted, each once.
  [[nodiscard]] std::vector<std::string> reasons() const;
  /// Depends on nothing but numbers and named symbols, so that it can be written to a file.
  [[nodiscard]] bool writable() const;

  /// With other expressions in the place of named symbols; a symbol that `of` returns nothing for
  /// stays.
  using Binding = std::function<std::optional<Expr>(const std::string&)>;
  [[nodiscard]] Expr substitute(const Binding& of) const;

  /// "224", "h//2", "2*w + 1", "?" for a fresh unknown alone. `parse` reads it back when writable.
  [[nodiscard]] std::string text() const;

  /// Equal in canonical form: provably the same number.
  friend bool operator==(const Expr& a, const Expr& b) noexcept;
  [[nodiscard]] std::size_t hash() const noexcept;

  friend Expr operator+(const Expr& a, const Expr& b);
  friend Expr operator-(const Expr& a, const Expr& b);
  friend Expr operator*(const Expr& a, const Expr& b);
  friend Expr operator-(const Expr& a) { return Expr(0) - a; }

  // Division by zero gives a fresh unknown.
  /// a / b without rounding: (2*h)/2 is h, h/2 is a fraction, h/w a quotient.
  friend Expr divide(const Expr& a, const Expr& b);
  /// Rounded towards minus infinity.
  friend Expr floor_div(const Expr& a, const Expr& b);
  /// Rounded towards plus infinity.
  friend Expr ceil_div(const Expr& a, const Expr& b);
  /// Rounded towards zero: what ONNX Div does with integers.
  friend Expr trunc_div(const Expr& a, const Expr& b);
  /// a - b * floor(a / b): has the sign of b, as Python's and ONNX Mod's (fmod = 0).
  friend Expr floor_mod(const Expr& a, const Expr& b);
  friend Expr floor(const Expr& a);
  friend Expr ceil(const Expr& a);
  friend Expr min(const Expr& a, const Expr& b);
  friend Expr max(const Expr& a, const Expr& b);
  /// The size that sizes a and b broadcast to: the other one where one of them is 1. Two numbers
  /// above 1 that differ are the caller's to refuse.
  friend Expr broadcast(const Expr& a, const Expr& b);

  // What it is made of: expr_terms.h.
  struct Terms;  ///< a canonical sum that is no whole number; shared and never changed
  struct Arithmetic;

 private:
  std::int64_t number_ = 0;
  std::shared_ptr<const Terms> terms_;  // null for a whole number
};

[[nodiscard]] Expr divide(const Expr& a, const Expr& b);
[[nodiscard]] Expr floor_div(const Expr& a, const Expr& b);
[[nodiscard]] Expr ceil_div(const Expr& a, const Expr& b);
[[nodiscard]] Expr trunc_div(const Expr& a, const Expr& b);
[[nodiscard]] Expr floor_mod(const Expr& a, const Expr& b);
[[nodiscard]] Expr floor(const Expr& a);
[[nodiscard]] Expr ceil(const Expr& a);
[[nodiscard]] Expr min(const Expr& a, const Expr& b);
[[nodiscard]] Expr max(const Expr& a, const Expr& b);
[[nodiscard]] Expr broadcast(const Expr& a, const Expr& b);

}  // namespace pot

template <>
struct std::hash<pot::Expr> {
  std::size_t operator()(const pot::Expr& expr) const noexcept { return expr.hash(); }
};
