// Every shape rule on nodes that no exporter writes, so that the sanitizers see what it does there.

#include <memory>
#include <utility>

#include "check.h"
#include "ops/shared/op_table.h"
#include "strange_nodes.h"

namespace {

using namespace pot;

/// No size is a negative number, and elements are as many as the sizes say.
bool is_sound(const Fact& fact) {
  if (!fact.has_rank()) return true;
  for (const Expr& size : *fact.dims) {
    if (const auto number = size.number(); number && *number < 0) return false;
  }
  return !fact.elements || fact.count().is(static_cast<std::int64_t>(fact.elements->size()));
}

}  // namespace

TEST(every_rule_answers_to_strange_nodes) {
  constexpr int kTrials = 40;
  strange::Strange strange(7);
  int asked = 0;
  for (const auto& [key, entry] : op_table().entries()) {
    if (!entry.shape) continue;
    for (int i = 0; i < kTrials; ++i) {
      const auto graph = std::make_shared<Graph>();
      const NodeId id = graph->add_node(strange.node(*graph, key.second, key.first));
      const Node& node = graph->node(id);
      std::vector<Fact> inputs = strange.facts(node);
      const std::int64_t opset = strange.opset();
      const auto inferred = entry.shape(NodeFacts(*graph, node, opset, std::move(inputs)));
      ++asked;
      if (!inferred) continue;
      for (const Fact& fact : inferred.value()) {
        if (!is_sound(fact)) check::fail(key.second + " is not sound", {__FILE__, __LINE__});
      }
    }
  }
  CHECK(asked > 10000);
}
