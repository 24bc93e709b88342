#include "ops/shared/matmul_layout.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "ops/shared/axis_layout.h"
#include "ops/shared/axis_product.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/inner_order.h"
#include "ops/shared/plane_product.h"

namespace pot {
namespace {

/// At most a plane, whatever its rank: only the last two axes have more than one index.
bool is_plane(const Fact& fact) {
  const std::span<const Expr> dims(*fact.dims);
  const auto batches = dims.first(dims.size() < 2 ? 0 : dims.size() - 2);
  return std::ranges::all_of(batches, [](const Expr& size) { return size.is(1); });
}

/// The product as one of a tensor and a matrix; nothing when both have a batch.
std::optional<AxisProduct> as_axis_product(const LayoutNode& node, const ProductRoles& roles) {
  const Fact& a = node.at().in(roles.a);
  const Fact& b = node.at().in(roles.b);
  AxisProduct product;
  product.only_last = !roles.rewritten;
  product.convolves = a.dtype == DType::float32 || a.dtype == DType::float16;
  if (a.rank() >= 2 && a.rank() >= b.rank() && is_plane(b)) {
    product.tensor = roles.a;
    product.axis = a.rank() - 1;
    product.matrix = roles.b;
    product.in = b.rank() < 2 ? 0 : b.rank() - 2;
    if (b.rank() >= 2) product.out = b.rank() - 1;
    product.per_out = roles.per_column;
    return product;
  }
  if (b.rank() < 2 || a.rank() > b.rank() || !is_plane(a) || product.only_last) return std::nullopt;
  product.tensor = roles.b;
  product.axis = b.rank() - 2;
  product.matrix = roles.a;
  product.in = a.rank() - 1;
  if (a.rank() >= 2) product.out = a.rank() - 2;
  return product;
}

/// Axes of the product when an operand lies as asked. Refusal: an axis of a matrix would leave the
/// last two places.
Result<Layout> product_side(const LayoutNode& node, Operand operand, const Layout& layout,
                            const ProductRoles& roles) {
  const std::size_t rank = std::max(node.at().in(roles.a).rank(), node.at().in(roles.b).rank());
  if (layout.rank() < 2 || layout.rank() > rank) return refuse("its batches are no tensors");
  if (operand.output && layout.rank() != rank) {
    return refuse("its output has another rank than its inputs");
  }
  Layout side = lifted(layout, rank);
  for (std::size_t place = rank - 2; place < rank; ++place) {
    if (side.perm[place] + 2 < rank) {
      return refuse("it multiplies matrices, whose axes have to stay the last two");
    }
  }
  return side;
}

bool is_flipped(const Layout& side) { return side.perm[side.rank() - 1] + 1 != side.rank(); }

/// The last two axes the other way round.
Layout flipped(const Layout& side) {
  std::vector<std::int64_t> axes = side.perm.ints();
  std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
  return Layout(*Permutation::of(axes));
}

/// Reads an operand beside a product whose batch lies as that of `side`. Returns whether axes have
/// to be put in.
Result<bool> read_beside(const LayoutNode& node, std::size_t slot, const Layout& side,
                         Relayout& made, DrawnNode& drawn) {
  auto beside = aligned_operand(node.at().in(slot), side, node.at().input_label(slot));
  if (!beside) return beside.error();
  made.inputs[slot] = std::move(beside.value().layout);
  drawn.inputs[slot].unsqueeze = std::move(beside.value().unsqueeze);
  return !drawn.inputs[slot].unsqueeze.empty();
}

/// Inner orders of the axes of the matrices.
struct MatrixOrders {
  std::optional<InnerOrder> rows;
  std::optional<InnerOrder> summed;
  std::optional<InnerOrder> columns;
};

void put_orders(Layout& layout, const std::optional<InnerOrder>& last_but_one,
                const std::optional<InnerOrder>& last) {
  put_inner(layout, layout.rank() - 2, last_but_one);
  put_inner(layout, layout.rank() - 1, last);
}

/// Takes the orders of the last two axes out of the layout of an operand.
MatrixOrders taken_orders(Operand operand, const ProductRoles& roles, Layout& layout) {
  const auto take = [&](std::size_t axis) {
    const InnerOrder* found = layout.inner_of(axis);
    std::optional<InnerOrder> order = found ? std::optional(*found) : std::nullopt;
    put_inner(layout, axis, std::nullopt);
    return order;
  };
  auto first = take(layout.rank() - 2);
  auto second = take(layout.rank() - 1);
  if (operand.output) return {std::move(first), {}, std::move(second)};
  if (operand.slot == roles.a) return {std::move(first), std::move(second), {}};
  return {{}, std::move(first), std::move(second)};
}

Result<Relayout> batched_layout(const LayoutNode& node, Operand operand, Layout layout,
                                const ProductRoles& roles) {
  if (layout.rank() < 2) return refuse("its batches are no tensors");
  const MatrixOrders orders = taken_orders(operand, roles, layout);
  auto side = product_side(node, operand, layout, roles);
  if (!side) return side.error();
  const bool swaps = is_flipped(side.value());
  if (swaps && !roles.rewritten) return refuse("it has no form for matrices the other way round");
  Relayout made = unmoved(node);
  made.outputs[0] = side.value();
  DrawnNode drawn = redrawn(node);
  bool changed = swaps;
  for (const std::size_t slot : {roles.a, roles.b}) {
    if (node.at().in(slot).rank() < 2) return refuse("one of its operands is a vector");
    const auto read = read_beside(node, slot, side.value(), made, drawn);
    if (!read) return read.error();
    changed = read.value() || changed;
  }
  put_orders(made.inputs[roles.a], orders.rows, orders.summed);
  put_orders(made.inputs[roles.b], orders.summed, orders.columns);
  put_orders(made.outputs[0], orders.rows, orders.columns);
  // (a b) the other way round is b the other way round times a the other way round.
  if (swaps) std::swap(drawn.inputs[roles.a], drawn.inputs[roles.b]);
  if (changed) made.nodes.push_back(std::move(drawn));
  return made;
}

/// Omitted, or one element.
bool is_single(const LayoutNode& node, std::size_t slot) {
  const Fact& fact = node.at().in(slot);
  return !node.at().has(slot) || (fact.has_rank() && fact.count().is(1));
}

bool is_gemm_type(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float64 || dtype == DType::float16;
}

}  // namespace

Result<Relayout> matmul_layout(const LayoutNode& node, Operand operand, const Layout& layout,
                               const ProductRoles& roles) {
  for (const std::size_t slot : {roles.a, roles.b}) {
    const auto rank = known_rank(node, {false, slot});
    if (!rank) return rank.error();
    if (rank.value() == 0) return refuse("one of its operands is a scalar");
  }
  for (const std::size_t slot : roles.single) {
    if (is_single(node, slot)) continue;
    return refuse(node.at().input_label(slot) + " may have one element for each row");
  }
  const Fact& a = node.at().in(roles.a);
  const bool planes = a.rank() == 2 && node.at().in(roles.b).rank() == 2;
  if (planes && roles.rewritten && is_gemm_type(a.dtype)) {
    return plane_product_layout(node, operand, layout);
  }
  if (const auto product = as_axis_product(node, roles)) {
    return product_layout(node, operand, layout, *product);
  }
  const bool of_product =
      operand.output ? operand.slot == 0 : operand.slot == roles.a || operand.slot == roles.b;
  if (!of_product) return refuse(operand_label(node, operand) + " is no operand of the product");
  for (const std::size_t slot : roles.per_column) {
    if (is_single(node, slot)) continue;
    return refuse(node.at().input_label(slot) + " has one element for each column");
  }
  return batched_layout(node, operand, layout, roles);
}

Result<Relayout> fused_matmul_layout(const LayoutNode& node, Operand operand,
                                     const Layout& layout) {
  const auto flag = [&](std::string_view name) { return node.at().attr_int(name, 0) != 0; };
  if (flag("transBatchA") || flag("transBatchB")) {
    return refuse("its batch lies between the axes of its matrices");
  }
  if (operand.slot > (operand.output ? 0U : 1U)) return refuse("it is no operand of the product");
  if (const Status plain = require_plain(layout); !plain) return plain.error();
  const ProductRoles roles;
  for (const std::size_t slot : {roles.a, roles.b}) {
    const auto rank = known_rank(node, {false, slot});
    if (!rank) return rank.error();
    if (rank.value() < 2) return refuse("one of its operands is a vector");
  }
  auto side = product_side(node, operand, layout, roles);
  if (!side) return side.error();
  const bool turned = is_flipped(side.value());
  const Layout straight = turned ? flipped(side.value()) : side.value();
  Relayout made = unmoved(node);
  DrawnNode drawn = redrawn(node);
  bool trans[] = {flag("transA"), flag("transB")};
  bool changed = turned;
  for (std::size_t slot = 0; slot < 2; ++slot) {
    const bool own = turned && operand == Operand{false, slot};
    const Layout& here = own ? side.value() : straight;
    const auto read = read_beside(node, slot, here, made, drawn);
    if (!read) return read.error();
    changed = read.value() || changed;
    trans[slot] ^= own;
  }
  made.outputs[0] = straight;
  if (turned && operand.output) {
    made.outputs[0] = side.value();
    std::swap(drawn.inputs[0], drawn.inputs[1]);
    std::swap(trans[0], trans[1]);
    for (bool& each : trans) each = !each;
  }
  put_attribute(drawn, "transA", std::int64_t{trans[0]});
  put_attribute(drawn, "transB", std::int64_t{trans[1]});
  if (changed) made.nodes.push_back(std::move(drawn));
  return made;
}

}  // namespace pot
