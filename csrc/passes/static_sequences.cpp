#include "passes/static_sequences.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/print.h"
#include "passes/unrolling.h"

namespace pot {
namespace {

/// A SplitToSequence that becomes a Split, or one Gather for each part, when a part is first read.
struct Parts {
  Graph* graph = nullptr;
  NodeId node;
  std::vector<std::string> names;
  std::vector<std::int64_t> lengths;
  bool squeezed = false;  ///< each part is one element of the axis, without the axis
  bool made = false;
};

struct Item {
  std::string name;
  std::shared_ptr<Parts> parts;  ///< that make it; may be null
};
using Items = std::vector<Item>;

/// Operators that read something else than tensors.
bool reads_container(const Node& node) {
  return node.is("SequenceAt") || node.is("ConcatFromSequence") || node.is("SequenceMap") ||
         node.is("OptionalGetElement");
}

bool any_reads_container(const Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [&](NodeId id) {
    const Node& node = graph.node(id);
    if (reads_container(node)) return true;
    if (!node.has_bodies()) return false;
    return std::ranges::any_of(node.bodies(),
                               [](const GraphPtr& body) { return any_reads_container(*body); });
  });
}

class SequenceResolver {
 public:
  SequenceResolver(const Model& model, const ModelFacts& facts, Changes& changes,
                   std::int64_t max_unroll)
      : facts_(facts), changes_(changes), taken_(model), budget_(max_unroll) {}

  bool open(Graph& graph) {
    const auto order = graph.order();
    if (!order) return false;
    bool changed = false;
    for (const NodeId id : order.value()) {
      changed = visit(graph, id) || changed;
      if (!graph.find(id) || !graph.node(id).has_bodies()) continue;
      for (const GraphPtr& body : graph.node(id).bodies()) changed = open(*body) || changed;
    }
    return changed;
  }

 private:
  bool visit(Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    if (!node.is_standard() || node.outputs.empty()) return false;
    if (node.is("SequenceAt")) return resolve_at(graph, id);
    if (node.is("ConcatFromSequence")) return resolve_concat(graph, id);
    if (node.is("SequenceMap")) return resolve_map(graph, id);
    if (node.is("OptionalGetElement")) return resolve_content(graph, id);
    if (auto items = made_items(graph, node)) remember(graph, node.outputs[0], std::move(*items));
    if (node.is("Optional") && !node.inputs.empty() && node.inputs[0]) {
      contents_[&graph].emplace(node.outputs[0], graph.value_name(node.inputs[0]));
    }
    return false;
  }

  void remember(const Graph& graph, ValueId id, Items items) {
    if (id) known_[&graph].insert_or_assign(id, std::move(items));
  }

  /// Looks around a body as well, unless a name of an item means something else inside.
  std::optional<Items> items_of(const Graph& graph, ValueId id) const {
    if (!id) return std::nullopt;
    if (!graph.is_outer(id) || !graph.parent()) {
      const auto in_graph = known_.find(&graph);
      if (in_graph == known_.end()) return std::nullopt;
      const auto found = in_graph->second.find(id);
      return found == in_graph->second.end() ? std::nullopt : std::optional(found->second);
    }
    auto items = items_of(*graph.parent(), graph.parent()->find_value(graph.value_name(id)));
    const bool hidden = items && std::ranges::any_of(*items, [&](const Item& item) {
                          const ValueId own = graph.find_value(item.name);
                          return own && graph.is_defined(own);
                        });
    return hidden ? std::nullopt : items;
  }

  std::optional<std::vector<std::int64_t>> numbers(const Graph& graph, ValueId id) const {
    return numbers_of(facts_.seen_from(graph, id));
  }

  /// The place that a position means. `behind`: the end of the sequence is a place too.
  std::optional<std::size_t> place(const Graph& graph, const Node& node, std::size_t slot,
                                   std::size_t size, bool behind) const {
    const auto length = static_cast<std::int64_t>(size);
    const std::int64_t last = behind ? length : length - 1;
    const bool given = slot < node.inputs.size() && node.inputs[slot];
    const auto found = given ? numbers(graph, node.inputs[slot]) : std::vector{last};
    if (!found || found->size() != 1) return std::nullopt;
    const std::int64_t position = found->front();
    if (position < -length || position > last) return std::nullopt;
    return static_cast<std::size_t>(position < 0 ? position + length : position);
  }

