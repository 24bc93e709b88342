#include "ops/shared/elements.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace pot {
namespace {

struct Range {
  std::int64_t least;
  std::int64_t most;
};

/// uint64 ends where Expr ends.
std::optional<Range> integer_range(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return Range{0, 1};
    case DType::uint2:
      return Range{0, 3};
    case DType::int2:
      return Range{-2, 1};
    case DType::uint4:
      return Range{0, 15};
    case DType::int4:
      return Range{-8, 7};
    case DType::uint8:
      return Range{0, 255};
    case DType::int8:
      return Range{-128, 127};
    case DType::uint16:
      return Range{0, 65535};
    case DType::int16:
      return Range{-32768, 32767};
    case DType::int32:
      return Range{std::numeric_limits<std::int32_t>::min(),
                   std::numeric_limits<std::int32_t>::max()};
    case DType::uint32:
      return Range{0, std::numeric_limits<std::uint32_t>::max()};
    case DType::int64:
      return Range{std::numeric_limits<std::int64_t>::min(),
                   std::numeric_limits<std::int64_t>::max()};
    case DType::uint64:
      return Range{0, std::numeric_limits<std::int64_t>::max()};
    default:
      return std::nullopt;
  }
}

/// Sizes are taken to fit into these; into narrower ones only when that can be proved.
bool holds_sizes(DType dtype) {
  return dtype == DType::int64 || dtype == DType::int32 || dtype == DType::uint64 ||
         dtype == DType::uint32 || dtype == DType::float32 || dtype == DType::float64;
}

struct FloatFormat {
  int digits;    ///< of the significand, in bits
  int smallest;  ///< exponent of the smallest normal number, as frexp counts
  int largest;
};

std::optional<FloatFormat> float_format(DType dtype) {
  switch (dtype) {
    case DType::float16:
      return FloatFormat{11, -13, 16};
    case DType::bfloat16:
      return FloatFormat{8, -125, 128};
    case DType::float32:
      return FloatFormat{24, -125, 128};
    case DType::float64:
      return FloatFormat{53, -1021, 1024};
    default:
      return std::nullopt;
  }
}

std::optional<Expr> stored_integer(const Expr& value, DType dtype) {
  const auto range = integer_range(dtype);
  if (!range) return std::nullopt;
  if (const auto number = value.number()) {
    if (*number < range->least || *number > range->most) return std::nullopt;
    return value;
  }
  if (value.is_number()) return std::nullopt;
  if (holds_sizes(dtype)) {
    if (range->least < 0) return value;
    const auto least = value.at_least();
    return least && *least >= 0 ? std::optional(value) : std::nullopt;
  }
  const auto least = value.at_least();
  const auto most = value.at_most();
  if (least && most && *least >= range->least && *most <= range->most) return value;
  return std::nullopt;
}

}  // namespace

bool is_integer(DType dtype) noexcept {
  return dtype != DType::boolean && integer_range(dtype).has_value();
}

bool is_float(DType dtype) noexcept { return float_format(dtype).has_value(); }

std::int64_t exact_up_to(DType dtype) {
  const auto format = float_format(dtype);
  return format ? std::int64_t{1} << format->digits : 0;
}

bool is_whole(const Expr& value) { return value.number() || floor(value) == value; }

bool is_rounded(const Expr& value, DType dtype) {
  // Sizes times a few binary digits are exact in a float: 1.5 * h, h / 32. Beyond that (h / 3,
  // 0.1 * h) the runtime's number is near the exact one, not equal to it.
  constexpr std::int64_t kDigits = 256;
  return is_float(dtype) && !value.constant() && !is_whole(value * Expr(kDigits));
}

std::optional<Expr> stored_float(double value, DType dtype) {
  const auto format = float_format(dtype);
  if (!format || !std::isfinite(value) || (value == 0 && std::signbit(value))) return std::nullopt;
  if (value == 0) return Expr(0);
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  double whole = std::nearbyint(std::ldexp(fraction, format->digits));  // ties go to even
  exponent -= format->digits;
  const int top = exponent + format->digits;
  if (top < format->smallest || top > format->largest) return std::nullopt;
  while (exponent < 0 && std::fmod(whole, 2) == 0) {
    whole /= 2;
    ++exponent;
  }
  constexpr int kMostDigits = 62;
  if (exponent < -kMostDigits || top > kMostDigits) return std::nullopt;
  if (exponent >= 0) return Expr(static_cast<std::int64_t>(std::ldexp(whole, exponent)));
  return Expr::ratio(static_cast<std::int64_t>(whole), std::int64_t{1} << -exponent);
}

