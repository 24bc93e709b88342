#include "passes/layout/weighed_sizes.h"

#include <algorithm>
#include <cmath>

#include "ir/expr_terms.h"

namespace pot {
namespace {

constexpr double kBatch = 1;
constexpr double kOpen = 64;
constexpr double kMostBytes = 1e12;

}  // namespace

struct WeighedSizes::Evaluation {
  const WeighedSizes& sizes;

  [[nodiscard]] double of(const Expr& expr) const {
    if (const auto number = expr.number()) return static_cast<double>(*number);
    double sum = 0;
    for (const Term& term : terms_of(expr)) {
      double product =
          static_cast<double>(term.coefficient.num) / static_cast<double>(term.coefficient.den);
      for (const Factor& factor : term.monomial)
        product *= std::pow(of(*factor.atom), factor.power);
      sum += product;
    }
    return sum;
  }

  [[nodiscard]] double of(const Atom& atom) const {
    switch (atom.kind) {
      case AtomKind::symbol: {
        const auto found = sizes.given_.find(atom.text);
        if (found != sizes.given_.end()) return static_cast<double>(found->second);
        return sizes.batches_.contains(atom.text) ? kBatch : kOpen;
      }
      case AtomKind::fresh_size:
      case AtomKind::fresh_value:
        return sizes.nameless_batches_.contains(atom.id) ? kBatch : kOpen;
      case AtomKind::floor:
        return std::floor(of(atom.args[0]));
      case AtomKind::quotient: {
        const double divisor = of(atom.args[1]);
        return divisor == 0 ? kOpen : of(atom.args[0]) / divisor;
      }
      case AtomKind::min:
        return best(atom, [](double a, double b) { return std::min(a, b); });
      case AtomKind::max:
      case AtomKind::broadcast:
        return best(atom, [](double a, double b) { return std::max(a, b); });
    }
    return kOpen;
  }

  template <class Choose>
  [[nodiscard]] double best(const Atom& atom, Choose&& choose) const {
    double out = of(atom.args.front());
    for (const Expr& arg : atom.args) out = choose(out, of(arg));
    return out;
  }
};

WeighedSizes::WeighedSizes(const Graph& main, const ModelFacts& facts,
                           const std::map<std::string, std::int64_t>& given)
    : given_(given) {
  for (const ValueInfo& input : main.inputs()) {
    const Fact& fact = facts.of(main, input.value);
    if (!fact.has_rank() || fact.rank() == 0) continue;
    for (const Term& term : terms_of(fact.dims->front())) {
      for (const Factor& factor : term.monomial) {
        if (factor.atom->kind == AtomKind::symbol) batches_.insert(factor.atom->text);
        if (factor.atom->kind == AtomKind::fresh_size) nameless_batches_.insert(factor.atom->id);
      }
    }
  }
}

std::int64_t WeighedSizes::bytes(const Dims& dims, DType dtype) const {
  const unsigned bits = dtype_bits(dtype);
  double product = (bits == 0 ? 64.0 : bits) / 8;  // a string, or a type that is not known
  for (const Expr& dim : dims) product *= std::max(1.0, Evaluation{*this}.of(dim));
  if (!(product < kMostBytes)) product = kMostBytes;
  return static_cast<std::int64_t>(std::ceil(product));
}

}  // namespace pot
