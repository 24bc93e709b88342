#include "passes/fold_constants.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "ir/print.h"
#include "ops/shared/op_table.h"
#include "passes/extract.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

/// A result of so many bytes costs no more than the node that makes it: name, inputs, attributes.
constexpr std::uint64_t kAlwaysWorthIt = 1024;
/// Of constants that together are no larger, a result of unknown size is computed to see.
constexpr std::uint64_t kSmallEnoughToTry = 64 * 1024;

bool is_quantization(const Node& node) {
  constexpr std::array<std::string_view, 3> kOps{"QuantizeLinear", "DequantizeLinear",
                                                 "DynamicQuantizeLinear"};
  return std::ranges::count(kOps, std::string_view(node.op_type)) != 0;
}

/// Constant nodes of one graph, in parts that are folded together or not at all.
class ConstantParts {
 public:
  struct Part {
    std::vector<NodeId> nodes;
    std::vector<ValueId> results;  ///< read by what is not part of it
    std::int64_t growth = 0;       ///< bytes by which the file grows
    bool known = true;             ///< the sizes of the results are known
    bool copies = false;           ///< a weight that it is made of is read elsewhere too
  };

  ConstantParts(const Graph& graph, const ModelFacts& facts)
      : graph_(graph), facts_(facts), read_(read_values(graph)) {
    find_nodes();
    if (!nodes_.empty()) find_parts();
  }

  [[nodiscard]] const std::vector<Part>& parts() const noexcept { return parts_; }

  struct Weights {
    std::int64_t freed = 0;  ///< bytes of those that nothing else reads
    bool stay = false;       ///< something else reads one that is not small
  };
  [[nodiscard]] Weights weights_of(const std::vector<NodeId>& nodes) const {
    std::unordered_map<ValueId, std::size_t> reads;
    for (const NodeId id : nodes) {
      for (const ValueId input : graph_.node(id).inputs) {
        if (input && graph_.value(input).initializer) ++reads[input];
      }
    }
    Weights out;
    for (const auto& [id, count] : reads) {
      const Value& weight = graph_.value(id);
      const std::uint64_t bytes = weight.initializer->nbytes().value_or(0);
      const bool last = weight.uses.size() == count && !captured_[id.index];
      if (last && !weight.is_output && !weight.is_input) {
        out.freed += static_cast<std::int64_t>(bytes);
      } else {
        out.stay = out.stay || bytes > kAlwaysWorthIt;
      }
    }
    return out;
  }

  /// Nothing where the size is not known.
  [[nodiscard]] std::optional<std::int64_t> cost_of(ValueId id) const {
    const Fact& fact = facts_.of(graph_, id);
    const auto dims = fact.numbers();
    const auto bytes = dims ? stored_size(fact.dtype, *dims) : std::nullopt;
    if (!bytes) return std::nullopt;
    return *bytes <= kAlwaysWorthIt ? 0 : static_cast<std::int64_t>(*bytes);
  }

  [[nodiscard]] bool is_read(ValueId id) const { return read_[id.index]; }

 private:
  bool may_fold(const Node& node) const {
    const bool any = std::ranges::any_of(node.inputs, [](ValueId id) { return bool(id); });
    if (!any || node.has_bodies() || is_quantization(node) || node.is("Identity")) return false;
    const OpEntry* entry = op_table().find(node.domain, node.op_type);
    if (!entry || entry->traits.random || entry->traits.non_tensor) return false;
    if (graph_.model()->find_function(node.domain, node.op_type, node.overload)) return false;
    return std::ranges::all_of(node.inputs, [this](ValueId input) {
      return !input || makers_[input.index] != 0 || constant_of(graph_, input);
    });
  }

  void find_nodes() {
    makers_.assign(graph_.value_count(), 0);
    captured_.assign(graph_.value_count(), false);
    for (const NodeId id : graph_.nodes()) {
      for (const ValueId each : graph_.captures(id)) captured_[each.index] = true;
      const Node& node = graph_.node(id);
      if (!may_fold(node)) continue;
      nodes_.push_back(id);
      for (const ValueId output : node.outputs) {
        if (output) makers_[output.index] = nodes_.size();
      }
    }
  }

