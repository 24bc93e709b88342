#pragma once
// What each part adds to the module.

#include <pybind11/pybind11.h>

namespace pot {

void bind_model(pybind11::module_& m);
void bind_kernels(pybind11::module_& m);
void bind_fingerprint(pybind11::module_& m);
void bind_ops(pybind11::module_& m);
void bind_passes(pybind11::module_& m);
void bind_bodies(pybind11::module_& m);
void bind_shapes(pybind11::module_& m);
void bind_specialize(pybind11::module_& m);
void bind_layout(pybind11::module_& m);
void bind_channels_last(pybind11::module_& m);

}  // namespace pot
