// Normalizations over axes that an attribute names.

#include <algorithm>
#include <utility>
#include <vector>

#include "ops/shared/agreement.h"
#include "ops/shared/axis_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred unchanged(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

Result<Relayout> lp_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  return along_axis(node, operand, layout, kFirstInput, -1);
}

Result<Relayout> mean_variance_layout(const LayoutNode& node, Operand operand,
                                      const Layout& layout) {
  auto made = all_alike(node, operand, layout, kFirstInput);
  if (!made) return made;
  const std::vector<std::int64_t> all_but_channels{0, 2, 3};
  const auto axes =
      sorted_axes(node.at().attr_ints("axes").value_or(all_but_channels), layout.rank());
  if (!axes) return axes.error();
  auto places = places_of(layout, axes.value());
  std::ranges::sort(places);
  DrawnNode drawn = redrawn(node);
  put_attribute(drawn, "axes", std::move(places));
  return with_node(std::move(made).value(), std::move(drawn));
}

}  // namespace

void register_axis_normalization(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::norm};
  table.add("LpNormalization", {.traits = sums, .shape = unchanged, .layout = lp_layout});
  table.add("MeanVarianceNormalization",
            {.traits = sums, .shape = unchanged, .layout = mean_variance_layout});
}

}  // namespace pot
