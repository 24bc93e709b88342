// Operators of onnxruntime that move, sample and look up elements.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/axis_layout.h"
#include "ops/shared/op_table.h"
#include "ops/shared/standard_rule.h"

namespace pot {
namespace {

/// The only element of an input; nothing when it is not tracked.
std::optional<Expr> only_element(const NodeFacts& at, std::size_t slot) {
  const Elements elements = elements_of(at.in(slot));
  if (!elements || elements->size() != 1) return std::nullopt;
  return elements->front();
}

/// The element as a size; a fresh one when it is not tracked.
Expr size_in(const NodeFacts& at, std::size_t slot) {
  const auto element = only_element(at, slot);
  if (element && element->at_least().value_or(0) >= 0) return *element;
  return at.unknown_size(quoted(at, slot) + " is computed");
}

Inferred expand_dims(const NodeFacts& at) {
  const Fact& x = at.in(0);
  const auto axis = numbers_of(at.in(1));
  if (!x.has_rank() || !axis || axis->size() != 1) return std::vector{tensor_fact(x.dtype)};
  const auto place = normalized_axis(axis->front(), x.rank() + 1);
  if (!place) {
    return contradiction("axis is " + std::to_string(axis->front()) + ", but the output has " +
                         counted(x.rank() + 1, "axis", "axes"));
  }
  Fact out = without_elements(x);
  out.dims->insert(out.dims->begin() + static_cast<std::ptrdiff_t>(*place), Expr(1));
  return std::vector{std::move(out)};
}

Inferred pad(const NodeFacts& at) { return by_standard(at, {.op_type = "Pad"}); }

Inferred gather_nd(const NodeFacts& at) {
  return by_standard(at, {.op_type = "GatherND", .opset = 11});
}

Inferred grid_sample(const NodeFacts& at) {
  return by_standard(at, {.op_type = "GridSample", .opset = 16});
}

/// As the standard's Range, but the step may be left out.
Inferred range(const NodeFacts& at) {
  const auto start = only_element(at, 0);
  const auto limit = only_element(at, 1);
  const auto step = at.has(2) ? only_element(at, 2) : std::optional(Expr(1));
  const bool whole = at.in(0).dtype == DType::int64 || at.in(0).dtype == DType::int32 ||
                     at.in(0).dtype == DType::int16;
  if (!whole || !start || !limit || !step || !step->number() || step->is(0)) {
    return std::vector{
        tensor_fact(at.in(0).dtype, Dims{at.unknown_size("its limits are computed")})};
  }
  return std::vector{
      tensor_fact(at.in(0).dtype, Dims{max(ceil_div(*limit - *start, *step), Expr(0))})};
}

/// Distinct elements, for each element of the input its place among them, and how often each is.
Inferred unique(const NodeFacts& at) {
  const auto checked = require_rank(at, 0, 1);
  if (!checked) return checked.error();
  const Expr found = at.unknown_size("the data decides how many differ");
  return std::vector{tensor_fact(at.in(0).dtype, Dims{found}),
                     tensor_fact(DType::int64, Dims{size_of(at, 0, 0)}),
                     tensor_fact(DType::int64, Dims{found})};
}

Inferred crop_and_resize(const NodeFacts& at) {
  for (const auto& [slot, rank] : {std::pair<std::size_t, std::size_t>{0, 4}, {1, 2}}) {
    const auto checked = require_rank(at, slot, rank);
    if (!checked) return checked.error();
  }
  const Elements size = elements_of(at.in(3));
  Dims crop = at.unknown_dims(2, quoted(at, 3) + " is computed");
  if (size && size->size() == 2) {
    auto said = sizes_from(*size, quoted(at, 3));
    if (!said) return said.error();
    crop = std::move(said).value();
  }
  return std::vector{
      tensor_fact(at.in(0).dtype, Dims{size_of(at, 1, 0), size_of(at, 0, 1), crop[0], crop[1]})};
}

/// Half of the spectrum, as pairs of a real and an imaginary part.
Inferred rfft(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (!x.has_rank() || x.rank() == 0) return std::vector{tensor_fact(x.dtype)};
  Fact out = without_elements(x);
  out.dims->back() = floor_div(out.dims->back(), Expr(2)) + 1;
  out.dims->push_back(Expr(2));
  return std::vector{std::move(out)};
}

Inferred irfft(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (!x.has_rank() || x.rank() < 2) return std::vector{tensor_fact(x.dtype)};
  Fact out = without_elements(x);
  out.dims->pop_back();
  Expr& size = out.dims->back();
  if (size.is(0)) return contradiction(quoted(at, 0) + " has no frequencies");
  size = Expr(2) * (size - 1);
  return std::vector{std::move(out)};
}

Inferred distances(const NodeFacts& at) {
  for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
    const auto checked = require_rank(at, slot, 2);
    if (!checked) return checked.error();
  }
  return std::vector{tensor_fact(at.in(0).dtype, Dims{size_of(at, 0, 0), size_of(at, 1, 0)})};
}

Inferred embedding(const NodeFacts& at) {
  const auto checked = require_rank(at, 0, 2);
  if (!checked) return checked.error();
  const Fact& indices = at.in(1);
  if (!indices.has_rank()) return std::vector{tensor_fact(at.in(0).dtype)};
  Dims out = *indices.dims;
  out.push_back(size_of(at, 0, 1));
  return std::vector{tensor_fact(at.in(0).dtype, std::move(out))};
}

/// Windows over one axis, whose elements become the last axis.
Inferred unfold(const NodeFacts& at) {
  const Fact& x = at.in(0);
  const std::int64_t size = at.attr_int("size", 0);
  const std::int64_t step = at.attr_int("step", 1);
  if (!x.has_rank()) return std::vector{tensor_fact(x.dtype)};
  const auto axis = normalized_axis(at.attr_int("dim", -1), x.rank());
  if (!axis || size < 1 || step < 1) return contradiction("dim, size or step is out of range");
  Fact out = without_elements(x);
  Expr& windows = (*out.dims)[*axis];
  if (Expr::less(windows, Expr(size)) == true) {
    return contradiction("size is " + std::to_string(size) + ", but " + quoted(at, 0) + " is " +
                         windows.text() + " long there");
  }
  windows = floor_div(windows - Expr(size), Expr(step)) + 1;
  out.dims->push_back(Expr(size));
  return std::vector{std::move(out)};
}

Inferred tokens(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (!x.has_rank()) return std::vector{tensor_fact(DType::string)};
  Dims out = *x.dims;
  out.push_back(at.unknown_size("the text decides how many tokens there are"));
  return std::vector{tensor_fact(DType::string, std::move(out))};
}

/// Words of characters, each embedded by a convolution with so many filters.
Inferred word_embedding(const NodeFacts& at) {
  const std::int64_t said = at.attr_int("embedding_size", 0);
  const Fact& weight = at.in(1);
  Expr filters = at.unknown_size("embedding_size is missing");
  if (weight.has_rank() && weight.rank() > 0) filters = (*weight.dims)[0];
  if (said > 0) filters = Expr(said);
  const Fact& words = at.in(0);
  if (!words.has_rank() || words.rank() == 0) return std::vector{tensor_fact(weight.dtype)};
  Fact out = shaped_like(words, weight.dtype);
  out.dims->back() = filters;
  return std::vector{std::move(out)};
}

Inferred relative_position(const NodeFacts& at) {
  const auto checked = require_rank(at, 0, 2);
  if (!checked) return checked.error();
  return std::vector{tensor_fact(at.in(0).dtype,
                                 Dims{Expr(1), size_of(at, 0, 1), size_in(at, 1), size_in(at, 2)})};
}

/// Padded tokens are left out: how many stay is in the data.
Inferred remove_padding(const NodeFacts& at) {
  const auto checked = require_rank(at, 0, 3);
  if (!checked) return checked.error();
  const Expr batch = size_of(at, 0, 0);
  return std::vector{
      tensor_fact(at.in(0).dtype,
                  Dims{at.unknown_size("the data decides how many tokens are no padding"),
                       size_of(at, 0, 2)}),
      tensor_fact(DType::int32, Dims{batch, size_of(at, 0, 1)}),
      tensor_fact(DType::int32, Dims{batch + 1}), tensor_fact(DType::int32, Dims{Expr(1)})};
}

Inferred restore_padding(const NodeFacts& at) {
  for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
    const auto checked = require_rank(at, slot, 2);
    if (!checked) return checked.error();
  }
  return std::vector{
      tensor_fact(at.in(0).dtype, Dims{size_of(at, 1, 0), size_of(at, 1, 1), size_of(at, 0, 1)})};
}

