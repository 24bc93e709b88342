// Operators that draw their output.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

Inferred random_of_shape(const NodeFacts& at) {
  const DType dtype = dtype_attribute(at, "dtype", DType::float32);
  const auto shape = at.attr_ints("shape");
  if (!shape) return std::vector{tensor_fact(dtype)};
  auto dims = sizes_from(Dims(shape->begin(), shape->end()), "shape");
  if (!dims) return dims.error();
  return std::vector{tensor_fact(dtype, std::move(dims).value())};
}

Inferred random_like(const NodeFacts& at) {
  return std::vector{shaped_like(at.in(0), dtype_attribute(at, "dtype", at.in(0).dtype))};
}

/// Each row of the input is a distribution that is drawn from `sample_size` times.
Inferred multinomial(const NodeFacts& at) {
  const auto checked = require_rank(at, 0, 2);
  if (!checked) return checked.error();
  const std::int64_t samples = at.attr_int("sample_size", 1);
  if (samples < 0) return contradiction("sample_size is " + std::to_string(samples));
  return std::vector{tensor_fact(dtype_attribute(at, "dtype", DType::int32),
                                 Dims{size_of(at, 0, 0), Expr(samples)})};
}

/// With a seed, the place of an element decides what is drawn for it.
Status require_no_seed(const LayoutNode& node) {
  if (!node.at().node().attribute("seed")) return ok_status();
  return refuse("its seed fixes what is drawn for each place");
}

Result<Relayout> drawn_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const Status free = require_no_seed(node);
  if (!free) return free.error();
  const auto shape = node.at().attr_ints("shape");
  const bool fits = shape && shape->size() == layout.rank() && operand == Operand{.output = true};
  if (!fits) return refuse("its shape is not known");
  Relayout made = unmoved(node);
  made.outputs[0] = layout;
  made.nodes.push_back(redrawn(node));
  put_attribute(made.nodes[0], "shape", layout.perm.apply(*shape));
  return made;
}

Result<Relayout> drawn_like_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const Status free = require_no_seed(node);
  if (!free) return free.error();
  return unary_layout(node, operand, layout);
}

}  // namespace

void register_random(OpTable& table) {
  // A `seed` makes one runtime repeat itself; another runtime draws from another generator, so two
  // runtimes never agree on these.
  const OpTraits drawn{.random = true};
  table.add({"RandomNormal", "RandomUniform"},
            {.traits = drawn, .shape = random_of_shape, .layout = drawn_layout});
  table.add({"Bernoulli", "RandomNormalLike", "RandomUniformLike"},
            {.traits = drawn, .shape = random_like, .layout = drawn_like_layout});
  table.add("Multinomial", {.traits = drawn, .shape = multinomial});
}

}  // namespace pot
