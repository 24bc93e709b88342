#pragma once
// Other sizes in the place of named ones, in the types that a graph declares.

#include <map>
#include <optional>
#include <string>

#include "ir/expr.h"
#include "ir/graph.h"

namespace pot {

/// Sizes by the names that they take the place of, all at once.
class SizeSubstitution {
 public:
  /// `sizes` outlives it.
  explicit SizeSubstitution(const std::map<std::string, Expr>& sizes) : sizes_(sizes) {}

  [[nodiscard]] std::optional<Expr> find(const std::string& name) const;
  /// The size that stands in the place of a declared one; nothing when it stays.
  [[nodiscard]] std::optional<Dim> of(const Dim& dim) const;
  /// The type with other sizes; null when nothing changes.
  [[nodiscard]] TypeRef of(const TypeRef& type) const;

  /// `like` with another size, which is unknown where it cannot be written.
  [[nodiscard]] static Dim as_dim(const Dim& like, const Expr& size);

 private:
  const std::map<std::string, Expr>& sizes_;
};

/// Changes the types of inputs, outputs and declared values of the graph, not those of bodies.
void substitute(Graph& graph, const SizeSubstitution& with);

}  // namespace pot
