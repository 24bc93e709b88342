// Regions of an image: those that are cut out, and those that are chosen.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/channels_last_rule.h"
#include "ops/shared/fixed_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// One feature map for each region, of this size.
Inferred regions(const NodeFacts& at, const Expr& height, const Expr& width) {
  const auto images = require_rank(at, 0, 4);
  if (!images) return images.error();
  const auto rois = require_rank(at, 1, 2);
  if (!rois) return rois.error();
  return std::vector{
      tensor_fact(at.in(0).dtype, Dims{size_of(at, 1, 0), size_of(at, 0, 1), height, width})};
}

Inferred roi_align(const NodeFacts& at) {
  const std::int64_t height = at.attr_int("output_height", 1);
  const std::int64_t width = at.attr_int("output_width", 1);
  if (height < 1 || width < 1) {
    return contradiction("the output is " + std::to_string(height) + " by " +
                         std::to_string(width) + ", but has to be at least 1 by 1");
  }
  const auto corners = require_size(at, 1, 1, Expr(4), "a region has 4 numbers");
  if (!corners) return corners.error();
  auto out = regions(at, height, width);
  if (!out || !at.in(1).has_rank()) return out;
  const Expr count = size_of(at, 1, 0);
  const auto fits =
      require_size(at, 2, 0, count, quoted(at, 1) + " has " + count.text() + " regions");
  if (!fits) return fits.error();
  return out;
}

Inferred max_roi_pool(const NodeFacts& at) {
  const auto corners = require_size(at, 1, 1, Expr(5), "a region has its image and 4 numbers");
  if (!corners) return corners.error();
  const auto pooled = at.attr_ints("pooled_shape");
  if (!pooled) {
    const Dims sizes = at.unknown_dims(2, "pooled_shape is missing");
    return regions(at, sizes[0], sizes[1]);
  }
  if (pooled->size() != 2) {
    return contradiction("pooled_shape has " + counted(pooled->size(), "number", "numbers") +
                         ", but takes a height and a width");
  }
  const auto sizes = sizes_from(Dims(pooled->begin(), pooled->end()), "pooled_shape");
  if (!sizes) return sizes.error();
  return regions(at, sizes.value()[0], sizes.value()[1]);
}

/// Each row is an image, a class and a box that stays.
Inferred non_max_suppression(const NodeFacts& at) {
  for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
    const auto checked = require_rank(at, slot, 3);
    if (!checked) return checked.error();
  }
  if (at.in(0).has_rank()) {
    const Expr boxes = size_of(at, 0, 1);
    const auto fits =
        require_size(at, 1, 2, boxes, quoted(at, 0) + " has " + boxes.text() + " boxes");
    if (!fits) return fits.error();
  }
  // How many may stay of a class: none unless it is said.
  const Elements most = at.has(2) ? elements_of(at.in(2)) : nullptr;
  const bool none = !at.has(2) || (most && most->size() == 1 && (*most)[0].is(0));
  return std::vector{tensor_fact(DType::int64, Dims{none ? Expr(0)
                                                         : at.unknown_size("the data decides which "
                                                                           "boxes stay"),
                                                    Expr(3)})};
}

}  // namespace

void register_vision(OpTable& table) {
  table.add("RoiAlign", {.traits = {.accumulation = Accumulation::interpolate},
                         .shape = roi_align,
                         .layout = fixed_layout<kImagesOfPlanes>,
                         .channels_last = one_channels_last});
  table.add("MaxRoiPool", {.shape = max_roi_pool,
                           .layout = fixed_layout<kImagesOfPlanes>,
                           .channels_last = one_channels_last});
  table.add("NonMaxSuppression",
            {.shape = non_max_suppression, .layout = fixed_layout<kBoxesInPlace>});
}

}  // namespace pot
