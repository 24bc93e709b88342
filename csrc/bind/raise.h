#pragma once
// Errors of the core as Python exceptions.

#include <pybind11/pybind11.h>

#include <utility>

#include "base/status.h"

namespace pot {

/// Raises pyonnxtool.errors.ModelError with the text of the error.
[[noreturn]] inline void raise(const Error& error) {
  const auto type = pybind11::module_::import("pyonnxtool.errors").attr("ModelError");
  PyErr_SetString(type.ptr(), error.text().c_str());
  throw pybind11::error_already_set();
}

/// The value, or the exception.
template <class T>
T unwrap(Result<T> result) {
  if (!result) raise(result.error());
  return std::move(result).value();
}

inline void check(const Status& status) {
  if (!status) raise(status.error());
}

}  // namespace pot
