#include "passes/body_model.h"

#include <algorithm>
#include <utility>

#include "ir/print.h"
#include "passes/extract.h"

namespace pot {
namespace {

GraphPtr find_body(const Graph& graph, NodeId id, std::string_view attribute) {
  const Node* node = graph.find(id);
  const Attribute* held = node ? node->attribute(attribute) : nullptr;
  const GraphPtr* body = held ? held->get<GraphPtr>() : nullptr;
  return body ? *body : nullptr;
}

TypeRef without_shape(const TypeRef& type) {
  return type && type->is_tensor() ? tensor_type(type->dtype(), std::nullopt) : type;
}

class BodyModelBuilder {
 public:
  BodyModelBuilder(const Model& model, const Graph& body,
                   const std::unordered_map<std::string, TypeRef>& types)
      : outer_(model.graph()), body_(body), types_(types) {
    made_.model = model.empty_like();
  }

  BodyModel build(NodeId node, std::span<const std::string> more) {
    Graph& to = made_.model->graph();
    for (const ValueInfo& input : body_.inputs()) {
      made_.inputs.emplace_back(body_.value_name(input.value));
      add_input(made_.inputs.back(), body_.type(input.value));
    }
    for (std::uint32_t i = 0; i < body_.value_count(); ++i) {
      const Value& value = body_.value(ValueId{i});
      if (value.initializer || value.sparse_initializer) share_initializer(to, value);
    }
    for (const NodeId id : body_.nodes()) to.adopt(body_, id);
    for (const ValueId captured : outer_.captures(node)) {
      const std::string& name = outer_.value(captured).name;
      if (reads(name)) bring(captured);
    }
    for (const std::string& name : more) {
      const ValueId known = to.find_value(name);
      if (!known || !to.is_defined(known)) bring(outer_.find_value(name));
    }
    for (const ValueInfo& output : body_.outputs()) add_output(body_.value_name(output.value));
    return std::move(made_);
  }

 private:
  /// The node may have another body that reads what this one does not.
  bool reads(const std::string& name) const {
    Graph& to = made_.model->graph();
    (void)to.captures({});  // names of inner bodies are known now
    const ValueId here = to.find_value(name);
    if (here) return !to.is_defined(here);
    return std::ranges::any_of(body_.outputs(), [&](const ValueInfo& output) {
      return body_.value_name(output.value) == name;
    });
  }

  void bring(ValueId id) {
    Graph& to = made_.model->graph();
    const Value& value = outer_.value(id);
    if ((value.initializer && !value.is_input) || value.sparse_initializer) {
      share_initializer(to, value);
    } else if (value.producer && outer_.node(value.producer).is("Constant")) {
      to.adopt(outer_, value.producer, {}, to.nodes().empty() ? NodeId{} : to.nodes().front());
    } else {
      made_.captured.push_back(value.name);
      add_input(value.name, outer_.type(id));
    }
  }

  void add_input(const std::string& name, const TypeRef& declared) {
    Graph& to = made_.model->graph();
    const auto given = types_.find(name);
    to.add_input(to.intern(name), given != types_.end() ? given->second : without_shape(declared));
  }

  void add_output(std::string_view name) {
    Graph& to = made_.model->graph();
    ValueId id = to.intern(name);
    if (!to.value(id).producer || to.value(id).is_output) {
      Node same;
      same.op_type = Text("Identity");
      same.inputs.push_back(id);
      id = to.intern(to.fresh_name("output:" + std::string(name)));
      same.outputs.push_back(id);
      to.add_node(std::move(same));
    }
    to.add_output(id, nullptr);
    made_.outputs.push_back(to.value(id).name);
  }

  const Graph& outer_;
  const Graph& body_;
  const std::unordered_map<std::string, TypeRef>& types_;
  BodyModel made_;
};

}  // namespace

Result<BodyModel> body_model(const Model& model, NodeId node, std::string_view attribute,
                             const std::unordered_map<std::string, TypeRef>& types,
                             std::span<const std::string> more) {
  const GraphPtr body = find_body(model.graph(), node, attribute);
  if (!body) return Error{.message = "the node has no body '" + std::string(attribute) + "'"};
  for (const std::string& name : more) {
    if (!model.graph().find_value(name)) {
      return Error{.message = "the graph has no value '" + name + "'"};
    }
  }
  return BodyModelBuilder(model, *body, types).build(node, more);
}

}  // namespace pot
