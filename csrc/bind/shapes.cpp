#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bind/bind.h"
#include "bind/fallback.h"
#include "bind/handles.h"
#include "passes/infer_shapes.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pot {
namespace {

const char* kind_name(Fact::Kind kind) {
  switch (kind) {
    case Fact::Kind::tensor:
      return "tensor";
    case Fact::Kind::sequence:
      return "sequence";
    case Fact::Kind::optional:
      return "optional";
    case Fact::Kind::other:
      return "other";
    case Fact::Kind::unknown:
      break;
  }
  return "unknown";
}

/// An int or a float, the text of an expression, or None for what only the data decides.
py::object number_object(const Expr& number) {
  if (const auto whole = number.number()) return py::int_(*whole);
  if (const auto constant = number.constant()) return py::float_(*constant);
  if (number.writable()) return to_str(number.text());
  return py::none();
}

py::list number_list(const std::vector<Expr>& numbers) {
  py::list out;
  for (const Expr& number : numbers) out.append(number_object(number));
  return out;
}

py::object dims_of(const Fact& fact) {
  return fact.has_rank() ? py::object(number_list(*fact.dims)) : py::none();
}

py::object elements_object(const Fact& fact) {
  const Elements elements = fact.is_tensor() ? elements_of(fact) : nullptr;
  return elements ? py::object(number_list(*elements)) : py::none();
}

py::object dtype_object(const Fact& fact) {
  if (!fact.is_tensor() || fact.dtype == DType::undefined) return py::none();
  return py::str(dtype_name(fact.dtype));
}

std::vector<std::string> reasons_of(const Fact& fact) {
  std::set<std::string> out;
  const auto add = [&](const Expr& number) {
    for (std::string& reason : number.reasons()) out.insert(std::move(reason));
  };
  if (fact.has_rank()) std::ranges::for_each(*fact.dims, add);
  if (fact.elements) std::ranges::for_each(*fact.elements, add);
  return {out.begin(), out.end()};
}

py::object inner_of(const Fact& fact) { return fact.inner ? py::cast(*fact.inner) : py::none(); }

py::object items_of(const Fact& fact) { return fact.items ? py::cast(*fact.items) : py::none(); }

/// Facts together with handles of the graphs that they are of.
class ShapeFacts {
 public:
  ShapeFacts(ModelPtr model, ModelFacts facts, std::vector<ModelFacts::Place> answered)
      : model_(std::move(model)), facts_(std::move(facts)), answered_(std::move(answered)) {
    for_each_graph(*model_, [&](const Graph& graph) {
      graphs_.push_back({model_, std::const_pointer_cast<Graph>(graph.shared_from_this())});
    });
  }

  Fact value(const py::str& name, const std::optional<GraphHandle>& where) const {
    const auto graph = where ? where->get() : model_->graph_ptr();
    const std::string text = from_str(name);
    const ValueId id = graph->find_value(text);
    if (!id) raise(Error{.message = "the graph has no value called '" + text + "'"});
    return facts_.of(*graph, id);
  }

  std::vector<std::pair<ValueHandle, Fact>> all() const {
    std::vector<std::pair<ValueHandle, Fact>> out;
    for (const GraphHandle& handle : graphs_) {
      const auto graph = handle.get();
      if (graph->function()) continue;  // each call has facts of its own
      for (std::uint32_t i = 0; i < graph->value_count(); ++i) {
        const ValueId id{i};
        if (graph->is_defined(id)) out.emplace_back(ValueHandle{handle, id}, facts_.of(*graph, id));
      }
    }
    return out;
  }

  std::vector<NodeHandle> without_rule() const { return nodes(facts_.without_rule()); }
  std::vector<NodeHandle> by_fallback() const { return nodes(answered_); }

  std::vector<std::pair<NodeHandle, std::string>> contradictions() const {
    std::vector<std::pair<NodeHandle, std::string>> out;
    for (const ModelFacts::Contradiction& each : facts_.contradictions()) {
      if (const auto node = handle_of(each.place)) out.emplace_back(*node, each.message);
    }
    return out;
  }

 private:
  /// Nothing for a node in the copy of a function that one call had.
  std::optional<NodeHandle> handle_of(const ModelFacts::Place& place) const {
    for (const GraphHandle& handle : graphs_) {
      const auto graph = handle.graph.lock();
      if (graph.get() == place.graph && graph->find(place.node)) {
        return NodeHandle{handle, place.node};
      }
    }
    return std::nullopt;
  }

  std::vector<NodeHandle> nodes(const std::vector<ModelFacts::Place>& places) const {
    std::vector<NodeHandle> out;
    for (const ModelFacts::Place& place : places) {
      const auto node = handle_of(place);
      if (node && std::ranges::none_of(out, [&](const NodeHandle& known) {
            return known.id == node->id && known.graph.get() == node->graph.get();
          })) {
        out.push_back(*node);
      }
    }
    return out;
  }

  ModelPtr model_;
  ModelFacts facts_;
  std::vector<ModelFacts::Place> answered_;
  std::vector<GraphHandle> graphs_;
};

ShapeFacts infer(const ModelPtr& model, const py::object& fallback) {
  std::vector<ModelFacts::Place> answered;
  const Fallback other = fallback_of(
      fallback, [&](const NodeFacts& at) { answered.push_back({&at.graph(), at.node().id}); });
  Result<ModelFacts> facts = [&] {
    const py::gil_scoped_release unlocked;
    return infer_shapes(*model, other);
  }();
  return ShapeFacts(model, unwrap(std::move(facts)), std::move(answered));
}

}  // namespace

void bind_shapes(py::module_& m) {
  py::class_<Fact>(m, "Fact", "What is known of a value before the model runs.")
      .def_property_readonly("kind", [](const Fact& fact) { return kind_name(fact.kind); })
      .def_property_readonly("dtype", &dtype_object)
      .def_property_readonly("dims", &dims_of)
      .def_property_readonly("elements", &elements_object)
      .def_property_readonly("reasons", &reasons_of)
      .def_property_readonly("is_constant", [](const Fact& fact) { return bool(fact.constant); })
      .def_property_readonly("items", &items_of)
      .def_property_readonly("inner", &inner_of)
      .def("__repr__", [](const Fact& fact) {
        return to_str("<Fact " + type_text(type_of(fact).get()) + ">");
      });
  py::class_<ShapeFacts>(m, "ShapeFacts", "Facts of the values of a model.")
      .def("value", &ShapeFacts::value, "name"_a, "graph"_a = py::none())
      .def("__iter__", [](const ShapeFacts& self) { return py::iter(py::cast(self.all())); })
      .def_property_readonly("without_rule", &ShapeFacts::without_rule)
      .def_property_readonly("by_fallback", &ShapeFacts::by_fallback)
      .def_property_readonly("contradictions", &ShapeFacts::contradictions);
  m.def("infer_shapes", &infer, "model"_a, "fallback"_a = py::none(),
        "Infers types, shapes and shape arithmetic of every value.");
}

}  // namespace pot
