#pragma once
// The messages that hold no others of ours: texts, types, tensors.

#include "ir/encode.h"
#include "ir/message.h"
#include "ir/tensor.h"
#include "ir/type.h"
#include "wire/writer.h"

namespace pot {

/// Writes the field if it is present.
void write_text(Writer& writer, Field field, const Text& text);
void write_rest(Writer& writer, const Rest& rest);
/// The payload of a TypeProto.
void write_type(Writer& writer, const Type& type);
/// The payload of a TensorProto, its elements where `placement` says (null: where they are).
void write_tensor(Writer& writer, const Tensor& tensor, const Placement* placement);

}  // namespace pot
