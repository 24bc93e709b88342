#include "ir/graph.h"

#include <algorithm>
#include <queue>
#include <unordered_set>

#include "ir/model.h"
#include "ir/print.h"
#include "wire/fields.h"

namespace pot {

const Node* Graph::find(NodeId id) const noexcept {
  return id.index < store_.size() ? store_[id.index].get() : nullptr;
}

const Node& Graph::node(NodeId id) const noexcept {
  const Node* found = find(id);
  assert(found);
  return *found;
}

const Value& Graph::value(ValueId id) const noexcept {
  assert(id.index < values_.size());
  return values_[id.index];
}

ValueId Graph::find_value(std::string_view value_name) const noexcept {
  const auto found = by_name_.find(value_name);
  return found == by_name_.end() ? ValueId{} : found->second;
}

std::string_view Graph::value_name(ValueId id) const noexcept {
  return id ? std::string_view(value(id).name) : std::string_view();
}

bool Graph::is_defined(ValueId id) const noexcept {
  const Value& known = value(id);
  return known.producer || known.is_input || known.initializer || known.sparse_initializer;
}

TypeRef Graph::type(ValueId id) const {
  const Value& known = value(id);
  const auto declared = [](const std::vector<ValueInfo>& list, std::ptrdiff_t at) {
    return at < 0 ? nullptr : list[static_cast<std::size_t>(at)].type;
  };
  if (auto type = declared(inputs_, known.input_index)) return type;
  if (auto type = declared(outputs_, known.output_index)) return type;
  if (auto type = declared(infos_, known.info_index)) return type;
  if (known.initializer) {
    std::vector<Dim> dims(known.initializer->dims.begin(), known.initializer->dims.end());
    return tensor_type(known.initializer->dtype(), std::move(dims));
  }
  if (parent_ && is_outer(id)) {
    const ValueId outer = parent_->find_value(known.name);
    return outer ? parent_->type(outer) : nullptr;
  }
  return nullptr;
}

TensorRef Graph::constant(ValueId id, bool overridable) const {
  const Value& known = value(id);
  if (known.initializer) return known.is_input && !overridable ? nullptr : known.initializer;
  if (!parent_ || is_defined(id)) return nullptr;
  const ValueId outer = parent_->find_value(known.name);
  return outer ? parent_->constant(outer, overridable) : nullptr;
}

std::vector<MetadataEntry> Graph::metadata() const {
  return read_metadata(message_.rest, fields::graph::metadata_props.number);
}

std::vector<Use> Graph::uses(ValueId id) const {
  (void)captures({});  // fills the index
  std::vector<Use> out = value(id).uses;
  for (const NodeId node : listing_) {
    const auto found = captures_->find(node);
    if (found != captures_->end() && std::ranges::count(found->second, id) != 0) {
      out.push_back({node, Use::kCaptured});
    }
    if (captures_->empty()) break;
  }
  return out;
}

std::span<const ValueId> Graph::captures(NodeId id) const {
  if (!captures_) {
    CaptureIndex index;
    for (const NodeId each : listing_) {
      std::vector<std::string_view> names;
      for (const GraphPtr& body : node(each).bodies()) body->collect_captured(names);
      if (names.empty()) continue;
      auto& list = index[each];
      for (const std::string_view name : names) {
        const ValueId known = know(name);
        if (std::ranges::count(list, known) == 0) list.push_back(known);
      }
    }
    captures_ = std::move(index);
  }
  const auto found = captures_->find(id);
  return found == captures_->end() ? std::span<const ValueId>() : std::span(found->second);
}

// Names that this body reads and does not define, bodies inside it included.
void Graph::collect_captured(std::vector<std::string_view>& names) const {
  std::unordered_set<ValueId> seen;
  const auto add = [&](ValueId id) {
    if (id && !is_defined(id) && seen.insert(id).second) names.push_back(values_[id.index].name);
  };
  for (const NodeId id : listing_) {
    for (const ValueId input : node(id).inputs) add(input);
    for (const ValueId captured : captures(id)) add(captured);
  }
  for (const ValueInfo& output : outputs_) add(output.value);
}

namespace {

/// Indices into the listing of the nodes that each node needs.
std::vector<std::vector<std::size_t>> needs_of(const Graph& graph) {
  const auto listing = graph.nodes();
  std::unordered_map<NodeId, std::size_t> place;
  for (std::size_t i = 0; i < listing.size(); ++i) place.emplace(listing[i], i);
  std::vector<std::vector<std::size_t>> needs(listing.size());
  for (std::size_t i = 0; i < listing.size(); ++i) {
    const auto need = [&](ValueId id) {
      const NodeId producer = id ? graph.value(id).producer : NodeId{};
      if (producer) needs[i].push_back(place.at(producer));
    };
    std::ranges::for_each(graph.node(listing[i]).inputs, need);
    std::ranges::for_each(graph.captures(listing[i]), need);
    std::ranges::sort(needs[i]);
    needs[i].erase(std::unique(needs[i].begin(), needs[i].end()), needs[i].end());
  }
  return needs;
}

/// Most files are: then nothing has to be found out.
bool is_in_order(const Graph& graph) {
  std::vector<bool> done;
  const auto is_there = [&](ValueId id) {
    const NodeId producer = id ? graph.value(id).producer : NodeId{};
    return !producer || (producer.index < done.size() && done[producer.index]);
  };
  for (const NodeId id : graph.nodes()) {
    if (!std::ranges::all_of(graph.node(id).inputs, is_there) ||
        !std::ranges::all_of(graph.captures(id), is_there)) {
      return false;
    }
    if (done.size() <= id.index) done.resize(id.index + 1, false);
    done[id.index] = true;
  }
  return true;
}

/// Pre: every node that is not done needs another one that is not done.
std::size_t on_a_cycle(const std::vector<std::vector<std::size_t>>& needs,
                       const std::vector<bool>& done) {
  std::size_t at = static_cast<std::size_t>(std::ranges::find(done, false) - done.begin());
  for (std::size_t step = 0; step < needs.size(); ++step) {
    at = *std::ranges::find_if(needs[at], [&](std::size_t need) { return !done[need]; });
  }
  return at;
}

}  // namespace

Result<std::vector<NodeId>> Graph::order() const {
  if (is_in_order(*this)) return listing_;
  const auto needs = needs_of(*this);
  std::vector<std::vector<std::size_t>> needed_by(needs.size());
  std::vector<std::size_t> missing(needs.size());
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < needs.size(); ++i) {
    missing[i] = needs[i].size();
    if (missing[i] == 0) ready.push(i);
    for (const std::size_t need : needs[i]) needed_by[need].push_back(i);
  }
  std::vector<NodeId> out;
  std::vector<bool> done(needs.size());
  while (!ready.empty()) {
    const std::size_t next = ready.top();
    ready.pop();
    done[next] = true;
    out.push_back(listing_[next]);
    for (const std::size_t user : needed_by[next]) {
      if (--missing[user] == 0) ready.push(user);
    }
  }
  if (out.size() == listing_.size()) return out;
  const NodeId culprit = listing_[on_a_cycle(needs, done)];
  return Error{Error::Kind::invalid,
               node_label(*this, culprit) + " needs its own output: the graph has a cycle",
               {},
               {},
               {}};
}

