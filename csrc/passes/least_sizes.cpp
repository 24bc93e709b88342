#include "passes/least_sizes.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace pot {
namespace {

constexpr std::array<std::string_view, 7> kWindowed{
    "Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "MaxPool", "AveragePool", "LpPool"};

/// The least size of the one name in `dim` with which it is not empty.
std::int64_t least_of(const Expr& dim, const std::string& name) {
  constexpr std::int64_t kMostTried = 64;
  for (std::int64_t size = 0; size < kMostTried; ++size) {
    const Expr at = dim.substitute([&](const std::string& each) {
      return each == name ? std::optional(Expr(size)) : std::nullopt;
    });
    const auto number = at.number();
    if (!number || *number > 0) return number ? size : 0;
  }
  return 0;
}

}  // namespace

std::map<std::string, std::int64_t> least_sizes(const Graph& graph, const ModelFacts& facts) {
  std::map<std::string, std::int64_t> out;
  std::set<Expr, decltype([](const Expr& a, const Expr& b) { return a.hash() < b.hash(); })> seen;
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (!node.is_standard() || node.inputs.empty() || !node.inputs[0]) continue;
    if (std::ranges::count(kWindowed, std::string_view(node.op_type)) == 0) continue;
    const Fact& image = facts.of(graph, node.inputs[0]);
    for (std::size_t axis = 2; image.has_rank() && axis < image.rank(); ++axis) {
      const Expr& dim = (*image.dims)[axis];
      const auto names = dim.symbols();
      if (names.size() != 1 || !dim.reasons().empty() || !seen.insert(dim).second) continue;
      const std::int64_t least = least_of(dim, names[0]);
      if (least > 0) out[names[0]] = std::max(out[names[0]], least);
    }
  }
  return out;
}

FactsFromLeast::FactsFromLeast(const Graph& graph, const ModelFacts& facts)
    : facts_(facts), least_(least_sizes(graph, facts)) {}

Expr FactsFromLeast::shifted(const Expr& expr) const {
  return expr.substitute([this](const std::string& name) -> std::optional<Expr> {
    const auto found = least_.find(name);
    if (found == least_.end()) return std::nullopt;
    return Expr::symbol(name) + Expr(found->second);
  });
}

Fact FactsFromLeast::of(const Graph& graph, ValueId id) const {
  Fact fact = facts_.of(graph, id);
  if (least_.empty()) return fact;
  if (fact.dims) {
    for (Expr& dim : *fact.dims) dim = shifted(dim);
  }
  if (fact.elements) {
    auto elements = *fact.elements;
    for (Expr& each : elements) each = shifted(each);
    fact.elements = std::make_shared<const std::vector<Expr>>(std::move(elements));
  }
  return fact;
}

}  // namespace pot
