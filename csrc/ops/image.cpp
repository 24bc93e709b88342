// Images from the bytes of a file.

#include "ops/shared/agreement.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// (height, width, channels), as the file says.
Inferred image_decoder(const NodeFacts& at) {
  const bool gray = at.attr_string("pixel_format", "RGB") == "Grayscale";
  Dims dims = at.unknown_dims(2, "the encoded image decides");
  dims.push_back(Expr(gray ? 1 : 3));
  return std::vector{tensor_fact(DType::uint8, std::move(dims))};
}

}  // namespace

void register_image(OpTable& table) { table.add("ImageDecoder", {.shape = image_decoder}); }

}  // namespace pot
