// Det: the determinants of a batch of square matrices.

#include "ops/shared/agreement.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred determinant(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (!x.has_rank()) return std::vector{tensor_fact(x.dtype)};
  if (x.rank() < 2) return require_rank(at, 0, 2).error();
  const Expr& rows = (*x.dims)[x.rank() - 2];
  const Expr& columns = x.dims->back();
  if (!agreed(rows, columns)) {
    return contradiction(quoted(at, 0) + " holds matrices of " + rows.text() + " rows and " +
                         columns.text() + " columns, which have no determinant");
  }
  return std::vector{tensor_fact(x.dtype, Dims(x.dims->begin(), x.dims->end() - 2))};
}

}  // namespace

void register_determinant(OpTable& table) {
  // Elimination on an n x n matrix: every one of the n * n elements enters the one that is left.
  table.add("Det", {.traits = {.accumulation = Accumulation::reduce}, .shape = determinant});
}

}  // namespace pot
