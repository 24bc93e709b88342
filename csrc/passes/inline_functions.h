#pragma once
// Calls of model-local functions, replaced by the nodes of their bodies.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/model.h"

namespace pot {

/// Whether an operator of a domain means the same in two versions of that domain.
using SameMeaning = std::function<bool(const std::string& domain, const std::string& op_type,
                                       std::int64_t version, std::int64_t other)>;

/// Metadata of each inlined node: "Dense (called by /dense0)".
inline constexpr std::string_view kCalledFrom = "pyonnxtool.function";

/// Gives a node of a function's body the attributes that it takes from the call: the call's, or the
/// function's defaults; those that neither has are left out.
void bind_attributes(Graph& graph, NodeId id, const Node& call, const Function& function);

struct Inlined {
  struct Kept {
    std::string call;    ///< as messages name it: "node 'dense0' (Dense)"
    std::string reason;  ///< why the call was left as it is
  };
  ModelPtr model;  ///< the same model when it calls nothing
  std::vector<Kept> kept;
};

/// The same model without calls of its functions, in the main graph and in all bodies.
///
/// Nodes and values of a function are called "<call>/<their name>", made unique; an unnamed call
/// goes by its first output. Attributes that the body takes from the call get the call's values, or
/// the function's defaults, or are left out. Weights are shared, never copied. A call stays where
/// the function imports another version of a domain than the model, and `same_meaning` denies that
/// an operator of the body is the same in both. Error: a function that calls itself.
///
/// With `which`, only calls of those functions; all functions stay then, called or not.
[[nodiscard]] Result<Inlined> inline_functions(
    const Model& model, const SameMeaning& same_meaning,
    const std::function<bool(const Function&)>& which = {});

}  // namespace pot
