#pragma once
// Errors of the core as Python exceptions.

#include <pybind11/pybind11.h>

#include <utility>

#include "base/status.h"

namespace pot {

/// The class of pyonnxtool.errors that stands for this kind of error.
[[nodiscard]] inline const char* class_of(Error::Kind kind) noexcept {
  if (kind == Error::Kind::request) return "UsageError";
  return kind == Error::Kind::refused ? "Refused" : "ModelError";
}

/// Raises that class with the text of the error.
[[noreturn]] inline void raise(const Error& error) {
  const auto type = pybind11::module_::import("pyonnxtool.errors").attr(class_of(error.kind));
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
