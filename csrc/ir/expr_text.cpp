// Expressions as text that `Expr::parse` reads back, and that Python and sympy would read too.

#include "ir/expr_terms.h"

namespace pot {
namespace {

std::string in_parentheses(const std::string& text) { return "(" + text + ")"; }

/// `text` is on one side of / or //: a sum has parentheses, and so has everything on the right that
/// is more than one number or name.
std::string operand(const Expr& expr, bool right) {
  const auto terms = terms_of(expr);
  const bool simple =
      !right ||
      (terms.size() == 1 && (terms[0].monomial.empty() ||
                             (terms[0].coefficient == Rational{1, 1} &&
                              terms[0].monomial[0].atom->kind == AtomKind::symbol &&
                              terms[0].monomial.size() == 1 && terms[0].monomial[0].power == 1)));
  const bool plain =
      terms.size() < 2 && simple && !(terms.size() == 1 && terms[0].coefficient.num < 0);
  return plain ? expr.text() : in_parentheses(expr.text());
}

/// numerator // denominator where the inside of a floor is one fraction.
std::string floor_text(const Expr& inside) {
  const auto terms = terms_of(inside);
  std::int64_t parts = 1;
  bool whole = true;
  for (const Term& term : terms) {
    parts = common_multiple(parts, term.coefficient.den).value_or(0);
    whole = whole && parts != 0 && integral(term.monomial);
    if (!whole) break;
  }
  if (whole && parts > 1) {
    return operand(inside * Expr(parts), false) + "//" + std::to_string(parts);
  }
  if (terms.size() == 1 && terms[0].monomial.size() == 1 && terms[0].monomial[0].power == 1 &&
      terms[0].monomial[0].atom->kind == AtomKind::quotient) {
    const Atom& quotient = *terms[0].monomial[0].atom;
    const Rational& scale = terms[0].coefficient;
    return operand(quotient.args[0] * Expr(scale.num), false) + "//" +
           operand(quotient.args[1] * Expr(scale.den), true);
  }
  return "floor" + in_parentheses(inside.text());
}

std::string call_text(const char* name, const Atom& atom) {
  std::string out;
  for (const Expr& arg : atom.args) out += (out.empty() ? "" : ", ") + arg.text();
  return name + in_parentheses(out);
}

/// `alone`: nothing stands beside it that binds tighter.
std::string atom_text(const Atom& atom, bool alone) {
  switch (atom.kind) {
    case AtomKind::symbol:
      return atom.text;
    case AtomKind::fresh_size:
    case AtomKind::fresh_value:
      return "?";
    case AtomKind::floor: {
      const std::string text = floor_text(atom.args[0]);
      return alone ? text : in_parentheses(text);
    }
    case AtomKind::quotient: {
      // The divisor keeps its parentheses: a name with a slash in it is a name.
      const std::string text =
          operand(atom.args[0], false) + "/" + in_parentheses(atom.args[1].text());
      return alone ? text : in_parentheses(text);
    }
    case AtomKind::min:
      return call_text("min", atom);
    case AtomKind::max:
      return call_text("max", atom);
    case AtomKind::broadcast:
      return call_text("broadcast", atom);
  }
  return "?";
}

/// Without its sign.
std::string term_text(const Term& term, bool first_is_negative) {
  const std::uint64_t num = term.coefficient.num < 0
                                ? 0 - static_cast<std::uint64_t>(term.coefficient.num)
                                : static_cast<std::uint64_t>(term.coefficient.num);
  const bool one = num == 1 && !term.monomial.empty();
  std::string out = one ? "" : std::to_string(num);
  const bool alone = one && term.coefficient.whole() && term.monomial.size() == 1 &&
                     term.monomial[0].power == 1 && !first_is_negative;
  for (const Factor& factor : term.monomial) {
    if (!out.empty()) out += "*";
    out += atom_text(*factor.atom, alone);
    if (factor.power > 1) out += "**" + std::to_string(factor.power);
  }
  if (!term.coefficient.whole()) out += "/" + std::to_string(term.coefficient.den);
  return out;
}

}  // namespace

std::string Expr::text() const {
  if (!terms_) return std::to_string(number_);
  std::string out;
  for (const Term& term : terms_->list) {
    const bool negative = term.coefficient.num < 0;
    if (!out.empty()) {
      out += negative ? " - " : " + ";
    } else if (negative) {
      out += "-";
    }
    out += term_text(term, out == "-");
  }
  return out;
}

}  // namespace pot
