#include "passes/layout/stored_layouts.h"

#include <algorithm>

#include "passes/fold_constants.h"

namespace pot {
namespace {

std::size_t depth(const Graph* graph) {
  std::size_t count = 0;
  while ((graph = graph->parent())) ++count;
  return count;
}

/// The innermost graph that both are inside of.
Graph* around(Graph* a, Graph* b) {
  std::size_t of_a = depth(a);
  std::size_t of_b = depth(b);
  while (a != b) {
    if (of_a >= of_b) {
      a = a->parent();
      --of_a;
    } else {
      b = b->parent();
      --of_b;
    }
  }
  return a;
}

/// Where a conversion runs when it is needed, and only then: in a branch, but around a loop.
Graph* place_for(const std::vector<Graph*>& readers, Graph* home) {
  Graph* inside = readers.front();
  for (Graph* reader : readers) inside = around(inside, reader);
  Graph* best = inside;
  for (Graph* at = inside; at != home && at->parent(); at = at->parent()) {
    if (!at->parent()->node(at->owner_node()).is("If")) best = at->parent();
  }
  return best;
}

/// "conv1_0231"
std::string fresh_base(const std::string& root, const Layout& layout) {
  std::string name = root + "_";
  for (std::size_t place = 0; place < layout.rank(); ++place) {
    name += (place && layout.rank() > 10 ? "_" : "") + std::to_string(layout.perm[place]);
  }
  return layout.plain() ? name : name + "_inner";
}

}  // namespace

StoredLayouts::StoredLayouts(const LayoutNetwork& network, const LayoutPlan& plan,
                             const LayoutReaders& readers)
    : network_(network), needs_(network.families.size()) {
  gather(plan, readers);
  for (std::size_t family = 0; family < network.families.size(); ++family) {
    const ValueFamily& values = network.families[family];
    const std::size_t first = stored_.size();
    taken_.clear();
    reserved_.clear();
    if (values.constant) {
      store_constant(family);
    } else {
      const Layout as_filed = Layout::identity(values.dims.size());
      store_made(family, readers.made[family].value_or(as_filed));
    }
    name_all(family, first);
  }
}

// The order is that of the plan, so that what it calls a Transpose is one.
void StoredLayouts::gather(const LayoutPlan& plan, const LayoutReaders& readers) {
  for (const LayoutPlan::Move& move : plan.moves) need(move.family, move.to);
  for (const LayoutReaders::Input& input : readers.inputs) {
    need(input.family, input.layout).graphs.push_back(input.graph);
  }
  for (const LayoutReaders::Output& output : readers.outputs) {
    Need& wanted = need(output.family, output.layout);
    wanted.graphs.push_back(output.graph);
    wanted.outputs.push_back(&output);
  }
  for (Needs& needs : needs_) {
    std::erase_if(needs, [](const Need& each) { return each.graphs.empty(); });
  }
}

StoredLayouts::Need& StoredLayouts::need(std::size_t family, const Layout& layout) {
  Needs& needs = needs_[family];
  const auto known = std::ranges::find(needs, layout, &Need::layout);
  return known == needs.end() ? needs.emplace_back(Need{layout}) : *known;
}

std::size_t StoredLayouts::add(std::size_t family, const Layout& layout, Graph* graph,
                               std::optional<std::size_t> source) {
  index_.emplace(std::pair(family, layout), stored_.size());
  stored_.push_back({family, layout, graph, {}, source, {}});
  return stored_.size() - 1;
}

// One conversion for all that store the same bytes; the others are Reshapes of what it makes.
void StoredLayouts::store_made(std::size_t family, const Layout& made) {
  const ValueFamily& values = network_.families[family];
  Graph* home = values.members.front().value.graph;
  std::vector<std::size_t> groups{add(family, made, home, std::nullopt)};
  for (const Need& each : needs_[family]) {
    if (each.layout == made) continue;
    const auto same = [&](const Layout& other) {
      return same_memory(other, each.layout, values.dims);
    };
    const auto group = std::ranges::find_if(
        groups, [&](std::size_t known) { return same(stored_[known].layout); });
    if (group != groups.end()) {
      add(family, each.layout, place_for(each.graphs, home), *group);
      continue;
    }
    std::vector<Graph*> readers;
    for (const Need& other : needs_[family]) {
      if (same(other.layout)) {
        readers.insert(readers.end(), other.graphs.begin(), other.graphs.end());
      }
    }
    groups.push_back(add(family, each.layout, place_for(readers, home), groups.front()));
  }
}

// Each layout that is read is stored; the first one takes the place of the constant.
void StoredLayouts::store_constant(std::size_t family) {
  const LayoutValue& root = network_.families[family].members.front().value;
  Needs& needs = needs_[family];
  if (needs.empty()) return;
  const auto is_root = [&](const LayoutReaders::Output* output) {
    return output->graph == root.graph && root.graph->outputs()[output->slot].value == root.id;
  };
  auto first = std::ranges::find_if(
      needs, [&](const Need& each) { return std::ranges::any_of(each.outputs, is_root); });
  if (first == needs.end()) {
    first = std::ranges::find_if(needs, [](const Need& each) { return each.layout.is_identity(); });
  }
  if (first != needs.end()) std::rotate(needs.begin(), first, first + 1);
  const std::size_t own = add(family, needs.front().layout, root.graph, std::nullopt);
  (void)take(stored_[own], root.id);
  for (std::size_t i = 1; i < needs.size(); ++i) {
    const bool filed = stored_[own].layout.is_identity();
    const NodeId kept = filed ? kept_transpose(family, needs[i].layout) : NodeId{};
    add(family, needs[i].layout, root.graph, kept ? std::optional(own) : std::nullopt);
  }
}

/// A Transpose of the file that may go on: a large weight that is read in both of its layouts (an
/// embedding that is the last product too) would be stored twice without it.
NodeId StoredLayouts::kept_transpose(std::size_t family, const Layout& layout) const {
  const ValueFamily& values = network_.families[family];
  const std::uint64_t bytes = values.constant->nbytes().value_or(0);
  if (bytes <= static_cast<std::uint64_t>(kModestGrowth)) return {};
  const LayoutValue& root = values.members.front().value;
  for (const ValueFamily::Member& member : values.members) {
    const bool same = member.transpose && member.source == 0 && Layout(member.perm) == layout;
    if (same && member.value.graph == root.graph) return member.transpose;
  }
  return {};
}

bool StoredLayouts::free(const Graph* graph, ValueId id) const {
  return !taken_.contains({graph, id}) && !reserved_.contains({graph, id});
}

bool StoredLayouts::take(StoredLayout& stored, ValueId id) {
  if (!taken_.emplace(stored.graph, id).second) return false;
  stored.id = id;
  return true;
}

// Names that have to stay come first. What is made keeps its name, in whichever layout, so that
// there and back gives the same names; the others have what the file called their layout.
void StoredLayouts::name_all(std::size_t family, std::size_t from) {
  const LayoutValue& root = network_.families[family].members.front().value;
  const std::span<StoredLayout> own = std::span(stored_).subspan(from);
  if (own.empty()) return;
  StoredLayout& made = own.front();
  if (root.graph->value(root.id).is_input && !made.id) (void)take(made, root.id);
  for (const Need& each : needs_[family]) {
    for (const LayoutReaders::Output* output : each.outputs) {
      reserved_.emplace(output->graph, output->graph->outputs()[output->slot].value);
    }
  }
  for (const Need& each : needs_[family]) {
    take_outputs(stored_[index_.at({family, each.layout})], each);
  }
  if (!made.id && free(root.graph, root.id)) (void)take(made, root.id);
  for (StoredLayout& each : own) {
    if (each.id) continue;
    ValueId id = member_named(each);
    if (!id) {
      const std::string name(root.graph->value_name(root.id));
      id = each.graph->intern(each.graph->fresh_name(fresh_base(name, each.layout)));
    }
    (void)take(each, id);
  }
  for (StoredLayout& each : own) reuse_transpose(each);
}

void StoredLayouts::take_outputs(StoredLayout& stored, const Need& need) {
  // A constant is none of the nodes that make outputs.
  const bool node = !network_.families[stored.family].constant || stored.source;
  for (const LayoutReaders::Output* output : need.outputs) {
    if (stored.id || !node || output->graph != stored.graph) continue;
    const ValueId id = stored.graph->outputs()[output->slot].value;
    if (stored.graph->is_defined(id)) (void)take(stored, id);
  }
}

ValueId StoredLayouts::member_named(const StoredLayout& stored) const {
  if (!stored.layout.plain()) return {};
  for (const ValueFamily::Member& member : network_.families[stored.family].members) {
    const LayoutValue& value = member.value;
    const bool same = value.graph == stored.graph && member.perm == stored.layout.perm;
    if (same && free(value.graph, value.id)) return value.id;
  }
  return {};
}

void StoredLayouts::reuse_transpose(StoredLayout& stored) const {
  if (!stored.source) return;
  for (const ValueFamily::Member& member : network_.families[stored.family].members) {
    if (member.value == LayoutValue{stored.graph, stored.id}) stored.reuse = member.transpose;
  }
}

const StoredLayout& StoredLayouts::of(std::size_t family, const Layout& layout) const {
  return stored_[index_.at({family, layout})];
}

ValueId StoredLayouts::seen_from(Graph& graph, const StoredLayout& stored) const {
  if (&graph == stored.graph) return stored.id;
  const std::string name(stored.graph->value_name(stored.id));
  for (Graph* at = &graph; at != stored.graph; at = at->parent()) {
    const ValueId own = at->find_value(name);
    if (!own || !at->is_defined(own)) continue;
    const Status renamed = at->rename_value(own, at->fresh_name(name));
    assert(renamed.ok());
    (void)renamed;
  }
  return graph.intern(name);
}

}  // namespace pot
