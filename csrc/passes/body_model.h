#pragma once
// A body of If, Loop or Scan as a model of its own.

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "ir/model.h"

namespace pot {

struct BodyModel {
  ModelPtr model;
  std::vector<std::string> inputs;    ///< the body's own, in its order
  std::vector<std::string> captured;  ///< values around it that it reads, in order of first use
  std::vector<std::string> outputs;   ///< one for each output of the body
};

/// The body that `attribute` of a node of the main graph holds.
///
/// Inputs of the model are the body's own, then the computed values around it that it or a body
/// inside it reads, then `more` of them that it does not read. Initializers and Constants around it
/// come along, sharing their bytes. Inputs have the type in `types`, else the declared one without
/// its shape: a loop may change shapes. An output that no node of the body makes for it alone is
/// made by an Identity. Error: there is no such node, or it has no such body.
[[nodiscard]] Result<BodyModel> body_model(const Model& model, NodeId node,
                                           std::string_view attribute,
                                           const std::unordered_map<std::string, TypeRef>& types,
                                           std::span<const std::string> more);

}  // namespace pot
