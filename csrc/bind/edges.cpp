// Edits that put something on an edge, or take a node off it.

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "bind/building.h"
#include "bind/edit_checks.h"
#include "ir/print.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

namespace py = pybind11;
using namespace py::literals;

[[noreturn]] void refuse(std::string why) { raise({Error::Kind::invalid, std::move(why)}); }

std::string quoted(const Graph& graph, ValueId id) {
  return "'" + std::string(graph.value_name(id)) + "'";
}

/// The output keeps its name, its place and its declared type, and is `made` from now on.
void pass_on_output(Graph& graph, ValueId value, ValueId made) {
  const std::string name(graph.value_name(value));
  const auto at = static_cast<std::size_t>(graph.value(value).output_index);
  const TypeRef type = graph.outputs()[at].type;
  graph.remove_output(value);
  check(graph.rename_value(value, graph.fresh_name(name + "_before")));
  check(graph.rename_value(made, name));
  graph.add_output(made, type, at);
}

/// The uses that are there still: what was built may have changed others.
std::vector<Use> remaining(const Graph& graph, ValueId value, std::vector<Use> uses) {
  const auto key = [](const Use& use) { return std::pair(use.node.index, use.slot); };
  std::vector<Use> now = graph.uses(value);
  std::ranges::sort(now, {}, key);
  std::erase_if(
      uses, [&](const Use& use) { return !std::ranges::binary_search(now, key(use), {}, key); });
  return uses;
}

/// The uses of a value by these nodes. Raises ModelError for a node that does not read it.
std::vector<Use> uses_by(const Graph& graph, ValueId value, const std::vector<Use>& uses,
                         const std::vector<NodeHandle>& readers) {
  std::vector<Use> out;
  for (const NodeHandle& reader : readers) {
    (void)reader.get();
    const std::size_t had = out.size();
    std::ranges::copy_if(uses, std::back_inserter(out),
                         [&](const Use& use) { return use.node == reader.id; });
    if (out.size() == had) {
      refuse(node_label(graph, reader.id) + " does not read " + quoted(graph, value));
    }
  }
  return out;
}

ValueHandle insert_after(const GraphHandle& handle, const GivenName& name,
                         const py::function& build,
                         const std::optional<std::vector<NodeHandle>>& readers) {
  const auto graph = handle.get();
  const ValueId value = known_value(*graph, name);
  if (graph->value(value).is_input && graph->value(value).is_output && !readers) {
    refuse(quoted(*graph, value) + " is an input and an output, so nothing fits in between");
  }
  const std::vector<Use> before = graph->uses(value);
  const py::object built = build(ValueHandle{handle, value});
  if (!py::isinstance<ValueHandle>(built) && !py::isinstance<py::str>(built)) {
    raise({Error::Kind::request,
           "the function that builds what is inserted has to return the "
           "value that readers get instead"});
  }
  const ValueId made = readable(*graph, {built.cast<GivenName>()})[0];
  if (made == value) return {handle, value};
  std::vector<Use> uses = remaining(*graph, value, before);
  if (readers) uses = uses_by(*graph, value, uses, *readers);
  check_replacement(*graph, value, made, uses);
  for (const Use& use : uses) graph->replace_use(use, value, made);
  if (readers) return {handle, made};
  if (!graph->value(value).is_output) return {handle, made};
  if (!graph->value(made).producer || graph->value(made).is_output) {
    refuse(quoted(*graph, value) + " is an output, and " + quoted(*graph, made) +
           " cannot take its name; build a node of its own for it");
  }
  pass_on_output(*graph, value, made);
  return {handle, made};
}

/// The input that passes: the one asked for, or the only one that is no constant.
ValueId passing(const Graph& graph, NodeId id, std::optional<std::size_t> slot) {
  const Node& node = graph.node(id);
  if (slot) {
    if (*slot < node.inputs.size() && node.inputs[*slot]) return node.inputs[*slot];
    refuse(node_label(graph, id) + " has no input " + std::to_string(*slot));
  }
  std::vector<ValueId> varying, given;
  for (const ValueId input : node.inputs) {
    const NodeId maker = input ? graph.value(input).producer : NodeId{};
    const bool constant =
        !input || constant_of(graph, input) || (maker && graph.node(maker).is("Constant"));
    if (input) given.push_back(input);
    if (!constant) varying.push_back(input);
  }
  if (varying.empty() && given.size() == 1) return given[0];
  if (varying.size() == 1) return varying[0];
  if (varying.empty()) refuse(node_label(graph, id) + " has no input that could pass");
  std::string names;
  for (const ValueId each : varying) names += (names.empty() ? "" : ", ") + quoted(graph, each);
  refuse(node_label(graph, id) + " has several inputs that could pass: " + names +
         "; say which, by its number");
}

ValueHandle bypass(const NodeHandle& handle, std::optional<std::size_t> input) {
  (void)handle.get();
  Graph& graph = *handle.graph.get();
  const Node& node = graph.node(handle.id);
  const ValueId source = passing(graph, handle.id, input);
  if (node.outputs.empty() || !node.outputs[0]) {
    refuse(node_label(graph, handle.id) + " makes nothing that an input could stand for");
  }
  const ValueId made = node.outputs[0];
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    if (!node.outputs[i] || !is_read(graph, node.outputs[i])) continue;
    refuse(node_label(graph, handle.id) + " makes " + quoted(graph, node.outputs[i]) +
           " too, which is read, and no input stands for it");
  }
  graph.set_outputs(handle.id, {made});
  Changes unused;
  stand_in(graph, made, source, unused);
  const bool makes = graph.value(made).producer == handle.id;
  if (!makes || !graph.value(made).is_output) {
    graph.remove_node(handle.id);
    return {handle.graph, graph.is_defined(made) ? made : source};
  }
  return {handle.graph, made};
}

}  // namespace

void bind_edges(py::class_<GraphHandle>& graph) {
  graph.def("insert_after", &insert_after, "value"_a, "build"_a, "readers"_a = py::none(),
            "Readers of a value read what `build` makes of it.");
}

void bind_node_bypass(py::class_<NodeHandle>& node) {
  node.def("bypass", &bypass, "input"_a = py::none(),
           "Removes the node; readers of its first output read one of its inputs.");
}

}  // namespace pot
