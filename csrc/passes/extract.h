#pragma once
// Parts of a model as models of their own: slices, probes, and graphs cut apart at every value.

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/model.h"

namespace pot {

/// A value whose content is handed in from outside.
struct Given {
  std::string name;
  TypeRef type;  ///< a graph input needs at least its dtype
};

/// How given values are treated where the part produces them as well.
enum class Cut {
  slice,   ///< a given value is never produced: nothing above it is part of the result
  detach,  ///< a given output is produced too, under a new name, while its readers get what is
           ///< given: so every piece of the graph computes from values of our choice
};

struct Extracted {
  ModelPtr model;
  std::vector<std::string> inputs;   ///< names of the given values (and graph inputs) that it reads
  std::vector<std::string> outputs;  ///< the name of each requested output in `model`, in order
};

/// The smallest model that computes `outputs` from `given` and the graph inputs.
///
/// Weights are shared, never copied. Nodes keep their names and their order is topological.
/// Outputs carry no type: runtimes infer it. Error: an output that the graph does not define, one
/// that is given (slice), or a value that nothing defines.
[[nodiscard]] Result<Extracted> extract(const Model& model, std::span<const Given> given,
                                        std::span<const std::string> outputs, Cut cut);

/// The same, but with the shape of each output (1-D int64) in place of the output.
[[nodiscard]] Result<Extracted> extract_shapes(const Model& model, std::span<const Given> given,
                                               std::span<const std::string> outputs);

/// Names of the given values and graph inputs that `extract` would read, in topological order.
[[nodiscard]] Result<std::vector<std::string>> frontier(const Model& model,
                                                        std::span<const std::string> given,
                                                        std::span<const std::string> outputs,
                                                        Cut cut);

/// Nodes between `outputs` and what is given: what `extract` would take, in topological order.
[[nodiscard]] Result<std::vector<NodeId>> region(const Model& model,
                                                 std::span<const std::string> given,
                                                 std::span<const std::string> outputs, Cut cut);

/// Gives `to` the initializer of a value of another graph. There is no edit for a sparse one: it
/// becomes a Constant of the same name. Pre: the value has either.
void share_initializer(Graph& to, const Value& value);

/// Every value that a node of the main graph makes, in topological order.
[[nodiscard]] Result<std::vector<std::string>> produced_values(const Model& model);

}  // namespace pot
