// Operators that onnxruntime has in the default domain: experiments that the standard gave up, and
// copies between devices.

#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred like_input(const NodeFacts& at) { return std::vector{shaped_like(at.in(0))}; }

Inferred same_value(const NodeFacts& at) { return std::vector{at.in(0)}; }

/// (left, top, right, bottom) are cut off; `scale`, where it is given, is the size that stays.
Inferred crop(const NodeFacts& at) {
  const Fact& x = at.in(0);
  const auto border = at.attr_ints("border");
  const auto kept = at.attr_ints("scale");
  const auto checked = require_rank(at, 0, 4);
  if (!checked) return checked.error();
  if (!x.has_rank() || !border || border->size() != 4) return std::vector{tensor_fact(x.dtype)};
  Fact out = without_elements(x);
  for (std::size_t axis = 2; axis < 4; ++axis) {
    Expr& size = (*out.dims)[axis];
    const Expr cut = Expr((*border)[3 - axis]) + Expr((*border)[5 - axis]);
    if (Expr::less(size, cut) == true) {
      return contradiction("border takes " + cut.text() + " of spatial size " + size.text());
    }
    const bool said = kept && kept->size() == 2 && (*kept)[axis - 2] >= 0;
    size = said ? Expr((*kept)[axis - 2]) : size - cut;
  }
  return std::vector{std::move(out)};
}

}  // namespace

void register_contrib_legacy(OpTable& table) {
  table.add({"Affine", "ParametricSoftplus", "Scale", "ScaledTanh"},
            {.shape = like_input, .layout = unary_layout});
  table.add("ImageScaler", {.shape = like_input});
  table.add("Crop", {.shape = crop});
  table.add({"MemcpyFromHost", "MemcpyToHost"},
            {.traits = {.alias = true}, .shape = same_value, .layout = unary_layout});
}

}  // namespace pot
