#include "passes/border_names.h"

#include <algorithm>
#include <span>

namespace pot {

Status check_border_names(const Model& model) {
  const auto unnamed = [](std::span<const ValueInfo> infos) {
    return std::ranges::any_of(infos, [](const ValueInfo& info) { return !info.value; });
  };
  if (unnamed(model.graph().inputs())) return Error{.message = "an input has no name"};
  if (unnamed(model.graph().outputs())) return Error{.message = "an output has no name"};
  return ok_status();
}

}  // namespace pot
