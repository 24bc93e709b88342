#pragma once
// Another library's shape inference, as Python hands it in.

#include <pybind11/pybind11.h>

#include <functional>

#include "passes/infer_shapes.h"

namespace pot {

/// Asks a callable that takes the bytes of a model with one node, and returns the bytes of the same
/// model with the types of its outputs, or None. `answered` is told which nodes it knew something
/// of. None gives no Fallback. May be called without the GIL.
[[nodiscard]] Fallback fallback_of(const pybind11::object& callable,
                                   std::function<void(const NodeFacts& at)> answered = {});

}  // namespace pot
