#include "passes/extract.h"

#include <algorithm>
#include <unordered_set>

namespace pot {
namespace {

/// What a part of the graph consists of.
struct Cone {
  std::vector<NodeId> nodes;       // topological
  std::vector<ValueId> inputs;     // given values and graph inputs that are read
  std::vector<ValueId> constants;  // initializers that are read
};

class ConeFinder {
 public:
  ConeFinder(const Graph& graph, Cut cut) : graph_(graph), cut_(cut) {}

  Status give(const std::string& name) {
    const ValueId id = graph_.find_value(name);
    if (!id) return missing(name);
    given_.insert(id);
    return ok_status();
  }

  Result<Cone> find(std::span<const std::string> outputs) {
    for (const std::string& name : outputs) {
      const ValueId id = graph_.find_value(name);
      if (!id) return missing(name);
      if (given_.contains(id) && cut_ == Cut::slice) {
        return Error{.message = "value '" + name + "' is both given and asked for"};
      }
      // An asked-for value is produced even when it is given: that is what detaching means.
      if (auto status = graph_.value(id).producer ? take(graph_.value(id).producer) : read(id);
          !status) {
        return status.error();
      }
    }
    return finish();
  }

 private:
  static Error missing(const std::string& name) {
    return Error{.message = "the graph has no value '" + name + "'"};
  }

  Status take(NodeId id) {
    if (!taken_.insert(id).second) return ok_status();
    pending_.push_back(id);
    while (!pending_.empty()) {
      const NodeId next = pending_.back();
      pending_.pop_back();
      for (const ValueId input : graph_.node(next).inputs) {
        if (!input) continue;
        if (auto status = read(input); !status) return status;
      }
      for (const ValueId captured : graph_.captures(next)) {
        if (auto status = read(captured); !status) return status;
      }
    }
    return ok_status();
  }

  Status read(ValueId id) {
    if (!seen_.insert(id).second) return ok_status();
    const Value& value = graph_.value(id);
    if (given_.contains(id)) {
      inputs_.push_back(id);
    } else if (value.initializer || value.sparse_initializer) {
      constants_.push_back(id);
    } else if (value.is_input) {
      inputs_.push_back(id);
    } else if (value.producer) {
      if (taken_.insert(value.producer).second) pending_.push_back(value.producer);
    } else {
      return Error{.message = "nothing defines the value '" + value.name + "'"};
    }
    return ok_status();
  }

  Result<Cone> finish() {
    auto order = graph_.order();
    if (!order) return order.error();
    Cone cone;
    for (const NodeId id : order.value()) {
      if (taken_.contains(id)) cone.nodes.push_back(id);
    }
    std::sort(inputs_.begin(), inputs_.end());
    std::sort(constants_.begin(), constants_.end());
    cone.inputs = std::move(inputs_);
    cone.constants = std::move(constants_);
    return cone;
  }

