#pragma once
// Which value of a relaid model is which of the old one.

#include <string>
#include <vector>

#include "passes/layout/stored_layouts.h"

namespace pot {

/// What a value of the new model is of the old one.
struct StoredAs {
  std::string value;      ///< in the new main graph
  std::string old_value;  ///< in the old one
  Layout layout;          ///< new = old in this layout
};

/// Every value of the old main graph that lives on under another name or in another layout, by new
/// name; of several that are one now, the nearest comes last. What is gone for good has no entry.
[[nodiscard]] std::vector<StoredAs> layout_value_map(const Graph& main,
                                                     const LayoutNetwork& network,
                                                     const LayoutReaders& readers,
                                                     const StoredLayouts& stored);

}  // namespace pot
