#include "bind/building.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "bind/edit_checks.h"
#include "ir/type.h"

namespace pot {
namespace {

namespace py = pybind11;
using namespace py::literals;

using Outputs = std::variant<std::int64_t, std::vector<GivenName>>;

struct AttributeOf {
  AttributeValue operator()(const py::array& value) const { return tensor_of(value, ""); }
  AttributeValue operator()(std::int64_t value) const { return value; }
  AttributeValue operator()(double value) const { return static_cast<float>(value); }
  AttributeValue operator()(const py::bytes& value) const { return std::string(value); }
  AttributeValue operator()(const py::str& value) const { return from_str(value); }
  AttributeValue operator()(const std::shared_ptr<Tensor>& value) const { return TensorRef(value); }
  AttributeValue operator()(const std::vector<std::int64_t>& value) const { return value; }
  AttributeValue operator()(const std::vector<double>& value) const {
    return std::vector<float>(value.begin(), value.end());
  }
  AttributeValue operator()(const std::vector<py::str>& value) const {
    std::vector<std::string> out;
    for (const auto& each : value) out.push_back(from_str(each));
    return out;
  }
};

/// What attributes that hold a dtype are called: of Cast, EyeLike, QuantizeLinear, HannWindow.
constexpr std::array<std::string_view, 4> kDTypes = {"to", "dtype", "output_dtype",
                                                     "output_datatype"};

/// Its number, for text where a standard operator has a dtype.
std::optional<std::int64_t> dtype_number(const Node& node, const std::string& name,
                                         const AttributeValue& value) {
  const bool standard = node.domain.value.empty() || node.domain.value == "ai.onnx";
  const auto* text = std::get_if<std::string>(&value);
  if (!standard || !text || std::ranges::find(kDTypes, name) == kDTypes.end()) return std::nullopt;
  const auto dtype = dtype_named(*text);
  return dtype ? std::optional(static_cast<std::int64_t>(*dtype)) : std::nullopt;
}

[[noreturn]] void refuse_request(std::string why) { raise({Error::Kind::request, std::move(why)}); }

bool is_value(const py::handle& given) {
  return given.is_none() || py::isinstance<py::str>(given) || py::isinstance<ValueHandle>(given);
}

/// The dtype that a float of Python has beside these operands: theirs where they are floats.
std::optional<std::string> dtype_beside(const Graph& graph, const std::vector<GivenName>& names) {
  for (const GivenName& each : names) {
    const ValueId id = each.text.empty() ? ValueId{} : graph.find_value(each.text);
    const TypeRef type = id ? graph.type(id) : nullptr;
    if (!type || !type->is_tensor()) continue;
    const DType dtype = type->dtype();
    const bool floats = dtype == DType::float16 || dtype == DType::bfloat16 ||
                        dtype == DType::float32 || dtype == DType::float64;
    if (floats) return dtype_name(dtype);
  }
  return std::nullopt;
}

/// Before the first node that can come after all these values are made; no id: at the end.
NodeId after_makers(const Graph& graph, std::span<const ValueId> values) {
  const auto listing = graph.nodes();
  std::size_t place = 0;
  for (const ValueId each : values) {
    const NodeId maker = each ? graph.value(each).producer : NodeId{};
    if (!maker) continue;
    const auto found = std::ranges::find(listing, maker);
    place = std::max(place, static_cast<std::size_t>(found - listing.begin()) + 1);
  }
  return place < listing.size() ? listing[place] : NodeId{};
}

std::string add_constant(const GraphHandle& handle, const TensorRef& tensor) {
  const auto graph = handle.get();
  const bool main = !graph->parent() && !graph->function();
  const bool plain = handle.model->ir_version().value_or(0) >= 4;  // before, each is an input too
  if (main && plain) {
    graph->set_initializer(tensor);
    return tensor->name.value;
  }
  Node node;
  node.op_type = Text("Constant");
  node.name = tensor->name;
  node.outputs.push_back(graph->intern(tensor->name.value));
  node.attributes.push_back(Attribute("value", tensor));
  const auto listing = graph->nodes();
  graph->add_node(std::move(node), listing.empty() ? NodeId{} : listing.front());
  return tensor->name.value;
}

ValueHandle constant(const GraphHandle& handle, const py::object& value, const py::str& name,
                     const std::optional<std::string>& dtype) {
  const auto graph = handle.get();
  const std::string base = from_str(name);
  const TensorRef tensor =
      tensor_of(value, graph->fresh_name(base.empty() ? "constant" : base), dtype);
  const std::string made = add_constant(handle, tensor);
  return {handle, graph->find_value(made)};
}

/// Names of the inputs; what is no value becomes a constant.
std::vector<GivenName> operands(const GraphHandle& handle, const std::string& op_type,
                                const std::vector<py::object>& given) {
  const auto graph = handle.get();
  std::vector<GivenName> names(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (is_value(given[i])) names[i] = given[i].cast<GivenName>();
  }
  const std::vector<GivenName> values = names;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (is_value(given[i])) continue;
    const bool number = py::isinstance<py::float_>(given[i]) && !py::hasattr(given[i], "dtype");
    const auto dtype = number ? dtype_beside(*graph, values) : std::nullopt;
    names[i].text =
        add_constant(handle, tensor_of(given[i], graph->fresh_name(op_type + "_constant"), dtype));
  }
  while (!names.empty() && names.back().text.empty()) names.pop_back();
  return names;
}

/// A name that no value and no node of the graph has: runtimes want both to be unique.
std::string free_name(const Graph& graph, const std::string& base) {
  const auto is_taken = [&](const std::string& name) {
    return std::ranges::any_of(graph.nodes(),
                               [&](NodeId id) { return graph.node(id).name.value == name; });
  };
  std::string name = graph.fresh_name(base);
  for (std::string longer = base; is_taken(name);) {
    longer += "_new";
    name = graph.fresh_name(longer);
  }
  return name;
}

std::vector<ValueId> made_values(Graph& graph, const Outputs& outputs, const std::string& base) {
  if (const auto* names = std::get_if<std::vector<GivenName>>(&outputs)) {
    return makeable(graph, *names);
  }
  const std::int64_t count = std::get<std::int64_t>(outputs);
  if (count < 1) refuse_request("a node has at least one output; `outputs` is their number");
  std::vector<ValueId> out;
  for (std::int64_t i = 0; i < count; ++i) out.push_back(graph.intern(free_name(graph, base)));
  return out;
}

NodeHandle add(const GraphHandle& handle, const py::str& op_type,
               const std::vector<py::object>& inputs, const Outputs& outputs, const py::str& name,
               const py::str& domain, const std::map<std::string, py::object>& attributes,
               const std::optional<NodeId>& before) {
  const auto graph = handle.get();
  Node node;
  node.op_type = from_str(op_type);
  if (node.op_type.empty()) refuse_request("a node needs an operator");
  if (py::len(domain) != 0) node.domain = from_str(domain);
  for (const auto& [key, value] : attributes) {
    if (value.is_none()) continue;
    try {
      node.attributes.push_back(attribute_for(node, key, value.cast<GivenAttribute>()));
    } catch (const py::cast_error&) {
      refuse_request("attribute " + key + " of " + node.op_type.value + " is of type " +
                     std::string(py::str(py::type::of(value).attr("__name__"))) +
                     "; it can be a number, text, an array, or a list of numbers or texts");
    }
  }
  const std::vector<GivenName> names = operands(handle, node.op_type.value, inputs);
  node.inputs = readable(*graph, names);
  const std::string base = py::len(name) == 0 ? node.op_type.value : from_str(name);
  node.outputs = made_values(*graph, outputs, base);
  const bool named = py::len(name) != 0 || std::holds_alternative<std::int64_t>(outputs);
  if (py::len(name) != 0) {
    node.name = from_str(name);
  } else if (named) {
    node.name = Text(graph->value_name(node.outputs[0]));
  }
  const NodeId place = before ? *before : after_makers(*graph, node.inputs);
  return {handle, graph->add_node(std::move(node), place)};
}

NodeHandle add_node(const GraphHandle& handle, const py::str& op_type,
                    const std::vector<py::object>& inputs, const std::vector<GivenName>& outputs,
                    const py::str& name, const py::str& domain,
                    const std::map<std::string, py::object>& attributes,
                    const std::optional<NodeHandle>& before) {
  return add(handle, op_type, inputs, outputs, name, domain, attributes, place_of(handle, before));
}

py::object op(const GraphHandle& handle, const py::str& op_type, const py::args& inputs,
              const Outputs& outputs, const py::str& name, const py::str& domain,
              const std::optional<NodeHandle>& before, const py::kwargs& attributes) {
  std::optional<NodeId> place;
  if (before) place = place_of(handle, before);
  const NodeHandle made =
      add(handle, op_type, inputs.cast<std::vector<py::object>>(), outputs, name, domain,
          attributes.cast<std::map<std::string, py::object>>(), place);
  py::list values;
  for (const ValueId id : made.get().outputs) {
    values.append(id ? py::cast(ValueHandle{handle, id}) : py::none());
  }
  return values.size() == 1 ? py::object(values[0]) : py::tuple(values);
}

}  // namespace

