#include "bind/bind.h"

namespace pot {

void bind_passes(pybind11::module_&) {}

}  // namespace pot
