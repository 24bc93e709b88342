// Calls of channels-last functions as the operators in them.

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "passes/layout/channels_last.h"
#include "passes/layout/channels_last_form.h"
#include "passes/layout/draw_node.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

using Forms = std::unordered_map<const Function*, ChannelsLastForm>;

/// The same declared type for what is stored in this order.
TypeRef reordered(const TypeRef& type, const Permutation& order) {
  if (!type || !type->shape || type->shape->rank() != order.rank()) return type;
  auto made = std::make_shared<Type>(*type);
  made->source.reset();
  made->shape->dims = order.apply(type->shape->dims);
  return made;
}

void declare(Graph& graph, ValueId value, const Permutation& order) {
  const Value& known = graph.value(value);
  const bool declared = known.info_index >= 0 || known.input_index >= 0;
  if (declared) graph.set_type(value, reordered(graph.type(value), order));
}

class Expander {
 public:
  Expander(const Forms& forms, Expanded& made) : forms_(forms), made_(made) {}

  /// Pre: every graph with calls has been opened.
  void drop_doubles() {
    for (const auto& [graph, value] : doubles_) {
      if (is_read(*graph, value)) continue;
      graph->remove_initializer(value);
      graph->remove_value_info(value);
    }
  }

  Status open(Graph& graph) {
    const std::vector<NodeId> listing(graph.nodes().begin(), graph.nodes().end());
    for (const NodeId id : listing) {
      if (const ChannelsLastForm* form = form_of(graph.node(id))) {
        if (auto status = replace(graph, id, *form); !status) return status;
      } else {
        for (const GraphPtr& body : graph.node(id).bodies()) {
          if (auto status = open(*body); !status) return status;
        }
      }
    }
    return ok_status();
  }

 private:
  const ChannelsLastForm* form_of(const Node& node) const {
    const Function* called = made_.model->find_function(node.domain, node.op_type, node.overload);
    const auto found = forms_.find(called);
    return found == forms_.end() ? nullptr : &found->second;
  }

  Status replace(Graph& graph, NodeId id, const ChannelsLastForm& form) {
    const Node call = graph.node(id).clone();
    if (call.inputs.size() > form.inputs.size() || call.outputs.size() > form.outputs.size()) {
      return Error{.message = "a call of function '" + call.op_type.value +
                              "' has more inputs or outputs than the function"};
    }
    Node op = named_as(call, form);
    for (std::size_t slot = 0; slot < call.inputs.size(); ++slot) {
      auto value = read(graph, id, call.inputs[slot], form.inputs[slot]);
      if (!value) return value.error();
      op.inputs.push_back(value.value());
    }
    // What the call had to list as omitted, the operator need not.
    while (!op.inputs.empty() && !op.inputs.back()) op.inputs.pop_back();
    const NodeId place = graph.add_node(std::move(op), id);
    std::vector<ValueId> outputs;
    for (std::size_t slot = 0; slot < call.outputs.size(); ++slot) {
      outputs.push_back(make(graph, id, call.outputs[slot], form.outputs[slot]));
    }
    graph.remove_node(id);
    graph.set_outputs(place, std::move(outputs));
    ++made_.calls;
    return ok_status();
  }

  static Node named_as(const Node& call, const ChannelsLastForm& form) {
    Node op;
    op.name = call.name;
    op.doc_string = call.doc_string;
    op.rest = call.rest;
    op.op_type = form.op->op_type;
    op.domain = form.op->domain;
    for (const Attribute& each : call.attributes) {
      if (form.op->attribute(each.name)) op.attributes.push_back(each.clone());
    }
    return op;
  }

  /// What the operator reads where the call read `value`.
  Result<ValueId> read(Graph& graph, NodeId call, ValueId value,
                       const std::optional<Permutation>& order) {
    if (!value || !order) return value;
    if (is_filter_of_calls(graph, value, *order)) return relaid_filter(graph, value, *order);
    const std::string name(graph.value_name(value));
    const ValueId made = graph.intern(graph.fresh_name(name + "/channels_first"));
    transpose(graph, call, value, made, *order);
    note(graph, made, value, *order);
    return made;
  }

  /// A constant of this graph that only calls read, and all of them in this order.
  bool is_filter_of_calls(const Graph& graph, ValueId value, const Permutation& order) const {
    const Value& known = graph.value(value);
    if (!known.initializer || known.is_output || !constant_of(graph, value)) return false;
    if (known.initializer->dims.size() != order.rank()) return false;
    return std::ranges::all_of(graph.uses(value), [&](const Use& use) {
      if (use.slot == Use::kCaptured) return false;
      const ChannelsLastForm* form = form_of(graph.node(use.node));
      // An operator that was a call a moment ago reads it in the order that is asked for.
      if (!form) return relaid_.contains({&graph, value.index});
      return use.slot < form->inputs.size() && form->inputs[use.slot] == order;
    });
  }

  Result<ValueId> relaid_filter(Graph& graph, ValueId value, const Permutation& order) {
    const auto [known, is_new] = relaid_.try_emplace({&graph, value.index}, value);
    if (!is_new) return known->second;
    const TensorRef stored = graph.value(value).initializer;
    auto tensor = relaid(*stored, Layout(order), std::string(stored->name));
    if (!tensor) return tensor.error();
    if (const ValueId same = original_of(graph, *tensor.value())) {
      known->second = same;
      doubles_.emplace_back(&graph, value);
      return same;
    }
    graph.set_initializer(std::move(tensor).value());
    declare(graph, value, order);
    note(graph, value, value, order);
    return value;
  }