Attribute attribute_for(const Node& node, std::string name, const GivenAttribute& given) {
  AttributeValue value = std::visit(AttributeOf{}, given);
  if (const auto number = dtype_number(node, name, value)) value = *number;
  return Attribute(std::move(name), std::move(value));
}

NodeId place_of(const GraphHandle& graph, const std::optional<NodeHandle>& before) {
  if (!before) return {};
  (void)before->get();
  if (graph.get() != before->graph.get()) {
    raise({Error::Kind::invalid, "the node is of another graph", {}, {}, {}});
  }
  return before->id;
}

void set_initializer(Graph& graph, const py::object& given, const std::string& name) {
  TensorRef tensor;
  if (py::isinstance<Tensor>(given)) {
    tensor = given.cast<std::shared_ptr<Tensor>>();
    if (!name.empty()) tensor = tensor->renamed(name);
  } else {
    tensor = tensor_of(given, name);
  }
  if (tensor->name.empty()) refuse_request("an initializer needs a name: give one");
  check_initializer(graph, graph.intern(tensor->name.value));
  graph.set_initializer(std::move(tensor));
}

void bind_building(py::class_<GraphHandle>& graph) {
  graph
      .def("add_node", &add_node, "op_type"_a, "inputs"_a, "outputs"_a, "name"_a = "",
           "domain"_a = "", "attributes"_a = std::map<std::string, py::object>{},
           "before"_a = py::none(), "Adds a node at the end, or before another one.")
      .def("op", &op, "op_type"_a, "outputs"_a = 1, "name"_a = "", "domain"_a = "",
           "before"_a = py::none(), "Adds a node; what it makes.")
      .def("constant", &constant, "value"_a, "name"_a = "", "dtype"_a = py::none(),
           "Adds a constant.");
  bind_edges(graph);
}

}  // namespace pot
