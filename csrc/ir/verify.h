#pragma once
// Checks the rules that a graph must keep whatever its operators mean.

#include <string>
#include <vector>

#include "base/status.h"
#include "ir/model.h"

namespace pot {

/// Every name is defined once and before it is needed: values with two producers, inputs that
/// nothing defines, cycles, outputs that nothing makes. All problems, each naming its node.
[[nodiscard]] std::vector<Error> verify(const Model& model);
/// The same for one graph and what is inside of it.
[[nodiscard]] std::vector<Error> verify(const Graph& graph);

}  // namespace pot
