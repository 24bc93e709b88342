#include "passes/layout/layout_closure.h"

#include <algorithm>

#include "ops/shared/op_table.h"
#include "passes/layout/composed_relayout.h"
#include "passes/layout/product_slowdown.h"
#include "passes/layout/softmax_slowdown.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

using Kind = LayoutPlace::Kind;

const ValueFamily::Member& member_of(const LayoutNetwork& network, const LayoutPlace::Port& port) {
  return network.families[port.family].members[port.member];
}

/// The scanned values are stacked on a new axis in front.
Layout stacked(const Layout& item) {
  std::vector<std::int64_t> axes{0};
  for (const std::int64_t axis : item.perm.ints()) axes.push_back(axis + 1);
  Layout made(*Permutation::of(axes));
  made.inner = item.inner;
  for (InnerOrder& one : made.inner) ++one.axis;
  return made;
}

/// Nothing when the stack is not stored item by item.
std::optional<Layout> item_of(const Layout& stack) {
  if (stack.perm[0] != 0 || stack.inner_of(0)) return std::nullopt;
  const std::size_t first = 0;
  Layout made(stack.perm.without(std::span(&first, 1)));
  made.inner = stack.inner;
  for (InnerOrder& one : made.inner) --one.axis;
  return made;
}

const Layout* answered(const Relayout& relayout, Operand operand) {
  const auto& layouts = operand.output ? relayout.outputs : relayout.inputs;
  return operand.slot < layouts.size() ? &layouts[operand.slot] : nullptr;
}

/// Not the operator of the file on its operands in their order.
bool is_other_operator(const Node& own, const Relayout& relayout) {
  if (relayout.nodes.empty()) return false;
  const DrawnNode& drawn = relayout.nodes.back();
  if (relayout.nodes.size() > 1 || drawn.op_type != own.op_type.value) return true;
  for (std::size_t slot = 0; slot < drawn.inputs.size(); ++slot) {
    const DrawnInput& input = drawn.inputs[slot];
    if (input.from == DrawnInput::From::input && input.index != slot) return true;
  }
  return false;
}

std::string operand_text(Operand operand) {
  return (operand.output ? "output " : "input ") + std::to_string(operand.slot);
}

/// What is no port is stored as the file has it.
Status check_others(const LayoutPlace& place, const Relayout& relayout) {
  for (const bool output : {false, true}) {
    const auto& layouts = output ? relayout.outputs : relayout.inputs;
    for (std::size_t slot = 0; slot < layouts.size(); ++slot) {
      if (layouts[slot].is_identity()) continue;
      const Operand operand{output, slot};
      if (std::ranges::find(place.ports, operand, &LayoutPlace::Port::operand) ==
          place.ports.end()) {
        return refuse("its " + operand_text(operand) + " cannot be stored otherwise");
      }
    }
  }
  return ok_status();
}

}  // namespace

const OpEntry* op_entry(const Model& model, const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (node.outputs.empty()) return nullptr;
  if (model.find_function(node.domain, node.op_type, node.overload)) return nullptr;
  return op_table().find(node.domain, node.op_type);
}

void show_node(const Model& model, const ModelFacts& facts, const LayoutPlace& place,
               const std::function<void(const LayoutNode& node)>& visit) {
  const Graph& graph = *place.graph;
  std::vector<Fact> outputs;
  for (const ValueId output : graph.node(place.node).outputs) {
    outputs.push_back(output ? facts.of(graph, output) : Fact{});
  }
  visit_node(model, facts, graph, place.node,
             [&](const NodeFacts& at) { visit(LayoutNode(at, outputs)); });
}

Result<LayoutPlace::Mode> mode_of(const LayoutPlace& place, const LayoutNetwork& network,
                                  Relayout relayout) {
  LayoutPlace::Mode mode;
  for (const LayoutPlace::Port& port : place.ports) {
    const Permutation& perm = member_of(network, port).perm;
    const Layout* layout = answered(relayout, port.operand);
    if (!layout || layout->rank() != perm.rank()) {
      return refuse("its rule says nothing of its " + operand_text(port.operand));
    }
    mode.layouts.push_back(before_transpose(perm, *layout));
  }
  if (auto status = check_others(place, relayout); !status) return status.error();
  mode.relayout = std::move(relayout);
  return mode;
}

bool insists_on_channels_first(const LayoutNode& node, const OpEntry& entry) {
  const auto rank = node.rank({false, 0});
  if (!rank || *rank < 3) return false;
  return !entry.layout || !entry.layout(node, {false, 0}, channels_last(*rank));
}

LayoutClosure::LayoutClosure(LayoutNetwork& network, const Model& model, const ModelFacts& facts,
                             const WeighedSizes& sizes, const LayoutOptions& options)
    : network_(network),
      model_(model),
      facts_(facts),
      sizes_(sizes),
      options_(options),
      at_family_(ports_of_families(network)),
      layouts_(network.families.size()),
      places_(network.places.size()) {
  for (std::size_t family = 0; family < network.families.size(); ++family) {
    for (const ValueFamily::Member& member : network.families[family].members) {
      occurs(family, Layout(member.perm));
    }
  }
  if (options.to == LayoutOptions::To::channels_last && !options.only_cancel) {
    make_channels_last();
  }
}

