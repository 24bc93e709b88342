#pragma once
// The shape of a matrix product by numpy's rule, which several operators share.

#include <cstddef>
#include <optional>

#include "ops/shared/shape_rule.h"

namespace pot {

/// Shape of the product of the inputs in these slots: batches broadcast, a 1-D operand is a row or
/// a column that the result has not. Nothing where a rank is not known. Error: the inner sizes
/// differ, or the batches do not broadcast.
[[nodiscard]] Result<std::optional<Dims>> product_dims(const NodeFacts& at, std::size_t a,
                                                       std::size_t b);

}  // namespace pot
