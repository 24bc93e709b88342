// Renaming, and copying between graphs, which is renaming too.

#include <algorithm>
#include <unordered_set>

#include "ir/graph.h"
#include "ir/model.h"

namespace pot {

std::vector<GraphPtr> Graph::bodies_reading(ValueId id) const {
  std::vector<GraphPtr> out;
  (void)captures({});  // fills the index
  if (captures_->empty()) return out;
  for (const NodeId each : listing_) {
    if (std::ranges::count(captures(each), id) == 0) continue;
    for (auto& body : node(each).bodies()) out.push_back(std::move(body));
  }
  return out;
}

// Pre: nothing here or inside is called `new_name`, except where a body has it as its own.
void Graph::rename_local(ValueId id, std::string new_name) {
  const std::string old_name = values_[id.index].name;
  for (const GraphPtr& body : bodies_reading(id)) body->rename_free({{old_name, new_name}});
  move_name(id, new_name);
  captures_.reset();
  changed();
}

// The table's part of a rename: name, key, tensors, and the spans that hold the old name.
void Graph::move_name(ValueId id, const std::string& new_name) {
  Value& value = values_[id.index];
  by_name_.erase(value.name);
  for (const Use& use : value.uses) store_[use.node.index]->source.reset();
  for (const NodeId each : listing_) {
    Node& maker = *store_[each.index];
    if (value.producer && std::ranges::count(maker.outputs, id) != 0) maker.source.reset();
  }
  for (auto* list : {&inputs_, &outputs_, &infos_}) {
    for (ValueInfo& info : *list) {
      if (info.value == id) info.source.reset();
    }
  }
  if (value.initializer) {
    for (TensorRef& tensor : initializers_) {
      if (tensor->name == value.name) tensor = value.initializer = tensor->renamed(new_name);
    }
  }
  if (value.sparse_initializer) {
    for (SparseTensorRef& sparse : sparse_initializers_) {
      if (!sparse->values || !(sparse->values->name == value.name)) continue;
      auto copy = std::make_shared<SparseTensor>(*sparse);
      copy->values = copy->values->renamed(new_name);
      copy->source.reset();
      sparse = value.sparse_initializer = std::move(copy);
    }
  }
  value.name = new_name;
  by_name_.emplace(value.name, id);
}

// What this body reads from around it gets other names, all at once (a and b may swap).
void Graph::rename_free(const RenameMap& names) {
  for (const auto& [from, to] : names) {
    const ValueId own = find_value(to);
    if (from != to && own && is_defined(own)) rename_local(own, fresh_name(to));
  }
  for (const NodeId id : listing_) (void)captures(id);  // names of inner bodies are known now
  std::vector<std::pair<ValueId, std::string>> moves;
  RenameMap inner;
  for (const auto& [from, to] : names) {
    const ValueId id = find_value(from);
    if (!id || from == to || is_defined(id)) continue;
    moves.emplace_back(id, to);
    inner.emplace(from, to);
  }
  if (moves.empty()) return;
  for (const NodeId id : listing_) {
    for (const GraphPtr& body : node(id).bodies()) body->rename_free(inner);
  }
  for (std::size_t i = 0; i < moves.size(); ++i) {
    move_name(moves[i].first, std::string("\x01moving") + std::to_string(i));
  }
  for (const auto& [id, to] : moves) {
    const ValueId existing = find_value(to);
    if (!existing) {
      move_name(id, to);
      continue;
    }
    for (const Use& use : std::vector<Use>(values_[id.index].uses)) {
      set_input(use.node, use.slot, existing);
    }
    for (ValueInfo& output : outputs_) {
      if (output.value == id) output.value = existing;
    }
    index_infos();
  }
  captures_.reset();
  changed();
}

Status Graph::rename_value(ValueId id, std::string new_name) {
  const std::string& old_name = value(id).name;
  const auto refuse = [&](const std::string& why) {
    return Error{Error::Kind::invalid,
                 "cannot rename '" + old_name + "' to '" + new_name + "': " + why,
                 {},
                 {},
                 {}};
  };
  if (new_name == old_name) return ok_status();
  if (new_name.empty()) return refuse("a value needs a name");
  if (is_outer(id)) return refuse("it is defined outside of this graph");
  if (find_value(new_name)) return refuse("the name is taken");
  for (const Graph* around = parent_; around; around = around->parent_) {
    const ValueId outer = around->find_value(new_name);
    if (outer && around->is_defined(outer)) return refuse("a graph around it uses the name");
  }
  rename_local(id, std::move(new_name));
  return ok_status();
}

// As rename_value for each, in one pass over the graph.
Status Graph::rename_values(const RenameMap& names) {
  RenameMap moving;
  std::unordered_set<std::string_view> coming;
  for (const auto& [from, to] : names) {
    if (from == to) continue;
    const std::string asked = "cannot rename '" + from + "' to '" + to + "': ";
    const auto refuse = [&asked](const std::string& why) { return Error{.message = asked + why}; };
    const ValueId id = find_value(from);
    if (!id) return refuse("there is no such value");
    if (to.empty()) return refuse("a value needs a name");
    if (is_outer(id)) return refuse("it is defined outside of this graph");
    if (find_value(to) || !coming.insert(to).second) return refuse("the name is taken");
    for (const Graph* around = parent_; around; around = around->parent_) {
      const ValueId outer = around->find_value(to);
      if (outer && around->is_defined(outer)) return refuse("a graph around it uses the name");
    }
    moving.emplace(from, to);
  }
  if (!moving.empty()) move_names(moving);
  return ok_status();
}

// Pre: the names are of values of this graph, and nothing here or around has one of the new ones.
void Graph::move_names(const RenameMap& names) {
  const auto moves = [&](ValueId id) { return id && names.contains(values_[id.index].name); };
  // What bodies read is asked before any of them changes: asking again would find the new names.
  std::vector<std::pair<GraphPtr, RenameMap>> reading;
  for (const NodeId id : listing_) {
    RenameMap read;
    for (const ValueId captured : captures(id)) {
      if (moves(captured)) read.insert(*names.find(values_[captured.index].name));
    }
    if (read.empty()) continue;
    for (GraphPtr& body : node(id).bodies()) reading.emplace_back(std::move(body), read);
  }
  for (const auto& [body, read] : reading) body->rename_free(read);
  for (const NodeId id : listing_) {
    Node& each = *store_[id.index];
    const bool told =
        std::ranges::any_of(each.inputs, moves) || std::ranges::any_of(each.outputs, moves);
    if (told) each.source.reset();
  }
  for (auto* list : {&inputs_, &outputs_, &infos_}) {
    for (ValueInfo& info : *list) {
      if (moves(info.value)) info.source.reset();
    }
  }
  for (TensorRef& tensor : initializers_) {
    const auto found = names.find(tensor->name.value);
    if (found == names.end()) continue;
    tensor = values_[find_value(found->first).index].initializer = tensor->renamed(found->second);
  }
  for (SparseTensorRef& sparse : sparse_initializers_) {
    if (!sparse->values) continue;
    const auto found = names.find(sparse->values->name.value);
    if (found == names.end()) continue;
    auto copy = std::make_shared<SparseTensor>(*sparse);
    copy->values = copy->values->renamed(found->second);
    copy->source.reset();
    sparse = values_[find_value(found->first).index].sparse_initializer = std::move(copy);
  }
  for (const auto& [from, to] : names) {
    const ValueId id = find_value(from);
    by_name_.erase(from);
    values_[id.index].name = to;
    by_name_.emplace(values_[id.index].name, id);
  }
  captures_.reset();
  changed();
}

void Graph::replace_uses(ValueId from, ValueId to) {
  if (from == to) return;
  const RenameMap names{{value(from).name, value(to).name}};
  for (const GraphPtr& body : bodies_reading(from)) body->rename_free(names);
  for (const Use& use : std::vector<Use>(value(from).uses)) set_input(use.node, use.slot, to);
}

void Graph::replace_use(const Use& use, ValueId from, ValueId to) {
  if (from == to) return;
  if (use.slot != Use::kCaptured) return set_input(use.node, use.slot, to);
  const RenameMap names{{value(from).name, value(to).name}};
  for (const GraphPtr& body : node(use.node).bodies()) body->rename_free(names);
}

NodeId Graph::adopt(const Graph& from, NodeId id, const RenameMap& names, NodeId before) {
  const auto renamed = [&names](std::string_view name) {
    const auto found = names.find(std::string(name));
    return found == names.end() ? std::string(name) : found->second;
  };
  Node node = from.node(id).clone();
  bool same_names = true;
  const auto carry = [&](ValueId& value) {
    if (!value) return;
    const std::string_view old_name = from.value_name(value);
    const std::string new_name = renamed(old_name);
    same_names = same_names && new_name == old_name;
    value = intern(new_name);
  };
  std::ranges::for_each(node.inputs, carry);
  std::ranges::for_each(node.outputs, carry);
  if (!same_names) node.source.reset();
  RenameMap captured;
  for (const ValueId value : from.captures(id)) {
    const std::string name(from.value_name(value));
    if (renamed(name) != name) captured.emplace(name, renamed(name));
  }
  const NodeId added = add_node(std::move(node), before);
  if (!captured.empty()) {
    for (const GraphPtr& body : this->node(added).bodies()) body->rename_free(captured);
  }
  return added;
}

void Graph::copy_into(Graph& to) const {
  to.message_ = message_;
  to.name_ = name_;
  to.doc_string_ = doc_string_;
  to.listing_ = listing_;
  to.values_ = values_;
  for (std::uint32_t i = 0; i < to.values_.size(); ++i) {
    // A merged name may stand in the table twice; the key leads to the one that counts.
    const ValueId id = find_value(to.values_[i].name);
    if (id.index == i) to.by_name_.emplace(to.values_[i].name, id);
  }
  to.inputs_ = inputs_;
  to.outputs_ = outputs_;
  to.infos_ = infos_;
  to.initializers_ = initializers_;
  to.sparse_initializers_ = sparse_initializers_;
  to.store_.reserve(store_.size());
  for (const auto& each : store_) {
    to.store_.push_back(each ? std::make_unique<Node>(each->clone()) : nullptr);
    if (each) to.attach_bodies(*to.store_.back());
  }
}

GraphPtr Graph::clone() const {
  auto out = std::make_shared<Graph>();
  copy_into(*out);
  return out;
}

}  // namespace pot
