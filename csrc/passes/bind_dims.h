#pragma once
// A model whose inputs have the sizes that were asked for.

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/expr.h"
#include "ir/model.h"

namespace pot {

/// Input -> its sizes. A string names a size or is an expression of names; an unknown Dim leaves
/// that size as it is.
using GivenShapes = std::map<std::string, std::vector<Dim>>;
/// Named size -> what it is. "x[0]" is a size by input and axis, for one that has no name.
using GivenDims = std::map<std::string, Dim>;

struct Bound {
  ModelPtr model;
  /// Every name that stands for something else now -> what. A size without a name is "x[0]".
  std::map<std::string, Expr> sizes;
};

/// A copy of the model in which the declared types of inputs, outputs and all other values, those
/// of bodies included, have these sizes, also through expressions: "past + sequence" with both
/// given is a number. A name means the same size wherever it stands. Bodies of functions are left:
/// their names are their own.
///
/// Error: an input or a name that is not there (what there is is listed), a wrong number of sizes,
/// another number than the model's own, a negative size, sizes that contradict each other.
[[nodiscard]] Result<Bound> bind_dims(const Model& model, const GivenShapes& shapes,
                                      const GivenDims& dims);

}  // namespace pot
