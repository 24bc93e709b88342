#include "ops/shared/shape_rule.h"

#include <algorithm>
#include <utility>

#include "ir/print.h"

namespace pot {

NodeFacts::NodeFacts(const Graph& graph, const Node& node, std::int64_t opset,
                     std::vector<Fact> inputs, Body body)
    : graph_(graph),
      node_(node),
      opset_(opset),
      inputs_(std::move(inputs)),
      body_(std::move(body)) {}

const Fact& NodeFacts::in(std::size_t slot) const noexcept {
  static const Fact unknown;
  return has(slot) ? inputs_[slot] : unknown;
}

std::string NodeFacts::input_label(std::size_t slot) const {
  std::string label = "input " + std::to_string(slot);
  if (has(slot)) label += " '" + std::string(graph_.value_name(node_.inputs[slot])) + "'";
  return label;
}

std::int64_t NodeFacts::attr_int(std::string_view name, std::int64_t otherwise) const {
  return node_.attr_int(name).value_or(otherwise);
}

float NodeFacts::attr_float(std::string_view name, float otherwise) const {
  return node_.attr_float(name).value_or(otherwise);
}

std::string NodeFacts::attr_string(std::string_view name, std::string otherwise) const {
  const std::string* found = node_.attr_string(name);
  return found ? *found : otherwise;
}

std::optional<std::vector<std::int64_t>> NodeFacts::attr_ints(std::string_view name) const {
  const auto* found = node_.attr_ints(name);
  return found ? std::optional(*found) : std::nullopt;
}

NodeFacts::Listed NodeFacts::ints_or_input(std::string_view name, std::size_t slot) const {
  if (auto attribute = attr_ints(name)) return {true, std::move(attribute)};
  if (!has(slot)) return {};
  return {true, numbers_of(inputs_[slot])};
}

Expr NodeFacts::unknown_size(std::string_view why) const {
  return Expr::fresh_size(label() + ": " + std::string(why));
}

Expr NodeFacts::unknown_value(std::string_view why) const {
  return Expr::fresh_value(label() + ": " + std::string(why));
}

Dims NodeFacts::unknown_dims(std::size_t rank, std::string_view why) const {
  Dims dims;
  for (std::size_t i = 0; i < rank; ++i) dims.push_back(unknown_size(why));
  return dims;
}

std::string NodeFacts::label() const { return node_label(graph_, node_.id); }

Inferred NodeFacts::infer_body(std::string_view attribute, std::span<const Fact> inputs) const {
  const Attribute* found = node_.attribute(attribute);
  const GraphPtr* body = found ? found->get<GraphPtr>() : nullptr;
  if (!body || !*body || !body_) return std::vector<Fact>{};
  return body_(**body, inputs);
}

Error contradiction(std::string message) { return Error{.message = std::move(message)}; }

std::optional<std::size_t> normalized_axis(std::int64_t axis, std::size_t rank) {
  const auto size = static_cast<std::int64_t>(rank);
  if (axis < -size || axis >= size) return std::nullopt;
  return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
}

Result<Dims> broadcast_dims(std::span<const Dims> shapes) {
  std::size_t rank = 0;
  for (const Dims& dims : shapes) rank = std::max(rank, dims.size());
  Dims out(rank, Expr(1));
  for (const Dims& dims : shapes) {
    for (std::size_t i = 0; i < dims.size(); ++i) {
      Expr& merged = out[rank - dims.size() + i];
      const auto ours = merged.number();
      const auto theirs = dims[i].number();
      if (ours && theirs && *ours != *theirs && *ours != 1 && *theirs != 1) {
        return contradiction("sizes " + std::to_string(*ours) + " and " + std::to_string(*theirs) +
                             " do not broadcast");
      }
      merged = broadcast(merged, dims[i]);
    }
  }
  return out;
}

}  // namespace pot
