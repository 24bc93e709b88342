// Fingerprints of arrays for Python.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>

#include "bind/bind.h"
#include "passes/value_print.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pot {
namespace {

/// Two runtimes are apart by so much in a statistic, deep in a network.
constexpr double kTolerance = 2e-4;
constexpr double kCoarseTolerance = 1e-2;
constexpr double kExact = 1e-12;  // sums of integers round too

double tolerance_of(kernels::Element element) {
  if (kernels::name_of(element).find("float") == std::string_view::npos) return kExact;
  const bool coarse = kernels::storage_bits(element, kernels::Packing::whole) <= 16;
  return coarse ? kCoarseTolerance : kTolerance;
}

ValuePrint print_of(const py::array& array) {
  if ((array.flags() & py::array::c_style) == 0) {
    throw py::value_error("the array is not C-contiguous; pass numpy.ascontiguousarray(array)");
  }
  const auto name = py::cast<std::string>(array.dtype().attr("name"));
  const auto element = kernels::element_of(name);
  if (!element || !kernels::has_fingerprint(*element)) {
    throw py::type_error("an array of " + name + " has no fingerprint: it holds no real numbers");
  }
  ValuePrint made;
  made.tolerance = tolerance_of(*element);
  made.dims.assign(array.shape(), array.shape() + array.ndim());
  const ByteView bytes{static_cast<const std::byte*>(array.data()),
                       static_cast<std::size_t>(array.nbytes())};
  const auto count = static_cast<std::uint64_t>(array.size());
  const py::gil_scoped_release unlocked;
  made.numbers = kernels::fingerprint(*element, bytes, count);
  return made;
}

template <auto kField>
void add_number(py::class_<ValuePrint>& type, const char* name) {
  type.def_property_readonly(name, [](const ValuePrint& of) { return of.numbers.*kField; });
}

}  // namespace

void bind_fingerprint(py::module_& m) {
  using kernels::Fingerprint;
  py::class_<ValuePrint> type(m, "Fingerprint", "What a tensor is known by in another model.");
  add_number<&Fingerprint::count>(type, "count");
  add_number<&Fingerprint::nan>(type, "nan");
  add_number<&Fingerprint::huge_positive>(type, "huge_positive");
  add_number<&Fingerprint::huge_negative>(type, "huge_negative");
  add_number<&Fingerprint::min>(type, "min");
  add_number<&Fingerprint::max>(type, "max");
  add_number<&Fingerprint::mean>(type, "mean");
  add_number<&Fingerprint::rms>(type, "rms");
  add_number<&Fingerprint::squashed>(type, "squashed");
  add_number<&Fingerprint::squashed_abs>(type, "squashed_abs");
  add_number<&Fingerprint::squashed_sq>(type, "squashed_sq");
  add_number<&Fingerprint::ordered>(type, "ordered");
  type.def_property_readonly("shape",
                             [](const ValuePrint& of) { return py::tuple(py::cast(of.dims)); });
  m.def("fingerprint", print_of, "array"_a, "The fingerprint of a C-contiguous array of numbers.");
  m.def(
      "alike",
      [](const ValuePrints& ours, const ValuePrints& theirs) {
        return distance(ours, theirs) != kNotAlike;
      },
      "ours"_a, "theirs"_a, "Whether two values are equal but for rounding, order and shape.");
  m.def("same_form", &same_form, "ours"_a, "theirs"_a,
        "Whether two values that are alike have their elements in the same order and shape.");
}

}  // namespace pot
