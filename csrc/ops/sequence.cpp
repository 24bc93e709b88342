// Operators whose first output is a sequence, an optional or a map.

#include "ops/op_table.h"

namespace pot {

void register_sequence(OpTable& table) {
  table.add({"Optional", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert",
             "SequenceMap", "SplitToSequence"},
            {.traits = {.non_tensor = true}});
  table.add("ZipMap", {.traits = {.non_tensor = true}}, "ai.onnx.ml");
}

}  // namespace pot
