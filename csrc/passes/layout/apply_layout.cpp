#include "passes/layout/apply_layout.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "ops/shared/op_table.h"
#include "passes/layout/channels_last.h"
#include "passes/layout/convert_layout.h"
#include "passes/layout/draw_node.h"
#include "passes/layout/layout_types.h"
#include "passes/layout/layout_value_map.h"
#include "passes/layout/stored_layouts.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

using AtNode = std::pair<const Graph*, NodeId>;
using AtValue = std::pair<const Graph*, ValueId>;

/// A graph may list a value as an output twice; in two layouts it is two values.
void split_outputs(const LayoutReaders& readers) {
  std::map<AtValue, std::pair<std::size_t, Layout>> first;
  std::map<Graph*, std::map<std::size_t, ValueId>> others;
  for (const LayoutReaders::Output& output : readers.outputs) {
    const ValueId id = output.graph->outputs()[output.slot].value;
    const auto [known, is_new] =
        first.try_emplace({output.graph, id}, output.family, output.layout);
    if (is_new || known->second.second == output.layout) continue;
    const std::string name(output.graph->value_name(id));
    others[output.graph][output.slot] = output.graph->intern(output.graph->fresh_name(name));
  }
  for (const auto& [graph, ids] : others) {
    std::vector<std::pair<ValueId, TypeRef>> list;
    for (const ValueInfo& info : graph->outputs()) list.emplace_back(info.value, info.type);
    for (const auto& [slot, id] : ids) list[slot].first = id;
    graph->clear_outputs();
    for (const auto& [id, type] : list) graph->add_output(id, type);
  }
}

class Applier {
 public:
  Applier(Model& model, const LayoutNetwork& network, const LayoutPlan& plan,
          const LayoutOptions& options, const LayoutReaders& readers)
      : model_(model),
        network_(network),
        plan_(plan),
        options_(options),
        readers_(readers),
        stored_(network, plan, readers),
        declared_(model) {
    for (const StoredLayout& each : stored_.all()) {
      if (each.reuse) kept_.emplace(each.graph, each.reuse);
    }
  }

  Result<AppliedLayout> apply() && {
    find_sorted();
    applied_.changes.count("inputs and outputs in another layout", network_.border.size());
    find_identities();
    if (auto done = store_constants(); !done) return done.error();
    name_makers();
    remove_transposes(false);
    if (auto done = draw_nodes(); !done) return done.error();
    for (const StoredLayout& each : stored_.all()) convert(each);
    if (auto done = add_identities(); !done) return done.error();
    remove_transposes(true);
    relay_types(network_, readers_, stored_);
    declared_.forget_gone(model_);
    for (Graph* graph : sorted_) {
      if (auto sorted = graph->sort(); !sorted) return sorted.error();
    }
    applied_.value_map = layout_value_map(model_.graph(), network_, readers_, stored_);
    return std::move(applied_);
  }

 private:
  /// A graph whose nodes the file lists in another order keeps that order, too.
  void find_sorted() {
    for (const GraphPtr& graph : graphs_of(model_)) {
      const auto order = graph->order();
      if (order && std::ranges::equal(order.value(), graph->nodes())) {
        sorted_.push_back(graph.get());
      }
    }
  }

  /// Outputs that another name already holds: where a Transpose made them, it becomes an Identity.
  void find_identities() {
    for (const LayoutReaders::Output& output : readers_.outputs) {
      const ValueId id = output.graph->outputs()[output.slot].value;
      const StoredLayout& held = stored_.of(output.family, output.layout);
      if (held.graph == output.graph && held.id == id) continue;
      if (identities_.contains({output.graph, id})) continue;
      NodeId transpose;
      for (const ValueFamily::Member& member : network_.families[output.family].members) {
        if (member.value == LayoutValue{output.graph, id}) transpose = member.transpose;
      }
      if (transpose) kept_.emplace(output.graph, transpose);
      identities_.emplace(AtValue{output.graph, id}, Same{&held, output.graph, transpose});
    }
  }

  /// Those of constants go last: until then the constants they read count as read.
  void remove_transposes(bool of_constants) {
    std::map<Graph*, std::vector<NodeId>> gone;
    for (const ValueFamily& family : network_.families) {
      if ((family.constant != nullptr) != of_constants) continue;
      for (const ValueFamily::Member& member : family.members) {
        if (!member.transpose || kept_.contains({member.value.graph, member.transpose})) continue;
        gone[member.value.graph].push_back(member.transpose);
      }
    }
    for (const auto& [graph, nodes] : gone) {
      graph->remove_nodes(nodes);
      applied_.changes.count("removed Transposes", nodes.size());
    }
  }

  Status store_constants() {
    for (const StoredLayout& each : stored_.all()) {
      const ValueFamily& family = network_.families[each.family];
      const ValueId root = family.members.front().value.id;
      if (!family.constant || each.source) continue;
      if (each.layout.is_identity() && each.id == root) continue;
      const std::string name(each.graph->value_name(each.id));
      auto tensor = relaid(*family.constant, each.layout, name);
      if (!tensor) return tensor.error();
      put_constant(*each.graph, each.id, std::move(tensor).value());
      applied_.changes.count("constants in another layout");
    }
    return ok_status();
  }

  static void put_constant(Graph& graph, ValueId id, const TensorRef& tensor) {
    const NodeId producer = graph.value(id).producer;
    if (!producer || !graph.node(producer).is("Constant")) {
      graph.set_initializer(tensor);
    } else if (const TensorRef own = graph.node(producer).attr_tensor("value")) {
      graph.set_attribute(producer, Attribute("value", tensor->renamed(own->name.value)));
    } else {
      graph.remove_node(producer);
      graph.set_initializer(tensor);
    }
  }

