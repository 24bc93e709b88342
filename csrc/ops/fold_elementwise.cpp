// Fold rules of arithmetic, comparisons and Cast: each element by itself, in IEEE arithmetic. What
// runtimes compute by approximation (Exp, Pow, Tanh) or in another precision (float16) is theirs.

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "ops/shared/fold_rule.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

constexpr Folded kUnknown = std::nullopt;

template <class T>
T element(ByteView bytes, std::size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
  return value;
}

template <class T>
void store(std::vector<std::byte>& bytes, std::size_t i, T value) {
  std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
}

/// Whole numbers wrap as two's complement does, without undefined behaviour on the way.
template <class T>
using Wrapping = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>,
                                             std::type_identity<T>>::type;

struct Add {
  template <class T>
  static std::optional<T> of(T a, T b) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
  }
};
struct Sub {
  template <class T>
  static std::optional<T> of(T a, T b) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
  }
};
struct Mul {
  template <class T>
  static std::optional<T> of(T a, T b) {
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
  }
};
struct Div {
  template <class T>
  static std::optional<T> of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1))) return std::nullopt;
    }
    return static_cast<T>(a / b);
  }
};

/// Calls `with` with a value of the C++ type; nothing for other types.
template <class With>
Folded by_number(DType dtype, const With& with) {
  switch (dtype) {
    case DType::float32:
      return with(float{});
    case DType::float64:
      return with(double{});
    case DType::int64:
      return with(std::int64_t{});
    case DType::int32:
      return with(std::int32_t{});
    default:
      return kUnknown;
  }
}

struct Pair {
  Bytes a, b;
  MadeType made;
  std::size_t count = 0;
};

std::optional<Pair> pair_of(const NodeFacts& at) {
  if (at.input_count() != 2) return std::nullopt;
  auto made = made_type(at);
  if (!made || at.in(0).constant->dtype() != at.in(1).constant->dtype()) return std::nullopt;
  auto a = broadcast_bytes(at.in(0).constant, made->dims);
  auto b = broadcast_bytes(at.in(1).constant, made->dims);
  const auto count = element_count(made->dims);
  if (!a || !b || !count) return std::nullopt;
  return Pair{std::move(*a), std::move(*b), std::move(*made), static_cast<std::size_t>(*count)};
}

template <class Op>
Folded arithmetic(const NodeFacts& at) {
  const auto pair = pair_of(at);
  if (!pair || at.opset() < 7) return kUnknown;  // before, broadcasting had rules of its own
  return by_number(pair->made.dtype, [&](auto zero) -> Folded {
    using T = decltype(zero);
    std::vector<std::byte> bytes(pair->count * sizeof(T));
    for (std::size_t i = 0; i < pair->count; ++i) {
      const auto value = Op::of(element<T>(pair->a.view, i), element<T>(pair->b.view, i));
      if (!value) return kUnknown;
      store<T>(bytes, i, *value);
    }
    return made_of(pair->made, std::move(bytes));
  });
}

template <class Op>
Folded comparison(const NodeFacts& at) {
  const auto pair = pair_of(at);
  if (!pair || at.opset() < 7) return kUnknown;
  return by_number(at.in(0).constant->dtype(), [&](auto zero) -> Folded {
    using T = decltype(zero);
    std::vector<std::byte> bytes(pair->count);
    for (std::size_t i = 0; i < pair->count; ++i) {
      const bool holds = Op{}(element<T>(pair->a.view, i), element<T>(pair->b.view, i));
      store<std::uint8_t>(bytes, i, holds ? 1 : 0);
    }
    return made_of(pair->made, std::move(bytes));
  });
}

template <class Op>
Folded logic(const NodeFacts& at) {
  const auto pair = pair_of(at);
  if (!pair || pair->made.dtype != DType::boolean) return kUnknown;
  std::vector<std::byte> bytes(pair->count);
  for (std::size_t i = 0; i < pair->count; ++i) {
    const bool a = pair->a.view[i] != std::byte{0};
    const bool b = pair->b.view[i] != std::byte{0};
    store<std::uint8_t>(bytes, i, Op{}(a, b) ? 1 : 0);
  }
  return made_of(pair->made, std::move(bytes));
}

Folded logical_not(const NodeFacts& at) {
  const auto made = made_type(at);
  const auto data = at.in(0).constant->data();
  if (!made || !data || made->dtype != DType::boolean) return kUnknown;
  std::vector<std::byte> bytes(data.value().view.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(data.value().view[i] == std::byte{0} ? 1 : 0);
  }
  return made_of(*made, std::move(bytes));
}

