#include "passes/specialize.h"

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bind/bind.h"
#include "bind/fallback.h"
#include "bind/handles.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pot {
namespace {

/// A number, a name or expression, or None for what stays as it is.
using Size = std::optional<std::variant<std::int64_t, std::string>>;

Dim to_dim(const Size& size) {
  if (!size) return {};
  if (const auto* number = std::get_if<std::int64_t>(&*size)) return *number;
  return std::get<std::string>(*size);
}

/// A copy: the array may change. Error: an element type that numpy only has as an object.
Result<TensorRef> to_tensor(const std::string& name, const py::handle& given) {
  const auto array = py::array::ensure(given, py::array::c_style);
  if (!array) {
    PyErr_Clear();
    return Error{.message = "value '" + name + "' was not computed as an array"};
  }
  const std::string dtype_text = py::str(array.dtype());
  const auto dtype = dtype_named(dtype_text);
  if (!dtype || dtype_bits(*dtype) < 8) {
    return Error{.message = "value '" + name + "' was computed as " + dtype_text};
  }
  const auto* data = static_cast<const std::byte*>(array.data());
  return make_tensor_copy(name, *dtype, {array.shape(), array.shape() + array.ndim()},
                          {data, static_cast<std::size_t>(array.nbytes())});
}

Result<std::vector<TensorRef>> to_tensors(const std::vector<std::string>& names,
                                          const py::object& given) {
  const py::list arrays(given);
  if (arrays.size() != names.size()) {
    return Error{.message = std::to_string(names.size()) + " values were asked for, " +
                            std::to_string(arrays.size()) + " were computed"};
  }
  std::vector<TensorRef> tensors;
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto tensor = to_tensor(names[i], arrays[i]);
    if (!tensor) return tensor.error();
    tensors.push_back(std::move(tensor).value());
  }
  return tensors;
}

/// What it raises is why the constants stay.
Evaluate evaluate_of(const py::object& callable) {
  if (callable.is_none()) return {};
  return [callable](const ModelPtr& model, const std::vector<std::string>& outputs) {
    const py::gil_scoped_acquire locked;
    try {
      return to_tensors(outputs, callable(model, outputs));
    } catch (py::error_already_set& raised) {
      if (raised.matches(PyExc_KeyboardInterrupt)) throw;
      return Result<std::vector<TensorRef>>(Error{.message = raised.what()});
    }
  };
}

Specialized run(const ModelPtr& model, const std::map<std::string, std::vector<Size>>& shapes,
                const std::map<std::string, std::variant<std::int64_t, std::string>>& dims,
                std::int64_t max_unroll, std::optional<std::int64_t> max_growth, bool value_info,
                const py::object& evaluate, const py::object& fallback,
                const SameMeaning& same_meaning) {
  SpecializeOptions options;
  for (const auto& [name, sizes] : shapes) {
    auto& list = options.shapes[name];
    for (const Size& size : sizes) list.push_back(to_dim(size));
  }
  for (const auto& [name, size] : dims) options.dims.emplace(name, to_dim(size));
  options.max_unroll = max_unroll;
  options.max_growth = max_growth;
  options.value_info = value_info;
  options.evaluate = evaluate_of(evaluate);
  options.fallback = fallback_of(fallback);
  options.same_meaning = same_meaning;
  Result<Specialized> made = [&] {
    const py::gil_scoped_release unlocked;
    return specialize(*model, options);
  }();
  return unwrap(std::move(made));
}

std::vector<std::pair<std::string, std::size_t>> rules_of(const Specialized& self) {
  std::vector<std::pair<std::string, std::size_t>> out;
  for (const Changes::Rule& rule : self.changes.rules()) out.emplace_back(rule.name, rule.count);
  return out;
}

std::vector<std::pair<std::string, std::string>> left_of(const Specialized& self) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Changes::Left& left : self.changes.left()) out.emplace_back(left.node, left.reason);
  return out;
}

py::dict value_map_of(const Specialized& self) {
  py::dict out;
  for (const auto& [from, to] : self.changes.value_map()) out[to_str(from)] = to_str(to);
  return out;
}

}  // namespace

void bind_specialize(py::module_& m) {
  py::class_<Leftover>(m, "Leftover", "A value whose size is not a number.")
      .def_property_readonly("value", [](const Leftover& self) { return to_str(self.value); })
      .def_property_readonly("node", [](const Leftover& self) { return to_str(self.node); })
      .def_property_readonly("shape", [](const Leftover& self) { return to_str(self.shape); })
      .def_property_readonly("reason", [](const Leftover& self) { return to_str(self.reason); })
      .def("__repr__", [](const Leftover& self) {
        return to_str("<Leftover " + self.value + self.shape + ": " + self.reason + ">");
      });
  py::class_<Specialized>(m, "Specialized", "A model for fixed sizes, and how it was made.")
      .def_readonly("model", &Specialized::model)
      .def_property_readonly("changes", &rules_of, "(rule, how often), in order.")
      .def_property_readonly("value_map", &value_map_of, "Old name to the name that stands for it.")
      .def_property_readonly("left", &left_of, "(node, reason) of what a rule may not change.")
      .def_readonly("leftovers", &Specialized::leftovers);
  m.def("specialize", &run, "model"_a, "shapes"_a = py::dict(), "dims"_a = py::dict(),
        "max_unroll"_a = SpecializeOptions{}.max_unroll, "max_growth"_a = py::none(),
        "value_info"_a = false, "evaluate"_a = py::none(), "fallback"_a = py::none(),
        "same_meaning"_a = SameMeaning{},
        "A model for these sizes: whatever follows from them is computed once.");
}

}  // namespace pot
