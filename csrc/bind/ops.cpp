// The table of operator families, for the Python side: lists, tolerances, alignment.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <string_view>
#include <vector>

#include "bind/bind.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

namespace py = pybind11;

struct OpRow {
  std::string_view domain;
  std::string_view op_type;
  OpTraits traits;
  bool has_shape_rule;
};

std::vector<OpRow> rows() {
  std::vector<OpRow> out;
  for (const auto& [key, entry] : op_table().entries()) {
    out.push_back({key.first, key.second, entry.traits, entry.shape != nullptr});
  }
  return out;
}

}  // namespace

void bind_ops(py::module_& m) {
  py::class_<OpRow>(m, "OpInfo", "What is known of one operator.")
      .def_readonly("domain", &OpRow::domain)
      .def_readonly("op_type", &OpRow::op_type)
      .def_property_readonly("alias", [](const OpRow& row) { return row.traits.alias; })
      .def_property_readonly("random", [](const OpRow& row) { return row.traits.random; })
      .def_property_readonly("commutative", [](const OpRow& row) { return row.traits.commutative; })
      .def_property_readonly("non_tensor", [](const OpRow& row) { return row.traits.non_tensor; })
      .def_readonly("has_shape_rule", &OpRow::has_shape_rule)
      .def_property_readonly("accumulation",
                             [](const OpRow& row) { return to_text(row.traits.accumulation); });
  m.def("op_table", &rows, "Every operator that some family knows, by domain and op_type.");
}

}  // namespace pot
