#include "bind/node_list.h"

namespace pot {
namespace {

namespace py = pybind11;

constexpr const char* kClass = "_NodeList";

/// Goes through a list of nodes, without those that are gone.
struct Alive {
  py::list nodes;
  std::size_t next = 0;

  py::object step() {
    while (next < nodes.size()) {
      py::object item = nodes[next++];
      const auto* node = py::isinstance<NodeHandle>(item) ? item.cast<NodeHandle*>() : nullptr;
      const auto graph = node ? node->graph.graph.lock() : nullptr;
      if (!node || (graph && graph->find(node->id))) return item;
    }
    throw py::stop_iteration();
  }
};

}  // namespace

py::object node_list(const GraphHandle& graph, std::span<const NodeId> ids) {
  py::list nodes;
  for (const NodeId id : ids) nodes.append(NodeHandle{graph, id});
  return py::module_::import("pyonnxtool._core").attr(kClass)(nodes);
}

void bind_node_list(py::module_& m) {
  py::class_<Alive>(m, "_Alive")
      .def("__iter__", [](const py::object& self) { return self; })
      .def("__next__", &Alive::step);
  py::dict members;
  members["__module__"] = "pyonnxtool._core";
  members["__iter__"] = py::cpp_function([](const py::list& nodes) { return Alive{nodes}; },
                                         py::is_method(py::none()));
  const auto builtins = py::module_::import("builtins");
  const py::object made =
      builtins.attr("type")(kClass, py::make_tuple(builtins.attr("list")), members);
  m.attr(kClass) = made;
}

}  // namespace pot
