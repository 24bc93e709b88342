#include "ir/node.h"

#include <algorithm>

#include "wire/fields.h"

namespace pot {

const Attribute* Node::attribute(std::string_view attribute_name) const noexcept {
  const auto found = std::ranges::find_if(
      attributes, [&](const Attribute& each) { return each.name == attribute_name; });
  return found == attributes.end() ? nullptr : &*found;
}

std::optional<std::int64_t> Node::attr_int(std::string_view attribute_name) const {
  const auto* found = attribute(attribute_name);
  const auto* value = found ? found->get<std::int64_t>() : nullptr;
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<float> Node::attr_float(std::string_view attribute_name) const {
  const auto* found = attribute(attribute_name);
  const auto* value = found ? found->get<float>() : nullptr;
  return value ? std::optional(*value) : std::nullopt;
}

const std::string* Node::attr_string(std::string_view attribute_name) const {
  const auto* found = attribute(attribute_name);
  return found ? found->get<std::string>() : nullptr;
}

const std::vector<std::int64_t>* Node::attr_ints(std::string_view attribute_name) const {
  const auto* found = attribute(attribute_name);
  return found ? found->get<std::vector<std::int64_t>>() : nullptr;
}

TensorRef Node::attr_tensor(std::string_view attribute_name) const {
  const auto* found = attribute(attribute_name);
  const auto* value = found ? found->get<TensorRef>() : nullptr;
  return value ? *value : nullptr;
}

bool Node::has_bodies() const noexcept {
  return std::ranges::any_of(attributes, [](const Attribute& each) {
    return each.get<GraphPtr>() || each.get<std::vector<GraphPtr>>();
  });
}

std::vector<GraphPtr> Node::bodies() const {
  std::vector<GraphPtr> out;
  for (const Attribute& each : attributes) {
    for (auto& body : each.graphs()) out.push_back(std::move(body));
  }
  return out;
}

std::vector<MetadataEntry> Node::metadata() const {
  return read_metadata(rest, fields::node::metadata_props.number);
}

Node Node::clone() const {
  Node out;
  static_cast<Message&>(out) = *this;
  out.id = id;
  out.name = name;
  out.op_type = op_type;
  out.domain = domain;
  out.overload = overload;
  out.doc_string = doc_string;
  out.inputs = inputs;
  out.outputs = outputs;
  for (const Attribute& each : attributes) out.attributes.push_back(each.clone());
  return out;
}

}  // namespace pot