template <class Op>
Folded unary(const NodeFacts& at) {
  const auto made = made_type(at);
  const auto data = at.in(0).constant->data();
  if (!made || !data) return kUnknown;
  return by_number(made->dtype, [&](auto zero) -> Folded {
    using T = decltype(zero);
    const ByteView from = data.value().view;
    std::vector<std::byte> bytes(from.size());
    for (std::size_t i = 0; i < from.size() / sizeof(T); ++i) {
      const auto value = Op::of(element<T>(from, i));
      if (!value) return kUnknown;
      store<T>(bytes, i, *value);
    }
    return made_of(*made, std::move(bytes));
  });
}

struct Negative {
  template <class T>
  static std::optional<T> of(T a) {
    if constexpr (std::is_floating_point_v<T>) return -a;
    return Sub::of<T>(0, a);
  }
};
/// Correctly rounded, so that every runtime gets the same.
struct Root {
  template <class T>
  static std::optional<T> of(T a) {
    if constexpr (std::is_floating_point_v<T>) return std::sqrt(a);
    return std::nullopt;
  }
};

/// What a Cast makes of one element; nothing where runtimes differ: NaN, and numbers that the new
/// type cannot hold.
template <class To, class From>
std::optional<To> converted(From value) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    const double truncated = std::trunc(static_cast<double>(value));
    constexpr double kEnd = 0x1p31;  // int64 too: what is beyond is no size
    if (!(truncated > -kEnd && truncated < kEnd)) return std::nullopt;
    return static_cast<To>(truncated);
  } else if constexpr (std::is_integral_v<From> && std::is_integral_v<To>) {
    if (!std::in_range<To>(value)) return std::nullopt;
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

template <class From>
Folded cast_from(const MadeType& made, ByteView from, bool to_bool) {
  const std::size_t count = from.size() / sizeof(From);
  if (to_bool) {
    std::vector<std::byte> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
      store<std::uint8_t>(bytes, i, element<From>(from, i) != From{} ? 1 : 0);
    }
    return made_of(made, std::move(bytes));
  }
  return by_number(made.dtype, [&](auto zero) -> Folded {
    using To = decltype(zero);
    std::vector<std::byte> bytes(count * sizeof(To));
    for (std::size_t i = 0; i < count; ++i) {
      const auto value = converted<To>(element<From>(from, i));
      if (!value) return kUnknown;
      store<To>(bytes, i, *value);
    }
    return made_of(made, std::move(bytes));
  });
}

Folded cast(const NodeFacts& at) {
  const auto made = made_type(at);
  const TensorRef& tensor = at.in(0).constant;
  const auto data = tensor->data();
  if (!made || !data) return kUnknown;
  if (made->dtype == tensor->dtype()) return with_dims(tensor, *made);
  const bool to_bool = made->dtype == DType::boolean;
  if (tensor->dtype() == DType::boolean) {
    return cast_from<std::uint8_t>(*made, data.value().view, to_bool);
  }
  return by_number(tensor->dtype(), [&](auto zero) {
    return cast_from<decltype(zero)>(*made, data.value().view, to_bool);
  });
}

}  // namespace

void register_fold_elementwise(OpTable& table) {
  table.add_fold({"Add"}, arithmetic<Add>);
  table.add_fold({"Sub"}, arithmetic<Sub>);
  table.add_fold({"Mul"}, arithmetic<Mul>);
  table.add_fold({"Div"}, arithmetic<Div>);
  table.add_fold({"Equal"}, comparison<std::equal_to<>>);
  table.add_fold({"Less"}, comparison<std::less<>>);
  table.add_fold({"LessOrEqual"}, comparison<std::less_equal<>>);
  table.add_fold({"Greater"}, comparison<std::greater<>>);
  table.add_fold({"GreaterOrEqual"}, comparison<std::greater_equal<>>);
  table.add_fold({"And"}, logic<std::logical_and<>>);
  table.add_fold({"Or"}, logic<std::logical_or<>>);
  table.add_fold({"Xor"}, logic<std::not_equal_to<>>);
  table.add_fold({"Not"}, logical_not);
  table.add_fold({"Neg"}, unary<Negative>);
  table.add_fold({"Sqrt"}, unary<Root>);
  table.add_fold({"Cast"}, cast);
}

}  // namespace pot