std::optional<Expr> stored(const Expr& value, DType dtype) {
  if (!is_float(dtype)) return stored_integer(value, dtype);
  if (const auto constant = value.constant()) return stored_float(*constant, dtype);
  return holds_sizes(dtype) ? std::optional(value) : std::nullopt;
}

std::optional<Expr> truncated(const Expr& value) {
  if (is_whole(value)) return value;
  if (const auto constant = value.constant()) return *constant < 0 ? ceil(value) : floor(value);
  if (const auto least = value.at_least(); least && *least >= 0) return floor(value);
  if (const auto most = value.at_most(); most && *most <= 0) return ceil(value);
  return std::nullopt;
}

std::optional<std::vector<std::int64_t>> small_shape(const Dims& dims) {
  std::vector<std::int64_t> out;
  for (const Expr& dim : dims) {
    const auto number = dim.number();
    if (!number) return std::nullopt;
    out.push_back(*number);
  }
  const auto count = element_count(out);
  if (!count || *count > kMostElements) return std::nullopt;
  return out;
}

std::size_t small_count(std::span<const std::int64_t> shape) {
  const auto count = element_count(shape);
  assert(count && *count <= kMostElements);
  return count.value_or(0);
}

std::vector<Position> positions(std::span<const std::int64_t> shape) {
  std::vector<Position> out;
  const std::size_t count = small_count(shape);
  Position position(shape.size(), 0);
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(position);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++position[axis] < shape[axis]) break;
      position[axis] = 0;
    }
  }
  return out;
}

std::size_t flat_index(std::span<const std::int64_t> position,
                       std::span<const std::int64_t> shape) {
  assert(position.size() == shape.size());
  std::int64_t flat = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    assert(position[axis] >= 0 && position[axis] < shape[axis]);
    flat = flat * shape[axis] + position[axis];
  }
  return static_cast<std::size_t>(flat);
}

Fact from_elements(const NodeFacts& at, DType dtype, Dims dims,
                   std::vector<std::optional<Expr>> elements) {
  Fact out = tensor_fact(dtype, std::move(dims));
  const auto known = std::ranges::any_of(elements, [](const auto& each) { return bool(each); });
  if (!known && !elements.empty()) return out;
  std::vector<Expr> all;
  all.reserve(elements.size());
  for (auto& each : elements) {
    all.push_back(each ? std::move(*each) : at.unknown_value("the element depends on data"));
  }
  out.elements = std::make_shared<const std::vector<Expr>>(std::move(all));
  return out;
}

namespace {

bool is_inside(const Position& position, std::span<const std::int64_t> shape) {
  if (position.size() != shape.size()) return false;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (position[axis] < 0 || position[axis] >= shape[axis]) return false;
  }
  return true;
}

}  // namespace

Fact moved(const NodeFacts& at, const Fact& source, Dims dims, const Origin& from) {
  const auto shape = small_shape(dims);
  const auto old_shape = source.has_rank() ? small_shape(*source.dims) : std::nullopt;
  if (!shape || !old_shape) return tensor_fact(source.dtype, std::move(dims));
  const Elements known = elements_of(source);
  if (!known) return tensor_fact(source.dtype, std::move(dims));
  std::vector<std::optional<Expr>> elements;
  for (const Position& position : positions(*shape)) {
    const auto origin = from(position);
    const bool told = origin && is_inside(*origin, *old_shape);
    elements.push_back(told ? std::optional((*known)[flat_index(*origin, *old_shape)])
                            : std::nullopt);
  }
  return from_elements(at, source.dtype, std::move(dims), std::move(elements));
}

Fact reshaped(const Fact& source, Dims dims) {
  Fact out = tensor_fact(source.dtype, std::move(dims));
  const auto shape = small_shape(*out.dims);
  if (!shape) return out;
  const Elements known = elements_of(source);
  if (known && known->size() == small_count(*shape)) out.elements = known;
  return out;
}

