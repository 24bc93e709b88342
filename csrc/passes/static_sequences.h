#pragma once
// Sequences and optionals whose items are known values: the items themselves.

#include <cstdint>

#include "base/status.h"
#include "ir/model.h"
#include "passes/changes.h"
#include "passes/infer_shapes.h"

namespace pot {

/// What reads a known sequence (SequenceAt, SequenceLength, ConcatFromSequence, SequenceMap) reads
/// its items instead, and what makes it goes where nothing else reads it. Graph inputs and
/// outputs that are sequences stay. A SequenceMap over more than `max_unroll` items is left.
/// Returns whether anything changed.
[[nodiscard]] Result<bool> static_sequences(Model& model, const ModelFacts& facts, Changes& changes,
                                            std::int64_t max_unroll);

}  // namespace pot
