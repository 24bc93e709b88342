#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind/building.h"
#include "bind/edit_checks.h"
#include "bind/given.h"
#include "bind/handles.h"
#include "ir/type.h"

namespace pot {

namespace py = pybind11;
using namespace py::literals;

namespace {

Error unknown_name(const std::string& name) {
  return {Error::Kind::invalid, "this graph has no value called '" + name + "'", {}, {}, {}};
}

}  // namespace

ValueId known_value(const Graph& graph, const GivenName& name) {
  const std::string& text = name.text;
  const ValueId id = graph.find_value(text);
  if (!id) raise(unknown_name(text));
  return id;
}

namespace {

NodeHandle adopt(const GraphHandle& handle, const NodeHandle& node,
                 const std::map<std::string, std::string>& names,
                 const std::optional<NodeHandle>& before) {
  (void)node.get();
  const RenameMap renamed(names.begin(), names.end());
  const NodeId place = place_of(handle, before);
  return {handle, handle.get()->adopt(*node.graph.get(), node.id, renamed, place)};
}

ModelPtr alone(const NodeHandle& node) {
  (void)node.get();
  auto model = std::make_shared<Model>();
  model->set_ir_version(node.graph.model->ir_version().value_or(0));
  for (const OpsetImport& each : node.graph.model->opset_imports()) {
    model->set_opset(each.domain.value, each.version.value_or(0));
  }
  model->graph().set_name("alone");
  model->graph().adopt(*node.graph.get(), node.id);
  return model;
}

std::vector<ValueId> known_values(const Graph& graph, const std::vector<GivenName>& names) {
  std::vector<ValueId> out;
  for (const GivenName& name : names) out.push_back(known_value(graph, name));
  return out;
}

/// Null for no dtype. A size is a number, a name, or None.
TypeRef declared_type(const std::optional<std::string>& dtype,
                      const std::optional<std::vector<py::object>>& shape) {
  if (!dtype) return nullptr;
  const TypeRef named = type_named(*dtype);
  if (!named) raise(Error{.message = "no dtype is called '" + *dtype + "'"});
  if (!shape) return named;
  std::vector<Dim> dims;
  for (const py::object& size : *shape) {
    if (size.is_none()) {
      dims.emplace_back();
    } else if (py::isinstance<py::str>(size)) {
      dims.emplace_back(from_str(size));
    } else {
      dims.emplace_back(size.cast<std::int64_t>());
    }
  }
  return tensor_type(named->dtype(), std::move(dims));
}

void forget_types(Graph& graph) {
  const auto made = [&](const ValueInfo& info) {
    return info.value && graph.value(info.value).producer;
  };
  std::vector<std::pair<ValueId, TypeRef>> kept;
  for (const ValueInfo& info : graph.value_infos()) {
    if (info.value && info.type && !made(info)) kept.emplace_back(info.value, info.type);
  }
  graph.set_value_infos(kept);
  std::vector<ValueId> outputs;
  for (const ValueInfo& info : graph.outputs()) {
    if (made(info)) outputs.push_back(info.value);
  }
  for (const ValueId each : outputs) graph.set_type(each, nullptr);
}

void bind_node_edits(py::class_<NodeHandle>& node) {
  node.def("alone", &alone, "A model that holds a copy of this node and nothing else.")
      .def(
          "set_attribute",
          [](const NodeHandle& n, const py::str& name, const GivenAttribute& value) {
            n.graph.get()->set_attribute(n.id, attribute_for(n.get(), from_str(name), value));
          },
          "name"_a, "value"_a)
      .def(
          "remove_attribute",
          [](const NodeHandle& n, const py::str& name) {
            (void)n.get();
            n.graph.get()->remove_attribute(n.id, from_str(name));
          },
          "name"_a)
      .def(
          "set_inputs",
          [](const NodeHandle& n, const std::vector<GivenName>& names) {
            (void)n.get();
            const auto graph = n.graph.get();
            auto inputs = readable(*graph, names);
            check_acyclic(*graph, n.id, inputs);
            graph->set_inputs(n.id, std::move(inputs));
          },
          "names"_a, "An omitted one is empty.")
      .def(
          "set_outputs",
          [](const NodeHandle& n, const std::vector<GivenName>& names) {
            (void)n.get();
            const auto graph = n.graph.get();
            graph->set_outputs(n.id, makeable(*graph, names, n.id));
          },
          "names"_a, "An omitted one is empty.")
      .def(
          "set_op_type",
          [](const NodeHandle& n, const py::str& op_type, const py::str& domain) {
            (void)n.get();
            n.graph.get()->set_op_type(n.id, from_str(op_type), from_str(domain));
          },
          "op_type"_a, "domain"_a = "");
}

void bind_value_edits(py::class_<GraphHandle>& graph) {
  graph
      .def(
          "set_initializer",
          [](const GraphHandle& g, const py::object& tensor, const py::str& name) {
            set_initializer(*g.get(), tensor, from_str(name));
          },
          "tensor"_a, "name"_a = "", "Adds or replaces it.")
      .def(
          "remove_initializer",
          [](const GraphHandle& g, const GivenName& name) {
            g.get()->remove_initializer(known_value(*g.get(), name));
          },
          "name"_a)
      .def(
          "add_input",
          [](const GraphHandle& g, const py::str& name, const std::optional<std::string>& dtype,
             const std::optional<std::vector<py::object>>& shape) {
            const ValueId value = g.get()->intern(from_str(name));
            check_new_input(*g.get(), value);
            g.get()->add_input(value, declared_type(dtype, shape));
          },
          "name"_a, "dtype"_a = py::none(), "shape"_a = py::none(), "Declares an input at the end.")
      .def(
          "remove_input",
          [](const GraphHandle& g, const GivenName& name) {
            g.get()->remove_input(known_value(*g.get(), name));
          },
          "name"_a)
      .def(
          "declare",
          [](const GraphHandle& g, const GivenName& name, const std::optional<std::string>& dtype,
             const std::optional<std::vector<py::object>>& shape) {
            g.get()->set_type(known_value(*g.get(), name), declared_type(dtype, shape));
          },
          "name"_a, "dtype"_a, "shape"_a = py::none(),
          "Declares the type of a value; None forgets it.")
      .def(
          "forget_types", [](const GraphHandle& g) { forget_types(*g.get()); },
          "Forgets what is declared of values that nodes make.")
      .def(
          "declare_like",
          [](const GraphHandle& g, const GivenName& name, const ValueHandle& other) {
            g.get()->set_type(known_value(*g.get(), name), other.graph.get()->type(other.id));
          },
          "name"_a, "other"_a, "Declares the type that another value has, of any graph.")
      .def(
          "set_value_doc_string",
          [](const GraphHandle& g, const GivenName& name, const py::str& text) {
            g.get()->set_value_doc_string(known_value(*g.get(), name), given_text(text));
          },
          "name"_a, "text"_a)
      .def(
          "fresh_name",
          [](const GraphHandle& g, const py::str& base) {
            return to_str(g.get()->fresh_name(from_str(base)));
          },
          "base"_a, "A name that nothing here, around or inside uses.");
}

void bind_graph_edits(py::class_<GraphHandle>& graph) {
  graph
      .def("adopt", &adopt, "node"_a, "names"_a = std::map<std::string, std::string>{},
           "before"_a = py::none(),
           "Copies a node of another graph to the end of this one, or before a node of it.")
      .def(
          "remove_node",
          [](const GraphHandle& g, const NodeHandle& node) {
            (void)node.get();
            if (g.get() != node.graph.get()) {
              raise({Error::Kind::invalid, "the node is of another graph", {}, {}, {}});
            }
            g.get()->remove_node(node.id);
          },
          "node"_a)
      .def(
          "rename_value",
          [](const GraphHandle& g, const GivenName& name, const py::str& new_name) {
            check(g.get()->rename_value(known_value(*g.get(), name), from_str(new_name)));
          },
          "name"_a, "new_name"_a, "Renames it everywhere, bodies that read it included.")
      .def(
          "replace_uses",
          [](const GraphHandle& g, const GivenName& name, const GivenName& other) {
            const auto home = g.get();
            const ValueId from = known_value(*home, name);
            const ValueId to = home->intern(other.text);
            if (!to) raise(unknown_name(other.text));
            check_replacement(*home, from, to, home->uses(from),
                              "; insert_after redirects the other readers only");
            home->replace_uses(from, to);
          },
          "name"_a, "other"_a, "Readers of `name` read `other`, which may be of a graph around.")
      .def(
          "add_output",
          [](const GraphHandle& g, const GivenName& name) {
            const ValueId value = readable(*g.get(), {name})[0];
            check_new_output(*g.get(), value);
            g.get()->add_output(value, nullptr);
          },
          "name"_a, "Makes a value an output, without a type.")
      .def(
          "remove_output",
          [](const GraphHandle& g, const GivenName& name) {
            g.get()->remove_output(known_value(*g.get(), name));
          },
          "name"_a)
      .def(
          "order_inputs",
          [](const GraphHandle& g, const std::vector<GivenName>& names) {
            check(g.get()->order_inputs(known_values(*g.get(), names)));
          },
          "names"_a, "Lists the inputs in this order.")
      .def(
          "order_outputs",
          [](const GraphHandle& g, const std::vector<GivenName>& names) {
            check(g.get()->order_outputs(known_values(*g.get(), names)));
          },
          "names"_a, "Lists the outputs in this order.")
      .def(
          "sort", [](const GraphHandle& g) { check(g.get()->sort()); },
          "Lists producers before their consumers.");
}

}  // namespace

void bind_edits(py::class_<GraphHandle>& graph, py::class_<NodeHandle>& node) {
  bind_graph_edits(graph);
  bind_value_edits(graph);
  bind_node_edits(node);
  bind_building(graph);
  bind_node_bypass(node);
}

}  // namespace pot
