// Rotary embeddings turn pairs of features; nothing changes its place.

#include "ops/shared/agreement.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred rotary(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (x.has_rank() && x.rank() != 3 && x.rank() != 4) {
    return contradiction(quoted(at, 0) + " has " + counted(x.rank(), "axis", "axes") +
                         ", but takes 3 or 4");
  }
  return std::vector{shaped_like(x)};
}

}  // namespace

void register_rotary(OpTable& table) { table.add("RotaryEmbedding", {.shape = rotary}); }

}  // namespace pot
