#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bind/given.h"
#include "bind/node_list.h"
#include "ir/print.h"
#include "ir/verify.h"

namespace pot {
namespace {

namespace py = pybind11;
using namespace py::literals;

std::optional<ValueHandle> value_handle(const GraphHandle& graph, ValueId id) {
  return id ? std::optional(ValueHandle{graph, id}) : std::nullopt;
}

template <class Ids>
std::vector<std::optional<ValueHandle>> value_handles(const GraphHandle& graph, const Ids& ids) {
  std::vector<std::optional<ValueHandle>> out;
  for (const ValueId id : ids) out.push_back(value_handle(graph, id));
  return out;
}

/// One without a name, which no format allows, is left out.
std::vector<ValueHandle> declared_handles(const GraphHandle& graph,
                                          std::span<const ValueInfo> infos) {
  std::vector<ValueHandle> handles;
  for (const ValueInfo& info : infos) {
    if (info.value) handles.push_back({graph, info.value});
  }
  return handles;
}

TypeRef type_of(const ValueHandle& value) { return value.graph.get()->type(value.id); }

bool has_shape(const TypeRef& type) {
  return type && (type->kind == Type::Kind::tensor || type->kind == Type::Kind::sparse_tensor);
}

py::object dtype_of(const ValueHandle& value) {
  const TypeRef type = type_of(value);
  if (!has_shape(type) || type->dtype() == DType::undefined) return py::none();
  return py::str(dtype_name(type->dtype()));
}

py::object shape_of(const ValueHandle& value) {
  const TypeRef type = type_of(value);
  if (!has_shape(type) || !type->shape) return py::none();
  py::list out;
  for (const Dim& dim : type->shape->dims) {
    if (const auto number = dim.number()) {
      out.append(*number);
    } else if (const auto* symbol = dim.symbol(); symbol && !symbol->empty()) {
      out.append(to_str(*symbol));
    } else {
      out.append(py::none());
    }
  }
  return py::tuple(out);
}

const char* kind_of(const ValueHandle& value) {
  const TypeRef type = type_of(value);
  switch (type ? type->kind : Type::Kind::none) {
    case Type::Kind::tensor:
      return "tensor";
    case Type::Kind::sparse_tensor:
      return "sparse";
    case Type::Kind::sequence:
      return "sequence";
    case Type::Kind::optional:
      return "optional";
    case Type::Kind::map:
      return "map";
    default:
      return "unknown";
  }
}

std::optional<NodeHandle> producer_of(const ValueHandle& value) {
  const NodeId producer = value.get().producer;
  return producer ? std::optional(NodeHandle{value.graph, producer}) : std::nullopt;
}

py::object consumers_of(const ValueHandle& value) {
  std::vector<NodeId> out;
  for (const Use& use : value.graph.get()->uses(value.id)) {
    if (std::ranges::find(out, use.node) == out.end()) out.push_back(use.node);
  }
  return node_list(value.graph, out);
}

std::shared_ptr<Tensor> mutable_tensor(const TensorRef& tensor) {
  return std::const_pointer_cast<Tensor>(tensor);  // pybind11 holds no const; nothing writes
}

template <class Handle>
bool same_handle(const Handle& a, const Handle& b) {
  return a.id == b.id && a.graph.graph.lock() == b.graph.graph.lock();
}

template <class Handle>
std::size_t hash_handle(const Handle& handle) {
  const auto graph = std::hash<const void*>()(handle.graph.graph.lock().get());
  return graph * 1000003 + handle.id.index;
}

void bind_value(py::class_<ValueHandle>& value) {
  value.def_property_readonly("name", [](const ValueHandle& v) { return to_str(v.get().name); })
      .def_property_readonly("dtype", &dtype_of)
      .def_property_readonly("shape", &shape_of)
      .def_property_readonly("kind", &kind_of)
      .def_property_readonly(
          "type_text", [](const ValueHandle& v) { return to_str(type_text(type_of(v).get())); })
      .def_property_readonly("producer", &producer_of)
      .def_property_readonly("consumers", &consumers_of)
      .def_property_readonly("is_input", [](const ValueHandle& v) { return v.get().is_input; })
      .def_property_readonly("is_output", [](const ValueHandle& v) { return v.get().is_output; })
      .def_property_readonly("is_outer",
                             [](const ValueHandle& v) { return v.graph.get()->is_outer(v.id); })
      .def_property_readonly(
          "initializer", [](const ValueHandle& v) { return mutable_tensor(v.get().initializer); })
      .def_property_readonly("graph", [](const ValueHandle& v) { return v.graph; })
      .def_property_readonly(
          "doc_string",
          [](const ValueHandle& v) { return to_str(v.graph.get()->value_doc_string(v.id)); })
      .def("__eq__", &same_handle<ValueHandle>, "other"_a, py::is_operator())
      .def("__hash__", &hash_handle<ValueHandle>)
      .def("__repr__", [](const ValueHandle& v) {
        return to_str("<Value " + v.get().name + ": " + type_text(type_of(v).get()) + ">");
      });
}

struct AttributeObject {
  const GraphHandle& graph;

