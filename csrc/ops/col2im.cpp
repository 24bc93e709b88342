// Col2Im: blocks are added up at the places of an image that they come from.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/op_table.h"
#include "ops/shared/windows.h"

namespace pot {
namespace {

constexpr std::size_t kColumns = 0;  // (batch, channels * elements of a block, number of blocks)
constexpr std::size_t kImageShape = 1;
constexpr std::size_t kBlockShape = 2;

/// Blocks that a kernel of this size takes from the image, as many as the input has.
Status check_blocks(const NodeFacts& at, const Dims& image, const Dims& block) {
  if (image.size() != block.size()) {
    return contradiction(quoted(at, kImageShape) + " has " +
                         counted(image.size(), "size", "sizes") + ", but " +
                         quoted(at, kBlockShape) + " has " + std::to_string(block.size()));
  }
  const auto windows = read_windows(at, block);
  if (!windows) return windows.error();
  const auto counts = count_windows(windows.value(), image);
  if (!counts) return counts.error();
  Expr blocks(1);
  for (const Expr& count : counts.value()) blocks = blocks * count;
  return require_size(at, kColumns, 2, blocks, "the image has " + blocks.text() + " blocks");
}

Result<Expr> channels(const NodeFacts& at, const Elements& block) {
  if (!block) return at.unknown_size(quoted(at, kBlockShape) + " is computed");
  Expr elements(1);
  for (const Expr& size : *block) elements = elements * size;
  const Expr columns = size_of(at, kColumns, 1);
  const auto rest = floor_mod(columns, elements).number();
  if (rest && *rest != 0) {
    return contradiction(quoted(at, kColumns) + " has " + columns.text() +
                         " columns, but a block has " + elements.text() + " elements");
  }
  return floor_div(columns, elements);
}

/// Sizes of the image; nothing where not even their number is known.
Result<std::optional<Dims>> image_sizes(const NodeFacts& at) {
  if (const Elements said = elements_of(at.in(kImageShape))) {
    auto sizes = sizes_from(*said, quoted(at, kImageShape));
    if (!sizes) return sizes.error();
    return std::optional(std::move(sizes).value());
  }
  for (const std::size_t slot : {kImageShape, kBlockShape}) {
    const auto numbers = at.in(slot).numbers();
    if (!numbers || numbers->size() != 1 || (*numbers)[0] < 0 || (*numbers)[0] > 16) continue;
    return std::optional(at.unknown_dims(static_cast<std::size_t>((*numbers)[0]),
                                         quoted(at, kImageShape) + " is computed"));
  }
  return std::optional<Dims>();
}

Inferred col2im(const NodeFacts& at) {
  const auto checked = require_rank(at, kColumns, 3);
  if (!checked) return checked.error();
  const Elements block = elements_of(at.in(kBlockShape));
  auto channel_count = channels(at, block);
  if (!channel_count) return channel_count.error();
  const auto image = image_sizes(at);
  if (!image) return image.error();
  if (!image.value()) return std::vector{tensor_fact(at.in(kColumns).dtype)};
  if (block) {
    const auto fits = check_blocks(at, *image.value(), *block);
    if (!fits) return fits.error();
  }
  Dims out{size_of(at, kColumns, 0), std::move(channel_count).value()};
  out.insert(out.end(), image.value()->begin(), image.value()->end());
  return std::vector{tensor_fact(at.in(kColumns).dtype, std::move(out))};
}

}  // namespace

void register_col2im(OpTable& table) {
  // Each pixel is the sum of the blocks that overlap there.
  table.add("Col2Im", {.traits = {.accumulation = Accumulation::pool}, .shape = col2im});
}

}  // namespace pot