  std::size_t root(std::size_t i) {
    while (above_[i] != i) i = above_[i] = above_[above_[i]];
    return i;
  }

  void find_parts() {
    above_.resize(nodes_.size());
    std::iota(above_.begin(), above_.end(), std::size_t{0});
    std::unordered_map<ValueId, std::size_t> first_reader;  // of a weight
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const ValueId input : graph_.node(nodes_[i]).inputs) {
        if (!input) continue;
        const std::size_t maker = makers_[input.index];
        const std::size_t other =
            maker != 0 ? maker - 1 : first_reader.emplace(input, i).first->second;
        above_[root(i)] = root(other);
      }
    }
    std::unordered_map<std::size_t, std::size_t> places;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const auto [place, is_new] = places.emplace(root(i), parts_.size());
      if (is_new) parts_.emplace_back();
      parts_[place->second].nodes.push_back(nodes_[i]);
    }
    for (Part& part : parts_) weigh(part);
  }

  void weigh(Part& part) {
    for (const NodeId id : part.nodes) {
      for (const ValueId output : graph_.node(id).outputs) {
        if (!output || !read_outside(output)) continue;
        part.results.push_back(output);
        const auto cost = cost_of(output);
        part.known = part.known && cost;
        part.growth += cost.value_or(0);
      }
    }
    const Weights weights = weights_of(part.nodes);
    part.growth -= weights.freed;
    part.copies = weights.stay;
  }

  bool read_outside(ValueId id) const {
    const Value& value = graph_.value(id);
    if (value.is_output || captured_[id.index]) return true;
    return std::ranges::any_of(value.uses, [this](const Use& use) {
      const auto& outputs = graph_.node(use.node).outputs;
      return outputs.empty() || std::ranges::none_of(outputs, [this](ValueId output) {
               return output && makers_[output.index] != 0;
             });
    });
  }

  const Graph& graph_;
  const ModelFacts& facts_;
  std::vector<bool> read_;
  std::vector<bool> captured_;
  std::vector<NodeId> nodes_;
  std::vector<std::size_t> makers_;  // by value: 1 + place in nodes_, or 0
  std::vector<std::size_t> above_;   // the union of nodes that share something
  std::vector<Part> parts_;
};

/// The elements of constant values, computed when they are asked for.
class ConstantValues {
 public:
  explicit ConstantValues(const Graph& graph) : graph_(graph) {}

  /// Null where no fold rule computes it.
  TensorRef of(ValueId id) {
    if (TensorRef known = constant_of(graph_, id)) return known;
    if (const auto found = made_.find(id); found != made_.end()) return found->second;
    if (const NodeId producer = graph_.value(id).producer) compute(graph_.node(producer));
    return made_[id];
  }

 private:
  void compute(const Node& node) {
    for (const ValueId output : node.outputs) {
      if (output) made_[output] = nullptr;
    }
    const FoldRule rule = op_table().find_fold(node.domain, node.op_type);
    if (!rule) return;
    std::vector<Fact> inputs;
    for (const ValueId input : node.inputs) {
      const TensorRef tensor = input ? of(input) : nullptr;
      if (input && !tensor) return;
      inputs.push_back(tensor ? constant_fact(tensor) : Fact{});
    }
    const std::int64_t opset = graph_.opset(node.domain).value_or(0);
    const Folded made = rule(NodeFacts(graph_, node, opset, std::move(inputs)));
    for (std::size_t slot = 0; made && slot < node.outputs.size(); ++slot) {
      if (node.outputs[slot] && slot < made->size()) made_[node.outputs[slot]] = (*made)[slot];
    }
  }

  const Graph& graph_;
  std::unordered_map<ValueId, TensorRef> made_;
};

class ConstantFolding {
 public:
  ConstantFolding(const ModelPtr& model, Graph& graph, Changes& changes, FoldBudget& budget,
                  const Evaluate& evaluate)
      : model_(model),
        graph_(graph),
        changes_(changes),
        budget_(budget),
        evaluate_(evaluate),
        values_(graph) {}

