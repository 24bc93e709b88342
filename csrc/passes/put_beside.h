#pragma once
// Two models as one: the graph of the second beside that of the first, reading from it.

#include <map>
#include <string>

#include "base/status.h"
#include "ir/expr.h"
#include "ir/model.h"

namespace pot {

/// How the second model is fitted to the first.
struct Fitting {
  /// New names of values that the second main graph, or a body in it, defines.
  RenameMap names;
  /// Inputs of the second, by their old names, and the values of the first that take their place.
  RenameMap joined;
  /// What named sizes of the second are in the first.
  std::map<std::string, Expr> sizes;
};

struct PutBeside {
  ModelPtr model;
  /// Names of sizes that both models have, though nothing says that they are the same -> new name
  /// in what was the second.
  std::map<std::string, std::string> sizes;
};

/// A copy of `first` with the nodes, weights, declared types, inputs and outputs of the graph of
/// `second` after its own. Bytes are shared; header, imports and functions are those of `first`.
///
/// An input of the second that is joined is gone, and its default with it. Where it is an output
/// too, an Identity makes that output. Sparse weights of the second become Constants.
///
/// Pre: but for those joined, no value of the second has, under its new name, the name of a value
/// of the first; the values that are joined are there. Error: a new name that is taken in the
/// second.
[[nodiscard]] Result<PutBeside> put_beside(const Model& first, const Model& second,
                                           const Fitting& fitting);

}  // namespace pot
