#include "ir/tensor.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <utility>
#include <vector>

#include "bind/given.h"
#include "bind/handles.h"
#include "wire/fields.h"
#include "wire/writer.h"

namespace pot {
namespace {

namespace py = pybind11;
using namespace py::literals;

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

/// The inverse of `spread`.
Bytes packed(const py::array& array, unsigned bits) {
  const auto count = static_cast<std::size_t>(array.size());
  const auto* elements = static_cast<const std::uint8_t*>(array.data());
  auto out = std::make_shared<std::vector<std::byte>>((count * bits + 7) / 8);
  const unsigned mask = (1U << bits) - 1;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned code = (elements[i] & mask) << (i * bits % 8);
    (*out)[i * bits / 8] |= static_cast<std::byte>(code);
    if (i * bits % 8 + bits > 8) (*out)[i * bits / 8 + 1] |= static_cast<std::byte>(code >> 8);
  }
  const ByteView view(*out);
  return {view, std::move(out)};
}

/// The bytes of an array that nobody writes to; it is let go by whatever thread is last.
Bytes bytes_of(const py::array& array) {
  const Owner owner(array.inc_ref().ptr(), [](const void* object) {
    if (!Py_IsInitialized()) return;
    const py::gil_scoped_acquire locked;
    Py_DECREF(static_cast<PyObject*>(const_cast<void*>(object)));
  });
  const auto* data = static_cast<const std::byte*>(array.data());
  return {{data, static_cast<std::size_t>(array.nbytes())}, owner};
}

TensorRef string_tensor(const py::array& array, std::string name, std::vector<std::int64_t> dims) {
  Writer writer;
  for (const py::handle each : py::list(array.attr("ravel")().attr("tolist")())) {
    const bool bytes = py::isinstance<py::bytes>(each);
    if (!bytes && !py::isinstance<py::str>(each)) {
      raise({Error::Kind::request,
             "a tensor holds numbers or text, not " + std::string(py::str(py::type::of(each)))});
    }
    const std::string element =
        bytes ? std::string(py::reinterpret_borrow<py::bytes>(each)) : from_str(py::str(each));
    writer.text(fields::tensor::string_data, element);
  }
  auto owned = std::make_shared<const std::string>(writer.to_string());
  auto tensor = std::make_shared<Tensor>();
  tensor->name = Text(std::move(name));
  tensor->data_type = static_cast<std::int32_t>(DType::string);
  tensor->dims = std::move(dims);
  const ByteView view = as_bytes(*owned);
  if (!view.empty()) tensor->typed.append({view, std::move(owned)});
  return tensor;
}

std::optional<DType> onnx_dtype(const py::dtype& dtype) {
  const auto name = py::cast<std::string>(dtype.attr("name"));
  for (const auto& [exotic, exotic_name] : kExotic) {
    if (name == exotic_name) return exotic;
  }
  const std::string kinds = "OSUT";  // objects, bytes, text, and text of any length
  if (kinds.find(dtype.kind()) != std::string::npos) return DType::string;
  return dtype_named(name);
}

/// In C order and native bytes, read-only; one's own copy where somebody could write to it.
py::array settled(const py::handle& given, const std::optional<std::string>& dtype) {
  const auto numpy = py::module_::import("numpy");
  py::object array = numpy.attr("asarray")(given);
  const py::object has = array.attr("dtype");
  py::object wanted = has.attr("newbyteorder")("=");
  const bool numbers = !py::hasattr(given, "dtype");
  if (numbers && has.equal(py::dtype("float64"))) wanted = py::dtype("float32");
  if (dtype) {
    const auto named = dtype_named(*dtype);
    if (!named) raise({Error::Kind::request, "no dtype is called '" + *dtype + "'"});
    wanted = *named == DType::string ? py::dtype("object") : numpy_dtype(*named);
  }
  const auto flags = array.attr("flags");
  const bool shared = !py::cast<bool>(flags.attr("writeable")) &&
                      py::cast<bool>(flags.attr("c_contiguous")) && has.equal(wanted);
  if (shared) return py::reinterpret_borrow<py::array>(array);
  array = array.attr("astype")(wanted, "order"_a = "C", "copy"_a = true);
  array.attr("setflags")("write"_a = false);
  return py::reinterpret_borrow<py::array>(array);
}

py::object location(const Tensor& tensor) {
  const auto range = tensor.file_range();
  if (!range) return py::none();
  return py::make_tuple(to_str(range->file), range->offset, range->length);
}

}  // namespace

TensorRef tensor_of(const py::handle& given, std::string name,
                    const std::optional<std::string>& dtype) {
  if (py::isinstance<Tensor>(given)) {
    const TensorRef tensor = given.cast<std::shared_ptr<Tensor>>();
    const bool other = dtype && *dtype != dtype_name(tensor->dtype());
    if (!other) return tensor->renamed(std::move(name));
    return tensor_of(to_numpy(*tensor), std::move(name), dtype);
  }
  const py::array array = settled(given, dtype);
  const auto element = onnx_dtype(array.dtype());
  if (!element) {
    raise({Error::Kind::request, "ONNX has no tensors of " + std::string(py::str(array.dtype())) +
                                     "; give an array of numbers or text"});
  }
  std::vector<std::int64_t> dims(array.shape(), array.shape() + array.ndim());
  if (*element == DType::string) return string_tensor(array, std::move(name), std::move(dims));
  const unsigned bits = dtype_bits(*element);
  return make_tensor(std::move(name), *element, std::move(dims),
                     bits < 8 ? packed(array, bits) : bytes_of(array));
}

void bind_tensor(py::module_& m) {
  py::class_<Tensor, std::shared_ptr<Tensor>>(m, "Tensor", "A constant; read when asked for.")
      .def(py::init([](const py::object& value, const py::str& name,
                       const std::optional<std::string>& dtype) {
             return std::const_pointer_cast<Tensor>(tensor_of(value, from_str(name), dtype));
           }),
           "value"_a, "name"_a = "", "dtype"_a = py::none(), "The elements of an array.")
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
