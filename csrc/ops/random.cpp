// Operators that draw their output.

#include <string>
#include <utility>

#include "ops/agreement.h"
#include "ops/op_table.h"

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

}  // namespace

void register_random(OpTable& table) {
  // A `seed` makes one runtime repeat itself; another runtime draws from another generator, so two
  // runtimes never agree on these.
  const OpTraits drawn{.random = true};
  table.add({"RandomNormal", "RandomUniform"}, {.traits = drawn, .shape = random_of_shape});
  table.add({"Bernoulli", "RandomNormalLike", "RandomUniformLike"},
            {.traits = drawn, .shape = random_like});
  table.add("Multinomial", {.traits = drawn, .shape = multinomial});
}

}  // namespace pot
