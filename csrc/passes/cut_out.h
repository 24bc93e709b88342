#pragma once
// A part of a model in which everything that stays is as it was.

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/model.h"

namespace pot {

struct CutOut {
  ModelPtr model;
  std::vector<std::string> inputs;  ///< what has to be fed; weights that are listed come after it
};

/// The model without what `outputs` do not need when `given` are handed in. The argument stays.
///
/// Unlike `extract`, which is made for parts that are run and thrown away: declared types, texts,
/// metadata and the order of what stays are kept with their bytes. Inputs are in the order of
/// `given`, then those of the old model that are read; outputs as listed. A given value that is not
/// read is no input. New inputs and outputs have the types that were declared for them, if any.
///
/// Error: a name that the graph does not have, one that is given and an output too, or a cycle.
[[nodiscard]] Result<CutOut> cut_out(const Model& model, std::span<const std::string> given,
                                     std::span<const std::string> outputs);

}  // namespace pot