void LayoutClosure::occurs(std::size_t family, const Layout& layout) {
  // A constant is at hand in every layout: that one place reads it so is no reason for another to.
  if (network_.families[family].constant) return;
  std::vector<Layout>& known = layouts_[family];
  if (std::ranges::find(known, layout) != known.end()) return;
  if (known.size() >= kMostLayouts) {
    const LayoutValue& value = network_.families[family].members.front().value;
    note_once("'" + std::string(value.graph->value_name(value.id)) +
              "' could be stored in more than " + std::to_string(kMostLayouts) +
              " layouts: not all of them were looked at");
    return;
  }
  known.push_back(layout);
  for (const PortAt& reader : at_family_[family]) {
    OfPlace& place = places_[reader.place];
    place.open.push_back({reader.port, layout});
    if (!std::exchange(place.waiting, true)) queue_.push_back(reader.place);
  }
}

void LayoutClosure::fix(std::size_t index, LayoutPlace::Mode mode, std::string why) {
  LayoutPlace& place = network_.places[index];
  places_[index].fixed = std::move(why);
  place.modes.clear();
  place.refused.clear();
  add_mode(index, std::move(mode));
  for (std::size_t port = 0; port < place.ports.size(); ++port) {
    for (const Layout& layout : layouts_[place.ports[port].family]) {
      places_[index].open.push_back({port, layout});
    }
  }
  answer(index);
}

/// The mode is preferred, and those that the place has stay.
void LayoutClosure::offer(std::size_t index, LayoutPlace::Mode mode) {
  add_mode(index, std::move(mode));
  std::vector<LayoutPlace::Mode>& modes = network_.places[index].modes;
  std::rotate(modes.begin(), modes.end() - 1, modes.end());
  places_[index].offered = true;
}

void LayoutClosure::run() {
  while (!queue_.empty()) {
    const std::size_t place = queue_.front();
    queue_.pop_front();
    places_[place].waiting = false;
    answer(place);
  }
}

void LayoutClosure::make_channels_last() {
  for (std::size_t index = 0; index < network_.places.size(); ++index) {
    const LayoutPlace& place = network_.places[index];
    if (place.kind != Kind::node) continue;
    const OpEntry* entry = op_entry(model_, *place.graph, place.node);
    if (!entry || !entry->channels_last) continue;
    show_node(model_, facts_, place, [&](const LayoutNode& node) {
      auto drawn = entry->channels_last(node, options_.filters);
      auto mode = drawn ? mode_of(place, network_, std::move(drawn.value()))
                        : Result<LayoutPlace::Mode>(drawn.error());
      if (mode && entry->traits.accumulation == Accumulation::norm) {
        // Exporters write one normalization as another one between two Reshapes, which would have
        // to be moved twice for it.
        offer(index, std::move(mode.value()));
      } else if (mode) {
        fix(index, std::move(mode.value()), "it computes channels-last");
      } else if (insists_on_channels_first(node, *entry)) {
        network_.left.emplace_back(place.label, mode.error().message);
      }
    });
  }
}

void LayoutClosure::answer(std::size_t index) {
  LayoutPlace& place = network_.places[index];
  std::vector<Question> questions = std::exchange(places_[index].open, {});
  const std::string& fixed = places_[index].fixed;
  std::erase_if(questions, [&](const Question& question) {
    const Layout own = fixed.empty() ? Layout(member_of(network_, place.ports[question.port]).perm)
                                     : place.modes.front().layouts[question.port];
    return question.layout == own;
  });
  if (questions.empty()) return;
  const std::string kept = fixed.empty() ? why_kept(place) : fixed;
  if (!kept.empty()) return refuse_all(index, questions, kept);
  if (place.kind == Kind::node) return answer_node(index, questions);
  for (const Question& question : questions) answer_tie(index, question);
}

std::string LayoutClosure::why_kept(const LayoutPlace& place) const {
  if (place.kind == Kind::graph_input || place.kind == Kind::graph_output) {
    return is_main(*place.graph) ? "it keeps its layout unless another one is asked for"
                                 : "what crosses the border of this body keeps its layout";
  }
  if (options_.only_cancel) return "only Transposes are to be touched";
  if (place.kind != Kind::node) return "";
  if (place.graph->node(place.node).has_bodies()) {
    return "what crosses the border of this body keeps its layout";
  }
  const OpEntry* entry = op_entry(model_, *place.graph, place.node);
  return entry && entry->layout ? "" : "nothing is known of how it looks in another layout";
}

