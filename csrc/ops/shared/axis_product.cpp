#include "ops/shared/axis_product.h"

#include <algorithm>
#include <string>
#include <utility>

#include "ops/shared/axis_layout.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/inner_order.h"

namespace pot {
namespace {

/// What the axis is beside in what is stored, which decides how the product is written.
enum class Form {
  last,      ///< MatMul(tensor, matrix)
  last_but,  ///< one: MatMul(matrix, tensor)
  second,    ///< Conv
};

std::optional<InnerOrder> own_inner(const Layout& layout, std::size_t axis) {
  const InnerOrder* found = layout.inner_of(axis);
  return found ? std::optional(*found) : std::nullopt;
}

Layout without_inner(Layout layout, std::size_t axis) {
  put_inner(layout, axis, std::nullopt);
  return layout;
}

struct Sides {
  Layout tensor;
  Layout result;
};

class Product {
 public:
  Product(const LayoutNode& node, const AxisProduct& product)
      : node_(node),
        product_(product),
        rank_(node.at().in(product.tensor).rank()),
        matrix_rank_(node.at().in(product.matrix).rank()) {}

  Result<Relayout> relayout(Operand operand, const Layout& layout) const {
    auto sides = sides_of(operand, layout);
    if (!sides) return sides.error();
    const Layout& tensor = sides.value().tensor;
    const auto form = form_of(tensor);
    if (!form) return form.error();
    Relayout made = unmoved(node_);
    made.inputs[product_.tensor] = tensor;
    made.outputs[0] = sides.value().result;
    const auto summed = own_inner(tensor, product_.axis);
    const auto kept = product_.out ? own_inner(sides.value().result, product_.axis) : std::nullopt;
    if (const Status put = put_per_out(made, kept); !put) return put.error();
    if (is_own_form(form.value())) {
      put_matrix_inner(made, summed, kept);
      return made;
    }
    draw(form.value(), made);
    put_matrix_inner(made, summed, kept);
    return made;
  }

 private:
  [[nodiscard]] Result<Sides> sides_of(Operand operand, const Layout& layout) const {
    const std::vector<std::size_t> gone{product_.axis};
    if (operand == Operand{false, product_.tensor}) {
      if (product_.out) return Sides{layout, without_inner(layout, product_.axis)};
      auto apart = from_whole(without_inner(layout, product_.axis), gone);
      return Sides{layout, std::move(apart.rest)};
    }
    if (operand == Operand{true, 0}) {
      if (layout.rank() + (product_.out ? 0 : 1) != rank_) {
        return refuse("its output has another rank than its inputs");
      }
      if (product_.out) return Sides{without_inner(layout, product_.axis), layout};
      auto apart = from_rest(layout, gone);
      return Sides{std::move(apart.whole), layout};
    }
    if (operand == Operand{false, product_.matrix} && layout.perm.is_identity()) {
      Sides sides{Layout::identity(rank_), Layout::identity(rank_)};
      if (!product_.out) sides.result = Layout::identity(rank_ - 1);
      put_inner(sides.tensor, product_.axis, own_inner(layout, product_.in));
      if (product_.out) put_inner(sides.result, product_.axis, own_inner(layout, *product_.out));
      return sides;
    }
    return refuse(operand_label(node_, operand) + " is read as it is by a product");
  }

  [[nodiscard]] Result<Form> form_of(const Layout& tensor) const {
    const std::size_t place = tensor.perm.place_of(product_.axis);
    const bool constant = node_.at().in(product_.matrix).constant != nullptr;
    const auto can_be = [&](Form form) {
      return is_own_form(form) || (constant && !product_.only_last);
    };
    if (place + 1 == rank_ && can_be(Form::last)) return Form::last;
    if (place + 2 == rank_ && can_be(Form::last_but)) return Form::last_but;
    constexpr std::size_t kMostAxes = 5;  // of a convolution that runtimes have
    const bool convolves = product_.convolves && product_.out && rank_ <= kMostAxes;
    if (place == 1 && convolves && can_be(Form::second)) return Form::second;
    return refuse("it multiplies over its axis " + std::to_string(product_.axis) +
                  ", which would lie at place " + std::to_string(place));
  }

