#include "ir/layout.h"

#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include "bind/bind.h"
#include "bind/fallback.h"
#include "bind/handles.h"
#include "passes/layout/change_layout.h"
#include "passes/layout/relayout_node.h"

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

using Asked = std::variant<std::string, Ints>;
using CostTuple = std::tuple<std::string, std::string, double>;  // op_type, layout, factor

[[noreturn]] void raise_choice(const std::string& what, const std::string& given,
                               const std::string& choices) {
  raise({.kind = Error::Kind::request,
         .message = what + " '" + given + "' is not known; give " + choices});
}

NamedLayout to_named(const std::string& name) {
  if (name == "nchw") return NamedLayout::nchw;
  if (name == "nhwc") return NamedLayout::nhwc;
  raise_choice("layout", name, "nchw or nhwc");
}

LayoutOptions::To to_mode(const std::string& name) {
  if (name == "fewest") return LayoutOptions::To::fewest;
  if (name == "channels_last") return LayoutOptions::To::channels_last;
  raise_choice("mode", name, "fewest or channels_last");
}

FilterLayout to_filters(const std::string& name) {
  if (name == "oihw") return FilterLayout::oihw;
  if (name == "ohwi") return FilterLayout::ohwi;
  if (name == "hwio") return FilterLayout::hwio;
  raise_choice("layout of weights", name, "oihw, ohwi or hwio");
}

Relaid run(const ModelPtr& model, const std::string& to, const std::map<std::string, Asked>& io,
           bool only_cancel, bool expand, const std::string& filters, const std::string& domain,
           const std::vector<CostTuple>& target_costs,
           const std::map<std::string, std::int64_t>& sizes, const py::object& fallback) {
  LayoutOptions options;
  options.to = to_mode(to);
  for (const auto& [name, asked] : io) {
    if (const auto* named = std::get_if<std::string>(&asked)) {
      options.io.emplace(name, to_named(*named));
    } else {
      options.io.emplace(name, to_permutation(std::get<Ints>(asked)));
    }
  }
  options.only_cancel = only_cancel;
  options.expand = expand;
  options.filters = to_filters(filters);
  options.domain = domain;
  for (const auto& [op_type, layout, factor] : target_costs) {
    options.target_costs.push_back({op_type, to_named(layout), factor});
  }
  options.sizes = sizes;
  options.fallback = fallback_of(fallback);
  Result<Relaid> made = [&] {
    const py::gil_scoped_release unlocked;
    return change_layout(*model, options);
  }();
  return unwrap(std::move(made));
}

py::list changes_of(const Relaid& self) {
  py::list out;
  for (const Changes::Rule& rule : self.applied.changes.rules()) {
    out.append(py::make_tuple(rule.name, rule.count));
  }
  return out;
}

py::list value_map_of(const Relaid& self) {
  py::list out;
  for (const StoredAs& each : self.applied.value_map) {
    const py::object perm =
        each.layout.is_identity() ? py::none() : py::object(py::cast(each.layout.perm.ints()));
    out.append(
        py::make_tuple(to_str(each.value), to_str(each.old_value), perm, inner_of(each.layout)));
  }
  return out;
}

py::dict border_of(const Relaid& self) {
  py::dict out;
  for (const auto& [name, perm] : self.border) out[to_str(name)] = perm.ints();
  return out;
}

py::list left_of(const Relaid& self) {
  py::list out;
  for (const auto& [place, reason] : self.left) {
    out.append(py::make_tuple(to_str(place), to_str(reason)));
  }
  return out;
}

py::list texts(const std::vector<std::string>& from) {
  py::list out;
  for (const std::string& each : from) out.append(to_str(each));
  return out;
}

auto count_of(LayoutPlan::Count LayoutPlan::*which) {
  return [which](const Relaid& self) {
    const LayoutPlan::Count& count = self.plan.*which;
    return py::make_tuple(count.transposes, count.bytes);
  };
}

void bind_move(py::module_& m) {
  using Move = LayoutPlan::Move;
  py::class_<Move>(m, "LayoutMove", "A Transpose or a Reshape that the new graph needs.")
      .def_property_readonly("value", [](const Move& self) { return to_str(self.value); })
      .def_property_readonly("from_perm", [](const Move& self) { return self.from.perm.ints(); })
      .def_property_readonly("to_perm", [](const Move& self) { return self.to.perm.ints(); })
      .def_property_readonly("from_inner", [](const Move& self) { return inner_of(self.from); })
      .def_property_readonly("to_inner", [](const Move& self) { return inner_of(self.to); })
      .def_readonly("bytes", &Move::bytes)
      .def_property_readonly("between", [](const Move& self) { return to_str(self.between); })
      .def_property_readonly("readers", [](const Move& self) { return texts(self.readers); })
      .def_property_readonly("reason", [](const Move& self) { return to_str(self.reason); });
}

void bind_relaid(py::module_& m) {
  py::class_<Relaid>(m, "Relaid", "A model whose values are stored otherwise, and why.")
      .def_readonly("model", &Relaid::model)
      .def_property_readonly("changes", &changes_of, "(what was done, how often), in order.")
      .def_property_readonly("value_map", &value_map_of, "(value, old value, perm, inner orders).")
      .def_property_readonly("border", &border_of)
      .def_property_readonly("before", count_of(&LayoutPlan::before))
      .def_property_readonly("after", count_of(&LayoutPlan::after))
      .def_property_readonly("optimum", [](const Relaid& self) { return self.plan.optimum; })
      .def_property_readonly("method", [](const Relaid& self) { return self.plan.method; })
      .def_property_readonly("moves", [](const Relaid& self) { return self.plan.moves; })
      .def_property_readonly("left", &left_of)
      .def_property_readonly("functions",
                             [](const Relaid& self) { return texts(self.applied.functions); })
      .def_property_readonly("notes", [](const Relaid& self) { return texts(self.notes); });
  m.def("layout", &run, "model"_a, "to"_a = "fewest", "io"_a = std::map<std::string, Asked>{},
        "only_cancel"_a = false, "expand"_a = false, "filters"_a = "oihw",
        "domain"_a = std::string(kChannelsLastDomain), "target_costs"_a = std::vector<CostTuple>{},
        "sizes"_a = std::map<std::string, std::int64_t>{}, "fallback"_a = py::none(),
        "The same model with its values stored so that the fewest bytes are transposed.");
}

}  // namespace

void bind_layout(py::module_& m) {
  bind_relaid_node(m);
  bind_move(m);
  bind_relaid(m);
}

}  // namespace pot
