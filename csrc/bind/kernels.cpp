// diff_stats, hash_bytes and narrow_to_half for Python. Everything is checked here, then the GIL is
// dropped.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include "bind/bind.h"
#include "kernels/diff_stats.h"
#include "kernels/hash.h"
#include "kernels/narrow.h"

namespace py = pybind11;
using namespace py::literals;

namespace pot {
namespace {

using kernels::DiffStats;
using kernels::Element;
using kernels::Packing;

/// What Python sees: the numbers, and the element that they are of ("string" has no Element).
struct TypedStats {
  DiffStats stats;
  std::string dtype;
  bool integral = false;
};

// Bytes of a Python object, borrowed for as long as this lives.
class Borrowed {
 public:
  Borrowed(py::handle object, const char* role) {
    if (py::isinstance<py::array>(object)) {
      borrow_array(object, role);
    } else {
      borrow_buffer(object, role);
    }
  }
  ~Borrowed() {
    if (view_) PyBuffer_Release(view_.get());
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  [[nodiscard]] ByteView bytes() const { return bytes_; }
  /// Empty for a buffer, which does not say.
  [[nodiscard]] const std::string& dtype() const { return dtype_; }

 private:
  void borrow_buffer(py::handle object, const char* role) {
    view_ = std::make_unique<Py_buffer>();
    if (PyObject_GetBuffer(object.ptr(), view_.get(), PyBUF_C_CONTIGUOUS) != 0) {
      PyErr_Clear();
      view_.reset();
      throw py::type_error(std::string(role) + " is neither a numpy array nor a C-contiguous " +
                           "buffer; pass numpy.ascontiguousarray(" + role + ")");
    }
    bytes_ = {static_cast<const std::byte*>(view_->buf), static_cast<std::size_t>(view_->len)};
  }

  void borrow_array(py::handle object, const char* role) {
    const auto array = py::reinterpret_borrow<py::array>(object);
    if ((array.flags() & py::array::c_style) == 0) {
      throw py::value_error(std::string(role) + " is not C-contiguous; pass " +
                            "numpy.ascontiguousarray(" + role + ")");
    }
    const auto byte_order = array.dtype().byteorder();
    if (byte_order == '>') {
      throw py::value_error(std::string(role) + " is big-endian; pass " + role + ".astype(" + role +
                            ".dtype.newbyteorder('='))");
    }
    dtype_ = py::cast<std::string>(array.dtype().attr("name"));
    bytes_ = {static_cast<const std::byte*>(array.data()),
              static_cast<std::size_t>(array.nbytes())};
  }

  std::unique_ptr<Py_buffer> view_;
  ByteView bytes_;
  std::string dtype_;
};

struct Format {
  Element element;
  Packing packing;
};

Element require_element(const std::string& name) {
  const auto element = kernels::element_of(name);
  if (element) return *element;
  throw py::type_error("dtype '" + name + "' is not one that ONNX has; cast both arrays to one " +
                       "that it has, or name the real one with dtype=");
}

// The arrays' own dtype, unless `dtype` says that their bytes mean something else.
Format format_of(const Borrowed& ref, const Borrowed& got,
                 const std::optional<std::string>& dtype) {
  if (ref.dtype() != got.dtype()) {
    throw py::type_error("ref is " + (ref.dtype().empty() ? "a buffer" : ref.dtype()) +
                         " and got is " + (got.dtype().empty() ? "a buffer" : got.dtype()) +
                         "; cast one of them to the other's dtype");
  }
  if (!dtype) {
    if (ref.dtype().empty()) throw py::type_error("a buffer needs dtype= to say what it holds");
    return {require_element(ref.dtype()), Packing::whole};
  }
  const Element element = require_element(*dtype);
  const bool same = !ref.dtype().empty() && kernels::element_of(ref.dtype()) == element;
  return {element, same ? Packing::whole : Packing::packed};
}

// Checks the sizes and gives the number of elements.
std::uint64_t count_of(const Borrowed& ref, const Borrowed& got, Format format,
                       std::optional<std::uint64_t> count) {
  const std::uint64_t size = ref.bytes().size();
  if (size != got.bytes().size()) {
    throw py::value_error("ref has " + std::to_string(size) + " bytes and got has " +
                          std::to_string(got.bytes().size()) +
                          "; both must hold the same number of elements");
  }
  const std::uint64_t bits = kernels::storage_bits(format.element, format.packing);
  const std::string name(kernels::name_of(format.element));
  if (size * 8 % bits != 0) {
    throw py::value_error(std::to_string(size) + " bytes are no whole number of " + name +
                          "; check dtype=");
  }
  const std::uint64_t room = size * 8 / bits;
  if (!count) return room;
  // Fewer only leaves padding in the last byte: more than that is a mistake.
  if (*count > room || (room - *count) * bits >= 8) {
    throw py::value_error(std::to_string(size) + " bytes hold " + std::to_string(room) + " " +
                          name + ", but count is " + std::to_string(*count));
  }
  return *count;
}

std::string text_of(py::handle item) {
  if (py::isinstance<py::str>(item) || py::isinstance<py::bytes>(item)) {
    return py::cast<std::string>(item);
  }
  throw py::type_error("an array of objects may only hold str or bytes, not " +
                       py::cast<std::string>(py::type::of(item).attr("__name__")));
}

bool is_text(py::handle object) {
  if (!py::isinstance<py::array>(object)) return false;
  const char kind = py::reinterpret_borrow<py::array>(object).dtype().kind();
  return kind == 'O' || kind == 'U' || kind == 'S' || kind == 'T';
}

// Strings are equal or not; str and bytes with the same UTF-8 are equal.
TypedStats compare_text(py::handle ref, py::handle got) {
  const py::list refs(ref.attr("ravel")().attr("tolist")());
  const py::list gots(got.attr("ravel")().attr("tolist")());
  if (refs.size() != gots.size()) {
    throw py::value_error("ref has " + std::to_string(refs.size()) + " strings and got has " +
                          std::to_string(gots.size()) + "; both must hold the same number");
  }
  TypedStats result{{}, "string"};
  result.stats.count = refs.size();
  result.stats.compared = refs.size();
  for (std::size_t i = 0; i < refs.size(); ++i) {
    result.stats.unequal += text_of(refs[i]) != text_of(gots[i]);
  }
  return result;
}

TypedStats compare(const py::object& ref, const py::object& got,
                   const std::optional<std::string>& dtype, std::optional<std::uint64_t> count) {
  if (is_text(ref) != is_text(got)) throw py::type_error("strings and numbers do not compare");
  if (is_text(ref)) return compare_text(ref, got);
  const Borrowed a(ref, "ref"), b(got, "got");
  const Format format = format_of(a, b, dtype);
  const std::uint64_t elements = count_of(a, b, format, count);
  TypedStats result{{}, std::string(kernels::name_of(format.element))};
  result.integral = result.dtype.find("int") != std::string::npos;
  const py::gil_scoped_release unlocked;
  result.stats =
      kernels::diff_stats(format.element, format.packing, a.bytes(), b.bytes(), elements);
  return result;
}

std::uint64_t hash_of(const py::object& data) {
  const Borrowed borrowed(data, "data");
  const py::gil_scoped_release unlocked;
  return kernels::hash_bytes(borrowed.bytes());
}

py::tuple narrow(const py::object& floats, const py::array& halves, bool stay_finite) {
  const Borrowed in(floats, "floats"), out(halves, "halves");
  if (in.dtype() != "float32" || out.dtype() != "float16") {
    throw py::type_error("an array of float32 is rounded into one of float16; these are of " +
                         in.dtype() + " and " + out.dtype());
  }
  if (!halves.writeable()) throw py::value_error("halves is read-only");
  if (in.bytes().size() != out.bytes().size() * 2) {
    throw py::value_error("floats and halves differ in size");
  }
  const std::span<std::byte> target(static_cast<std::byte*>(const_cast<void*>(halves.data())),
                                    out.bytes().size());
  const auto stats = [&] {
    const py::gil_scoped_release unlocked;
    return kernels::narrow_to_half(in.bytes(), target, stay_finite);
  }();
  return py::make_tuple(stats.overflowed, stats.subnormal, stats.vanished);
}

std::optional<std::uint64_t> place(std::uint64_t index) {
  if (index == kernels::kNowhere) return std::nullopt;
  return index;
}

// For integers the exact number, as a Python int.
py::object max_abs(const TypedStats& of) {
  if (of.integral) return py::int_(of.stats.max_ulp);
  return py::float_(of.stats.max_abs);
}

// None where that side has no finite value.
std::optional<double> bound(double value, double low, double high) {
  if (low > high) return std::nullopt;
  return value;
}

std::string describe(const TypedStats& of) {
  return "<DiffStats " + of.dtype + ": " + std::to_string(of.stats.unequal) + " of " +
         std::to_string(of.stats.count) + " unequal, max_abs " +
         py::cast<std::string>(py::str(max_abs(of))) + ">";
}

using StatsClass = py::class_<TypedStats>;

template <auto kField>
void add_field(StatsClass& type, const char* name) {
  type.def_property_readonly(name, [](const TypedStats& of) { return of.stats.*kField; });
}

template <auto kField>
void add_place(StatsClass& type, const char* name) {
  type.def_property_readonly(name, [](const TypedStats& of) { return place(of.stats.*kField); });
}

template <auto kField, auto kLow, auto kHigh>
void add_bound(StatsClass& type, const char* name) {
  type.def_property_readonly(name, [](const TypedStats& of) {
    return bound(of.stats.*kField, of.stats.*kLow, of.stats.*kHigh);
  });
}

void add_counts(StatsClass& type) {
  add_field<&DiffStats::count>(type, "count");
  add_field<&DiffStats::compared>(type, "compared");
  add_field<&DiffStats::unequal>(type, "unequal");
  add_field<&DiffStats::zero_ref_unequal>(type, "zero_ref_unequal");
  add_field<&DiffStats::max_ulp>(type, "max_ulp");
  add_field<&DiffStats::nan_ref>(type, "nan_ref");
  add_field<&DiffStats::nan_got>(type, "nan_got");
  add_field<&DiffStats::nan_both>(type, "nan_both");
  add_field<&DiffStats::nan_mismatch>(type, "nan_mismatch");
  add_field<&DiffStats::pos_inf_ref>(type, "pos_inf_ref");
  add_field<&DiffStats::neg_inf_ref>(type, "neg_inf_ref");
  add_field<&DiffStats::pos_inf_got>(type, "pos_inf_got");
  add_field<&DiffStats::neg_inf_got>(type, "neg_inf_got");
  add_field<&DiffStats::inf_mismatch>(type, "inf_mismatch");
  add_place<&DiffStats::first_nonfinite_mismatch>(type, "first_nonfinite_mismatch");
}

void add_numbers(StatsClass& type) {
  type.def_property_readonly("max_abs", max_abs);
  add_place<&DiffStats::max_abs_index>(type, "max_abs_index");
  add_field<&DiffStats::max_rel>(type, "max_rel");
  add_place<&DiffStats::max_rel_index>(type, "max_rel_index");
  add_field<&DiffStats::sum_abs>(type, "sum_abs");
  add_field<&DiffStats::sum_sq>(type, "sum_sq");
  add_field<&DiffStats::ref_sq>(type, "ref_sq");
  add_field<&DiffStats::got_sq>(type, "got_sq");
  add_field<&DiffStats::dot>(type, "dot");
  add_bound<&DiffStats::ref_min, &DiffStats::ref_min, &DiffStats::ref_max>(type, "ref_min");
  add_bound<&DiffStats::ref_max, &DiffStats::ref_min, &DiffStats::ref_max>(type, "ref_max");
  add_bound<&DiffStats::got_min, &DiffStats::got_min, &DiffStats::got_max>(type, "got_min");
  add_bound<&DiffStats::got_max, &DiffStats::got_min, &DiffStats::got_max>(type, "got_max");
  type.def_property_readonly("ref_abs_max", [](const TypedStats& of) {
    const DiffStats& s = of.stats;
    return s.ref_min > s.ref_max ? 0.0 : std::max(std::abs(s.ref_min), std::abs(s.ref_max));
  });
}

}  // namespace

void bind_kernels(py::module_& m) {
  StatsClass type(m, "DiffStats", "What two tensors have in common and what not; see diff_stats.");
  type.def_readonly("dtype", &TypedStats::dtype);
  add_counts(type);
  add_numbers(type);
  type.def_property_readonly(
      "histogram", [](const TypedStats& of) { return py::tuple(py::cast(of.stats.histogram)); });
  type.attr("histogram_edges") = py::tuple(py::cast(kernels::kDecades));
  type.def("__repr__", describe);

  m.def("diff_stats", compare, "ref"_a, "got"_a, "dtype"_a = py::none(), py::kw_only(),
        "count"_a = py::none(), "Compares two arrays of one dtype and size, in one pass.");
  m.def("hash_bytes", hash_of, "data"_a, "XXH64 of the bytes of an array or buffer.");
  m.def("narrow_to_half", narrow, "floats"_a, "halves"_a, "stay_finite"_a = false,
        "Rounds an array of float32 into one of float16.");
}

}  // namespace pot
