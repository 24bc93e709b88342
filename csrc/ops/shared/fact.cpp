#include "ops/shared/fact.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>

#include "kernels/widen.h"

namespace pot {
namespace {

/// Floating-point elements as they are: every finite one is a whole number over a power of two.
/// Nothing for one that does not fit, as -0.0.
std::optional<Expr> exact(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  constexpr int kBits = 53;
  auto whole = static_cast<std::int64_t>(std::ldexp(fraction, kBits));
  exponent -= kBits;
  while (whole != 0 && whole % 2 == 0 && exponent < 0) {
    whole /= 2;
    ++exponent;
  }
  if (whole == 0) return std::signbit(value) ? std::nullopt : std::optional(Expr(0));
  if (exponent >= 0) {
    if (value < -0x1p62 || value > 0x1p62) return std::nullopt;
    return Expr(static_cast<std::int64_t>(value));
  }
  constexpr int kSmallest = 40;  // further digits are no scale that someone chose
  if (exponent < -kSmallest) return std::nullopt;
  return Expr::ratio(whole, std::int64_t{1} << -exponent);
}

std::optional<std::vector<double>> read_floats(const Tensor& tensor) {
  const auto data = tensor.data();
  const auto count = tensor.count();
  if (!data || !count) return std::nullopt;
  std::vector<double> out(*count);
  if (tensor.dtype() == DType::float64) {
    std::memcpy(out.data(), data.value().view.data(), data.value().view.size());
    return out;
  }
  const auto element = kernels::element_of(dtype_name(tensor.dtype()));
  if (!element || !kernels::widens(*element)) return std::nullopt;
  std::vector<float> wide(*count);
  kernels::widen(*element, kernels::Packing::packed, data.value().view, wide);
  std::ranges::copy(wide, out.begin());
  return out;
}

Elements float_elements(const Tensor& tensor) {
  const auto floats = read_floats(tensor);
  if (!floats) return nullptr;
  auto out = std::make_shared<std::vector<Expr>>();
  for (const double value : *floats) {
    auto element = exact(value);
    if (!element) return nullptr;
    out->push_back(std::move(*element));
  }
  return out;
}

Elements int_elements(const Tensor& tensor) {
  const auto numbers = read_ints(tensor);
  if (!numbers) return nullptr;
  const bool wraps = tensor.dtype() == DType::uint64 &&
                     std::ranges::any_of(numbers.value(), [](auto each) { return each < 0; });
  if (wraps) return nullptr;
  return std::make_shared<std::vector<Expr>>(numbers.value().begin(), numbers.value().end());
}

bool is_float(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float64 || dtype == DType::float16 ||
         dtype == DType::bfloat16;
}

bool is_whole(DType dtype) {
  constexpr std::array kinds{DType::int64,  DType::int32,  DType::int16,
                             DType::int8,   DType::uint8,  DType::uint16,
                             DType::uint32, DType::uint64, DType::boolean};
  return std::ranges::count(kinds, dtype) != 0;
}

Dims joined_dims(const Dims& a, const Dims& b, const std::string& reason) {
  Dims out;
  for (std::size_t i = 0; i < a.size(); ++i) {
    out.push_back(a[i] == b[i] ? a[i] : Expr::fresh_size(reason));
  }
  return out;
}

bool same_elements(const Fact& a, const Fact& b) {
  if (a.constant && a.constant == b.constant) return true;
  const Elements ours = elements_of(a);
  const Elements theirs = elements_of(b);
  if (!ours || !theirs) return !ours && !theirs && !a.constant && !b.constant;
  return *ours == *theirs;
}

std::shared_ptr<const Fact> shared(Fact fact) {
  return std::make_shared<const Fact>(std::move(fact));
}

}  // namespace

std::optional<std::vector<std::int64_t>> Fact::numbers() const {
  if (!has_rank()) return std::nullopt;
  std::vector<std::int64_t> out;
  for (const Expr& dim : *dims) {
    const auto number = dim.number();
    if (!number) return std::nullopt;
    out.push_back(*number);
  }
  return out;
}

Expr Fact::count() const {
  assert(has_rank());
  Expr out(1);
  for (const Expr& dim : *dims) out = out * dim;
  return out;
}

Fact tensor_fact(DType dtype, Dims dims) {
  Fact fact = tensor_fact(dtype);
  fact.dims = std::move(dims);
  return fact;
}

Fact tensor_fact(DType dtype) {
  Fact fact;
  fact.kind = Fact::Kind::tensor;
  fact.dtype = dtype;
  return fact;
}

Fact tensor_fact(DType dtype, std::vector<std::int64_t> dims, std::vector<Expr> elements) {
  assert(element_count(dims) == elements.size());
  Fact fact = tensor_fact(dtype, Dims(dims.begin(), dims.end()));
  fact.elements = std::make_shared<const std::vector<Expr>>(std::move(elements));
  return fact;
}

Fact without_elements(const Fact& fact) {
  Fact out = fact;
  out.elements = nullptr;
  out.constant = nullptr;
  return out;
}

Fact constant_fact(TensorRef tensor) {
  Fact fact = tensor_fact(tensor->dtype(), Dims(tensor->dims.begin(), tensor->dims.end()));
  fact.constant = std::move(tensor);
  return fact;
}

Fact sequence_fact(std::vector<Fact> items) {
  Fact fact;
  fact.kind = Fact::Kind::sequence;
  if (!items.empty()) {
    Fact all = without_elements(items.front());
    for (const Fact& item : items) all = join(all, item, "items of a sequence differ");
    fact.inner = shared(without_elements(all));
  }
  fact.items = std::make_shared<const std::vector<Fact>>(std::move(items));
  return fact;
}

Fact sequence_fact(Fact inner) {
  Fact fact;
  fact.kind = Fact::Kind::sequence;
  fact.inner = shared(without_elements(inner));
  return fact;
}

/// What a sequence's type says of each item: a name there is no size of the model, for runtimes
/// take items of any sizes.
static Fact item_of(const TypeRef& type, const std::string& reason) {
  Fact item = fact_of(type, reason);
  if (!item.has_rank()) return item;
  for (Expr& dim : *item.dims) {
    if (!dim.is_number()) dim = Expr::fresh_size(reason);
  }
  return item;
}

Fact fact_of(const TypeRef& type, const std::string& reason) {
  Fact fact;
  if (!type) return fact;
  switch (type->kind) {
    case Type::Kind::tensor: {
      fact = tensor_fact(type->dtype());
      if (!type->shape) return fact;
      Dims dims;
      for (const Dim& dim : type->shape->dims) {
        const std::string* symbol = dim.symbol();
        const auto number = dim.number();
        if (number && *number >= 0) {
          dims.emplace_back(*number);
        } else if (symbol && !symbol->empty()) {
          dims.push_back(Expr::parse(*symbol));
        } else {
          dims.push_back(Expr::fresh_size(reason));
        }
      }
      fact.dims = std::move(dims);
      return fact;
    }
    case Type::Kind::sequence:
      fact.kind = Fact::Kind::sequence;
      if (type->inner) fact.inner = shared(item_of(type->inner, reason));
      return fact;
    case Type::Kind::optional:
      fact.kind = Fact::Kind::optional;
      if (type->inner) fact.inner = shared(fact_of(type->inner, reason));
      return fact;
    case Type::Kind::none:
      return fact;
    default:
      fact.kind = Fact::Kind::other;
      fact.type = type;
      return fact;
  }
}

TypeRef type_of(const Fact& fact) {
  switch (fact.kind) {
    case Fact::Kind::unknown:
      return nullptr;
    case Fact::Kind::other:
      return fact.type;
    case Fact::Kind::sequence:
    case Fact::Kind::optional: {
      auto type = std::make_shared<Type>();
      type->kind = fact.kind == Fact::Kind::sequence ? Type::Kind::sequence : Type::Kind::optional;
      type->inner = fact.inner ? type_of(*fact.inner) : nullptr;
      return type->inner ? type : nullptr;
    }
    case Fact::Kind::tensor:
      break;
  }
  if (fact.dtype == DType::undefined) return nullptr;
  if (!fact.dims) return tensor_type(fact.dtype, std::nullopt);
  std::vector<Dim> dims;
  for (const Expr& dim : *fact.dims) {
    const auto number = dim.number();
    if (number) {
      dims.emplace_back(*number);
    } else {
      dims.push_back(dim.writable() ? Dim(dim.text()) : Dim());
    }
  }
  return tensor_type(fact.dtype, std::move(dims));
}

Elements elements_of(const Fact& fact) {
  if (fact.elements || !fact.constant) return fact.elements;
  const auto count = fact.constant->count();
  if (!count) return nullptr;
  if (is_whole(fact.dtype)) return *count <= kMostElements ? int_elements(*fact.constant) : nullptr;
  if (is_float(fact.dtype)) return *count <= kMostFloats ? float_elements(*fact.constant) : nullptr;
  return nullptr;
}

std::optional<std::vector<std::int64_t>> numbers_of(const Fact& fact) {
  const Elements elements = elements_of(fact);
  if (!elements) return std::nullopt;
  std::vector<std::int64_t> out;
  for (const Expr& element : *elements) {
    const auto number = element.number();
    if (!number) return std::nullopt;
    out.push_back(*number);
  }
  return out;
}

Fact join(const Fact& a, const Fact& b, const std::string& reason) {
  if (a.kind != b.kind) return {};
  Fact out;
  out.kind = a.kind;
  switch (a.kind) {
    case Fact::Kind::tensor:
      out.dtype = a.dtype == b.dtype ? a.dtype : DType::undefined;
      if (!a.dims || !b.dims || a.dims->size() != b.dims->size()) return out;
      out.dims = joined_dims(*a.dims, *b.dims, reason);
      if (same_elements(a, b)) {
        out.elements = a.elements;
        out.constant = a.constant;
      }
      return out;
    case Fact::Kind::sequence:
    case Fact::Kind::optional: {
      if (a.inner && b.inner) out.inner = shared(join(*a.inner, *b.inner, reason));
      if (!a.items || !b.items || a.items->size() != b.items->size()) return out;
      std::vector<Fact> items;
      for (std::size_t i = 0; i < a.items->size(); ++i) {
        items.push_back(join((*a.items)[i], (*b.items)[i], reason));
      }
      out.items = std::make_shared<const std::vector<Fact>>(std::move(items));
      return out;
    }
    case Fact::Kind::other:
      out.type = a.type;
      return out;
    case Fact::Kind::unknown:
      break;
  }
  return out;
}

Fact complete(const Fact& known, const Fact& declared) {
  if (known.kind == Fact::Kind::unknown) return declared;
  if (known.kind != declared.kind) return known;
  Fact out = known;
  if (known.is_tensor()) {
    if (out.dtype == DType::undefined) out.dtype = declared.dtype;
    if (!out.dims) out.dims = declared.dims;
  } else if (!out.inner) {
    out.inner = declared.inner;
  }
  return out;
}

bool same_fact(const Fact& a, const Fact& b) {
  if (a.kind != b.kind || a.dtype != b.dtype || a.dims != b.dims || !same_elements(a, b)) {
    return false;
  }
  if (bool(a.inner) != bool(b.inner) || (a.inner && !same_fact(*a.inner, *b.inner))) return false;
  if (bool(a.items) != bool(b.items)) return false;
  return !a.items || std::ranges::equal(*a.items, *b.items, same_fact);
}

}  // namespace pot
