#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bind/bind.h"
#include "bind/handles.h"
#include "ir/load.h"
#include "ir/save.h"
#include "ir/verify.h"
#include "passes/prune.h"

namespace pot {
namespace {

namespace py = pybind11;
using namespace py::literals;

Weights weights_named(const std::string& name) {
  if (name == "auto") return Weights::automatic;
  if (name == "keep") return Weights::keep;
  if (name == "inside") return Weights::inside;
  if (name == "external") return Weights::external;
  if (name == "link") return Weights::link;
  raise({Error::Kind::invalid,
         "weights is \"" + name + "\"; it can be auto, keep, inside, external or link",
         {},
         {},
         {}});
}

ModelPtr load(const std::string& path) {
  auto loaded = [&] {
    const py::gil_scoped_release unlocked;
    return load_model(path);
  }();
  return unwrap(std::move(loaded));
}

// The bytes object is the owner, and it may be let go by a thread that has no GIL.
ModelPtr from_bytes(const py::bytes& data, const std::string& folder, const std::string& path) {
  const Owner owner(data.inc_ref().ptr(), [](const void* object) {
    if (!Py_IsInitialized()) return;
    const py::gil_scoped_acquire locked;
    Py_DECREF(static_cast<PyObject*>(const_cast<void*>(object)));
  });
  const Bytes bytes{as_bytes(std::string_view(data)), owner};
  return unwrap(load_model(bytes, folder, path));
}

py::bytes to_bytes(const Model& model, const std::string& weights, const std::string& folder,
                   std::uint64_t threshold) {
  const Weights where = weights_named(weights);
  auto written = [&] {
    const py::gil_scoped_release unlocked;
    return model_bytes(model, where, folder, threshold);
  }();
  return py::bytes(unwrap(std::move(written)));
}

void save(const Model& model, const std::string& path, const std::string& weights, bool force,
          std::uint64_t threshold, std::uint64_t alignment, bool file_each) {
  const SaveOptions options{weights_named(weights), force, threshold, alignment, file_each};
  const Status status = [&] {
    const py::gil_scoped_release unlocked;
    return save_model(model, path, options);
  }();
  check(status);
}

void save_models_together(const std::vector<std::pair<ModelPtr, std::string>>& models,
                          const std::string& data_path,
                          const std::map<std::string, std::string>& links) {
  SharedSave what;
  what.data_path = data_path;
  what.links = links;
  for (const auto& [model, path] : models) what.models.emplace_back(model.get(), path);
  const Status status = [&] {
    const py::gil_scoped_release unlocked;
    return save_together(what);
  }();
  check(status);
}

std::vector<FunctionHandle> functions(const ModelPtr& model) {
  std::vector<FunctionHandle> out;
  for (const auto& each : model->functions()) out.push_back({model, each.get()});
  return out;
}

std::map<std::string, std::size_t> prune_all(Model& model) {
  Changes changes;
  (void)unwrap(prune(model, changes));
  prune_header(model, changes);
  std::map<std::string, std::size_t> out;
  for (const Changes::Rule& each : changes.rules()) {
    if (each.count != 0) out.emplace(each.name, each.count);
  }
  return out;
}

std::vector<std::string> problems(const Model& model) {
  std::vector<std::string> out;
  for (const Error& error : verify(model)) out.push_back(error.text());
  return out;
}

void bind_model_class(py::module_& m) {
  py::class_<Model, ModelPtr> bound(m, "Model", "A model; its weights stay in its files.");
  bound.def_property_readonly("path", [](const Model& model) { return to_str(model.path()); })
      .def_property_readonly("folder", [](const Model& model) { return to_str(model.folder()); })
      .def_property_readonly("graph", [](const ModelPtr& model) { return main_graph(model); })
      .def_property_readonly("functions", &functions)
      .def_property_readonly("ir_version",
                             [](const Model& model) { return model.ir_version().value_or(0); })
      .def_property_readonly("opset_imports",
                             [](const Model& model) { return opset_dict(model.opset_imports()); })
      .def_property_readonly("producer_name",
                             [](const Model& model) { return to_str(model.producer_name()); })
      .def_property_readonly("producer_version",
                             [](const Model& model) { return to_str(model.producer_version()); })
      .def_property_readonly("domain", [](const Model& model) { return to_str(model.domain()); })
      .def_property_readonly("model_version",
                             [](const Model& model) { return model.model_version().value_or(0); })
      .def_property_readonly("doc_string",
                             [](const Model& model) { return to_str(model.doc_string()); })
      .def_property_readonly("metadata",
                             [](const Model& model) { return metadata_dict(model.metadata()); })
      .def("copy", &Model::copy, "An independent model that shares all bytes.")
      .def("touch", &Model::touch_all, "Marks everything as changed, so that it is written anew.")
      .def("prune", &prune_all, "Removes what no output needs.")
      .def("verify", &problems, "What is wrong with the graphs, each problem with its node.")
      .def("to_bytes", &to_bytes, "weights"_a = "inside", "folder"_a = "", "threshold"_a = 1024,
           "The model as one message. weights: inside, keep or link.")
      .def("save", &save, "path"_a, "weights"_a = "auto", "force"_a = false, py::kw_only(),
           "threshold"_a = 1024, "alignment"_a = 0, "file_each"_a = false,
           "Writes the model, all of it or nothing.")
      .def("external_files", &Model::external_files, "Files that hold external data.");
  bind_model_header(bound);
}

void bind_function_class(py::module_& m) {
  py::class_<FunctionHandle> function(m, "Function", "A model-local function.");
  function
      .def_property_readonly("name", [](const FunctionHandle& f) { return to_str(f.get().name); })
      .def_property_readonly("domain",
                             [](const FunctionHandle& f) { return to_str(f.get().domain); })
      .def_property_readonly("overload",
                             [](const FunctionHandle& f) { return to_str(f.get().overload); })
      .def_property_readonly("doc_string",
                             [](const FunctionHandle& f) { return to_str(f.get().doc_string); })
      .def_property_readonly(
          "opset_imports",
          [](const FunctionHandle& f) { return opset_dict(f.get().opset_imports); })
      .def_property_readonly("attributes",
                             [](const FunctionHandle& f) {
                               py::list out;
                               for (const auto& each : f.get().attributes) out.append(to_str(each));
                               for (const auto& each : f.get().attribute_defaults) {
                                 out.append(to_str(each.name));
                               }
                               return out;
                             })
      .def_property_readonly(
          "graph", [](const FunctionHandle& f) { return GraphHandle{f.model, f.get().body}; });
  bind_function_header(function);
}

}  // namespace

py::dict metadata_dict(const std::vector<MetadataEntry>& entries) {
  py::dict out;
  for (const auto& [key, value] : entries) out[to_str(key)] = to_str(value);
  return out;
}

py::dict opset_dict(const std::vector<OpsetImport>& imports) {
  py::dict out;
  for (const OpsetImport& each : imports) {
    const std::string_view domain = each.domain;
    out[to_str(domain == "ai.onnx" ? "" : domain)] = each.version.value_or(0);
  }
  return out;
}

void bind_model(py::module_& m) {
  bind_tensor(m);
  bind_graph(m);
  bind_function_class(m);
  bind_model_class(m);
  m.def("load", &load, "path"_a, "Maps a model file; no weight is read.");
  m.def("from_bytes", &from_bytes, "data"_a, "folder"_a = "", "path"_a = "",
        "A model over these bytes. External data is looked up in `folder`.");
  m.def("save_together", &save_models_together, "models"_a, "data_path"_a,
        "links"_a = std::map<std::string, std::string>{},
        "Writes models that share one file of weights.");
}

}  // namespace pot