void LayoutClosure::answer_node(std::size_t index, const std::vector<Question>& questions) {
  const LayoutRule rule =
      op_entry(model_, *network_.places[index].graph, network_.places[index].node)->layout;
  std::vector<LayoutPlace::Mode> found;
  show_node(model_, facts_, network_.places[index], [&](const LayoutNode& node) {
    LayoutPlace& place = network_.places[index];
    for (const Question& question : questions) {
      const LayoutPlace::Port& port = place.ports[question.port];
      auto drawn = rule(node, port.operand,
                        after_transpose(member_of(network_, port).perm, question.layout));
      auto mode = drawn ? weighed_mode(node, place, std::move(drawn.value()))
                        : Result<LayoutPlace::Mode>(drawn.error());
      if (mode) {
        found.push_back(std::move(mode.value()));
      } else {
        place.refused.push_back({question.port, question.layout, mode.error().message});
      }
    }
  });
  for (LayoutPlace::Mode& mode : found) add_mode(index, std::move(mode));
  compose_modes(index);
}

Result<LayoutPlace::Mode> LayoutClosure::weighed_mode(const LayoutNode& node,
                                                      const LayoutPlace& place,
                                                      Relayout relayout) const {
  auto mode = mode_of(place, network_, std::move(relayout));
  if (!mode) return mode;
  const Relayout& drawn = *mode.value().relayout;
  mode.value().slowdown =
      product_slowdown(node, drawn, sizes_) + softmax_slowdown(node, drawn, sizes_);
  mode.value().other_operator = is_other_operator(node.at().node(), drawn);
  return mode;
}

/// What a mode leaves as the file has it is offered the layouts that occur there, too.
void LayoutClosure::compose_modes(std::size_t index) {
  const auto left_alone = [&](std::size_t mode, std::size_t port) {
    const LayoutPlace& place = network_.places[index];
    const std::size_t family = place.ports[port].family;
    return place.modes[mode].relayout && layouts_[family].size() > 1 &&
           place.modes[mode].layouts[port] == Layout(member_of(network_, place.ports[port]).perm);
  };
  const std::size_t first = places_[index].offered ? 1 : 0;
  for (std::size_t mode = first; mode < network_.places[index].modes.size(); ++mode) {
    for (std::size_t port = 0; port < network_.places[index].ports.size(); ++port) {
      if (left_alone(mode, port)) compose_mode(index, mode, port);
    }
  }
}

void LayoutClosure::compose_mode(std::size_t index, std::size_t mode, std::size_t port) {
  const LayoutPlace& place = network_.places[index];
  const LayoutPlace::Port& asked = place.ports[port];
  const Permutation& own = member_of(network_, asked).perm;
  const std::vector<Layout>& layouts = layouts_[asked.family];
  std::size_t& done = places_[index].composed[{mode, port}];
  if (done == layouts.size()) return;
  std::vector<LayoutPlace::Mode> found;
  show_node(model_, facts_, place, [&](const LayoutNode& node) {
    for (; done < layouts.size(); ++done) {
      if (layouts[done] == Layout(own)) continue;
      auto both = composed(node, *place.modes[mode].relayout, asked.operand,
                           after_transpose(own, layouts[done]));
      if (!both) continue;
      auto made = weighed_mode(node, place, std::move(*both));
      if (made) found.push_back(std::move(made.value()));
    }
  });
  for (LayoutPlace::Mode& one : found) add_mode(index, std::move(one));
}

void LayoutClosure::answer_tie(std::size_t index, const Question& question) {
  LayoutPlace& place = network_.places[index];
  const bool scan = place.kind == Kind::loop_scan;
  const LayoutPlace::Port& asked = place.ports[question.port];
  const Layout own = after_transpose(member_of(network_, asked).perm, question.layout);
  const auto item = scan && asked.makes ? item_of(own) : own;
  if (!item) {
    place.refused.push_back(
        {question.port, question.layout, "what each turn adds is stacked on the first axis"});
    return;
  }
  LayoutPlace::Mode mode;
  for (const LayoutPlace::Port& port : place.ports) {
    const Layout layout = scan && port.makes ? stacked(*item) : *item;
    mode.layouts.push_back(before_transpose(member_of(network_, port).perm, layout));
  }
  add_mode(index, std::move(mode));
}

void LayoutClosure::add_mode(std::size_t index, LayoutPlace::Mode mode) {
  LayoutPlace& place = network_.places[index];
  if (std::ranges::find(place.modes, mode.layouts, &LayoutPlace::Mode::layouts) !=
      place.modes.end()) {
    return;
  }
  if (place.modes.size() >= kMostModes) {
    note_once(place.label + " could look in more than " + std::to_string(kMostModes) +
              " ways: not all of them were looked at");
    return;
  }
  place.modes.push_back(std::move(mode));
  const std::vector<Layout> layouts = place.modes.back().layouts;
  for (std::size_t port = 0; port < layouts.size(); ++port) {
    occurs(place.ports[port].family, layouts[port]);
  }
}

void LayoutClosure::refuse_all(std::size_t place, const std::vector<Question>& questions,
                               const std::string& reason) {
  for (const Question& question : questions) {
    network_.places[place].refused.push_back({question.port, question.layout, reason});
  }
}

void LayoutClosure::note_once(const std::string& note) {
  if (std::ranges::find(network_.notes, note) == network_.notes.end()) {
    network_.notes.push_back(note);
  }
}

}  // namespace pot