Inferred time_warping(const NodeFacts& at) {
  return std::vector{tensor_fact(
      DType::int32, Dims{Expr(2), at.unknown_size("the data decides how long the path is")})};
}

Result<Relayout> expand_dims_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const auto rank = known_rank(node, {.output = true});
  if (!rank) return rank.error();
  const auto written = numbers_of(node.at().in(1));
  if (!written || written->size() != 1) return refuse("its axis is computed");
  const auto axes = sorted_axes(*written, rank.value());
  if (!axes) return axes.error();
  const Parting parting{.whole = {.output = true}, .rest = {}, .axes = axes.value()};
  auto made = part_layouts(node, operand, layout, parting);
  if (!made) return made.error();
  auto& [layouts, places] = made.value();
  DrawnNode drawn = redrawn(node);
  drawn.inputs[1] = int_like(node.at().in(1), places.front());
  return with_node(std::move(layouts), std::move(drawn));
}

/// As the operator of the standard that has its inputs and attributes.
Result<Relayout> standard_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  return op_table().find("", node.at().node().op_type)->layout(node, operand, layout);
}

}  // namespace

void register_contrib_tensor(OpTable& table) {
  const auto add = [&](std::string_view op_type, ShapeRule shape,
                       Accumulation accumulation = Accumulation::none,
                       LayoutRule layout = nullptr) {
    const OpTraits traits{.accumulation = accumulation};
    table.add(op_type, {.traits = traits, .shape = shape, .layout = layout}, ort_domain);
  };
  add("ExpandDims", expand_dims, Accumulation::none, expand_dims_layout);
  add("Pad", pad, Accumulation::none, standard_layout);
  add("GatherND", gather_nd, Accumulation::none, standard_layout);
  add("Range", range);
  add("Unique", unique);
  add("GridSample", grid_sample, Accumulation::interpolate);
  add("CropAndResize", crop_and_resize, Accumulation::interpolate);
  add("Rfft", rfft, Accumulation::fourier);
  add("Irfft", irfft, Accumulation::fourier);
  add("CDist", distances);
  add("TorchEmbedding", embedding);
  add("UnfoldTensor", unfold);
  add("Tokenizer", tokens);
  add("WordConvEmbedding", word_embedding);
  add("RelativePositionBias", relative_position);
  add("RemovePadding", remove_padding);
  add("RestorePadding", restore_padding);
  add("DynamicTimeWarping", time_warping);
}

}  // namespace pot