const Model* Graph::model() const noexcept { return parent_ ? parent_->model() : model_; }

const Function* Graph::function() const noexcept {
  return parent_ ? parent_->function() : function_;
}

std::optional<std::int64_t> Graph::opset(std::string_view domain) const {
  if (const Function* inside = function()) return imported_version(inside->opset_imports, domain);
  const Model* around = model();
  return around ? around->opset(domain) : std::nullopt;
}

bool Graph::mentions(std::string_view value_name) const {
  if (by_name_.contains(value_name)) return true;
  return std::ranges::any_of(listing_, [&](NodeId id) {
    const Node& each = node(id);
    return each.has_bodies() && std::ranges::any_of(each.bodies(), [&](const GraphPtr& body) {
             return body->mentions(value_name);
           });
  });
}

std::string Graph::fresh_name(std::string_view base) const {
  std::vector<const Graph*> inside;
  for (const NodeId id : listing_) {
    if (!node(id).has_bodies()) continue;
    for (const GraphPtr& body : node(id).bodies()) inside.push_back(body.get());
  }
  const auto taken = [&](std::string_view candidate) {
    if (by_name_.contains(candidate)) return true;
    for (const Graph* around = parent_; around; around = around->parent_) {
      if (around->by_name_.contains(candidate)) return true;
    }
    return std::ranges::any_of(inside,
                               [&](const Graph* each) { return each->mentions(candidate); });
  };
  if (!base.empty() && !taken(base)) return std::string(base);
  const auto numbered = [base](std::uint64_t i) {
    return std::string(base) + "_" + std::to_string(i);
  };
  // Scripts ask for thousands of names of one base: no looking at each number from the first on.
  std::uint64_t high = 1;
  while (taken(numbered(high))) high *= 2;
  std::uint64_t low = high / 2;  // taken, or 0
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (taken(numbered(middle)) ? low : high) = middle;
  }
  return numbered(high);
}

}  // namespace pot
