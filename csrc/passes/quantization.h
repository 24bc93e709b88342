#pragma once
// A quantized graph as the float graph that it stands for, so that both can be laid side by side.

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/model.h"

namespace pot {

/// What a node of a quantized model does with numbers that it otherwise leaves alone.
enum class Carry : std::uint8_t {
  quantizes,    ///< float to integers: QuantizeLinear, DynamicQuantizeLinear
  dequantizes,  ///< integers to float: DequantizeLinear
  accumulates,  ///< the integer sums of MatMulInteger and ConvInteger, cast to float
  rescales,     ///< such sums times their scale
  rectifies,    ///< Relu and Clip, which a quantizer's lower and upper end may stand for
};

[[nodiscard]] std::string_view to_text(Carry carry) noexcept;

struct FloatSketch {
  struct Link {
    std::string from;  ///< the value that the node reads
    std::string to;    ///< the same numbers in another form, or cut off
    Carry carry;
  };
  /// For alignment only: it cannot be run. Nodes and values keep their ids and names; what a
  /// quantized weight was made of is a float tensor without elements.
  ModelPtr model;
  std::vector<Link> links;  ///< producers first
};

/// Quantizing and dequantizing nodes hand their input through, QLinearConv is a Conv of what it
/// convolves, DequantizeLinear of a constant is that constant in float, and so on for the operators
/// of ONNX and of onnxruntime (QGemm, MatMulNBits, DynamicQuantizeMatMul ...).
/// `rectifiers`: Relu and Clip are handed through as well.
[[nodiscard]] Result<FloatSketch> float_sketch(const Model& model, bool rectifiers);

}  // namespace pot
