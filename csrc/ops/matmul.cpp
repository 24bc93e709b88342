// Matrix products, with what onnxruntime fuses into them.

#include <algorithm>
#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/axis_layout.h"
#include "ops/shared/matmul_layout.h"
#include "ops/shared/op_table.h"
#include "ops/shared/plane_product.h"
#include "ops/shared/product.h"

namespace pot {
namespace {

Error inner_sizes_differ(const NodeFacts& at, std::size_t a, const Expr& has, std::size_t b,
                         const Expr& takes) {
  return contradiction(quoted(at, a) + " is " + has.text() + " wide, but " + quoted(at, b) +
                       " takes " + takes.text());
}

Inferred matmul(const NodeFacts& at) {
  auto dims = product_dims(at, 0, 1);
  if (!dims) return dims.error();
  return std::vector{tensor_of(at.in(0).dtype, std::move(dims).value())};
}

Inferred matmul_integer(const NodeFacts& at) {
  auto dims = product_dims(at, 0, 1);
  if (!dims) return dims.error();
  return std::vector{tensor_of(DType::int32, std::move(dims).value())};
}

/// Each operand is followed by its scale and zero point; the last zero point has the output's type.
Inferred qlinear_matmul(const NodeFacts& at) {
  auto dims = product_dims(at, 0, 3);
  if (!dims) return dims.error();
  const DType by_zero_point = at.in(7).dtype;
  const DType dtype = by_zero_point == DType::undefined ? at.in(0).dtype : by_zero_point;
  return std::vector{tensor_of(dtype, std::move(dims).value())};
}

/// c has to broadcast to the product, but does not make it larger.
Status check_addend(const NodeFacts& at, const Dims& product) {
  const Fact& c = at.in(2);
  if (!c.has_rank()) return ok_status();
  bool fits = c.rank() <= 2;
  for (std::size_t i = 0; fits && i < c.rank(); ++i) {
    const Expr& size = (*c.dims)[c.rank() - 1 - i];
    fits = size.is(1) || Expr::equal(size, product[1 - i]) != false;
  }
  if (fits) return ok_status();
  std::string shape;
  for (const Expr& size : *c.dims) shape += (shape.empty() ? "" : " x ") + size.text();
  return contradiction(quoted(at, 2) + " is " + shape + ", which does not broadcast to " +
                       product[0].text() + " x " + product[1].text());
}

Inferred gemm(const NodeFacts& at) {
  const DType dtype = at.in(0).dtype;
  for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
    const auto checked = require_rank(at, slot, 2);
    if (!checked) return checked.error();
  }
  const std::size_t inner_a = at.attr_int("transA", 0) != 0 ? 0 : 1;
  const std::size_t inner_b = at.attr_int("transB", 0) != 0 ? 1 : 0;
  if (at.in(0).has_rank() && at.in(1).has_rank()) {
    const Expr& has = (*at.in(0).dims)[inner_a];
    const Expr& takes = (*at.in(1).dims)[inner_b];
    if (!agreed(has, takes)) return inner_sizes_differ(at, 0, has, 1, takes);
  }
  Dims out{size_of(at, 0, 1 - inner_a), size_of(at, 1, 1 - inner_b)};
  const auto fits = check_addend(at, out);
  if (!fits) return fits.error();
  return std::vector{tensor_fact(dtype, std::move(out))};
}

Result<Relayout> matmul_rule(const LayoutNode& node, Operand operand, const Layout& layout) {
  return matmul_layout(node, operand, layout, {});
}

/// Inputs 2 and 3 are zero points.
Result<Relayout> matmul_integer_layout(const LayoutNode& node, Operand operand,
                                       const Layout& layout) {
  return matmul_layout(node, operand, layout,
                       {.per_column = {3}, .single = {2}, .rewritten = false});
}

Result<Relayout> qlinear_matmul_layout(const LayoutNode& node, Operand operand,
                                       const Layout& layout) {
  return matmul_layout(node, operand, layout,
                       {.b = 3, .per_column = {4, 5}, .single = {1, 2, 6, 7}, .rewritten = false});
}

}  // namespace

Result<Relayout> gemm_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
    const auto rank = known_rank(node, {false, slot});
    if (!rank) return rank.error();
    if (rank.value() != 2) return refuse(node.at().input_label(slot) + " is no matrix");
  }
  return plane_product_layout(node, operand, layout);
}

Result<std::optional<Dims>> product_dims(const NodeFacts& at, std::size_t a, std::size_t b) {
  const Fact& left = at.in(a);
  const Fact& right = at.in(b);
  if (!left.has_rank() || !right.has_rank()) return std::optional<Dims>();
  for (const std::size_t slot : {a, b}) {
    if (at.in(slot).rank() == 0) {
      return contradiction(quoted(at, slot) + " is a scalar, but a product takes at least 1 axis");
    }
  }
  const bool row = left.rank() == 1;
  const bool column = right.rank() == 1;
  const Expr& has = left.dims->back();
  const Expr& takes = column ? right.dims->back() : (*right.dims)[right.rank() - 2];
  if (!agreed(has, takes)) return inner_sizes_differ(at, a, has, b, takes);

  const Dims batches[] = {Dims(left.dims->begin(), left.dims->end() - (row ? 1 : 2)),
                          Dims(right.dims->begin(), right.dims->end() - (column ? 1 : 2))};
  auto out = broadcast_dims(batches);
  if (!out) {
    return contradiction("the batches of " + quoted(at, a) + " and " + quoted(at, b) + ": " +
                         out.error().message);
  }
  if (!row) out.value().push_back((*left.dims)[left.rank() - 2]);
  if (!column) out.value().push_back(right.dims->back());
  return std::optional(std::move(out).value());
}

void register_matmul(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::matmul};
  table.add("Gemm", {.traits = sums, .shape = gemm, .layout = gemm_layout});
  table.add("MatMul", {.traits = sums, .shape = matmul, .layout = matmul_rule});
  table.add("MatMulInteger",
            {.traits = sums, .shape = matmul_integer, .layout = matmul_integer_layout});
  table.add("QLinearMatMul",
            {.traits = sums, .shape = qlinear_matmul, .layout = qlinear_matmul_layout});
}

}  // namespace pot