  void name_makers() {
    for (const StoredLayout& each : stored_.all()) {
      const ValueFamily& family = network_.families[each.family];
      const LayoutValue& root = family.members.front().value;
      const NodeId maker = root.graph->value(root.id).producer;
      if (family.constant || each.source || each.id == root.id || !maker) continue;
      std::vector<ValueId> outputs = root.graph->node(maker).outputs;
      std::ranges::replace(outputs, root.id, each.id);
      root.graph->set_outputs(maker, std::move(outputs));
    }
  }

  Status draw_nodes() {
    std::map<AtNode, std::size_t> places;
    for (std::size_t i = 0; i < network_.places.size(); ++i) {
      const LayoutPlace& place = network_.places[i];
      const LayoutPlace::Mode& mode = place.modes[plan_.mode[i]];
      const bool node = place.kind == LayoutPlace::Kind::node;
      if (node && mode.relayout) places.emplace(AtNode{place.graph, place.node}, i);
    }
    std::map<AtNode, std::vector<const LayoutReaders::Input*>> reads;
    for (const LayoutReaders::Input& input : readers_.inputs) {
      reads[{input.graph, input.node}].push_back(&input);
    }
    for (const GraphPtr& graph : graphs_of(model_)) {
      const std::vector<NodeId> listing(graph->nodes().begin(), graph->nodes().end());
      for (const NodeId id : listing) {
        std::vector<ValueId> inputs = graph->node(id).inputs;
        for (const LayoutReaders::Input* input : reads[{graph.get(), id}]) {
          inputs[input->slot] = stored_.seen_from(*graph, stored_.of(input->family, input->layout));
        }
        const auto place = places.find({graph.get(), id});
        if (place != places.end()) {
          if (auto done = draw(place->second, inputs); !done) return done;
        } else if (inputs != graph->node(id).inputs) {
          graph->set_inputs(id, inputs);
        }
      }
    }
    return ok_status();
  }

  Status draw(std::size_t index, const std::vector<ValueId>& inputs) {
    const LayoutPlace& place = network_.places[index];
    const Relayout& relayout = *place.modes[plan_.mode[index]].relayout;
    const Node& node = place.graph->node(place.node);
    const bool call = is_call(place);
    if (call) {
      auto added = add_channels_last_function(model_, node, relayout, options_.domain);
      if (!added) return added.error();
      if (added.value()) applied_.functions.push_back(relayout.nodes.back().op_type);
    }
    applied_.changes.count(call ? "calls of channels-last functions"
                                : "operators in another layout");
    if (auto done = draw_node(*place.graph, place.node, relayout, inputs); !done) return done;
    if (call) place.graph->set_op_type(place.node, node.op_type.value, options_.domain);
    return ok_status();
  }

  /// What a channels-last rule has drawn is the only mode; else the first one is the file's.
  [[nodiscard]] bool is_call(const LayoutPlace& place) const {
    if (options_.to != LayoutOptions::To::channels_last || options_.only_cancel) return false;
    const Node& node = place.graph->node(place.node);
    const OpEntry* entry = op_table().find(node.domain, node.op_type);
    return entry && entry->channels_last && place.modes.front().relayout;
  }

  void convert(const StoredLayout& each) {
    if (!each.source) return;
    const StoredLayout& source = stored_.all()[*each.source];
    const ValueId from = stored_.seen_from(*each.graph, source);
    const Converted made = convert_layout({*each.graph, each.reuse, after(*each.graph, from),
                                           network_.families[each.family].dims, from, source.layout,
                                           each.id, each.layout});
    if (made == Converted::changed) applied_.changes.count("Transposes that read another value");
    if (made == Converted::transpose) applied_.changes.count("added Transposes");
    if (made == Converted::reshape) applied_.changes.count("Reshapes in place of Transposes");
  }

  /// The node that is listed after the one that makes a value; the first one for other values.
  static NodeId after(const Graph& graph, ValueId id) {
    const auto listing = graph.nodes();
    const NodeId maker = graph.value(id).producer;
    auto place = listing.begin();
    if (maker) place = std::ranges::find(listing, maker) + 1;
    return place == listing.end() ? NodeId{} : *place;
  }

  Status add_identities() {
    for (const auto& [output, same] : identities_) {
      const ValueId id = output.second;
      const ValueId source = stored_.seen_from(*same.graph, *same.held);
      if (same.graph->value(id).is_input) {
        return Error{.kind = Error::Kind::request,
                     .message = "'" + std::string(same.graph->value_name(id)) +
                                "' is an input and an output: both have one layout"};
      }
      applied_.changes.count("Identities under the name of an output");
      if (same.transpose) {
        make_identity(*same.graph, same.transpose, source);
        continue;
      }
      Node node;
      node.name = Text(same.graph->value_name(id));
      node.op_type = Text("Identity");
      node.inputs.push_back(source);
      node.outputs.push_back(id);
      same.graph->add_node(std::move(node));
    }
    return ok_status();
  }

  struct Same {
    const StoredLayout* held;
    Graph* graph;
    NodeId transpose;
  };

  Model& model_;
  const LayoutNetwork& network_;
  const LayoutPlan& plan_;
  const LayoutOptions& options_;
  const LayoutReaders& readers_;
  StoredLayouts stored_;
  DeclaredValues declared_;
  std::vector<Graph*> sorted_;
  std::set<AtNode> kept_;
  std::map<AtValue, Same> identities_;
  AppliedLayout applied_;
};

}  // namespace

Result<AppliedLayout> apply_layout(Model& model, const LayoutNetwork& network,
                                   const LayoutPlan& plan, const LayoutOptions& options) {
  const LayoutReaders readers = layout_readers(model, network, plan);
  split_outputs(readers);
  return Applier(model, network, plan, options, readers).apply();
}

}  // namespace pot