  bool run(const ModelFacts& facts) {
    const ConstantParts parts(graph_, facts);
    for (const ConstantParts::Part& part : parts.parts()) {
      if (!part.known) {
        if (is_small(part)) wanted_.insert(wanted_.end(), part.results.begin(), part.results.end());
      } else if (part.growth <= 0) {
        take(part);
      } else if (part.growth <= budget_.growth && (budget_.copies || !part.copies)) {
        budget_.growth -= part.growth;
        take(part);
      } else {
        take_what_pays(parts, part);
      }
    }
    return write();
  }

 private:
  void take(const ConstantParts::Part& part) {
    wanted_.insert(wanted_.end(), part.results.begin(), part.results.end());
  }

  /// Node by node, for what is small on the way to something large.
  void take_what_pays(const ConstantParts& parts, const ConstantParts::Part& part) {
    for (const NodeId id : part.nodes) {
      std::int64_t growth = -parts.weights_of({id}).freed;
      bool known = true;
      std::vector<ValueId> results;
      for (const ValueId output : graph_.node(id).outputs) {
        if (!output || !parts.is_read(output)) continue;
        const auto cost = parts.cost_of(output);
        known = known && cost;
        growth += cost.value_or(0);
        results.push_back(output);
      }
      if (known && growth <= 0) {
        wanted_.insert(wanted_.end(), results.begin(), results.end());
      } else if (known) {
        changes_.leave(node_label(graph_, id), "a constant, but computed it would make the file " +
                                                   std::to_string(growth) + " bytes larger");
      }
    }
  }

  bool is_small(const ConstantParts::Part& part) const {
    std::uint64_t bytes = 0;
    for (const NodeId id : part.nodes) {
      for (const ValueId input : graph_.node(id).inputs) {
        const TensorRef weight = constant_of(graph_, input);
        bytes += weight ? weight->nbytes().value_or(kSmallEnoughToTry) : 0;
      }
    }
    return bytes <= kSmallEnoughToTry;
  }

  bool write() {
    std::vector<std::pair<ValueId, TensorRef>> made;
    std::vector<ValueId> others;
    for (const ValueId id : wanted_) {
      TensorRef tensor = values_.of(id);
      if (tensor) {
        made.emplace_back(id, std::move(tensor));
      } else if (!budget_.refused.contains(graph_.value(id).name)) {
        others.push_back(id);
      }
    }
    ask(others, made);
    for (const auto& [id, tensor] : made) make_constant(graph_, id, tensor);
    changes_.count("folded constants", made.size());
    return !made.empty();
  }

  /// All at once, and where that fails one by one: each that can be computed is.
  void ask(const std::vector<ValueId>& ids, std::vector<std::pair<ValueId, TensorRef>>& made) {
    if (ids.empty() || !evaluate_ || !is_main(graph_)) return;
    auto tensors = evaluated(ids);
    if (!tensors && ids.size() > 1) {
      for (const ValueId id : ids) ask({id}, made);
      return;
    }
    if (!tensors) {
      budget_.refused.insert(graph_.value(ids[0]).name);
      changes_.leave(node_label(graph_, graph_.value(ids[0]).producer),
                     "a constant that could not be computed: " + tensors.error().message);
      return;
    }
    for (std::size_t i = 0; i < ids.size(); ++i) made.emplace_back(ids[i], tensors.value()[i]);
  }

  Result<std::vector<TensorRef>> evaluated(const std::vector<ValueId>& ids) const {
    std::vector<std::string> names;
    for (const ValueId id : ids) names.emplace_back(graph_.value_name(id));
    auto part = extract(*model_, {}, names, Cut::slice);
    if (!part) return part.error();
    auto tensors = evaluate_(part.value().model, part.value().outputs);
    if (tensors && tensors.value().size() != ids.size()) {
      return Error{.message = "not as many values as were asked for"};
    }
    return tensors;
  }

  const ModelPtr& model_;
  Graph& graph_;
  Changes& changes_;
  FoldBudget& budget_;
  const Evaluate& evaluate_;
  ConstantValues values_;
  std::vector<ValueId> wanted_;
};

}  // namespace

Result<bool> fold_constants(const ModelPtr& model, const ModelFacts& facts, Changes& changes,
                            FoldBudget& budget, const Evaluate& evaluate) {
  bool changed = false;
  for (const GraphPtr& graph : graphs_of(*model)) {
    changed |= ConstantFolding(model, *graph, changes, budget, evaluate).run(facts);
  }
  return changed;
}

}  // namespace pot