DType common_dtype(const NodeFacts& at) {
  for (const Fact& input : at.inputs()) {
    if (input.is_tensor() && input.dtype != DType::undefined) return input.dtype;
  }
  return DType::undefined;
}

namespace {

/// Where an element of a broadcast result comes from.
std::size_t broadcast_index(const Position& position, std::span<const std::int64_t> shape) {
  const std::size_t lead = position.size() - shape.size();
  std::int64_t flat = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    flat = flat * shape[axis] + (shape[axis] == 1 ? 0 : position[lead + axis]);
  }
  return static_cast<std::size_t>(flat);
}

struct Operand {
  Elements elements;  // null: not known
  std::vector<std::int64_t> shape;
};

std::optional<std::vector<Operand>> operands(const NodeFacts& at, bool partly) {
  std::vector<Operand> out;
  bool any = false;
  for (const Fact& input : at.inputs()) {
    const auto shape = small_shape(*input.dims);
    Elements elements = shape ? elements_of(input) : nullptr;
    if (!elements && !partly) return std::nullopt;
    any = any || elements;
    out.push_back({std::move(elements), shape.value_or(std::vector<std::int64_t>{})});
  }
  return any ? std::optional(std::move(out)) : std::nullopt;
}

Fact combined(const NodeFacts& at, const Elementwise& how, Dims dims) {
  const auto shape = small_shape(dims);
  if (!how.element || !shape) return tensor_fact(how.dtype, std::move(dims));
  const auto inputs = operands(at, how.partly);
  if (!inputs) return tensor_fact(how.dtype, std::move(dims));
  std::vector<std::optional<Expr>> elements;
  std::vector<Expr> row(inputs->size());
  bool open = false;  // one unknown stands for all elements of an input: no result may depend on it
  for (std::size_t i = 0; i < row.size(); ++i) {
    if ((*inputs)[i].elements) continue;
    row[i] = at.unknown_value("the element depends on data");
    open = true;
  }
  for (const Position& position : positions(*shape)) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Operand& from = (*inputs)[i];
      if (from.elements) row[i] = (*from.elements)[broadcast_index(position, from.shape)];
    }
    auto element = how.element(row);
    if (open && element && !element->is_number() && !element->writable()) element.reset();
    elements.push_back(std::move(element));
  }
  return from_elements(at, how.dtype, std::move(dims), std::move(elements));
}

}  // namespace

Inferred elementwise(const NodeFacts& at, const Elementwise& how) {
  std::vector<Dims> shapes;
  for (const Fact& input : at.inputs()) {
    if (!input.has_rank()) return std::vector{tensor_fact(how.dtype)};
    shapes.push_back(*input.dims);
  }
  if (shapes.empty()) return std::vector{tensor_fact(how.dtype)};
  auto dims = broadcast_dims(shapes);
  if (!dims) return dims.error();
  return std::vector{combined(at, how, std::move(dims).value())};
}

Inferred same_as_input(const NodeFacts& at) {
  if (!at.in(0).is_tensor()) return std::vector<Fact>{};
  return std::vector{without_elements(at.in(0))};
}

Inferred broadcast_inputs(const NodeFacts& at) {
  return elementwise(at, {.dtype = common_dtype(at)});
}

Expr as_size(const NodeFacts& at, const Expr& element) {
  const auto least = element.at_least();
  const bool fits = (least && *least >= 0) || (!element.constant() && element.writable());
  return fits ? element : at.unknown_size("the data decides the size");
}

std::optional<Dims> dims_from(const NodeFacts& at, const Fact& target) {
  if (const Elements elements = elements_of(target)) {
    Dims dims;
    for (const Expr& element : *elements) dims.push_back(as_size(at, element));
    return dims;
  }
  if (!target.has_rank() || target.rank() != 1) return std::nullopt;
  const auto count = (*target.dims)[0].number();
  if (!count || *count < 0 || *count > static_cast<std::int64_t>(kMostElements)) {
    return std::nullopt;
  }
  return at.unknown_dims(static_cast<std::size_t>(*count), "the data decides the size");
}

}  // namespace pot
