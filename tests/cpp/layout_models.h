#pragma once
// Graphs with Transposes, built by hand.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "passes/layout/layout_network.h"

namespace pot::layout_models {

using Names = std::vector<const char*>;
using Ints = std::vector<std::int64_t>;
using Sizes = std::vector<Dim>;

inline TypeRef floats(Sizes dims) { return tensor_type(DType::float32, std::move(dims)); }

/// A graph under construction: the main one or a body.
struct Drawn {
  Graph& graph;

  Drawn& input(const char* name, Sizes dims) {
    graph.add_input(graph.intern(name), floats(std::move(dims)));
    return *this;
  }
  Drawn& output(const char* name) {
    graph.add_output(graph.intern(name), nullptr);
    return *this;
  }
  Drawn& weight(const char* name, Ints dims) {
    std::size_t count = 1;
    for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
    const std::vector<float> elements(count, 0.5f);
    graph.set_initializer(make_tensor_copy(name, DType::float32, std::move(dims),
                                           std::as_bytes(std::span(elements))));
    return *this;
  }
  Drawn& ints(const char* name, const Ints& elements) {
    graph.set_initializer(make_int64s(name, elements));
    return *this;
  }
  Drawn& node(const char* op, const Names& inputs, const Names& outputs,
              std::vector<std::pair<const char*, AttributeValue>> attributes = {}) {
    Node made;
    made.op_type = Text(op);
    made.name = Text(std::string("n_") + outputs[0]);
    for (const char* name : inputs) made.inputs.push_back(graph.intern(name));
    for (const char* name : outputs) made.outputs.push_back(graph.intern(name));
    for (auto& [name, value] : attributes) made.attributes.emplace_back(name, std::move(value));
    graph.add_node(std::move(made));
    return *this;
  }
  Drawn& transpose(const char* input, const char* output, Ints perm) {
    return node("Transpose", {input}, {output}, one("perm", std::move(perm)));
  }

  static std::vector<std::pair<const char*, AttributeValue>> one(const char* name,
                                                                 AttributeValue value) {
    std::vector<std::pair<const char*, AttributeValue>> made;
    made.emplace_back(name, std::move(value));
    return made;
  }
};

inline ModelPtr empty_model() {
  ModelPtr model = Model().empty_like();  // its graph knows its model
  model->set_ir_version(8);
  model->set_opset("", 17);
  return model;
}

/// Pre: the network can be made.
inline LayoutNetwork network_of(Model& model, const LayoutOptions& options = {}) {
  const auto facts = infer_shapes(model);
  CHECK(facts.ok());
  auto network = layout_network(model, facts.value(), options);
  CHECK(network.ok());
  return network.ok() ? std::move(network).value() : LayoutNetwork{};
}

}  // namespace pot::layout_models
