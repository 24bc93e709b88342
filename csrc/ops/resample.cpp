// Operators that sample between the points of a grid.

#include "ops/op_table.h"

namespace pot {

void register_resample(OpTable& table) {
  const OpEntry interpolate{.traits = {.accumulation = Accumulation::interpolate}};
  table.add({"AffineGrid", "GridSample", "Resize", "RoiAlign", "Upsample"}, interpolate);
  table.add({"CropAndResize", "GridSample"}, interpolate, ort_domain);
}

}  // namespace pot
