// Edits of nodes, inputs, outputs and initializers.

#include <algorithm>

#include "ir/graph.h"
#include "ir/model.h"
#include "wire/fields.h"
#include "wire/writer.h"

namespace pot {

ValueId Graph::know(std::string_view value_name) const {
  if (value_name.empty()) return {};
  if (const ValueId known = find_value(value_name)) return known;
  const ValueId id{static_cast<std::uint32_t>(values_.size())};
  Value& value = values_.emplace_back();
  value.name = value_name;
  by_name_.emplace(value.name, id);
  return id;
}

ValueId Graph::intern(std::string_view value_name) { return know(value_name); }

Node& Graph::edit(NodeId id) {
  assert(find(id));
  Node& node = *store_[id.index];
  node.source.reset();
  changed();
  return node;
}

// What is written anew is everything around the change: this graph, the attribute and the node
// that hold it, the graph around, up to the model.
void Graph::changed() {
  message_.source.reset();
  if (!parent_) {
    if (function_) function_->source.reset();
    if (model_) model_->changed();
    return;
  }
  parent_->captures_.reset();
  if (Node* owner =
          owner_.index < parent_->store_.size() ? parent_->store_[owner_.index].get() : nullptr) {
    owner->source.reset();
    for (Attribute& each : owner->attributes) {
      if (std::ranges::any_of(each.graphs(), [this](const auto& g) { return g.get() == this; })) {
        each.source.reset();
      }
    }
  }
  parent_->changed();
}

void Graph::link(const Node& node) {
  for (std::uint32_t slot = 0; slot < node.inputs.size(); ++slot) {
    if (node.inputs[slot]) values_[node.inputs[slot].index].uses.push_back({node.id, slot});
  }
  for (std::uint32_t slot = 0; slot < node.outputs.size(); ++slot) {
    if (!node.outputs[slot]) continue;
    Value& made = values_[node.outputs[slot].index];
    if (made.definitions++ == 0) {
      made.producer = node.id;
      made.producer_slot = slot;
    }
  }
}

void Graph::unlink(const Node& node) {
  for (const ValueId input : node.inputs) {
    if (input) std::erase_if(values_[input.index].uses, [&](Use u) { return u.node == node.id; });
  }
  for (const ValueId output : node.outputs) {
    if (!output) continue;
    Value& made = values_[output.index];
    --made.definitions;
    if (made.producer != node.id) continue;
    made.producer = {};
    if (made.definitions == 0) continue;
    // Two nodes make it, which is an error until one is gone: the other takes over.
    for (const NodeId other : listing_) {
      const auto& outputs = this->node(other).outputs;
      const auto found = std::ranges::find(outputs, output);
      if (other == node.id || found == outputs.end()) continue;
      made.producer = other;
      made.producer_slot = static_cast<std::uint32_t>(found - outputs.begin());
      break;
    }
  }
}

void Graph::attach_bodies(Node& node) {
  for (const GraphPtr& body : node.bodies()) {
    body->parent_ = this;
    body->owner_ = node.id;
  }
}

void Graph::own(Model* model, Function* function) noexcept {
  model_ = model;
  function_ = function;
}

NodeId Graph::add_node(Node node, NodeId before) {
  const NodeId id{static_cast<std::uint32_t>(store_.size())};
  node.id = id;
  store_.push_back(std::make_unique<Node>(std::move(node)));
  Node& added = *store_.back();
  attach_bodies(added);
  link(added);
  const auto place = before ? std::ranges::find(listing_, before) : listing_.end();
  listing_.insert(place, id);
  captures_.reset();
  changed();
  return id;
}

void Graph::remove_node(NodeId id) {
  assert(find(id));
  unlink(*store_[id.index]);
  std::erase(listing_, id);
  store_[id.index].reset();
  captures_.reset();
  changed();
}

void Graph::remove_nodes(std::span<const NodeId> ids) {
  if (ids.empty()) return;
  for (const NodeId id : ids) unlink(node(id));
  for (const NodeId id : ids) store_[id.index].reset();
  std::erase_if(listing_, [this](NodeId id) { return !store_[id.index]; });
  captures_.reset();
  changed();
}

void Graph::set_input(NodeId id, std::size_t slot, ValueId value) {
  std::vector<ValueId> inputs = node(id).inputs;
  if (slot >= inputs.size()) inputs.resize(slot + 1);
  inputs[slot] = value;
  set_inputs(id, std::move(inputs));
}

void Graph::set_inputs(NodeId id, std::vector<ValueId> values) {
  Node& node = edit(id);
  unlink(node);
  node.inputs = std::move(values);
  link(node);
}

void Graph::set_outputs(NodeId id, std::vector<ValueId> values) {
  Node& node = edit(id);
  unlink(node);
  node.outputs = std::move(values);
  link(node);
}

void Graph::set_attribute(NodeId id, Attribute attribute) {
  Node& node = edit(id);
  const auto found = std::ranges::find_if(
      node.attributes, [&](const Attribute& each) { return each.name == attribute.name; });
  if (found == node.attributes.end()) {
    node.attributes.push_back(std::move(attribute));
  } else {
    *found = std::move(attribute);
  }
  attach_bodies(node);
  captures_.reset();
}

void Graph::remove_attribute(NodeId id, std::string_view attribute_name) {
  std::erase_if(edit(id).attributes,
                [&](const Attribute& each) { return each.name == attribute_name; });
  captures_.reset();
}

void Graph::set_op_type(NodeId id, std::string op_type, std::string domain) {
  Node& node = edit(id);
  node.op_type = Text(std::move(op_type));
  // The standard domain may be written or not: as it was.
  if (!(node.domain == domain)) node.domain = Text(std::move(domain));
}

void Graph::set_node_name(NodeId id, Text node_name) { edit(id).name = std::move(node_name); }

void Graph::set_node_doc_string(NodeId id, Text text) { edit(id).doc_string = std::move(text); }

void Graph::set_metadata(NodeId id, std::span<const MetadataEntry> entries) {
  Node& node = edit(id);
  node.rest = with_metadata(node.rest, fields::node::metadata_props.number, entries);
}

void Graph::set_name(Text name) {
  name_ = std::move(name);
  changed();
}

void Graph::set_doc_string(Text text) {
  doc_string_ = std::move(text);
  changed();
}

void Graph::set_metadata(std::span<const MetadataEntry> entries) {
  message_.rest = with_metadata(message_.rest, fields::graph::metadata_props.number, entries);
  changed();
}

ValueId Graph::set_initializer(TensorRef tensor) {
  const ValueId id = know(tensor->name);
  const bool is_new = id && !values_[id.index].initializer;
  const auto same = [&](const TensorRef& each) { return each->name == tensor->name; };
  const auto found = is_new ? initializers_.end() : std::ranges::find_if(initializers_, same);
  if (found == initializers_.end()) {
    initializers_.push_back(tensor);
  } else {
    *found = tensor;
  }
  if (id) values_[id.index].initializer = std::move(tensor);
  changed();
  return id;
}

void Graph::remove_initializer(ValueId value) {
  Value& known = values_[value.index];
  std::erase_if(initializers_, [&](const TensorRef& each) { return each->name == known.name; });
  std::erase_if(sparse_initializers_, [&](const SparseTensorRef& each) {
    return each->values && each->values->name == known.name;
  });
  known.initializer.reset();
  known.sparse_initializer.reset();
  changed();
}

void Graph::remove_initializers(std::span<const ValueId> values) {
  if (values.empty()) return;
  for (const ValueId id : values) {
    values_[id.index].initializer.reset();
    values_[id.index].sparse_initializer.reset();
  }
  std::erase_if(initializers_, [this](const TensorRef& each) {
    const ValueId id = find_value(each->name);
    return id && !values_[id.index].initializer;
  });
  std::erase_if(sparse_initializers_, [this](const SparseTensorRef& each) {
    const ValueId id = each->values ? find_value(each->values->name) : ValueId{};
    return id && !values_[id.index].sparse_initializer;
  });
  changed();
}

Status Graph::sort() {
  auto sorted = order();
  if (!sorted) return sorted.error();
  if (sorted.value() != listing_) {
    listing_ = std::move(sorted).value();
    changed();
  }
  return ok_status();
}

}  // namespace pot
