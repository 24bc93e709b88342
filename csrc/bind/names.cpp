// Many names at once.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <utility>
#include <vector>

#include "bind/handles.h"

namespace pot {
namespace {

namespace py = pybind11;
using namespace py::literals;

void rename_values(const GraphHandle& handle,
                   const std::vector<std::pair<py::str, py::str>>& names) {
  RenameMap moves;
  for (const auto& [from, to] : names) moves.emplace(from_str(from), from_str(to));
  check(handle.get()->rename_values(moves));
}

}  // namespace

void bind_names(py::class_<GraphHandle>& graph) {
  graph.def("rename_values", &rename_values, "names"_a,
            "As `rename_value`, of several in one pass; new names are those of no value of now.");
}

}  // namespace pot
