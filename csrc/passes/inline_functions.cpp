#include "passes/inline_functions.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "ir/print.h"

namespace pot {
namespace {

using Names = std::unordered_set<std::string>;
using Which = std::function<bool(const Function&)>;

/// One call that is being replaced.
struct Call {
  const Node& node;
  const Function& function;
  std::string label;  ///< name of the node, or of its first output
  RenameMap names;    ///< of the function's values -> of the graph around the call
  Names omitted;      ///< names that stand for inputs which the call leaves out
};

void collect_names(const Graph& graph, Names& values, Names& nodes) {
  for (std::uint32_t i = 0; i < graph.value_count(); ++i)
    values.insert(graph.value(ValueId{i}).name);
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    nodes.insert(node.name.value);
    for (const GraphPtr& body : node.bodies()) collect_names(*body, values, nodes);
  }
}

std::string unique(Names& taken, const std::string& base) {
  std::string name = base;
  for (int i = 1; !taken.insert(name).second; ++i) name = base + "_" + std::to_string(i);
  return name;
}

std::string label_of(const Graph& graph, const Node& node) {
  if (!node.name.empty()) return node.name.value;
  const auto made = std::ranges::find_if(node.outputs, [](ValueId id) { return bool(id); });
  return made == node.outputs.end() ? node.op_type.value : std::string(graph.value_name(*made));
}

class Inliner {
 public:
  Inliner(const Model& from, Model& to, const SameMeaning& same_meaning, const Which& which)
      : from_(from), to_(to), same_meaning_(same_meaning), which_(which) {
    collect_names(to.graph(), value_names_, node_names_);
  }

  Status open(Graph& graph) {
    const std::vector<NodeId> listing(graph.nodes().begin(), graph.nodes().end());
    for (const NodeId id : listing) {
      if (auto status = visit(graph, id); !status) return status;
    }
    return ok_status();
  }

  [[nodiscard]] std::vector<Inlined::Kept>& kept() { return kept_; }

 private:
  Status visit(Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    const Function* called = from_.find_function(node.domain, node.op_type, node.overload);
    if (!called) {
      for (const GraphPtr& body : node.bodies()) {
        if (auto status = open(*body); !status) return status;
      }
      return ok_status();
    }
    if (std::ranges::count(open_, called) != 0) return recursion(*called);
    if (which_ && !which_(*called)) return ok_status();
    if (auto reason = reason_to_keep(*called)) {
      kept_.push_back({node_label(graph, id), std::move(*reason)});
      return ok_status();
    }
    return replace(graph, id, *called);
  }

  Error recursion(const Function& called) const {
    std::string way;
    for (const Function* each : open_) way += each->name.value + " -> ";
    return Error{.message = "function '" + called.name.value + "' calls itself (" + way +
                            called.name.value + "), which ONNX does not allow"};
  }

  std::optional<std::string> reason_to_keep(const Function& function) {
    for (const OpsetImport& import : function.opset_imports) {
      if (!to_.opset(import.domain)) to_.set_opset(import.domain, import.version.value_or(0));
    }
    return other_meaning(function, *function.body);
  }

  std::optional<std::string> other_meaning(const Function& function, const Graph& graph) const {
    for (const NodeId id : graph.nodes()) {
      const Node& node = graph.node(id);
      const auto theirs = imported_version(function.opset_imports, node.domain);
      const auto ours = to_.opset(node.domain);
      const bool call = from_.find_function(node.domain, node.op_type, node.overload) != nullptr;
      if (!call && theirs && ours && *theirs != *ours &&
          !same_meaning_(node.domain.value, node.op_type.value, *theirs, *ours)) {
        return node.op_type.value + " is of version " + std::to_string(*theirs) +
               " in the function and of version " + std::to_string(*ours) + " in the model";
      }
      for (const GraphPtr& body : node.bodies()) {
        if (auto found = other_meaning(function, *body)) return found;
      }
    }
    return std::nullopt;
  }

  Status replace(Graph& graph, NodeId id, const Function& function) {
    const Node node = graph.node(id).clone();
    graph.set_outputs(id, {});  // its place is kept until the nodes that make them stand there
    Call call{node, function, label_of(graph, node), {}, {}};
    const auto handed_through = name_values(graph, call);
    std::vector<NodeId> added;
    for (const NodeId inner : function.body->nodes()) {
      added.push_back(graph.adopt(*function.body, inner, call.names, id));
      settle(graph, added.back(), call);
    }
    for (const auto& [source, output] : handed_through) {
      Node same;
      same.op_type = Text("Identity");
      same.name = Text(unique(node_names_, call.label + "/Identity"));
      same.inputs.push_back(graph.intern(source));
      same.outputs.push_back(graph.intern(output));
      graph.add_node(std::move(same), id);
    }
    graph.remove_node(id);
    open_.push_back(&function);
    for (const NodeId inner : added) {
      if (auto status = visit(graph, inner); !status) return status;
    }
    open_.pop_back();
    return ok_status();
  }

