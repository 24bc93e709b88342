#include "ir/tensor.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <utility>
#include <vector>

#include "bind/handles.h"

namespace pot {
namespace {

namespace py = pybind11;

/// Types that numpy has not, and their names in ml_dtypes.
constexpr std::array<std::pair<DType, const char*>, 13> kExotic{{
    {DType::bfloat16, "bfloat16"},
    {DType::float8e4m3fn, "float8_e4m3fn"},
    {DType::float8e4m3fnuz, "float8_e4m3fnuz"},
    {DType::float8e5m2, "float8_e5m2"},
    {DType::float8e5m2fnuz, "float8_e5m2fnuz"},
    {DType::float8e8m0, "float8_e8m0fnu"},
    {DType::float4e2m1, "float4_e2m1fn"},
    {DType::float6e2m3, "float6_e2m3fn"},
    {DType::float6e3m2, "float6_e3m2fn"},
    {DType::uint4, "uint4"},
    {DType::int4, "int4"},
    {DType::uint2, "uint2"},
    {DType::int2, "int2"},
}};

py::dtype numpy_dtype(DType dtype) {
  for (const auto& [exotic, name] : kExotic) {
    if (exotic != dtype) continue;
    return py::dtype::from_args(py::module_::import("ml_dtypes").attr(name));
  }
  return py::dtype(dtype_name(dtype));
}

/// One element a byte, in its lowest bits, as ml_dtypes has the types below 8 bits.
Bytes spread(const Bytes& packed, std::uint64_t count, unsigned bits) {
  auto out = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(count));
  const unsigned mask = (1U << bits) - 1;
  for (std::size_t i = 0; i < out->size(); ++i) {
    const std::size_t bit = i * bits;
    auto code = std::to_integer<unsigned>(packed.view[bit / 8]) >> (bit % 8);
    if (bit % 8 + bits > 8)
      code |= std::to_integer<unsigned>(packed.view[bit / 8 + 1]) << (8 - bit % 8);
    (*out)[i] = static_cast<std::byte>(code & mask);
  }
  const ByteView view(*out);
  return {view, std::move(out)};
}

py::object string_array(const Tensor& tensor) {
  const auto strings = unwrap(tensor.strings());
  py::list elements;
  for (const auto& each : strings) elements.append(to_str(each));
  const auto numpy = py::module_::import("numpy");
  py::object array = numpy.attr("array")(elements, "object").attr("reshape")(tensor.dims);
  array.attr("setflags")(false);
  return array;
}

/// A read-only array over the bytes; its base keeps their owner alive.
py::object to_numpy(const Tensor& tensor) {
  if (tensor.dtype() == DType::string) return string_array(tensor);
  Bytes data = unwrap(tensor.data());
  const unsigned bits = dtype_bits(tensor.dtype());
  if (bits < 8) data = spread(data, tensor.count().value_or(0), bits);
  auto* keeper = new Owner(data.owner);
  const py::capsule base(keeper, [](void* owner) { delete static_cast<Owner*>(owner); });
  const std::vector<py::ssize_t> shape(tensor.dims.begin(), tensor.dims.end());
  py::array array(numpy_dtype(tensor.dtype()), shape, data.view.data(), base);
  array.attr("setflags")(false);
  return array;
}

py::object location(const Tensor& tensor) {
  const auto range = tensor.file_range();
  if (!range) return py::none();
  return py::make_tuple(to_str(range->file), range->offset, range->length);
}

}  // namespace

void bind_tensor(py::module_& m) {
  py::class_<Tensor, std::shared_ptr<Tensor>>(m, "Tensor", "A constant; read when asked for.")
      .def_property_readonly("name", [](const Tensor& t) { return to_str(t.name); })
      .def_property_readonly("dtype", [](const Tensor& t) { return dtype_name(t.dtype()); })
      .def_property_readonly("shape", [](const Tensor& t) { return py::tuple(py::cast(t.dims)); })
      .def_property_readonly("nbytes", [](const Tensor& t) { return t.nbytes().value_or(0); })
      .def_property_readonly("is_external", &Tensor::is_external)
      .def_property_readonly("location", &location)
      .def("forget", &Tensor::forget,
           "Lets the memory of elements that are mapped from a file go until they are read again.")
      .def("numpy", &to_numpy, "The elements as a read-only array, a view wherever it can be one.")
      .def("__repr__", [](const Tensor& t) {
        return to_str("<Tensor " + t.name.value + ": " + dtype_name(t.dtype()) + " " +
                      std::string(py::str(py::tuple(py::cast(t.dims)))) + ">");
      });
}

}  // namespace pot
