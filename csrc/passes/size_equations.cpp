#include "passes/size_equations.h"

#include <algorithm>

namespace pot {
namespace {

/// Sizes of one name that are tried where an expression of it cannot be turned around.
constexpr std::int64_t kMostTried = 1 << 16;

std::string quoted(const Expr& expr) { return "'" + expr.text() + "'"; }

/// The name, when the expression is nothing but a name.
std::optional<std::string> lone_name(const Expr& expr) {
  const auto names = expr.symbols();
  if (names.size() != 1 || expr != Expr::symbol(names[0])) return std::nullopt;
  return names[0];
}

Expr at(const Expr& expr, const std::string& name, const Expr& size) {
  return expr.substitute(
      [&](const std::string& each) { return each == name ? std::optional(size) : std::nullopt; });
}

/// The size of the one name for which factor * name + rest is `wanted`. Nothing when the
/// expression has another form.
std::optional<Expr> turned_around(const Expr& expr, const std::string& name, const Expr& wanted) {
  const Expr rest = at(expr, name, 0);
  const Expr factor = at(expr, name, 1) - rest;
  if (factor.is(0) || !factor.is_number()) return std::nullopt;
  if (expr != factor * Expr::symbol(name) + rest) return std::nullopt;
  return divide(wanted - rest, factor);
}

Error contradicting(std::string message) { return {Error::Kind::request, std::move(message)}; }

}  // namespace

void SizeEquations::equate(const Expr& declared, const Expr& given, std::string by) {
  equations_.push_back({declared, given, std::move(by)});
}

Expr SizeEquations::with_known(const Expr& expr) const {
  return expr.substitute([this](const std::string& name) -> std::optional<Expr> {
    const auto found = known_.find(name);
    if (found == known_.end()) return std::nullopt;
    return found->second.size;
  });
}

std::string SizeEquations::because(const Expr& declared) const {
  std::string out;
  for (const std::string& name : declared.symbols()) {
    const auto found = known_.find(name);
    if (found == known_.end()) continue;
    out += (out.empty() ? "" : ", ") + ("'" + name + "' is " + found->second.size.text()) + " by " +
           found->second.by;
  }
  return out;
}

Error SizeEquations::conflict(const Equation& equation) const {
  const std::string given = with_known(equation.given).text();
  const std::string why = because(equation.declared);
  if (lone_name(equation.declared) && !why.empty()) {
    return contradicting("sizes contradict each other: " + why + ", and " + given + " by " +
                         equation.by);
  }
  return contradicting("sizes contradict each other: " + quoted(equation.declared) + " cannot be " +
                       given + ", which " + equation.by + " wants" +
                       (why.empty() ? "" : "; " + why));
}

void SizeEquations::keep(const std::string& name, const Expr& size, const std::string& by) {
  for (auto& [other, known] : known_) known.size = at(known.size, name, size);
  known_[name] = {size, by};
}

Result<SizeEquations::Step> SizeEquations::take(const Equation& equation) {
  const Expr declared = with_known(equation.declared);
  const Expr given = with_known(equation.given);
  const auto same = Expr::equal(declared, given);
  if (same == true) return Step::done;
  if (same == false) return conflict(equation);
  for (const auto& [one, other] : {std::pair{declared, given}, std::pair{given, declared}}) {
    const auto name = lone_name(one);
    if (!name || std::ranges::count(other.symbols(), *name) != 0) continue;
    keep(*name, other, equation.by);
    return Step::done;
  }
  const auto names = declared.symbols();
  const auto given_names = given.symbols();
  if (names.size() != 1 || std::ranges::count(given_names, names[0]) != 0) return Step::open;
  const auto size = turned_around(declared, names[0], given);
  if (!size) return Step::open;
  if (floor(*size) != *size) return conflict(equation);
  keep(names[0], *size, equation.by);
  return Step::done;
}

/// The last resort: which sizes of the one name fit? One: that is it.
Result<SizeEquations::Step> SizeEquations::search(const Equation& equation) {
  const Expr declared = with_known(equation.declared);
  const Expr given = with_known(equation.given);
  const auto names = declared.symbols();
  if (names.size() != 1 || !given.is_number()) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "'" : ", '") + name + "'";
    return contradicting(quoted(equation.declared) + " is " + given.text() + " by " + equation.by +
                         ", which leaves open what " + list + " are: give their sizes too");
  }
  std::vector<std::int64_t> fitting;
  for (std::int64_t size = 0; size < kMostTried; ++size) {
    if (at(declared, names[0], size) == given)
      fitting.push_back(size);
    else if (fitting.size() > 1)
      break;
  }
  if (fitting.empty()) return conflict(equation);
  if (fitting.size() > 1) {
    return contradicting(quoted(equation.declared) + " is " + given.text() + " by " + equation.by +
                         ", which several sizes fit: give '" + names[0] + "', such as " +
                         std::to_string(fitting.front()) + " or " + std::to_string(fitting.back()));
  }
  keep(names[0], fitting[0], equation.by);
  return Step::done;
}

Result<std::map<std::string, Expr>> SizeEquations::solve() {
  std::vector<Equation> open = equations_;
  while (!open.empty()) {
    std::vector<Equation> still;
    for (const Equation& equation : open) {
      const auto step = take(equation);
      if (!step) return step.error();
      if (step.value() == Step::open) still.push_back(equation);
    }
    if (still.size() == open.size()) {
      if (const auto step = search(still.back()); !step) return step.error();
      still.pop_back();
    }
    open = std::move(still);
  }
  std::map<std::string, Expr> out;
  for (const auto& [name, known] : known_) out.emplace(name, known.size);
  return out;
}

}  // namespace pot
