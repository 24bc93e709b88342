#include "ir/layout.h"

#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include "bind/bind.h"
#include "bind/fallback.h"
#include "bind/handles.h"
#include "passes/relayout_node.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pot {
namespace {

using Ints = std::vector<std::int64_t>;
using InnerTuple = std::tuple<std::size_t, Ints, Ints>;  // axis, sizes, order

Permutation to_permutation(const Ints& axes) {
  const auto perm = Permutation::of(axes);
  if (!perm) {
    std::string text;
    for (const std::int64_t axis : axes) text += (text.empty() ? "" : ",") + std::to_string(axis);
    raise({.kind = Error::Kind::request, .message = "'" + text + "' is no order of axes"});
  }
  return *perm;
}

Layout to_layout(const Ints& axes, const std::vector<InnerTuple>& inner) {
  Layout layout(to_permutation(axes));
  for (const auto& [axis, sizes, order] : inner) {
    layout.inner.push_back({.axis = axis, .sizes = sizes, .order = to_permutation(order)});
  }
  return layout;
}

std::vector<InnerTuple> inner_of(const Layout& layout) {
  std::vector<InnerTuple> out;
  for (const InnerOrder& one : layout.inner) {
    out.emplace_back(one.axis, one.sizes, one.order.ints());
  }
  return out;
}

NodeId find_node(const Graph& graph, const std::string& name) {
  for (const NodeId id : graph.nodes()) {
    if (graph.node(id).name == name) return id;
  }
  raise({.kind = Error::Kind::request, .message = "the graph has no node called '" + name + "'"});
}

RelaidNode run_node(const ModelPtr& model, const py::str& node, bool output, std::size_t slot,
                    const Ints& perm, const std::vector<InnerTuple>& inner,
                    const py::object& fallback) {
  const NodeId id = find_node(model->graph(), from_str(node));
  const Layout layout = to_layout(perm, inner);
  const Fallback other = fallback_of(fallback);
  Result<RelaidNode> made = [&] {
    const py::gil_scoped_release unlocked;
    return relayout_node(*model, id, {output, slot}, layout, other);
  }();
  return unwrap(std::move(made));
}

using Stored = RelaidNode::Stored;

/// One entry a slot: what `of` says of it, or None.
auto by_slot(std::vector<std::optional<Stored>> RelaidNode::*list,
             py::object (*of)(const Stored& stored)) {
  return [list, of](const RelaidNode& self) {
    py::list out;
    for (const auto& stored : self.*list) out.append(stored ? of(*stored) : py::none());
    return out;
  };
}

py::object perm_object(const Stored& stored) { return py::cast(stored.layout.perm.ints()); }
py::object inner_object(const Stored& stored) { return py::cast(inner_of(stored.layout)); }
py::object name_object(const Stored& stored) { return to_str(stored.name); }

void bind_relaid_node(py::module_& m) {
  py::class_<RelaidNode>(m, "RelaidNode", "One node in another layout, as a model of its own.")
      .def_readonly("model", &RelaidNode::model)
      .def_property_readonly("inputs", by_slot(&RelaidNode::inputs, &perm_object))
      .def_property_readonly("outputs", by_slot(&RelaidNode::outputs, &perm_object))
      .def_property_readonly("input_inner", by_slot(&RelaidNode::inputs, &inner_object))
      .def_property_readonly("output_inner", by_slot(&RelaidNode::outputs, &inner_object))
      .def_property_readonly("input_names", by_slot(&RelaidNode::inputs, &name_object))
      .def_property_readonly("output_names", by_slot(&RelaidNode::outputs, &name_object));
  m.def("relayout_node", &run_node, "model"_a, "node"_a, "output"_a, "slot"_a, "perm"_a,
        "inner"_a = std::vector<InnerTuple>{}, "fallback"_a = py::none(),
        "How a node of the main graph looks when one of its operands is stored in another layout.");
}

}  // namespace

void bind_layout(py::module_& m) { bind_relaid_node(m); }

}  // namespace pot
