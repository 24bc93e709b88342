#pragma once
// The nodes that store a value in another layout.

#include <cstdint>

#include "ir/layout.h"
#include "ir/model.h"
#include "ops/shared/fact.h"

namespace pot {

struct LayoutConversion {
  Graph& graph;
  NodeId reuse;      ///< a Transpose that becomes the last node, and keeps its place; may be none
  NodeId before;     ///< where new nodes stand; none: at the end
  const Dims& dims;  ///< of the value
  ValueId source;
  Layout from;
  ValueId target;
  Layout to;
};

enum class Converted : std::uint8_t {
  kept,       ///< the Transpose was there already, byte for byte
  changed,    ///< it was there, with another perm or input
  transpose,  ///< a new Transpose, with Reshapes around it where indices within an axis move; or a
              ///< Gather where no factors of the axis do
  reshape,    ///< only axes of size 1 change place
};

/// Pre: `from` and `to` differ and have the rank of `dims`.
Converted convert_layout(const LayoutConversion& wanted);

}  // namespace pot
