// Edits of what a model, a function, a graph and a node say of themselves.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bind/handles.h"

namespace pot {
namespace {

namespace py = pybind11;
using namespace py::literals;

using Entries = std::vector<MetadataEntry>;

/// Where the key is now, or at the end.
Entries with_entry(Entries entries, std::string key, std::string value) {
  const auto found = std::ranges::find(entries, key, &MetadataEntry::first);
  if (found == entries.end()) {
    entries.emplace_back(std::move(key), std::move(value));
  } else {
    found->second = std::move(value);
  }
  return entries;
}

Entries without_entry(Entries entries, const std::string& key) {
  std::erase_if(entries, [&](const MetadataEntry& each) { return each.first == key; });
  return entries;
}

Function& edited(const FunctionHandle& function) { return const_cast<Function&>(function.get()); }

FunctionHandle adopt_function(const ModelPtr& model, const FunctionHandle& function,
                              const py::str& name, const std::optional<py::str>& domain) {
  const Function& from = function.get();
  std::string new_name = py::len(name) == 0 ? from.name.value : from_str(name);
  std::string new_domain = domain ? from_str(*domain) : from.domain.value;
  if (model->find_function(new_domain, new_name, from.overload)) {
    raise({Error::Kind::request,
           "the model has a function '" + new_domain + "::" + new_name + "' already",
           {},
           {},
           {}});
  }
  return {model, &model->adopt_function(from, std::move(new_name), std::move(new_domain))};
}

}  // namespace

void bind_model_header(py::class_<Model, ModelPtr>& model) {
  model
      .def(
          "set_opset_import",
          [](Model& m, const py::str& domain, std::int64_t version) {
            m.set_opset(from_str(domain), version);
          },
          "domain"_a, "version"_a, "Adds or changes it.")
      .def(
          "remove_opset_import",
          [](Model& m, const py::str& domain) { m.remove_opset(from_str(domain)); }, "domain"_a)
      .def(
          "set_ir_version", [](Model& m, std::int64_t version) { m.set_ir_version(version); },
          "version"_a)
      .def(
          "set_producer_name",
          [](Model& m, const py::str& text) { m.set_producer_name(given_text(text)); }, "text"_a)
      .def(
          "set_producer_version",
          [](Model& m, const py::str& text) { m.set_producer_version(given_text(text)); }, "text"_a)
      .def(
          "set_domain", [](Model& m, const py::str& text) { m.set_domain(given_text(text)); },
          "text"_a)
      .def(
          "set_model_version",
          [](Model& m, std::optional<std::int64_t> version) { m.set_model_version(version); },
          "version"_a)
      .def(
          "set_doc_string",
          [](Model& m, const py::str& text) { m.set_doc_string(given_text(text)); }, "text"_a)
      .def(
          "set_metadata",
          [](Model& m, const py::str& key, const py::str& value) {
            m.set_metadata(with_entry(m.metadata(), from_str(key), from_str(value)));
          },
          "key"_a, "value"_a)
      .def(
          "remove_metadata",
          [](Model& m, const py::str& key) {
            m.set_metadata(without_entry(m.metadata(), from_str(key)));
          },
          "key"_a)
      .def("adopt_function", &adopt_function, "function"_a, "name"_a = "", "domain"_a = py::none(),
           "Adds a copy of a function of any model.")
      .def(
          "remove_function",
          [](Model& m, const FunctionHandle& function) { m.remove_function(function.get()); },
          "function"_a);
}

void bind_function_header(py::class_<FunctionHandle>& function) {
  function
      .def_property_readonly(
          "metadata", [](const FunctionHandle& f) { return metadata_dict(f.get().metadata()); })
      .def(
          "set_opset_import",
          [](const FunctionHandle& f, const py::str& domain, std::int64_t version) {
            f.model->set_opset(edited(f), from_str(domain), version);
          },
          "domain"_a, "version"_a, "Adds or changes it.")
      .def(
          "remove_opset_import",
          [](const FunctionHandle& f, const py::str& domain) {
            f.model->remove_opset(edited(f), from_str(domain));
          },
          "domain"_a)
      .def(
          "set_doc_string",
          [](const FunctionHandle& f, const py::str& text) {
            f.model->set_doc_string(edited(f), given_text(text));
          },
          "text"_a)
      .def(
          "set_metadata",
          [](const FunctionHandle& f, const py::str& key, const py::str& value) {
            f.model->set_metadata(edited(f),
                                  with_entry(f.get().metadata(), from_str(key), from_str(value)));
          },
          "key"_a, "value"_a)
      .def(
          "remove_metadata",
          [](const FunctionHandle& f, const py::str& key) {
            f.model->set_metadata(edited(f), without_entry(f.get().metadata(), from_str(key)));
          },
          "key"_a);
}

void bind_graph_header(py::class_<GraphHandle>& graph) {
  graph
      .def_property_readonly(
          "metadata", [](const GraphHandle& g) { return metadata_dict(g.get()->metadata()); })
      .def(
          "set_name",
          [](const GraphHandle& g, const py::str& text) { g.get()->set_name(given_text(text)); },
          "text"_a)
      .def(
          "set_doc_string",
          [](const GraphHandle& g, const py::str& text) {
            g.get()->set_doc_string(given_text(text));
          },
          "text"_a)
      .def(
          "set_metadata",
          [](const GraphHandle& g, const py::str& key, const py::str& value) {
            g.get()->set_metadata(with_entry(g.get()->metadata(), from_str(key), from_str(value)));
          },
          "key"_a, "value"_a)
      .def(
          "remove_metadata",
          [](const GraphHandle& g, const py::str& key) {
            g.get()->set_metadata(without_entry(g.get()->metadata(), from_str(key)));
          },
          "key"_a);
}

void bind_node_header(py::class_<NodeHandle>& node) {
  node.def(
          "set_name",
          [](const NodeHandle& n, const py::str& text) {
            (void)n.get();
            n.graph.get()->set_node_name(n.id, given_text(text));
          },
          "text"_a)
      .def(
          "set_doc_string",
          [](const NodeHandle& n, const py::str& text) {
            (void)n.get();
            n.graph.get()->set_node_doc_string(n.id, given_text(text));
          },
          "text"_a)
      .def(
          "set_metadata",
          [](const NodeHandle& n, const py::str& key, const py::str& value) {
            n.graph.get()->set_metadata(
                n.id, with_entry(n.get().metadata(), from_str(key), from_str(value)));
          },
          "key"_a, "value"_a)
      .def(
          "remove_metadata",
          [](const NodeHandle& n, const py::str& key) {
            n.graph.get()->set_metadata(n.id, without_entry(n.get().metadata(), from_str(key)));
          },
          "key"_a);
}

}  // namespace pot
