#pragma once
// Models as protobuf messages.

#include <cstdint>
#include <string>
#include <unordered_map>

#include "ir/model.h"
#include "wire/writer.h"

namespace pot {

/// Where the elements of one tensor go in the written model, if not where they are.
struct Placement {
  Bytes inside;                    ///< raw_data, unless it goes outside
  std::optional<FileRange> range;  ///< external data; `file` is the location to write
};
using Placements = std::unordered_map<const Tensor*, Placement>;

/// Appends the model. What is neither changed nor holds a placed tensor is the span that it was
/// read from. The writer refers to bytes of the model and of the placements.
void encode_model(const Model& model, const Placements& placements, Writer& writer);

}  // namespace pot
