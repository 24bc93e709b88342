#include <pybind11/pybind11.h>

#include "bind/bind.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "The C++ core: models, kernels and passes.";
  pot::bind_model(m);
  pot::bind_kernels(m);
  pot::bind_ops(m);
  pot::bind_fingerprint(m);
  pot::bind_passes(m);
  pot::bind_bodies(m);
  pot::bind_shapes(m);
  pot::bind_specialize(m);
  pot::bind_layout(m);
  pot::bind_channels_last(m);
}