  [[nodiscard]] bool is_own_form(Form form) const {
    if (product_.only_last) return form == Form::last;
    if (node_.at().node().op_type == "Conv") return false;
    return form == (product_.tensor == 0 ? Form::last : Form::last_but);
  }

  [[nodiscard]] Status put_per_out(Relayout& made, const std::optional<InnerOrder>& kept) const {
    for (const std::size_t slot : product_.per_out) {
      const Fact& fact = node_.at().in(slot);
      if (!kept || !node_.at().has(slot) || (fact.has_rank() && fact.count().is(1))) continue;
      if (!fact.has_rank() || fact.rank() != 1) {
        return refuse(node_.at().input_label(slot) + " is no list of one element for each column");
      }
      put_inner(made.inputs[slot], 0, kept);
    }
    return ok_status();
  }

  void put_matrix_inner(Relayout& made, const std::optional<InnerOrder>& summed,
                        const std::optional<InnerOrder>& kept) const {
    put_inner(made.inputs[product_.matrix], product_.in, summed);
    if (product_.out) put_inner(made.inputs[product_.matrix], *product_.out, kept);
  }

  /// The matrix as a plane with these two axes, in this order.
  DrawnInput plane(Relayout& made, std::size_t first, std::size_t second) const {
    DrawnInput read = from_input(product_.matrix);
    std::vector<std::size_t> axes;
    for (std::size_t axis = 0; axis < matrix_rank_; ++axis) {
      if (axis != first && axis != second) axes.push_back(axis);
    }
    // Axes of size 1 stay where they are when the two are in order: then nothing is copied.
    if (first < second) {
      read.squeeze.assign(axes.begin(), axes.end());
      return read;
    }
    for (std::size_t place = 0; place < axes.size(); ++place) {
      read.squeeze.push_back(static_cast<std::int64_t>(place));
    }
    axes.push_back(first);
    axes.push_back(second);
    made.inputs[product_.matrix] = Layout(order_of(axes));
    return read;
  }

  void draw(Form form, Relayout& made) const {
    const DrawnInput tensor = from_input(product_.tensor);
    DrawnNode drawn{.op_type = "MatMul"};
    if (!product_.out) {
      const DrawnInput vector = from_input(product_.matrix);
      drawn.inputs = {tensor, vector};
      if (form == Form::last_but) std::swap(drawn.inputs[0], drawn.inputs[1]);
    } else if (form == Form::last) {
      drawn.inputs = {tensor, plane(made, product_.in, *product_.out)};
    } else {
      drawn.inputs = {plane(made, *product_.out, product_.in), tensor};
    }
    if (form == Form::second) convolve(drawn);
    made.nodes.push_back(std::move(drawn));
    add_bias(form, made);
  }

  void convolve(DrawnNode& drawn) const {
    drawn.op_type = "Conv";
    std::swap(drawn.inputs[0], drawn.inputs[1]);
    for (std::size_t place = 2; place < rank_; ++place) {
      drawn.inputs[1].unsqueeze.push_back(static_cast<std::int64_t>(place));
    }
    put_attribute(drawn, "kernel_shape", std::vector<std::int64_t>(rank_ - 2, 1));
  }

  void add_bias(Form form, Relayout& made) const {
    if (!product_.bias || !node_.at().has(*product_.bias)) return;
    DrawnInput bias = from_input(*product_.bias);
    if (form == Form::last_but) bias.unsqueeze = {1};
    DrawnNode drawn{.op_type = "Add"};
    drawn.inputs = {from_drawn(made.nodes.size() - 1), bias};
    made.nodes.push_back(std::move(drawn));
  }

  const LayoutNode& node_;
  const AxisProduct& product_;
  std::size_t rank_;
  std::size_t matrix_rank_;
};

}  // namespace

Result<Relayout> product_layout(const LayoutNode& node, Operand operand, const Layout& layout,
                                const AxisProduct& product) {
  return Product(node, product).relayout(operand, layout);
}

}  // namespace pot
