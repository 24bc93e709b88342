// Operators that sample between the points of a grid, at places that another input says.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/channels_last_rule.h"
#include "ops/shared/fixed_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// The grid is (batch, sizes of the output, one coordinate for each spatial axis).
Inferred grid_sample(const NodeFacts& at) {
  const Fact& x = at.in(0);
  const Fact& grid = at.in(1);
  if (!x.has_rank() && !grid.has_rank()) return std::vector{tensor_fact(x.dtype)};
  const std::size_t rank = x.has_rank() ? x.rank() : grid.rank();
  if (rank < 3) return require_rank(at, x.has_rank() ? 0 : 1, 4).error();
  const auto same = require_rank(at, 1, rank);
  if (!same) return same.error();
  const Expr batch = size_of(at, x.has_rank() ? 0 : 1, 0);
  const auto batches = require_size(at, 1, 0, batch, quoted(at, 0) + " has " + batch.text());
  if (!batches) return batches.error();
  const auto axes = static_cast<std::int64_t>(rank) - 2;
  const auto coordinates =
      require_size(at, 1, rank - 1, Expr(axes),
                   quoted(at, 0) + " has " + counted(rank - 2, "spatial axis", "spatial axes"));
  if (!coordinates) return coordinates.error();
  Dims out{batch, size_of(at, 0, 1)};
  for (std::size_t i = 1; i + 1 < rank; ++i) out.push_back(size_of(at, 1, i));
  return std::vector{tensor_fact(x.dtype, std::move(out))};
}

/// theta is (batch, 2, 3) or (batch, 3, 4); `size` is (batch, channels, spatial sizes).
Inferred affine_grid(const NodeFacts& at) {
  const auto checked = require_rank(at, 0, 3);
  if (!checked) return checked.error();
  const Elements said = elements_of(at.in(1));
  std::optional<std::size_t> count;
  if (said) count = said->size();
  if (const auto shape = at.in(1).numbers(); shape && shape->size() == 1 && (*shape)[0] >= 0) {
    count = static_cast<std::size_t>((*shape)[0]);
  }
  if (!count && at.in(0).has_rank()) {
    if (const auto axes = (*at.in(0).dims)[1].number(); axes && *axes >= 0) {
      count = static_cast<std::size_t>(*axes) + 2;
    }
  }
  if (count && *count != 4 && *count != 5) {
    return contradiction(quoted(at, 1) + " has " + counted(*count, "size", "sizes") +
                         ", but takes 4 (batch, channels, height, width) or 5");
  }
  if (!count) return std::vector{tensor_fact(at.in(0).dtype)};
  const Expr axes(static_cast<std::int64_t>(*count) - 2);
  const auto fits =
      require_size(at, 0, 1, axes, quoted(at, 1) + " has " + axes.text() + " spatial sizes");
  if (!fits) return fits.error();
  Dims sizes = at.unknown_dims(*count, quoted(at, 1) + " is computed");
  if (said) {
    auto numbers = sizes_from(*said, quoted(at, 1));
    if (!numbers) return numbers.error();
    sizes = std::move(numbers).value();
  }
  Dims out{said ? sizes[0] : size_of(at, 0, 0)};
  out.insert(out.end(), sizes.begin() + 2, sizes.end());
  out.push_back(axes);
  return std::vector{tensor_fact(at.in(0).dtype, std::move(out))};
}

}  // namespace

void register_resample(OpTable& table) {
  const OpTraits samples{.accumulation = Accumulation::interpolate};
  table.add("GridSample", {.traits = samples,
                           .shape = grid_sample,
                           .layout = fixed_layout<kImagesOfPlanes>,
                           .channels_last = one_channels_last});
  table.add("AffineGrid", {.traits = samples, .shape = affine_grid});
}

}  // namespace pot