  std::optional<Items> made_items(Graph& graph, const Node& node) {
    if (node.is("SequenceEmpty")) return Items{};
    if (node.is("SequenceConstruct")) {
      Items items;
      for (const ValueId input : node.inputs) {
        if (!input) return std::nullopt;
        items.push_back({std::string(graph.value_name(input)), nullptr});
      }
      return items;
    }
    if (node.inputs.empty()) return std::nullopt;
    if (node.is("SplitToSequence")) return split_items(graph, node);
    const bool edits = node.is("SequenceInsert") || node.is("SequenceErase");
    if (!edits && !node.is("Identity")) return std::nullopt;
    auto items = items_of(graph, node.inputs[0]);
    if (!items || !edits) return items;
    const bool insert = node.is("SequenceInsert");
    const auto at = place(graph, node, insert ? 2 : 1, items->size(), insert);
    if (!at || (insert && (node.inputs.size() < 2 || !node.inputs[1]))) return std::nullopt;
    const auto there = items->begin() + static_cast<std::ptrdiff_t>(*at);
    if (insert) {
      items->insert(there, {std::string(graph.value_name(node.inputs[1])), nullptr});
    } else {
      items->erase(there);
    }
    return items;
  }

  std::optional<Items> split_items(Graph& graph, const Node& node) {
    const Fact& sequence = facts_.of(graph, node.outputs[0]);
    const Fact& input = facts_.seen_from(graph, node.inputs[0]);
    if (!sequence.items || !input.has_rank()) return std::nullopt;
    const auto axis = normalized_axis(node.attr_int("axis").value_or(0), input.rank());
    if (!axis) return std::nullopt;
    auto parts = std::make_shared<Parts>();
    parts->graph = &graph;
    parts->node = node.id;
    const std::string name(graph.value_name(node.outputs[0]));
    Items items;
    for (const Fact& item : *sequence.items) {
      if (!item.has_rank()) return std::nullopt;
      parts->squeezed = item.rank() < input.rank();
      const auto length = parts->squeezed ? 1 : (*item.dims)[*axis].number();
      if (!length) return std::nullopt;
      parts->lengths.push_back(*length);
      parts->names.push_back(taken_.value(name + "_" + std::to_string(items.size()), 0));
      items.push_back({parts->names.back(), parts});
    }
    return items;
  }

  bool leave(const Graph& graph, NodeId id, std::string reason) {
    changes_.leave(node_label(graph, id), std::move(reason));
    return false;
  }

  bool unknown(const Graph& graph, NodeId id) {
    const std::string name(graph.value_name(graph.node(id).inputs[0]));
    return leave(graph, id, "the items of sequence '" + name + "' are known only at run time");
  }

  bool resolve_at(Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    if (node.inputs.empty()) return false;
    const auto items = items_of(graph, node.inputs[0]);
    if (!items) return unknown(graph, id);
    const auto at = place(graph, node, 1, items->size(), false);
    if (!at) return leave(graph, id, "its position is known only at run time");
    make({(*items)[*at]});
    Unrolling gone(graph, id, taken_, changes_);
    gone.begin();
    gone.hand_on(0, (*items)[*at].name);
    gone.end();
    changes_.count("items in place of sequences");
    return true;
  }

  bool resolve_concat(Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    if (node.inputs.empty()) return false;
    const auto items = items_of(graph, node.inputs[0]);
    if (!items) return unknown(graph, id);
    if (items->empty()) return leave(graph, id, "its sequence is empty");
    make(*items);
    const std::int64_t axis = node.attr_int("axis").value_or(0);
    const bool stacks = node.attr_int("new_axis").value_or(0) != 0;
    std::vector<std::string> names;
    for (const Item& item : *items) names.push_back(item.name);
    Unrolling gone(graph, id, taken_, changes_);
    gone.begin();
    if (stacks) {
      gone.stack(0, names, axis);
    } else {
      gone.join(0, names, axis);
    }
    gone.end();
    changes_.count("items in place of sequences");
    return true;
  }

  bool resolve_content(Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    if (node.inputs.empty() || !node.inputs[0]) return false;
    const Fact& input = facts_.seen_from(graph, node.inputs[0]);
    std::string content;
    if (input.is_tensor() || input.kind == Fact::Kind::sequence) {
      content = graph.value_name(node.inputs[0]);
    } else if (const auto in_graph = contents_.find(&graph); in_graph != contents_.end()) {
      const auto found = in_graph->second.find(node.inputs[0]);
      if (found != in_graph->second.end()) content = found->second;
    }
    if (content.empty()) return leave(graph, id, "what it gets is known only at run time");
    const TypeRef type = type_of(facts_.of(graph, node.outputs[0]));
    if (!may_hand_on(graph, node.outputs[0], type.get())) return false;
    Unrolling gone(graph, id, taken_, changes_);
    gone.begin();
    gone.hand_on(0, content);
    gone.end();
    changes_.count("contents in place of optionals");
    return true;
  }

