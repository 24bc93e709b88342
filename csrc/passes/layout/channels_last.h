#pragma once
// Model-local functions that compute channels-last: a Transpose before and after the operator.

#include <string>
#include <vector>

#include "base/status.h"
#include "ir/model.h"
#include "ops/shared/layout_rule.h"

namespace pot {

/// Adds the function that the call in `relayout` needs (what a ChannelsLastRule answered for
/// `original`), unless it is there, and the import of its domain. Call it before the node is
/// redrawn. A file with functions has IR version 8 or above; a lower one is noted in the metadata.
/// Returns whether it was added. Error: `domain` has another function of that name, or may have
/// none of ours.
Result<bool> add_channels_last_function(Model& model, const Node& original,
                                        const Relayout& relayout, const std::string& domain);

struct Expanded {
  /// A value of the new main graph that has the name of one of the old and is stored otherwise.
  struct Renamed {
    std::string value;      ///< in the new main graph
    std::string old_value;  ///< in the old one
    Layout layout;          ///< new = old in this layout
  };
  ModelPtr model;  ///< the same model when there is nothing to expand
  std::size_t calls = 0;
  std::vector<Renamed> value_map;
};

/// Calls of the functions of `domain` as the operators in them, with Transposes around that a plan
/// cancels; functions and the import go, and the IR version is what it was before there were any.
/// What such an operator makes has the name of what the call made. Error: a function of that domain
/// that is none of ours.
[[nodiscard]] Result<Expanded> expand_channels_last(const Model& model, const std::string& domain);

}  // namespace pot
