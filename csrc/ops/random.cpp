// Operators that draw their output.

#include "ops/op_table.h"

namespace pot {

void register_random(OpTable& table) {
  // A `seed` makes one runtime repeat itself; another runtime draws from another generator, so two
  // runtimes never agree on these.
  table.add({"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
             "RandomUniformLike"},
            {.traits = {.random = true}});
  table.add("Sampling", {.traits = {.random = true}}, ort_domain);
}

}  // namespace pot
