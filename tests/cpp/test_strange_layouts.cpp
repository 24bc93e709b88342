// Every layout rule on nodes that no exporter writes: it refuses, or answers what it was asked.

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "ops/shared/op_table.h"
#include "strange_nodes.h"

namespace {

using namespace pot;
using strange::Strange;

constexpr int kTrials = 60;

/// Some order of the axes; now and then one of them in another inner order too.
Layout some_layout(Strange& strange, const Dims& dims) {
  std::vector<std::int64_t> axes(dims.size());
  std::iota(axes.begin(), axes.end(), std::int64_t{0});
  for (std::size_t i = axes.size(); i-- > 1;) std::swap(axes[i], axes[strange.below(i + 1)]);
  Layout layout(*Permutation::of(axes));
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    const auto size = dims[axis].number();
    if (!size || *size < 4 || *size % 2 != 0 || strange.below(4) != 0) continue;
    layout.inner.push_back(
        {.axis = axis, .sizes = {2, *size / 2}, .order = Permutation::reversed(2)});
  }
  return layout;
}

/// What the shape rule says, else anything.
std::vector<Fact> output_facts(Strange& strange, const OpEntry& entry, const NodeFacts& at) {
  std::vector<Fact> facts;
  const Inferred inferred = entry.shape ? entry.shape(at) : Inferred(std::vector<Fact>{});
  if (inferred) facts = inferred.value();
  facts.resize(at.output_count());
  for (Fact& fact : facts) {
    if (!fact.has_rank() && strange.below(2) == 0) fact = strange.fact();
  }
  return facts;
}

bool reads_what_is_there(const LayoutNode& node, const DrawnInput& input, std::size_t drawn) {
  switch (input.from) {
    case DrawnInput::From::nothing:
      return true;
    case DrawnInput::From::constant:
      return input.tensor != nullptr;
    case DrawnInput::From::drawn:
      return input.index < drawn;
    case DrawnInput::From::input:
      return node.at().has(input.index);
  }
  return false;
}

/// What is wrong with an answer; "" when nothing is. Ranks that contradict each other are seen by
/// whoever asks.
std::string broken(const LayoutNode& node, const Relayout& answer) {
  if (answer.inputs.size() != node.at().input_count()) return "layouts of other inputs";
  if (answer.outputs.size() != node.at().output_count()) return "layouts of other outputs";
  for (std::size_t drawn = 0; drawn < answer.nodes.size(); ++drawn) {
    for (const DrawnInput& input : answer.nodes[drawn].inputs) {
      if (!reads_what_is_there(node, input, drawn)) return "a drawn node reads what is not there";
    }
  }
  return "";
}

/// Asks for one operand. Whether there was an answer.
bool ask(Strange& strange, LayoutRule rule, const LayoutNode& node, Operand operand) {
  const Fact& fact = node.of(operand);
  if (!fact.has_rank()) return false;
  const Layout layout = some_layout(strange, *fact.dims);
  if (layout.is_identity()) return false;
  const auto answer = rule(node, operand, layout);
  const std::string label = std::string(node.at().node().op_type.value);
  if (!answer) {
    if (answer.error().kind != Error::Kind::refused) {
      check::fail(label + " gives an error: " + answer.error().message, {__FILE__, __LINE__});
    }
    if (answer.error().message.empty()) {
      check::fail(label + " refuses without a reason", {__FILE__, __LINE__});
    }
    return false;
  }
  std::string wrong = broken(node, answer.value());
  const auto& layouts = operand.output ? answer.value().outputs : answer.value().inputs;
  if (wrong.empty() && layouts[operand.slot] != layout) wrong = "another layout than it was asked";
  if (!wrong.empty()) check::fail(label + ": " + wrong, {__FILE__, __LINE__});
  return true;
}

}  // namespace

TEST(every_layout_rule_answers_to_strange_nodes) {
  Strange strange(11);
  int answered = 0;
  for (const auto& [key, entry] : op_table().entries()) {
    if (!entry.layout) continue;
    for (int i = 0; i < kTrials; ++i) {
      const auto graph = std::make_shared<Graph>();
      const NodeId id = graph->add_node(strange.node(*graph, key.second, key.first));
      const Node& own = graph->node(id);
      if (own.outputs.empty()) continue;  // refused before any rule is asked
      const NodeFacts at(*graph, own, strange.opset(), strange.facts(own));
      const std::vector<Fact> outputs = output_facts(strange, entry, at);
      const LayoutNode node(at, outputs);
      for (std::size_t slot = 0; slot < own.inputs.size(); ++slot) {
        if (at.has(slot)) answered += ask(strange, entry.layout, node, {false, slot}) ? 1 : 0;
      }
      for (std::size_t slot = 0; slot < own.outputs.size(); ++slot) {
        answered += ask(strange, entry.layout, node, {true, slot}) ? 1 : 0;
      }
    }
  }
  CHECK(answered > 500);
}

TEST(every_channels_last_rule_answers_to_strange_nodes) {
  Strange strange(13);
  int asked = 0;
  for (const auto& [key, entry] : op_table().entries()) {
    if (!entry.channels_last) continue;
    for (int i = 0; i < kTrials; ++i) {
      const auto graph = std::make_shared<Graph>();
      const NodeId id = graph->add_node(strange.node(*graph, key.second, key.first));
      const Node& own = graph->node(id);
      const NodeFacts at(*graph, own, strange.opset(), strange.facts(own));
      const std::vector<Fact> outputs = output_facts(strange, entry, at);
      const LayoutNode node(at, outputs);
      ++asked;
      const auto answer = entry.channels_last(node, FilterLayout::ohwi);
      const std::string wrong = answer ? broken(node, answer.value()) : "";
      if (!wrong.empty()) check::fail(key.second + ": " + wrong, {__FILE__, __LINE__});
    }
  }
  CHECK(asked > 0);
}
