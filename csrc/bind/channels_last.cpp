#include "passes/layout/channels_last.h"

#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <algorithm>

#include "bind/bind.h"
#include "bind/fallback.h"
#include "bind/handles.h"
#include "passes/layout/layout_options.h"
#include "passes/layout/relayout_node.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pot {
namespace {

FilterLayout filters_named(const std::string& name) {
  if (name == "oihw") return FilterLayout::oihw;
  if (name == "ohwi") return FilterLayout::ohwi;
  if (name == "hwio") return FilterLayout::hwio;
  raise({.kind = Error::Kind::request,
         .message = "filters lie as oihw, ohwi or hwio, not as '" + name + "'"});
}

RelaidNode call_of(const ModelPtr& model, const py::str& node, const std::string& filters,
                   const std::string& domain, const py::object& fallback) {
  const std::string name = from_str(node);
  const FilterLayout lie = filters_named(filters);
  const Fallback other = fallback_of(fallback);
  const auto nodes = model->graph().nodes();
  const auto found =
      std::ranges::find_if(nodes, [&](NodeId id) { return model->graph().node(id).name == name; });
  if (found == nodes.end()) {
    raise({.kind = Error::Kind::request, .message = "the graph has no node called '" + name + "'"});
  }
  Result<RelaidNode> made = [&] {
    const py::gil_scoped_release unlocked;
    return channels_last_node(*model, *found, lie, domain, other);
  }();
  return unwrap(std::move(made));
}

auto expanded(const ModelPtr& model, const std::string& domain) {
  Expanded made = unwrap(expand_channels_last(*model, domain));
  py::list value_map;
  for (const Expanded::Renamed& each : made.value_map) {
    value_map.append(
        py::make_tuple(to_str(each.value), to_str(each.old_value), each.layout.perm.ints()));
  }
  return py::make_tuple(made.model, made.calls, value_map);
}

}  // namespace

void bind_channels_last(py::module_& m) {
  m.attr("CHANNELS_LAST_DOMAIN") = std::string(kChannelsLastDomain);
  m.def("channels_last_node", &call_of, "model"_a, "node"_a, "filters"_a = "oihw",
        "domain"_a = std::string(kChannelsLastDomain), "fallback"_a = py::none(),
        "A node of the main graph as a call of a channels-last function.");
  m.def("expand_channels_last", &expanded, "model"_a, "domain"_a = std::string(kChannelsLastDomain),
        "The model without channels-last functions: (model, calls, [(value, old value, perm)]).");
}

}  // namespace pot
