#pragma once
// What scripts build graphs of: nodes on given values, constants, and whole parts on an edge.

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bind/given.h"

namespace pot {

/// What an attribute can be set to; the first that fits, so [1, 2] are integers.
using GivenAttribute =
    std::variant<pybind11::array, std::int64_t, double, pybind11::bytes, pybind11::str,
                 std::shared_ptr<Tensor>, std::vector<std::int64_t>, std::vector<double>,
                 std::vector<pybind11::str>>;

/// An attribute of this node. Standard operators take the name of a dtype for its number.
[[nodiscard]] Attribute attribute_for(const Node& node, std::string name,
                                      const GivenAttribute& given);

/// No id for none. Raises ModelError for a node of another graph.
[[nodiscard]] NodeId place_of(const GraphHandle& graph, const std::optional<NodeHandle>& before);

/// A tensor, or an array that becomes one of this name. Raises ModelError where a node makes it.
void set_initializer(Graph& graph, const pybind11::object& given, const std::string& name);

void bind_building(pybind11::class_<GraphHandle>& graph);
void bind_edges(pybind11::class_<GraphHandle>& graph);
void bind_node_bypass(pybind11::class_<NodeHandle>& node);

}  // namespace pot
