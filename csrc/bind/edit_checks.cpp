#include "bind/edit_checks.h"

#include <algorithm>

#include "ir/ancestors.h"
#include "ir/print.h"

namespace pot {
namespace {

[[noreturn]] void refuse(std::string why) { raise({Error::Kind::invalid, std::move(why)}); }

std::string quoted(const Graph& graph, ValueId id) {
  return "'" + std::string(graph.value_name(id)) + "'";
}

/// Whether the name is defined here or in a graph around.
bool is_there(const Graph& graph, std::string_view name) {
  for (const Graph* at = &graph; at; at = at->parent()) {
    const ValueId id = at->find_value(name);
    if (id && at->is_defined(id)) return true;
  }
  return false;
}

void check_unmade(const Graph& graph, ValueId value) {
  const NodeId maker = graph.value(value).producer;
  if (!maker) return;
  refuse(quoted(graph, value) + " is made by " + node_label(graph, maker) + " already");
}

/// Raises ModelError when something of the graph defines the value, other than `but`.
void check_free(const Graph& graph, ValueId value, NodeId but) {
  const Value& known = graph.value(value);
  const char* taken = known.is_input ? "an input" : "an initializer";
  if (known.is_input || known.initializer || known.sparse_initializer) {
    refuse(quoted(graph, value) + " is " + taken + " of the graph; a node cannot make it");
  }
  if (known.producer != but) check_unmade(graph, value);
}

bool has(const std::vector<bool>& set, NodeId node) {
  return node.index < set.size() && set[node.index];
}

}  // namespace

std::vector<ValueId> readable(Graph& graph, const std::vector<GivenName>& names) {
  for (const GivenName& name : names) {
    if (name.text.empty() || is_there(graph, name.text)) continue;
    refuse("nothing makes a value called '" + name.text + "'; add what makes it first");
  }
  std::vector<ValueId> out;
  for (const GivenName& name : names) out.push_back(graph.intern(name.text));
  return out;
}

std::vector<ValueId> makeable(Graph& graph, const std::vector<GivenName>& names, NodeId node) {
  std::vector<ValueId> out;
  for (const GivenName& name : names) {
    const ValueId id = name.text.empty() ? ValueId{} : graph.find_value(name.text);
    if (id) check_free(graph, id, node);
  }
  for (const GivenName& name : names) {
    const ValueId id = graph.intern(name.text);
    const bool twice = id && std::ranges::count(out, id) != 0;
    if (twice) refuse("a node cannot make " + quoted(graph, id) + " twice");
    out.push_back(id);
  }
  return out;
}

void check_new_input(const Graph& graph, ValueId value) {
  if (!value) refuse("an input needs a name");
  if (graph.value(value).is_input) refuse(quoted(graph, value) + " is an input already");
  check_unmade(graph, value);
}

void check_new_output(const Graph& graph, ValueId value) {
  if (!value) refuse("an output needs a name");
  if (graph.value(value).is_output) refuse(quoted(graph, value) + " is an output already");
}

void check_initializer(const Graph& graph, ValueId value) { check_unmade(graph, value); }

void check_acyclic(const Graph& graph, NodeId node, std::span<const ValueId> inputs) {
  const auto& had = graph.node(node).inputs;
  std::vector<ValueId> coming;
  for (const ValueId each : inputs) {
    const bool made = each && graph.value(each).producer;
    if (made && std::ranges::find(had, each) == had.end()) coming.push_back(each);
  }
  // The graph has no cycle, so what the node reads already is not made of what it makes.
  if (coming.empty() || !has(ancestors(graph, coming, had), node)) return;
  const auto culprit = std::ranges::find_if(
      coming, [&](ValueId each) { return has(ancestors(graph, std::span(&each, 1), had), node); });
  refuse(node_label(graph, node) + " cannot read " + quoted(graph, *culprit) +
         ", which is made of what it makes: the graph would have a cycle");
}

void check_replacement(const Graph& graph, ValueId from, ValueId to, std::span<const Use> readers,
                       std::string_view advice) {
  const NodeId maker = graph.value(from).producer;
  const bool upstream =
      maker && std::ranges::find(graph.node(maker).inputs, to) != graph.node(maker).inputs.end();
  if (upstream || !graph.value(to).producer) return;
  const std::vector<bool> needed = ancestors(graph, std::span(&to, 1), std::span(&from, 1));
  for (const Use& use : readers) {
    if (!has(needed, use.node)) continue;
    refuse(node_label(graph, use.node) + " reads " + quoted(graph, from) + " to make " +
           quoted(graph, to) + ", so it cannot read that instead" + std::string(advice));
  }
}

}  // namespace pot
