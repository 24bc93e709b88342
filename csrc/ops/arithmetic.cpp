// Element by element, in any order of the inputs.

#include "ops/op_table.h"

namespace pot {

void register_arithmetic(OpTable& table) {
  // Sum, Mean, Max and Min take any number of inputs; with more than two, another order rounds
  // differently, which is noise and no other function.
  table.add({"Add", "And", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Equal", "Max", "Mean", "Min",
             "Mul", "Or", "Sum", "Xor"},
            {.traits = {.commutative = true}});
}

}  // namespace pot
