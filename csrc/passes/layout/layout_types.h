#pragma once
// What the file declares of values that are stored otherwise now.

#include <set>
#include <utility>

#include "passes/layout/stored_layouts.h"

namespace pot {

/// Values that the file declares the type of and that are defined.
class DeclaredValues {
 public:
  explicit DeclaredValues(const Model& model);

  /// Forgets the types of those that are gone, and what is declared without a name or a type.
  void forget_gone(Model& model) const;

 private:
  std::set<std::pair<const Graph*, ValueId>> known_;
};

/// Declared types follow their values: inputs, outputs and values of all graphs. Where the file
/// declares types of values, new ones get theirs.
void relay_types(const LayoutNetwork& network, const LayoutReaders& readers,
                 const StoredLayouts& stored);

}  // namespace pot
