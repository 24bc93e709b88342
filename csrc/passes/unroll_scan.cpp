#include "passes/unroll_scan.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "ir/print.h"
#include "passes/stand_in.h"
#include "passes/unrolling.h"

namespace pot {
namespace {

/// Attributes of a Scan of opset 9 or later.
class ScanPlan {
 public:
  ScanPlan(const Graph& graph, NodeId id) : node_(graph.node(id)) {
    const std::int64_t scanned = node_.attr_int("num_scan_inputs").value_or(0);
    const auto all = static_cast<std::int64_t>(node_.inputs.size());
    if (scanned >= 1 && scanned <= all) states_ = static_cast<std::size_t>(all - scanned);
  }

  [[nodiscard]] std::optional<std::size_t> states() const { return states_; }
  [[nodiscard]] std::int64_t input_axis(std::size_t i) const { return at("scan_input_axes", i); }
  [[nodiscard]] std::int64_t output_axis(std::size_t i) const { return at("scan_output_axes", i); }
  [[nodiscard]] bool input_backwards(std::size_t i) const {
    return at("scan_input_directions", i) == 1;
  }
  [[nodiscard]] bool output_backwards(std::size_t i) const {
    return at("scan_output_directions", i) == 1;
  }

 private:
  [[nodiscard]] std::int64_t at(std::string_view attribute, std::size_t i) const {
    const auto* list = node_.attr_ints(attribute);
    return list && i < list->size() ? (*list)[i] : 0;
  }

  const Node& node_;
  std::optional<std::size_t> states_;
};

class ScanUnroller {
 public:
  ScanUnroller(Model& model, const ModelFacts& facts, Changes& changes, std::int64_t max_unroll)
      : facts_(facts), changes_(changes), taken_(model), budget_(max_unroll) {}

  bool open(Graph& graph) {
    bool changed = false;
    const std::vector<NodeId> listing(graph.nodes().begin(), graph.nodes().end());
    for (const NodeId id : listing) {
      if (!graph.node(id).has_bodies()) continue;
      for (const GraphPtr& body : graph.node(id).bodies()) changed = open(*body) || changed;
      if (graph.node(id).is("Scan")) changed = visit(graph, id) || changed;
    }
    return changed;
  }

 private:
  bool visit(Graph& graph, NodeId id) {
    constexpr std::int64_t kBatched = 8;
    const GraphPtr body = body_of(graph.node(id), "body");
    if (!body) return false;
    std::string why;
    if (graph.opset().value_or(0) <= kBatched) {
      why = "a Scan of opset 8 runs each sequence of the batch to its own length";
    }
    const ScanPlan plan(graph, id);
    if (why.empty()) why = malformed(graph.node(id), *body, plan);
    std::int64_t turns = 0;
    if (why.empty()) why = count_elements(graph, id, plan, turns);
    if (why.empty()) why = why_not_copied(*body, turns <= 1);
    if (why.empty()) why = unknown_output(graph, graph.node(id), *body, *plan.states(), turns);
    if (why.empty()) why = budget_.take(turns, *body);
    if (!why.empty()) {
      changes_.leave(node_label(graph, id), why);
      return false;
    }
    unroll(graph, id, body, plan, turns);
    changes_.count("unrolled Scan");
    return true;
  }

  static std::string malformed(const Node& node, const Graph& body, const ScanPlan& plan) {
    if (!plan.states()) return "its num_scan_inputs does not fit its inputs";
    if (body.inputs().size() != node.inputs.size())
      return "its body does not take what it is given";
    const bool enough = body.outputs().size() >= std::max(*plan.states(), node.outputs.size());
    if (!enough) return "its body has too few outputs";
    if (std::ranges::count(node.inputs, ValueId{}) != 0) return "one of its inputs is missing";
    return {};
  }

  /// Sets `turns`, or says why they are not known.
  std::string count_elements(const Graph& graph, NodeId id, const ScanPlan& plan,
                             std::int64_t& turns) const {
    const Node& node = graph.node(id);
    std::optional<std::int64_t> found;
    std::string named;
    for (std::size_t i = 0; *plan.states() + i < node.inputs.size(); ++i) {
      const Fact& input = facts_.seen_from(graph, node.inputs[*plan.states() + i]);
      if (!input.has_rank()) continue;
      const auto axis = normalized_axis(plan.input_axis(i), input.rank());
      const auto size = axis ? (*input.dims)[*axis].number() : std::nullopt;
      if (axis && !size && (*input.dims)[*axis].writable()) named = (*input.dims)[*axis].text();
      if (found && size && *found != *size) return "its inputs differ in length";
      if (size) found = size;
    }
    if (!found && !named.empty()) return "it scans " + named + " elements, which is not bound";
    if (!found) return "the number of elements that it scans is known only at run time";
    turns = *found;
    return {};
  }

