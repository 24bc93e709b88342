#pragma once
// What each named size is, when some of them, and some expressions of them, are given.

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/expr.h"

namespace pot {

class SizeEquations {
 public:
  /// `declared` has this size. `by` says who wants it so ("the shape of 'x', axis 0").
  void equate(const Expr& declared, const Expr& given, std::string by);

  /// Every name that is bound, with names that are not in its value. "2*h" given 6 binds h to 3.
  /// Error: sizes that contradict each other, an expression that several sizes fit.
  [[nodiscard]] Result<std::map<std::string, Expr>> solve();

 private:
  struct Equation {
    Expr declared;
    Expr given;
    std::string by;
  };
  struct Known {
    Expr size;
    std::string by;
  };
  enum class Step { done, open };

  [[nodiscard]] Expr with_known(const Expr& expr) const;
  [[nodiscard]] Result<Step> take(const Equation& equation);
  [[nodiscard]] Result<Step> search(const Equation& equation);
  void keep(const std::string& name, const Expr& size, const std::string& by);
  [[nodiscard]] Error conflict(const Equation& equation) const;
  [[nodiscard]] std::string because(const Expr& declared) const;

  std::vector<Equation> equations_;
  std::map<std::string, Known> known_;
};

}  // namespace pot
