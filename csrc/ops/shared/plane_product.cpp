#include "ops/shared/plane_product.h"

#include <array>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "ops/shared/broadcast_layout.h"
#include "ops/shared/inner_order.h"

namespace pot {
namespace {

constexpr std::int64_t kAddendIsOptional = 11;

/// Rows and columns of the product, and what is summed over.
enum Line : std::size_t { rows, columns, summed };

/// The axes of an operand as lines.
using Lines = std::array<Line, 2>;

class PlaneProduct {
 public:
  explicit PlaneProduct(const LayoutNode& node)
      : node_(node),
        trans_a_(node.at().attr_int("transA", 0) != 0),
        trans_b_(node.at().attr_int("transB", 0) != 0) {}

  Result<Relayout> relayout(Operand operand, const Layout& layout) {
    if (!operand.output && operand.slot > 1) {
      return refuse(operand_label(node_, operand) + " is added to the product as it is");
    }
    if (layout.rank() != 2) return refuse("its output has another rank than its inputs");
    const bool flipped = !layout.perm.is_identity();
    const Lines lines = lines_of(operand);
    for (const InnerOrder& one : layout.inner) orders_[lines[one.axis]] = one;
    Relayout made = unmoved(node_);
    for (std::size_t slot = 0; slot < 2; ++slot) {
      made.inputs[slot] =
          laid_out(lines_of({false, slot}), operand == Operand{false, slot} && flipped);
    }
    made.outputs[0] = laid_out({rows, columns}, operand.output && flipped);
    auto addend = read_addend(made);
    if (!addend) return addend.error();
    if (!flipped) return made;

    if (!operand.output) (operand.slot == 0 ? trans_a_ : trans_b_) ^= true;
    DrawnNode drawn = as_gemm(std::move(addend).value());
    if (operand.output) {
      std::swap(drawn.inputs[0], drawn.inputs[1]);
      std::swap(trans_a_, trans_b_);
      trans_a_ = !trans_a_;
      trans_b_ = !trans_b_;
    }
    put_flag(drawn, "transA", trans_a_);
    put_flag(drawn, "transB", trans_b_);
    made.nodes.push_back(std::move(drawn));
    return made;
  }

 private:
  [[nodiscard]] Lines lines_of(Operand operand) const {
    if (operand.output) return {rows, columns};
    if (operand.slot == 0) return trans_a_ ? Lines{summed, rows} : Lines{rows, summed};
    return trans_b_ ? Lines{columns, summed} : Lines{summed, columns};
  }

  [[nodiscard]] Layout laid_out(const Lines& lines, bool flipped) const {
    Layout made = flipped ? Layout(Permutation::reversed(2)) : Layout::identity(2);
    for (std::size_t axis = 0; axis < lines.size(); ++axis) {
      put_inner(made, axis, orders_[lines[axis]]);
    }
    return made;
  }

  /// What is added broadcasts to the product.
  Result<DrawnInput> read_addend(Relayout& made) const {
    if (is_matmul() || !node_.at().has(2)) return DrawnInput{};
    const Fact& addend = node_.at().in(2);
    if (!addend.has_rank() || addend.rank() > 2) {
      return refuse("the rank of " + node_.at().input_label(2) + " is not known");
    }
    auto beside = aligned_operand(addend, made.outputs[0], node_.at().input_label(2));
    if (!beside) return beside.error();
    DrawnInput read = from_input(2);
    made.inputs[2] = std::move(beside.value().layout);
    read.unsqueeze = std::move(beside.value().unsqueeze);
    return read;
  }

  [[nodiscard]] bool is_matmul() const { return node_.at().node().op_type == "MatMul"; }

  DrawnNode as_gemm(DrawnInput addend) const {
    DrawnNode drawn = redrawn(node_);
    if (is_matmul()) {
      drawn.op_type = "Gemm";
      if (node_.at().opset() < kAddendIsOptional) drawn.inputs.push_back(zero());
      return drawn;
    }
    if (node_.at().has(2)) drawn.inputs[2] = std::move(addend);
    return drawn;
  }

  /// Bits of 0 are 0 in every type that Gemm takes.
  [[nodiscard]] DrawnInput zero() const {
    const DType dtype = node_.at().in(0).dtype;
    const std::vector<std::byte> bytes(dtype_bits(dtype) / 8, std::byte{0});
    return {.from = DrawnInput::From::constant,
            .tensor = make_tensor_copy("zero", dtype, {1}, bytes)};
  }

  static void put_flag(DrawnNode& drawn, const char* name, bool flag) {
    drop_attribute(drawn, name);
    if (flag) put_attribute(drawn, name, std::int64_t{1});
  }

  const LayoutNode& node_;
  bool trans_a_;
  bool trans_b_;
  std::array<std::optional<InnerOrder>, 3> orders_{};
};

}  // namespace

Result<Relayout> plane_product_layout(const LayoutNode& node, Operand operand,
                                      const Layout& layout) {
  return PlaneProduct(node).relayout(operand, layout);
}

}  // namespace pot