  py::object operator()(std::monostate) const { return py::none(); }
  py::object operator()(float value) const { return py::float_(value); }
  py::object operator()(std::int64_t value) const { return py::int_(value); }
  py::object operator()(const std::string& value) const {
    PyObject* text =
        PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "strict");
    if (text) return py::reinterpret_steal<py::object>(text);
    PyErr_Clear();
    return py::bytes(value);
  }
  py::object operator()(const TensorRef& value) const { return py::cast(mutable_tensor(value)); }
  py::object operator()(const GraphPtr& value) const {
    return value ? py::cast(GraphHandle{graph.model, value}) : py::none();
  }
  py::object operator()(const TypeRef& value) const { return to_str(type_text(value.get())); }
  py::object operator()(const SparseTensorRef& value) const {
    if (!value) return py::none();
    return py::make_tuple((*this)(value->values), (*this)(value->indices), py::cast(value->dims));
  }
  template <class T>
  py::object operator()(const std::vector<T>& list) const {
    py::list out;
    for (const T& each : list) out.append((*this)(each));
    return out;
  }
};

py::dict attributes_of(const NodeHandle& node) {
  py::dict out;
  for (const Attribute& each : node.get().attributes) {
    // In a function body a value may be the caller's: "@name" says which attribute it is.
    out[to_str(each.name)] = each.ref_name.present
                                 ? py::object(to_str("@" + each.ref_name.value))
                                 : std::visit(AttributeObject{node.graph}, each.value);
  }
  return out;
}

std::vector<GraphHandle> subgraphs_of(const NodeHandle& node) {
  std::vector<GraphHandle> out;
  for (const GraphPtr& body : node.get().bodies()) out.push_back({node.graph.model, body});
  return out;
}

py::list names_of(const NodeHandle& node, const std::vector<ValueId>& values) {
  py::list out;
  for (const ValueId id : values) out.append(to_str(node.graph.get()->value_name(id)));
  return out;
}

void bind_node(py::class_<NodeHandle>& node) {
  node.def_property_readonly("id", [](const NodeHandle& n) { return n.id.index; })
      .def_property_readonly("name", [](const NodeHandle& n) { return to_str(n.get().name); })
      .def_property_readonly("op_type", [](const NodeHandle& n) { return to_str(n.get().op_type); })
      .def_property_readonly("domain", [](const NodeHandle& n) { return to_str(n.get().domain); })
      .def_property_readonly("overload",
                             [](const NodeHandle& n) { return to_str(n.get().overload); })
      .def_property_readonly("doc_string",
                             [](const NodeHandle& n) { return to_str(n.get().doc_string); })
      .def_property_readonly("metadata",
                             [](const NodeHandle& n) { return metadata_dict(n.get().metadata()); })
      .def_property_readonly(
          "inputs", [](const NodeHandle& n) { return value_handles(n.graph, n.get().inputs); })
      .def_property_readonly(
          "outputs", [](const NodeHandle& n) { return value_handles(n.graph, n.get().outputs); })
      .def_property_readonly("input_names",
                             [](const NodeHandle& n) { return names_of(n, n.get().inputs); })
      .def_property_readonly("output_names",
                             [](const NodeHandle& n) { return names_of(n, n.get().outputs); })
      .def_property_readonly("attributes", &attributes_of)
      .def_property_readonly("subgraphs", &subgraphs_of)
      .def_property_readonly("captured",
                             [](const NodeHandle& n) {
                               (void)n.get();
                               return value_handles(n.graph, n.graph.get()->captures(n.id));
                             })
      .def_property_readonly("graph", [](const NodeHandle& n) { return n.graph; })
      .def_property_readonly("label",
                             [](const NodeHandle& n) {
                               (void)n.get();
                               return to_str(node_label(*n.graph.get(), n.id));
                             })
      .def("text",
           [](const NodeHandle& n) {
             (void)n.get();
             return to_str(node_text(*n.graph.get(), n.id));
           })
      .def("__eq__", &same_handle<NodeHandle>, "other"_a, py::is_operator())
      .def("__hash__", &hash_handle<NodeHandle>)
      .def("__repr__", [](const NodeHandle& n) {
        (void)n.get();
        return to_str("<Node " + node_text(*n.graph.get(), n.id) + ">");
      });
}

NodeHandle node_called(const GraphHandle& handle,
                       const std::variant<std::uint32_t, py::str>& given) {
  if (const auto* id = std::get_if<std::uint32_t>(&given)) {
    const NodeHandle node{handle, NodeId{*id}};
    (void)node.get();
    return node;
  }
  const std::string name = from_str(std::get<py::str>(given));
  const auto graph = handle.get();
  for (const NodeId id : graph->nodes()) {
    if (graph->node(id).name == name) return {handle, id};
  }
  raise({Error::Kind::invalid, "this graph has no node called '" + name + "'"});
}

/// What is wrong with the graph, then with the types of what its operators read and make.
py::list problems_of(const GraphHandle& graph) {
  py::list out;
  for (const Error& error : verify(*graph.get())) out.append(error.text());
  if (!out.empty()) return out;
  return py::module_::import("pyonnxtool.surgery.graph_check").attr("misfits")(graph);
}

std::vector<ValueHandle> mentioned_values(const GraphHandle& handle) {
  const auto graph = handle.get();
  std::vector<ValueHandle> out;
  for (std::uint32_t i = 0; i < graph->value_count(); ++i) {
    const ValueId id{i};
    const Value& value = graph->value(id);
    const bool mentioned = graph->is_defined(id) || value.is_output || value.info_index >= 0 ||
                           !graph->uses(id).empty();
    if (mentioned) out.push_back({handle, id});
  }
  return out;
}

std::vector<std::shared_ptr<Tensor>> initializers_of(const GraphHandle& graph) {
  std::vector<std::shared_ptr<Tensor>> out;
  for (const TensorRef& each : graph.get()->initializers()) out.push_back(mutable_tensor(each));
  return out;
}

std::optional<GraphHandle> parent_of(const GraphHandle& handle) {
  const Graph* parent = handle.get()->parent();
  if (!parent) return std::nullopt;
  return GraphHandle{handle.model, std::const_pointer_cast<Graph>(parent->shared_from_this())};
}

void bind_graph_class(py::class_<GraphHandle>& graph) {
  graph.def_property_readonly("name", [](const GraphHandle& g) { return to_str(g.get()->name()); })
      .def_property_readonly("doc_string",
                             [](const GraphHandle& g) { return to_str(g.get()->doc_string()); })
      .def_property_readonly("nodes",
                             [](const GraphHandle& g) { return node_list(g, g.get()->nodes()); })
      .def_property_readonly("node_count",
                             [](const GraphHandle& g) { return g.get()->nodes().size(); })
      .def_property_readonly(
          "inputs", [](const GraphHandle& g) { return declared_handles(g, g.get()->inputs()); })
      .def_property_readonly(
          "outputs", [](const GraphHandle& g) { return declared_handles(g, g.get()->outputs()); })
      .def_property_readonly("initializers", &initializers_of)
      .def_property_readonly("values", &mentioned_values)
      .def_property_readonly("parent", &parent_of)
      .def_property_readonly("model", [](const GraphHandle& g) { return g.model; })
      .def(
          "value",
          [](const GraphHandle& g, const GivenName& name) {
            return ValueHandle{g, known_value(*g.get(), name)};
          },
          "name"_a)
      .def(
          "defines",
          [](const GraphHandle& g, const py::str& name) {
            const ValueId id = g.get()->find_value(from_str(name));
            return id && g.get()->is_defined(id);
          },
          "name"_a, "Whether it is an input, an initializer or made by a node here.")
      .def("node", &node_called, "id"_a, "The node of this id, or the first one of this name.")
      .def("verify", &problems_of, "What is wrong with the graph, each problem with its node.")
      .def(
          "order", [](const GraphHandle& g) { return node_list(g, unwrap(g.get()->order())); },
          "The nodes, producers first.")
      .def("text", [](const GraphHandle& g) { return to_str(graph_text(*g.get())); })
      .def(
          "__eq__",
          [](const GraphHandle& a, const GraphHandle& b) {
            return a.graph.lock() == b.graph.lock();
          },
          "other"_a, py::is_operator())
      .def("__hash__",
           [](const GraphHandle& g) { return std::hash<const void*>()(g.graph.lock().get()); })
      .def("__repr__", [](const GraphHandle& g) {
        return to_str("<Graph " + g.get()->name().value + ": " +
                      std::to_string(g.get()->nodes().size()) + " nodes>");
      });
}

}  // namespace

void bind_graph(py::module_& m) {
  bind_node_list(m);
  // All names first, so that signatures can mention them.
  py::class_<GraphHandle> graph(m, "Graph", "A graph: of a model, of a function, or a body.");
  py::class_<NodeHandle> node(m, "Node", "A node of one graph.");
  py::class_<ValueHandle> value(m, "Value", "A named value of one graph.");
  bind_value(value);
  bind_node(node);
  bind_graph_class(graph);
  bind_graph_header(graph);
  bind_node_header(node);
  bind_edits(graph, node);
  bind_names(graph);
}

}  // namespace pot
