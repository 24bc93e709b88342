// The text of a dim_param: what torch (sympy), optimum and onnxruntime write, and plain names.

#include <cctype>
#include <limits>

#include "ir/expr_terms.h"

namespace pot {
namespace {

constexpr std::size_t kLongest = 4096;
constexpr std::uint32_t kDeepest = 64;

bool starts_name(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool continues_name(char c) { return starts_name(c) || is_digit(c); }

Expr trunc(const Expr& a) { return trunc_div(a, 1); }

/// Recursive descent; nothing wherever the text is no expression.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<Expr> all() {
    auto out = sum();
    skip_spaces();
    return at_ == text_.size() ? out : std::nullopt;
  }

 private:
  using Maybe = std::optional<Expr>;

  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  bool take(std::string_view token) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  Maybe sum() {
    if (++depth_ > kDeepest) return std::nullopt;
    Maybe left = product();
    while (left) {
      const bool plus = take("+");
      if (!plus && !take("-")) break;
      const Maybe right = product();
      if (!right) return std::nullopt;
      left = plus ? *left + *right : *left - *right;
    }
    --depth_;
    return left;
  }

  /// A slash alone divides by a number or by something in parentheses: names have slashes too
  /// ("Add/encoder/Add_output_0_dim_1").
  bool take_slash() {
    const std::size_t before = at_;
    if (!take("/")) return false;
    skip_spaces();
    if (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '(')) return true;
    at_ = before;
    return false;
  }

  Maybe product() {
    Maybe left = signed_power();
    while (left) {
      Expr (*operation)(const Expr&, const Expr&) = nullptr;
      if (take("//")) {
        operation = floor_div;
      } else if (take("*")) {
        operation = [](const Expr& a, const Expr& b) { return a * b; };
      } else if (take("%")) {
        operation = floor_mod;
      } else if (take_slash()) {
        operation = divide;
      } else {
        break;
      }
      const Maybe right = signed_power();
      if (!right) return std::nullopt;
      left = operation(*left, *right);
    }
    return left;
  }

  Maybe signed_power() {
    bool negative = false;
    for (;;) {
      if (take("-")) {
        negative = !negative;
      } else if (!take("+")) {
        break;
      }
    }
    Maybe base = primary();
    if (base && take("**")) {
      skip_spaces();
      const Maybe exponent = number();
      const auto times = exponent ? exponent->number() : std::nullopt;
      if (!times || *times < 0 || *times > kMostPower) return std::nullopt;
      base = power(*base, static_cast<std::uint32_t>(*times));
    }
    if (!base) return std::nullopt;
    return negative ? -*base : *base;
  }

  Maybe primary() {
    skip_spaces();
    if (at_ == text_.size()) return std::nullopt;
    if (take("(")) {
      const Maybe inside = sum();
      return inside && take(")") ? inside : std::nullopt;
    }
    if (is_digit(text_[at_])) return number();
    if (!starts_name(text_[at_])) return std::nullopt;
    const std::string name = take_name();
    return take("(") ? call(name) : Expr::symbol(name);
  }

  /// "12" or "1.5", exactly.
  Maybe number() {
    Rational value{0, 1};
    bool fraction = false;
    const std::size_t start = at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '.' && !fraction && at_ > start) {
        fraction = true;
        continue;
      }
      if (!is_digit(c)) break;
      if (value.num > (std::numeric_limits<std::int64_t>::max() - 9) / 10) return std::nullopt;
      if (fraction && value.den > std::numeric_limits<std::int64_t>::max() / 10) {
        return std::nullopt;
      }
      value.num = value.num * 10 + (c - '0');
      if (fraction) value.den *= 10;
    }
    if (at_ == start || (at_ < text_.size() && starts_name(text_[at_]))) return std::nullopt;
    const auto reduced = Rational::of(value.num, value.den);
    return reduced ? Maybe(expr_of(*reduced)) : std::nullopt;
  }

  /// Letters and digits; '-', '.' and ':' when they stand between two of them without spaces:
  /// "batch-size" is a name, "batch - 1" a difference (sympy always writes the spaces).
  std::string take_name() {
    const std::size_t start = at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool joins = (c == '-' || c == '.' || c == ':') && at_ + 1 < text_.size() &&
                         continues_name(text_[at_ + 1]);
      if (!continues_name(c) && !joins) break;
      ++at_;
    }
    return std::string(text_.substr(start, at_ - start));
  }

  Maybe call(const std::string& name) {
    std::vector<Expr> args;
    do {
      const Maybe arg = sum();
      if (!arg || args.size() == kMostTerms) return std::nullopt;
      args.push_back(*arg);
    } while (take(","));
    return take(")") ? applied(name, args) : std::nullopt;
  }

  static Maybe applied(const std::string& name, const std::vector<Expr>& args) {
    struct One {
      std::string_view name;
      Expr (*apply)(const Expr&);
    };
    static constexpr auto same = [](const Expr& a) { return a; };
    static const One ones[] = {{"floor", floor},      {"ceil", ceil},        {"ceiling", ceil},
                               {"CeilToInt", ceil},   {"FloorToInt", floor}, {"trunc", trunc},
                               {"TruncToInt", trunc}, {"ToFloat", same},     {"Identity", same}};
    struct Two {
      std::string_view name;
      Expr (*apply)(const Expr&, const Expr&);
      bool repeats = false;
    };
    static const Two twos[] = {{"Max", max, true},
                               {"max", max, true},
                               {"Min", min, true},
                               {"min", min, true},
                               {"broadcast", broadcast, true},
                               {"Mod", floor_mod},
                               {"PythonMod", floor_mod},
                               {"FloorDiv", floor_div},
                               {"CeilDiv", ceil_div},
                               {"IntTrueDiv", divide},
                               {"FloatTrueDiv", divide}};
    for (const One& one : ones) {
      if (one.name == name && args.size() == 1) return one.apply(args[0]);
    }
    for (const Two& two : twos) {
      if (two.name != name || args.size() < 2 || (args.size() > 2 && !two.repeats)) continue;
      Expr out = args[0];
      for (std::size_t i = 1; i < args.size(); ++i) out = two.apply(out, args[i]);
      return out;
    }
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t depth_ = 0;
};

}  // namespace

Expr Expr::parse(std::string_view text) {
  if (text == "?") return fresh_size("a size that is declared as '?'");
  if (text.size() <= kLongest) {
    // Something like 1/0 is no size: then the text is a name like any other.
    if (auto expr = Parser(text).all(); expr && expr->reasons().empty()) return *std::move(expr);
  }
  return symbol(std::string(text));
}

}  // namespace pot
