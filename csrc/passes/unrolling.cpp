#include "passes/unrolling.h"

#include <algorithm>
#include <span>

#include "passes/stand_in.h"

namespace pot {
namespace {

/// Nodes for each turn that the user allows: the default of 64 turns may make 65536 nodes.
constexpr std::int64_t kNodesPerTurn = 1024;
/// No bound that a user gives is worth more: the graph would not fit into a file.
constexpr std::int64_t kMostNodes = 4'000'000;
/// From this opset on, axes of Unsqueeze and lengths of Split are inputs.
constexpr std::int64_t kListsAreInputs = 13;

}  // namespace

UnrollBudget::UnrollBudget(std::int64_t turns)
    : turns_(std::max<std::int64_t>(turns, 0)),
      nodes_(std::min(turns_, kMostNodes / kNodesPerTurn) * kNodesPerTurn) {}

std::string UnrollBudget::exceeded() const {
  return "it makes more than the " + std::to_string(turns_) + " turns that --max-unroll allows";
}

std::string UnrollBudget::take(std::int64_t turns, const Graph& body) {
  if (turns > turns_) {
    return "it makes " + std::to_string(turns) + " turns, more than the " + std::to_string(turns_) +
           " that --max-unroll allows";
  }
  const auto nodes = turns * (1 + static_cast<std::int64_t>(count_nodes(body)));
  if (nodes > nodes_) {
    return "its " + std::to_string(turns) + " turns would make " + std::to_string(nodes) +
           " nodes, more than the " + std::to_string(nodes_) + " that --max-unroll allows";
  }
  nodes_ -= nodes;
  return {};
}

Unrolling::Unrolling(Graph& graph, NodeId owner, TakenNames& taken, Changes& changes)
    : graph_(graph), owner_(owner), taken_(taken), changes_(changes) {
  const Node& node = graph.node(owner);
  label_ = node.name.empty() ? node.op_type.value : node.name.value;
  outputs_ = node.outputs;
  for (const ValueId id : outputs_) {
    wanted_.push_back(id && is_read(graph, id));
  }
}

bool Unrolling::wanted(std::size_t slot) const { return slot < wanted_.size() && wanted_[slot]; }

std::string Unrolling::output_name(std::size_t slot) const {
  return slot < outputs_.size() ? std::string(graph_.value_name(outputs_[slot])) : std::string();
}

void Unrolling::begin() { graph_.set_outputs(owner_, {}); }

std::string Unrolling::constant(const std::string& key, DType dtype, std::vector<std::int64_t> dims,
                                ByteView elements) {
  const auto [found, added] = constants_.try_emplace(key);
  if (!added) return found->second;
  found->second = taken_.value(label_ + "/" + key);
  graph_.set_initializer(make_tensor_copy(found->second, dtype, std::move(dims), elements));
  return found->second;
}

std::string Unrolling::number(std::int64_t number, std::vector<std::int64_t> dims) {
  const std::string key = "number_" + std::to_string(number) + (dims.empty() ? "" : "_1d");
  return constant(key, DType::int64, std::move(dims), std::as_bytes(std::span(&number, 1)));
}

std::string Unrolling::truth() {
  const std::uint8_t yes = 1;
  return constant("true", DType::boolean, {}, std::as_bytes(std::span(&yes, 1)));
}

std::string Unrolling::numbers(const std::string& key, const std::vector<std::int64_t>& numbers) {
  return constant(key, DType::int64, {static_cast<std::int64_t>(numbers.size())},
                  std::as_bytes(std::span(numbers)));
}

NodeId Unrolling::add(const char* op_type, const std::vector<std::string>& inputs,
                      const std::vector<std::string>& outputs, std::optional<std::int64_t> axis) {
  Node node;
  node.op_type = Text(op_type);
  node.name = Text(taken_.node(label_ + "/" + op_type));
  for (const std::string& input : inputs) node.inputs.push_back(graph_.intern(input));
  for (const std::string& output : outputs) node.outputs.push_back(graph_.intern(output));
  if (axis) node.attributes.emplace_back("axis", AttributeValue(*axis));
  return graph_.add_node(std::move(node), owner_);
}

std::string Unrolling::element(const std::string& source, std::int64_t index, std::int64_t axis) {
  std::string output = taken_.value(source + "_at", index);
  element(source, index, axis, output);
  return output;
}

void Unrolling::element(const std::string& source, std::int64_t index, std::int64_t axis,
                        const std::string& output) {
  add("Gather", {source, number(index, {})}, {output}, axis);
}

void Unrolling::split(const std::string& source, const std::vector<std::int64_t>& lengths,
                      std::int64_t axis, const std::vector<std::string>& outputs) {
  if (outputs.size() == 1) {
    add("Identity", {source}, outputs, std::nullopt);
    return;
  }
  const bool as_input = graph_.opset().value_or(kListsAreInputs) >= kListsAreInputs;
  std::vector<std::string> inputs{source};
  if (as_input) inputs.push_back(numbers("lengths", lengths));
  const NodeId added = add("Split", inputs, outputs, axis);
  if (!as_input) graph_.set_attribute(added, Attribute("split", AttributeValue(lengths)));
}

void Unrolling::join(std::size_t slot, const std::vector<std::string>& items, std::int64_t axis) {
  if (items.size() == 1) {
    hand_on(slot, items.front());
  } else if (wanted(slot)) {
    add("Concat", items, {output_name(slot)}, axis);
  }
}

void Unrolling::sequence(std::size_t slot, const std::vector<std::string>& items) {
  add("SequenceConstruct", items, {output_name(slot)}, std::nullopt);
}

void Unrolling::hand_on(std::size_t slot, const std::string& source) {
  if (!wanted(slot) || source == output_name(slot)) return;
  pot::hand_on(graph_, owner_, outputs_[slot], source, taken_, changes_);
}

void Unrolling::stack(std::size_t slot, const std::vector<std::string>& items, std::int64_t axis) {
  const std::string name = output_name(slot);
  std::vector<std::string> rows;
  const bool as_input = graph_.opset().value_or(kListsAreInputs) >= kListsAreInputs;
  for (const std::string& item : items) {
    rows.push_back(items.size() == 1 ? name : taken_.value(item + "_row"));
    std::vector<std::string> inputs{item};
    if (as_input) inputs.push_back(number(axis, {1}));
    const NodeId added = add("Unsqueeze", inputs, {rows.back()}, std::nullopt);
    if (!as_input) {
      graph_.set_attribute(added, Attribute("axes", AttributeValue(std::vector{axis})));
    }
  }
  if (items.size() > 1) add("Concat", rows, {name}, axis);
}

void Unrolling::nothing(std::size_t slot, DType dtype, std::vector<std::int64_t> dims) {
  const std::string name = taken_.value(output_name(slot) + "_nothing");
  graph_.set_initializer(make_tensor_copy(name, dtype, std::move(dims), {}));
  hand_on(slot, name);
}

void Unrolling::end() { graph_.remove_node(owner_); }

}  // namespace pot