  /// Items of each input that is a sequence, nothing for a tensor; or the reason why not.
  std::string given_to_map(const Graph& graph, const Node& node,
                           std::vector<std::optional<Items>>& given) const {
    for (const ValueId input : node.inputs) {
      given.push_back(items_of(graph, input));
      const bool sequence = facts_.seen_from(graph, input).kind == Fact::Kind::sequence;
      if (!given.back() && (sequence || given.size() == 1)) {
        return "the items of sequence '" + std::string(graph.value_name(input)) +
               "' are known only at run time";
      }
      if (given.back() && given.back()->size() != given.front()->size()) {
        return "its sequences differ in length";
      }
    }
    return {};
  }

  bool resolve_map(Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    const GraphPtr body = body_of(node, "body");
    if (!body || node.inputs.empty()) return false;
    std::vector<std::optional<Items>> given;
    std::string why = given_to_map(graph, node, given);
    const std::size_t count = why.empty() ? given.front()->size() : 0;
    const bool fits = body->inputs().size() == node.inputs.size() &&
                      body->outputs().size() >= node.outputs.size();
    if (why.empty() && !fits) why = "its body does not take what it is given";
    if (why.empty() && count == 0) why = "its sequence is empty";
    if (why.empty()) why = why_not_copied(*body, count <= 1);
    if (why.empty()) why = budget_.take(static_cast<std::int64_t>(count), *body);
    if (!why.empty()) return leave(graph, id, why);
    unroll_map(graph, id, body, given, count);
    changes_.count("unrolled SequenceMap");
    return true;
  }

  void unroll_map(Graph& graph, NodeId id, const GraphPtr& body,
                  const std::vector<std::optional<Items>>& given, std::size_t count) {
    const std::vector<ValueId> inputs = graph.node(id).inputs;
    Unrolling gone(graph, id, taken_, changes_);
    gone.begin();
    for (const auto& items : given) {
      if (items) make(*items);
    }
    std::vector<std::vector<std::string>> rows(body->outputs().size());
    BodyCopies copies(graph, id, body, taken_, count == 1);
    for (std::size_t turn = 0; turn < count; ++turn) {
      std::vector<std::string> names;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        names.push_back(given[i] ? (*given[i])[turn].name
                                 : std::string(graph.value_name(inputs[i])));
      }
      const std::vector<std::string> made = copies.copy(names, {});
      for (std::size_t i = 0; i < made.size(); ++i) rows[i].push_back(made[i]);
    }
    for (std::size_t slot = 0; slot < gone.outputs().size(); ++slot) {
      if (!gone.wanted(slot)) continue;
      gone.sequence(slot, rows[slot]);
      Items items;
      for (const std::string& name : rows[slot]) items.push_back({name, nullptr});
      remember(graph, gone.outputs()[slot], std::move(items));
    }
    gone.end();
  }

  /// Parts of a tensor are made when the first of them is read.
  void make(const Items& items) {
    for (const Item& item : items) {
      if (!item.parts || item.parts->made) continue;
      Parts& parts = *item.parts;
      parts.made = true;
      Graph& graph = *parts.graph;
      const Node& node = graph.node(parts.node);
      const std::string source(graph.value_name(node.inputs[0]));
      const std::int64_t axis = node.attr_int("axis").value_or(0);
      Unrolling beside(graph, parts.node, taken_, changes_);
      if (parts.squeezed) {
        for (std::size_t i = 0; i < parts.names.size(); ++i) {
          beside.element(source, static_cast<std::int64_t>(i), axis, parts.names[i]);
        }
      } else {
        beside.split(source, parts.lengths, axis, parts.names);
      }
    }
  }

  const ModelFacts& facts_;
  Changes& changes_;
  TakenNames taken_;
  UnrollBudget budget_;
  std::unordered_map<const Graph*, std::unordered_map<ValueId, Items>> known_;
  std::unordered_map<const Graph*, std::unordered_map<ValueId, std::string>> contents_;
};

}  // namespace

Result<bool> static_sequences(Model& model, const ModelFacts& facts, Changes& changes,
                              std::int64_t max_unroll) {
  if (!any_reads_container(model.graph())) return false;
  return SequenceResolver(model, facts, changes, max_unroll).open(model.graph());
}

}  // namespace pot
