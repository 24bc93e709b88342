#pragma once
// What Python may give for a value, and for a tensor.

#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "bind/handles.h"

namespace pot {

/// A value, by its name or by itself; None is the empty name of an omitted one.
struct GivenName {
  std::string text;
};

/// Raises ModelError when the graph mentions no such name.
[[nodiscard]] ValueId known_value(const Graph& graph, const GivenName& name);

/// A tensor over the elements of an array, or of what numpy makes one of: Python's floats are
/// float32, its integers int64. A tensor and a read-only array are shared, another array is copied.
/// Elements are cast to `dtype`, if that is given. Raises UsageError for what ONNX has no dtype
/// for.
[[nodiscard]] TensorRef tensor_of(const pybind11::handle& given, std::string name,
                                  const std::optional<std::string>& dtype = {});

}  // namespace pot

namespace pybind11::detail {

template <>
struct type_caster<pot::GivenName> {
  PYBIND11_TYPE_CASTER(pot::GivenName, const_name("str"));

  bool load(handle source, bool) {
    if (isinstance<pot::ValueHandle>(source)) {
      value.text = source.cast<const pot::ValueHandle&>().get().name;
      return true;
    }
    if (!source.is_none() && !isinstance<str>(source)) return false;
    value.text = source.is_none() ? std::string() : pot::from_str(reinterpret_borrow<str>(source));
    return true;
  }
};

}  // namespace pybind11::detail