  const Graph& graph_;
  Cut cut_;
  std::unordered_set<ValueId> given_, seen_;
  std::unordered_set<NodeId> taken_;
  std::vector<NodeId> pending_;
  std::vector<ValueId> inputs_, constants_;
};

Result<Cone> find_cone(const Model& model, std::span<const std::string> given,
                       std::span<const std::string> outputs, Cut cut) {
  ConeFinder finder(model.graph(), cut);
  for (const std::string& name : given) {
    if (auto status = finder.give(name); !status) return status.error();
  }
  return finder.find(outputs);
}

/// Names under which a detached part makes the given values that are asked for.
RenameMap produced_names(const Graph& graph, std::span<const std::string> given,
                         std::span<const std::string> outputs) {
  const std::unordered_set<std::string> fed(given.begin(), given.end());
  RenameMap names;
  for (const std::string& name : outputs) {
    const Value& value = graph.value(graph.find_value(name));
    if (fed.contains(name) && value.producer) {
      names.emplace(name, graph.fresh_name("produced:" + name));
    }
  }
  return names;
}

void add_nodes(Graph& to, const Graph& from, const Cone& cone, const RenameMap& produced) {
  // The first node below another output of the same node may carry a given name that nobody asks
  // for: it needs a name of its own as well, or it would clash with the graph input.
  const std::unordered_set<ValueId> fed(cone.inputs.begin(), cone.inputs.end());
  for (const NodeId id : cone.nodes) {
    RenameMap names;
    for (const ValueId output : from.node(id).outputs) {
      if (!output) continue;
      const std::string& name = from.value(output).name;
      if (const auto found = produced.find(name); found != produced.end()) {
        names.emplace(name, found->second);
      } else if (fed.contains(output)) {
        names.emplace(name, from.fresh_name("unread:" + name));
      }
    }
    to.adopt(from, id, names);
  }
}

std::vector<std::string> names_of(std::span<const Given> given) {
  std::vector<std::string> names;
  names.reserve(given.size());
  for (const Given& value : given) names.push_back(value.name);
  return names;
}

}  // namespace

Result<Extracted> extract(const Model& model, std::span<const Given> given,
                          std::span<const std::string> outputs, Cut cut) {
  const Graph& from = model.graph();
  const std::vector<std::string> names = names_of(given);
  const auto cone = find_cone(model, names, outputs, cut);
  if (!cone) return cone.error();

  Extracted result{.model = model.empty_like(), .inputs = {}, .outputs = {}};
  Graph& to = result.model->graph();
  std::unordered_map<std::string_view, TypeRef> types;
  for (const Given& value : given) types.emplace(value.name, value.type);
  for (const ValueId id : cone.value().inputs) {
    const std::string& name = from.value(id).name;
    const auto found = types.find(name);
    const bool typed = found != types.end() && found->second;
    to.add_input(to.intern(name), typed ? found->second : from.type(id));
    result.inputs.push_back(name);
  }
  for (const ValueId id : cone.value().constants) share_initializer(to, from.value(id));

  const RenameMap produced =
      cut == Cut::detach ? produced_names(from, names, outputs) : RenameMap{};
  add_nodes(to, from, cone.value(), produced);
  for (const std::string& name : outputs) {
    const auto found = produced.find(name);
    result.outputs.push_back(found == produced.end() ? name : found->second);
    const ValueId id = to.intern(result.outputs.back());
    if (!to.value(id).is_output) to.add_output(id, nullptr);
  }
  return result;
}

Result<Extracted> extract_shapes(const Model& model, std::span<const Given> given,
                                 std::span<const std::string> outputs) {
  auto made = extract(model, given, outputs, Cut::slice);
  if (!made) return made;
  Graph& graph = made.value().model->graph();
  graph.clear_outputs();
  for (std::string& name : made.value().outputs) {
    Node shape;
    shape.op_type = Text("Shape");
    shape.inputs.push_back(graph.find_value(name));
    name = graph.fresh_name("shape:" + name);
    shape.outputs.push_back(graph.intern(name));
    graph.add_output(shape.outputs[0], tensor_type(DType::int64, std::nullopt));
    graph.add_node(std::move(shape));
  }
  return made;
}

Result<std::vector<std::string>> frontier(const Model& model, std::span<const std::string> given,
                                          std::span<const std::string> outputs, Cut cut) {
  const auto cone = find_cone(model, given, outputs, cut);
  if (!cone) return cone.error();
  std::vector<std::string> names;
  for (const ValueId id : cone.value().inputs) names.push_back(model.graph().value(id).name);
  return names;
}

Result<std::vector<NodeId>> region(const Model& model, std::span<const std::string> given,
                                   std::span<const std::string> outputs, Cut cut) {
  auto cone = find_cone(model, given, outputs, cut);
  if (!cone) return cone.error();
  return std::move(cone).value().nodes;
}

void share_initializer(Graph& to, const Value& value) {
  if (value.initializer) {
    to.set_initializer(value.initializer);
    return;
  }
  Node node;
  node.op_type = Text("Constant");
  node.outputs.push_back(to.intern(value.name));
  node.attributes.emplace_back("sparse_value", value.sparse_initializer);
  to.add_node(std::move(node));
}

Result<std::vector<std::string>> produced_values(const Model& model) {
  const auto order = model.graph().order();
  if (!order) return order.error();
  std::vector<std::string> names;
  for (const NodeId id : order.value()) {
    for (const ValueId output : model.graph().node(id).outputs) {
      if (output) names.push_back(model.graph().value(output).name);
    }
  }
  return names;
}

}  // namespace pot