  /// Where something else reads a filter too, it is stored twice, the second time under a name that
  /// begins with that of the first.
  static ValueId original_of(const Graph& graph, const Tensor& tensor) {
    const auto data = tensor.data();
    for (const TensorRef& each : graph.initializers()) {
      const bool named = std::string_view(tensor.name).starts_with(each->name.value + "_");
      if (!named || each->data_type != tensor.data_type || each->dims != tensor.dims) continue;
      const ValueId id = graph.find_value(each->name);
      const auto other = each->data();
      if (!id || !constant_of(graph, id) || !data || !other) continue;
      if (std::ranges::equal(data.value().view, other.value().view)) return id;
    }
    return {};
  }

  /// What the operator makes where the call made `value`: the name stays with the operator, readers
  /// get a Transpose of it. Outputs of the graph are read from outside, so they keep theirs.
  ValueId make(Graph& graph, NodeId call, ValueId value, const std::optional<Permutation>& order) {
    if (!value || !order) return value;
    const std::string name(graph.value_name(value));
    const bool is_output = graph.value(value).is_output;
    const ValueId other =
        graph.intern(graph.fresh_name(name + (is_output ? "/channels_first" : "/channels_last")));
    if (is_output) {
      transpose(graph, call, other, value, *order);
      note(graph, other, value, order->inverse());
      return other;
    }
    graph.replace_uses(value, other);
    transpose(graph, call, value, other, *order);
    declare(graph, value, order->inverse());
    stands_for(graph, other, name, order->rank());
    note(graph, value, other, order->inverse());
    return value;
  }

  static void transpose(Graph& graph, NodeId before, ValueId from, ValueId to,
                        const Permutation& order) {
    Node node;
    node.name = Text(std::string(graph.value_name(to)));
    node.op_type = Text("Transpose");
    node.attributes.emplace_back("perm", order.ints());
    node.inputs.push_back(from);
    node.outputs.push_back(to);
    graph.add_node(std::move(node), before);
  }

  /// `value` holds what `old_name` held in the old model.
  void stands_for(const Graph& graph, ValueId value, const std::string& old_name,
                  std::size_t rank) {
    if (!is_main(graph)) return;
    const std::string name(graph.value_name(value));
    old_names_.insert_or_assign(name, old_name);
    made_.value_map.push_back({name, old_name, Layout::identity(rank)});
  }

  /// `value` is Transpose(`of`, order), where `of` is stored as in the old model.
  void note(const Graph& graph, ValueId value, ValueId of, const Permutation& order) {
    if (!is_main(graph)) return;
    std::string name(graph.value_name(of));
    if (const auto found = old_names_.find(name); found != old_names_.end()) name = found->second;
    made_.value_map.push_back({std::string(graph.value_name(value)), name, Layout(order)});
  }

  const Forms& forms_;
  Expanded& made_;
  /// What an operator reads in place of a filter: the same value, or another that holds the same.
  std::map<std::pair<const Graph*, std::uint32_t>, ValueId> relaid_;
  std::vector<std::pair<Graph*, ValueId>> doubles_;
  std::unordered_map<std::string, std::string> old_names_;
};

Result<Forms> forms_of(const Model& model, const std::string& domain) {
  Forms forms;
  for (const auto& function : model.functions()) {
    if (!(function->domain == domain)) continue;
    auto form = channels_last_form(*function);
    if (!form) return form.error();
    forms.emplace(function.get(), std::move(form).value());
  }
  return forms;
}

bool uses_domain(const Graph& graph, const std::string& domain) {
  return std::ranges::any_of(graph.nodes(), [&](NodeId id) {
    const Node& node = graph.node(id);
    const auto inside = [&](const GraphPtr& body) { return uses_domain(*body, domain); };
    return node.domain == domain || std::ranges::any_of(node.bodies(), inside);
  });
}

void drop_functions(Model& model, const std::string& domain) {
  std::vector<const Function*> gone;
  for (const auto& each : model.functions()) {
    if (each->domain == domain) gone.push_back(each.get());
  }
  for (const Function* each : gone) model.remove_function(*each);
  const auto imported = [&](const OpsetImport& each) { return each.domain == domain; };
  for (const auto& each : model.functions()) {
    if (uses_domain(*each->body, domain)) continue;
    if (std::erase_if(each->opset_imports, imported) != 0) each->source.reset();
  }
  if (!uses_domain(model.graph(), domain)) model.remove_opset(domain);
}

/// Without functions the file may say again what it said before it had any.
void restore_ir_version(Model& model) {
  if (!model.functions().empty()) return;
  auto entries = model.metadata();
  const auto noted = std::ranges::find_if(
      entries, [](const MetadataEntry& each) { return each.first == kIrVersionBefore; });
  if (noted == entries.end()) return;
  const std::string& text = noted->second;
  std::int64_t version = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), version);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  if (!whole || version < 1 || version >= kFunctionsIrVersion) return;
  model.set_ir_version(version);
  entries.erase(noted);
  model.set_metadata(entries);
}

}  // namespace

Result<Expanded> expand_channels_last(const Model& model, const std::string& domain) {
  Expanded made{.model = model.copy(), .calls = 0, .value_map = {}};
  // The copy's functions stay as they are until all calls are gone.
  const auto forms = forms_of(*made.model, domain);
  if (!forms) return forms.error();
  if (forms.value().empty()) return made;
  Expander expander(forms.value(), made);
  if (auto status = expander.open(made.model->graph()); !status) return status.error();
  for (const auto& each : made.model->functions()) {
    if (forms.value().contains(each.get())) continue;
    if (auto status = expander.open(*each->body); !status) return status.error();
  }
  expander.drop_doubles();
  drop_functions(*made.model, domain);
  restore_ir_version(*made.model);
  return made;
}

}  // namespace pot