  /// Fills `names`. Returns outputs that no node of the body makes for them alone: (source,
  /// output).
  std::vector<std::pair<std::string, std::string>> name_values(const Graph& graph, Call& call) {
    const Graph& body = *call.function.body;
    const auto actual = [&](const std::vector<ValueId>& values, std::size_t slot) {
      return std::string(slot < values.size() ? graph.value_name(values[slot]) : "");
    };
    for (std::size_t slot = 0; slot < body.inputs().size(); ++slot) {
      const std::string formal(body.value_name(body.inputs()[slot].value));
      std::string given = actual(call.node.inputs, slot);
      if (given.empty()) {
        given = unique(value_names_, call.label + "/" + formal);
        call.omitted.insert(given);
      }
      call.names.emplace(formal, std::move(given));
    }
    std::vector<std::pair<std::string, std::string>> handed_through;
    for (std::size_t slot = 0; slot < body.outputs().size(); ++slot) {
      const ValueId formal = body.outputs()[slot].value;
      const std::string name(body.value_name(formal));
      const std::string output = actual(call.node.outputs, slot);
      if (output.empty()) continue;
      if (!body.value(formal).producer || !call.names.emplace(name, output).second) {
        handed_through.emplace_back(name, output);
      }
    }
    for (std::uint32_t i = 0; i < body.value_count(); ++i) {
      const std::string& name = body.value(ValueId{i}).name;
      if (call.names.contains(name)) continue;
      call.names.emplace(name, unique(value_names_, call.label + "/" + name));
    }
    for (auto& [source, output] : handed_through) source = call.names.at(source);
    return handed_through;
  }

  /// Names, attributes and origin of a node that was just adopted, and of all nodes inside it.
  void settle(Graph& graph, NodeId id, const Call& call) {
    if (const std::string& name = graph.node(id).name.value; !name.empty()) {
      graph.set_node_name(id, unique(node_names_, call.label + "/" + name));
    }
    bind_attributes(graph, id, call.node, call.function);
    drop_omitted(graph, id, call.omitted);
    auto entries = graph.node(id).metadata();
    std::erase_if(entries, [](const MetadataEntry& entry) { return entry.first == kCalledFrom; });
    entries.emplace_back(kCalledFrom, call.function.name.value + " (called by " + call.label + ")");
    graph.set_metadata(id, entries);
    for (const GraphPtr& body : graph.node(id).bodies()) {
      const std::vector<NodeId> listing(body->nodes().begin(), body->nodes().end());
      for (const NodeId inner : listing) settle(*body, inner, call);
      rename_own(*body, call.label);
    }
  }

  static void drop_omitted(Graph& graph, NodeId id, const Names& omitted) {
    if (omitted.empty()) return;
    std::vector<ValueId> inputs = graph.node(id).inputs;
    const auto is_omitted = [&](ValueId input) {
      return input && omitted.contains(std::string(graph.value_name(input)));
    };
    if (std::ranges::none_of(inputs, is_omitted)) return;
    std::ranges::replace_if(inputs, is_omitted, ValueId{});
    while (!inputs.empty() && !inputs.back()) inputs.pop_back();
    graph.set_inputs(id, std::move(inputs));
  }

  /// A body may not define a name that a graph around it has.
  void rename_own(Graph& body, const std::string& label) {
    for (std::uint32_t i = 0; i < body.value_count(); ++i) {
      const ValueId id{i};
      if (!body.is_defined(id)) continue;
      const std::string name = unique(value_names_, label + "/" + body.value(id).name);
      const Status renamed = body.rename_value(id, name);
      assert(renamed.ok());  // the value is the body's own and the name is new
      (void)renamed;
    }
  }

  const Model& from_;
  Model& to_;
  const SameMeaning& same_meaning_;
  const Which& which_;
  Names value_names_, node_names_;
  std::vector<const Function*> open_;
  std::vector<Inlined::Kept> kept_;
};

}  // namespace

void bind_attributes(Graph& graph, NodeId id, const Node& call, const Function& function) {
  std::vector<std::pair<std::string, std::string>> references;  // attribute, of the function
  for (const Attribute& each : graph.node(id).attributes) {
    if (!each.ref_name.empty()) references.emplace_back(each.name.value, each.ref_name.value);
  }
  for (const auto& [name, reference] : references) {
    const auto& defaults = function.attribute_defaults;
    const Attribute* source = call.attribute(reference);
    const auto standard = std::ranges::find_if(
        defaults, [&wanted = reference](const Attribute& each) { return each.name == wanted; });
    if (!source && standard != defaults.end()) source = &*standard;
    if (!source) {
      graph.remove_attribute(id, name);
      continue;
    }
    graph.set_attribute(id, Attribute(name, std::move(source->clone().value)));
  }
}

Result<Inlined> inline_functions(const Model& model, const SameMeaning& same_meaning,
                                 const Which& which) {
  Inlined made{.model = model.copy(), .kept = {}};
  Inliner inliner(model, *made.model, same_meaning, which);
  if (auto status = inliner.open(made.model->graph()); !status) return status.error();
  made.kept = std::move(inliner.kept());
  while (!which && made.kept.empty() && !made.model->functions().empty()) {
    made.model->remove_function(*made.model->functions().front());
  }
  return made;
}

}  // namespace pot
