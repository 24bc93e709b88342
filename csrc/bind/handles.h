#pragma once
// What Python holds: the model and an id, never a pointer into a graph that an edit may free.

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <string_view>

#include "bind/raise.h"
#include "ir/model.h"

namespace pot {

struct GraphHandle {
  ModelPtr model;
  std::weak_ptr<Graph> graph;

  /// Raises ModelError when the graph is gone: the node whose body it was has been removed.
  [[nodiscard]] std::shared_ptr<Graph> get() const {
    auto alive = graph.lock();
    if (!alive)
      raise({Error::Kind::invalid, "this graph is gone: an edit removed its node", {}, {}, {}});
    return alive;
  }
};

struct NodeHandle {
  GraphHandle graph;
  NodeId id;

  /// Raises ModelError when the node has been removed.
  [[nodiscard]] const Node& get() const {
    const Node* found = graph.get()->find(id);
    if (!found) raise({Error::Kind::invalid, "this node is gone: an edit removed it", {}, {}, {}});
    return *found;
  }
};

struct ValueHandle {
  GraphHandle graph;
  ValueId id;

  [[nodiscard]] const Value& get() const { return graph.get()->value(id); }
};

struct FunctionHandle {
  ModelPtr model;
  const Function* function;

  [[nodiscard]] const Function& get() const {
    for (const auto& each : model->functions()) {
      if (each.get() == function) return *each;
    }
    raise({Error::Kind::invalid, "this function is gone: an edit removed it", {}, {}, {}});
  }
};

[[nodiscard]] inline GraphHandle main_graph(const ModelPtr& model) {
  return {model, model->graph_ptr()};
}

/// Names need not be UTF-8; what is not goes through as surrogates and comes back the same.
[[nodiscard]] inline pybind11::str to_str(std::string_view text) {
  PyObject* made =
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape");
  if (!made) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::str>(made);
}

[[nodiscard]] inline std::string from_str(const pybind11::str& text) {
  PyObject* made = PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogateescape");
  if (!made) throw pybind11::error_already_set();
  return std::string(pybind11::reinterpret_steal<pybind11::bytes>(made));
}

/// "" takes the text away.
[[nodiscard]] inline Text given_text(const pybind11::str& text) {
  std::string given = from_str(text);
  return given.empty() ? Text() : Text(std::move(given));
}

[[nodiscard]] pybind11::dict metadata_dict(const std::vector<MetadataEntry>& entries);
[[nodiscard]] pybind11::dict opset_dict(const std::vector<OpsetImport>& imports);

void bind_graph(pybind11::module_& m);
void bind_edits(pybind11::class_<GraphHandle>& graph, pybind11::class_<NodeHandle>& node);
void bind_names(pybind11::class_<GraphHandle>& graph);
void bind_tensor(pybind11::module_& m);
void bind_model_header(pybind11::class_<Model, ModelPtr>& model);
void bind_function_header(pybind11::class_<FunctionHandle>& function);
void bind_graph_header(pybind11::class_<GraphHandle>& graph);
void bind_node_header(pybind11::class_<NodeHandle>& node);

}  // namespace pot
