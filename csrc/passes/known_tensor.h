#pragma once
// Known elements as a tensor.

#include "ops/shared/fact.h"

namespace pot {

/// A constant, unnamed, with the elements that the fact knows. Null unless all of its dims and
/// elements are numbers that the dtype holds exactly.
[[nodiscard]] TensorRef known_tensor(const Fact& fact);

}  // namespace pot
