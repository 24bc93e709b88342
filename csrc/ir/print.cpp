#include "ir/print.h"

#include <sstream>

namespace pot {
namespace {

constexpr std::size_t kShown = 8;

template <class T, class Show>
std::string list_text(const std::vector<T>& list, Show&& show) {
  std::string out = "[";
  for (std::size_t i = 0; i < list.size() && i < kShown; ++i)
    out += (i ? ", " : "") + show(list[i]);
  if (list.size() > kShown) out += ", ... " + std::to_string(list.size()) + " in all";
  return out + "]";
}

std::string number_text(float value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

std::string tensor_text(const Tensor& tensor) {
  return dtype_name(tensor.dtype()) +
         list_text(tensor.dims, [](std::int64_t dim) { return std::to_string(dim); });
}

struct ValueText {
  std::string operator()(std::monostate) const { return "?"; }
  std::string operator()(float value) const { return number_text(value); }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(const std::string& value) const {
    return '"' + value.substr(0, 64) + (value.size() > 64 ? "...\"" : "\"");
  }
  std::string operator()(const TensorRef& value) const {
    return value ? tensor_text(*value) : "no tensor";
  }
  std::string operator()(const TypeRef& value) const { return type_text(value.get()); }
  std::string operator()(const SparseTensorRef&) const { return "a sparse tensor"; }
  std::string operator()(const GraphPtr& value) const {
    return value ? "a graph of " + std::to_string(value->nodes().size()) + " nodes" : "no graph";
  }
  template <class T>
  std::string operator()(const std::vector<T>& list) const {
    return list_text(list, ValueText{});
  }
};

std::string names_text(const Graph& graph, const std::vector<ValueId>& values) {
  std::string out;
  for (const ValueId id : values) {
    if (!out.empty()) out += ", ";
    out += id ? graph.value_name(id) : std::string_view("-");
  }
  return out;
}

std::string declared(const Graph& graph, std::span<const ValueInfo> infos) {
  std::string out;
  for (const ValueInfo& info : infos) {
    if (!out.empty()) out += ", ";
    out += graph.value_name(info.value);
    out += ": " + type_text(info.type.get());
  }
  return out;
}

void print(const Graph& graph, const std::string& indent, std::string& out) {
  out += indent + graph.name().value + "(" + declared(graph, graph.inputs()) + ") -> (" +
         declared(graph, graph.outputs()) + ")\n";
  for (const NodeId id : graph.nodes()) {
    out += indent + "  " + node_text(graph, id) + "\n";
    if (!graph.node(id).has_bodies()) continue;
    for (const GraphPtr& body : graph.node(id).bodies()) print(*body, indent + "    ", out);
  }
}

std::string op_text(const Node& node) {
  std::string out = node.is_standard() ? "" : node.domain.value + ".";
  return out + node.op_type.value;
}

}  // namespace

std::string node_label(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.name.empty()) return "node '" + node.name.value + "' (" + op_text(node) + ")";
  for (const ValueId output : node.outputs) {
    if (!output) continue;
    return op_text(node) + " node that makes '" + std::string(graph.value_name(output)) + "'";
  }
  return op_text(node) + " node without outputs";
}

std::string node_text(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  std::string out = names_text(graph, node.outputs) + " = " + op_text(node) + "(" +
                    names_text(graph, node.inputs) + ")";
  std::string attributes;
  for (const Attribute& each : node.attributes) {
    if (!attributes.empty()) attributes += ", ";
    attributes += each.name.value + "=";
    attributes +=
        each.ref_name.present ? "@" + each.ref_name.value : std::visit(ValueText{}, each.value);
  }
  return attributes.empty() ? out : out + " {" + attributes + "}";
}

std::string graph_text(const Graph& graph) {
  std::string out;
  print(graph, "", out);
  return out;
}

}  // namespace pot
