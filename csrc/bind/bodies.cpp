#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include "bind/bind.h"
#include "bind/raise.h"
#include "passes/body_model.h"
#include "passes/inline_functions.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pot {
namespace {

using TypeNames = std::unordered_map<std::string, std::string>;

auto body_model_of(const ModelPtr& model, std::uint32_t node, const std::string& attribute,
                   const TypeNames& types, const std::vector<std::string>& more) {
  std::unordered_map<std::string, TypeRef> known;
  for (const auto& [name, type] : types) {
    known.emplace(name, type_named(type));
    if (!known.at(name)) {
      raise(Error{.message = "value '" + name + "': no dtype is called '" + type + "'"});
    }
  }
  BodyModel made = unwrap(body_model(*model, NodeId{node}, attribute, known, more));
  return std::tuple(made.model, made.inputs, made.captured, made.outputs);
}

}  // namespace

void bind_bodies(py::module_& m) {
  m.def(
      "inline_functions",
      [](const ModelPtr& model, const SameMeaning& same_meaning) {
        if (model->functions().empty()) {
          return std::tuple(model, std::vector<std::pair<std::string, std::string>>{});
        }
        Inlined made = unwrap(inline_functions(*model, same_meaning));
        std::vector<std::pair<std::string, std::string>> kept;
        for (const Inlined::Kept& each : made.kept) kept.emplace_back(each.call, each.reason);
        return std::tuple(made.model, kept);
      },
      "model"_a, "same_meaning"_a,
      "The model without calls of its functions, and (call, reason) of those that stay.");
  m.def("body_model", &body_model_of, "model"_a, "node"_a, "attribute"_a, "types"_a = TypeNames{},
        "more"_a = std::vector<std::string>{},
        "A body of a node as a model: (model, own inputs, captured values, outputs).");
  m.attr("CALLED_FROM") = std::string(kCalledFrom);
}

}  // namespace pot