  std::string unknown_output(const Graph& graph, const Node& node, const Graph& body,
                             std::size_t states, std::int64_t turns) const {
    for (std::size_t slot = states; turns == 0 && slot < node.outputs.size(); ++slot) {
      const Fact& item = facts_.seen_from(body, body.outputs()[slot].value);
      if (!node.outputs[slot] || (item.numbers() && item.dtype != DType::undefined)) continue;
      return "it scans no element, and the shape of output '" +
             std::string(graph.value_name(node.outputs[slot])) + "' is not known";
    }
    return {};
  }

  void unroll(Graph& graph, NodeId id, const GraphPtr& body, const ScanPlan& plan,
              std::int64_t turns) {
    Unrolling unrolling(graph, id, taken_, changes_);
    const std::size_t states = *plan.states();
    std::vector<std::string> names;
    for (const ValueId input : graph.node(id).inputs) names.emplace_back(graph.value_name(input));
    std::vector<std::string> state(names.begin(),
                                   names.begin() + static_cast<std::ptrdiff_t>(states));
    const std::vector<std::string> scanned(names.begin() + static_cast<std::ptrdiff_t>(states),
                                           names.end());
    unrolling.begin();
    std::vector<std::vector<std::string>> rows(body->outputs().size());
    if (turns > 0) {
      BodyCopies copies(graph, id, body, taken_, turns == 1);
      for (std::int64_t turn = 0; turn < turns; ++turn) {
        std::vector<std::string> inputs = state;
        for (std::size_t i = 0; i < scanned.size(); ++i) {
          const std::int64_t index = plan.input_backwards(i) ? turns - 1 - turn : turn;
          inputs.push_back(
              element(unrolling, *body, states + i, scanned[i], index, plan.input_axis(i)));
        }
        std::vector<std::string> wanted(states);
        for (std::size_t i = 0; turn + 1 == turns && i < states; ++i) {
          if (unrolling.wanted(i)) wanted[i] = unrolling.output_name(i);
        }
        const std::vector<std::string> made = copies.copy(inputs, wanted);
        std::copy_n(made.begin(), states, state.begin());
        for (std::size_t i = states; i < made.size(); ++i) rows[i].push_back(made[i]);
      }
    }
    for (std::size_t i = 0; i < states; ++i) unrolling.hand_on(i, state[i]);
    for (std::size_t slot = states; slot < unrolling.outputs().size(); ++slot) {
      if (!unrolling.wanted(slot)) continue;
      if (plan.output_backwards(slot - states)) std::ranges::reverse(rows[slot]);
      finish(unrolling, slot, rows[slot], plan.output_axis(slot - states),
             facts_.seen_from(*body, body->outputs()[slot].value));
    }
    unrolling.end();
  }

  static std::string element(Unrolling& unrolling, const Graph& body, std::size_t slot,
                             const std::string& source, std::int64_t index, std::int64_t axis) {
    const bool read = is_read(body, body.inputs()[slot].value);
    return read ? unrolling.element(source, index, axis) : std::string("-");
  }

  static void finish(Unrolling& unrolling, std::size_t slot, const std::vector<std::string>& rows,
                     std::int64_t axis, const Fact& item) {
    if (!rows.empty()) {
      unrolling.stack(slot, rows, axis);
      return;
    }
    std::vector<std::int64_t> dims = *item.numbers();
    const std::size_t place = normalized_axis(axis, dims.size() + 1).value_or(0);
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(place), 0);
    unrolling.nothing(slot, item.dtype, std::move(dims));
  }

  const ModelFacts& facts_;
  Changes& changes_;
  TakenNames taken_;
  UnrollBudget budget_;
};

}  // namespace

Result<bool> unroll_scan(Model& model, const ModelFacts& facts, Changes& changes,
                         std::int64_t max_unroll) {
  if (!has_bodies(model.graph())) return false;
  return ScanUnroller(model, facts, changes, max_unroll).open(model.graph());
}

}  // namespace pot
