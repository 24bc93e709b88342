// Symbolic sizes: canonical forms, text, and a slow twin that computes with plain numbers.

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>

#include "check.h"
#include "ir/expr.h"

namespace {

using namespace pot;

Expr e(const char* text) { return Expr::parse(text); }
std::string canonical(const char* text) { return e(text).text(); }

TEST(whole_numbers_are_plain) {
  CHECK_EQ(Expr(2) * Expr(3) + Expr(4), Expr(10));
  CHECK(Expr(7).is_number());
  CHECK_EQ(floor_div(-7, 2).number().value_or(0), -4);
  CHECK_EQ(ceil_div(-7, 2).number().value_or(0), -3);
  CHECK_EQ(trunc_div(-7, 2).number().value_or(0), -3);
  CHECK_EQ(trunc_div(7, -2).number().value_or(0), -3);
  CHECK_EQ(floor_mod(-7, 3).number().value_or(0), 2);
  CHECK_EQ(floor_mod(7, -3).number().value_or(0), -2);
  CHECK_EQ(divide(7, 2).constant().value_or(0), 3.5);
  CHECK(!divide(7, 2).number());
  CHECK_EQ(floor(divide(7, 2)), Expr(3));
}

TEST(what_overflows_is_an_unknown_of_its_own) {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const Expr sum = Expr(most) + Expr(1);
  CHECK(!sum.is_number());
  CHECK(sum != Expr(most) + Expr(1));
  CHECK_EQ(sum.reasons().at(0), "a size too complicated to track");
  CHECK(!(Expr(most) * Expr(2)).is_number());
  CHECK(!(Expr(least) - Expr(1)).is_number());
  CHECK(!(-Expr(least)).is_number());
  CHECK(!trunc_div(least, -1).is_number());
  CHECK(!(e("h") * Expr(most) * Expr(2)).writable());
  CHECK_EQ(Expr(least).text(), "-9223372036854775808");
}

TEST(a_division_by_zero_is_an_unknown) {
  CHECK_EQ(divide(e("h"), 0).reasons().at(0), "a division by zero");
  CHECK(!floor_div(3, 0).is_number());
  CHECK(!trunc_div(3, 0).is_number());
  CHECK(!floor_mod(3, 0).is_number());
}

TEST(sums_and_products_are_canonical) {
  CHECK_EQ(e("h") + e("w") - e("h"), e("w"));
  CHECK_EQ((e("h") + 1) * (e("h") - 1), e("h**2 - 1"));
  CHECK_EQ(canonical("1 + 2*w"), "2*w + 1");
  CHECK_EQ(canonical("sequence + past_sequence"), canonical("past_sequence + sequence"));
  CHECK_EQ(canonical("w*h*2 - h*w"), "h*w");
  CHECK_EQ(canonical("-h + 3"), "-h + 3");
  CHECK_EQ((e("h*w") - e("w*h")).number().value_or(1), 0);
}

TEST(floors_are_canonical) {
  CHECK_EQ(floor(divide(Expr(2) * e("h"), 2)), e("h"));
  CHECK_EQ(floor_div(e("h"), 2).text(), "h//2");
  CHECK_EQ(floor_div(e("h + 2"), 2).text(), "h//2 + 1");
  CHECK_EQ(floor_div(floor_div(e("h"), 2), 2).text(), "h//4");
  CHECK_EQ(canonical("((h - 1)//2) + 1"), "(h + 1)//2");
  CHECK_EQ(e("(((h - 1)//2) + 1 - 1)//2 + 1"), e("(((h - 1)//4)) + 1"));
  CHECK_EQ(ceil_div(e("h"), 4).text(), "(h + 3)//4");
  CHECK_EQ(ceil_div(e("h"), 4), -floor_div(-e("h"), 4));
  CHECK_EQ(floor_div(Expr(2) * e("h") + 1, 4), floor_div(e("h"), 2));
  CHECK_EQ(canonical("2*(((h + 3)//8)) + 2"), "2*((h + 3)//8) + 2");
  CHECK_EQ(floor_div(floor_mod(e("h"), 8), 8), Expr(0));
  CHECK_EQ(trunc_div(e("h"), 2), floor_div(e("h"), 2));
}

TEST(divisions_cancel) {
  CHECK_EQ(divide(e("h*w*3"), e("w")), e("3*h"));
  CHECK_EQ(divide(e("h*w + h"), e("w + 1")), e("h"));
  CHECK_EQ(divide(e("4*h*w"), e("2*h")), e("2*w"));
  CHECK_EQ(divide(e("h"), e("w")) * e("w"), e("h"));
  CHECK_EQ(divide(e("h"), e("w + 1")) * e("w + 1"), e("h"));
  CHECK_EQ(canonical("((batch*total_sequence)//batch)"), "total_sequence");
  CHECK_EQ(divide(e("h*w"), e("p")).text(), "h*w/(p)");
  CHECK_EQ(floor_div(e("h*w"), e("p")).text(), "h*w//p");
  CHECK_EQ(floor_div(e("h*w + p"), e("p")).text(), "h*w//p + 1");
}

TEST(choices_that_are_provable_are_made) {
  CHECK_EQ(max(e("h"), 0), e("h"));
  CHECK_EQ(min(e("h"), 0), Expr(0));
  CHECK_EQ(max(e("h + 1"), 1), e("h + 1"));
  CHECK_EQ(min(e("h"), 2147483647), e("h"));
  CHECK_EQ(min(e("h"), std::numeric_limits<std::int64_t>::max()), e("h"));
  CHECK_EQ(max(e("h"), std::numeric_limits<std::int64_t>::min()), e("h"));
  CHECK_EQ(min(e("h"), e("h - 1")), e("h - 1"));
  CHECK_EQ(max(e("h - h//2"), 0), e("h - h//2"));
  CHECK_EQ(max(e("h"), e("h//2")), e("h"));
  CHECK_EQ(max(e("h - min(h, 512)"), 0), e("h - min(h, 512)"));
  CHECK_EQ(canonical("max(h - 1, 0) + 1"), "max(1, h)");
  CHECK_EQ(max(max(e("a"), e("b")), e("a")), max(e("b"), e("a")));
  CHECK_EQ(canonical("Min(512, sequence)"), "min(512, sequence)");
}

TEST(broadcast_takes_the_size_that_is_not_1) {
  const Expr h = e("h");
  CHECK_EQ(broadcast(1, h), h);
  CHECK_EQ(broadcast(h, 1), h);
  CHECK_EQ(broadcast(h, h), h);
  CHECK_EQ(broadcast(h, 8), Expr(8));
  CHECK_EQ(broadcast(h, min(h, 512)), h);
  CHECK_EQ(broadcast(min(512, h), h), h);
  CHECK(broadcast(h, min(h, 0)) != h);
  CHECK_EQ(broadcast(0, h), Expr(0));
  CHECK_EQ(broadcast(e("h + 2"), e("w")), e("h + 2"));
  CHECK_EQ(broadcast(broadcast(h, e("w")), h), broadcast(e("w"), h));
  CHECK_EQ(broadcast(h, e("w")).text(), "broadcast(h, w)");
  CHECK_EQ(broadcast(h, e("min(512, h)")), h);
  CHECK_EQ(broadcast(e("h//2"), h).text(), "broadcast(h, h//2)");  // 0 and 1 broadcast to 0
  CHECK_EQ(broadcast(h, e("w")).substitute([](const std::string& name) {
    return name == "h" ? std::optional(Expr(1)) : std::nullopt;
  }),
           e("w"));
}

TEST(bounds_are_proved) {
  CHECK_EQ(e("h").at_least().value_or(-1), 0);
  CHECK(!e("h").at_most());
  CHECK_EQ(e("2*h + 3").at_least().value_or(-1), 3);
  CHECK_EQ(floor_mod(e("h"), 8).at_most().value_or(-1), 7);
  CHECK_EQ(floor_mod(e("h"), 8).at_least().value_or(-1), 0);
  CHECK_EQ(e("min(h, 512)").at_most().value_or(-1), 512);
  CHECK(!e("h - w").at_least());
  CHECK(!Expr::fresh_value("x").at_least());
  CHECK_EQ(Expr::fresh_size("x").at_least().value_or(-1), 0);
  CHECK(Expr::less(e("h"), e("h + 1")) == std::optional(true));
  CHECK(Expr::less(e("h + 1"), e("h")) == std::optional(false));
  CHECK(!Expr::less(e("h"), e("w")));
  CHECK(Expr::equal(e("h + 1"), e("h")) == std::optional(false));
  CHECK(Expr::equal(e("h + 1"), 0) == std::optional(false));
  CHECK(Expr::equal(e("2*h"), 5) == std::optional(false));
  CHECK(!Expr::equal(e("2*h"), 6));
  CHECK(!Expr::equal(e("h"), e("w")));
}

TEST(an_unknown_equals_itself_alone) {
  const Expr a = Expr::fresh_size("NonZero 'nz' of data");
  const Expr b = Expr::fresh_size("NonZero 'nz' of data");
  CHECK(a == a);
  CHECK(a != b);
  CHECK(!Expr::equal(a, b));
  CHECK_EQ(a.text(), "?");
  CHECK_EQ((a * 2 + 1).text(), "2*? + 1");
  CHECK(!(a + e("h")).writable());
  CHECK_EQ((a + b + e("h")).reasons().size(), 1u);
  CHECK_EQ((a + e("h")).symbols().at(0), "h");
}

TEST(names_stay_names) {
  for (const char* name : {"batch-size",
                           "input.1_dim_0",
                           "a:b",
                           "batch size",
                           "Add/encoder/layer.0/Add_output_0_dim_1",
                           "/model/Concat_dim_0",
                           "a/b",
                           "2h",
                           "h-1",
                           "sqrt(h)",
                           "f()",
                           "max(a)",
                           "(",
                           "h +",
                           "1/0",
                           "h//0",
                           "None",
                           "N",
                           "größe",
                           "h,w",
                           "99999999999999999999",
                           "a > b",
                           "h**-1",
                           "h**1000"}) {
    CHECK_EQ(e(name), Expr::symbol(name));
    CHECK_EQ(e(name).text(), name);
    CHECK(e(name).writable());
  }
  CHECK_EQ(e("2*batch-size"), Expr(2) * Expr::symbol("batch-size"));
  CHECK((Expr(2) * Expr::symbol("batch-size")).writable());
  CHECK(!(Expr(2) * Expr::symbol("batch size")).writable());
  CHECK(!(Expr(2) * Expr::symbol("a/b")).writable());
  CHECK(e("?") != e("?"));
  CHECK_EQ(e("224"), Expr(224));
}

TEST(what_exporters_write_is_read) {
  CHECK_EQ(e("((s53 - 1)//2) + 1"), floor_div(e("s53") - 1, 2) + 1);
  CHECK_EQ(e("past_sequence_length + sequence_length"),
           e("past_sequence_length") + e("sequence_length"));
  CHECK_EQ(e("Max(1, s0)"), max(1, e("s0")));
  CHECK_EQ(e("s0**2"), e("s0") * e("s0"));
  CHECK_EQ(e("Mod(s0, 8)"), floor_mod(e("s0"), 8));
  CHECK_EQ(e("s0 % 8"), floor_mod(e("s0"), 8));
  CHECK_EQ(e("CeilToInt(IntTrueDiv(s0, 2))"), ceil_div(e("s0"), 2));
  CHECK_EQ(e("floor(h/2 + 1/2)"), floor_div(e("h") + 1, 2));
  CHECK_EQ(e("TruncToInt(1.5*ToFloat(h))"), floor(Expr::ratio(3, 2) * e("h")));
  CHECK_EQ(e("floor(h/2 - 1/2) + 1"), e("(h + 1)//2"));
  CHECK_EQ(e("-h//2"), floor_div(-e("h"), 2));
}

TEST(a_fraction_near_the_end_of_the_range_is_rounded) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  CHECK_EQ(floor(Expr::ratio(-3, most)), Expr(-1));
  CHECK_EQ(floor(Expr::ratio(most - 1, most)), Expr(0));
}

TEST(parsing_is_bounded) {
  std::string deep(3000, '(');
  deep += "h" + std::string(3000, ')');
  CHECK_EQ(Expr::parse(deep), Expr::symbol(deep));
  std::string minus(4000, '-');
  CHECK_EQ(Expr::parse(minus + "h"), e("h"));
  std::string calls;
  for (int i = 0; i < 500; ++i) calls += "max(h,";
  CHECK_EQ(Expr::parse(calls), Expr::symbol(calls));
  CHECK_EQ(e("(a + b + c + d + e + f)**60").symbols().size(), 1u);
  std::string many = "a0";
  for (int i = 1; i < 300; ++i) many += " + a" + std::to_string(i);
  CHECK_EQ(Expr::parse(many), Expr::symbol(many));
}

// ---- the slow twin: the same operations on numbers -------------------------------------------

/// An expression and a way to compute it with numbers: nothing where the numbers have no answer.
struct Twin {
  Expr expr;
  std::function<std::optional<long double>(const std::array<int, 3>&)> value;
};

using Random = std::mt19937;

int below(Random& random, int most) {
  return static_cast<int>(random() % static_cast<unsigned>(most));
}

Twin combined(Random& random, Twin a, Twin b);

Twin leaf(Random& random) {
  static const std::array<const char*, 3> names{"h", "w", "p"};
  if (below(random, 3) == 0) {
    const int number = below(random, 9) - 2;
    return {Expr(number), [=](const auto&) { return std::optional<long double>(number); }};
  }
  const auto which = static_cast<std::size_t>(below(random, 3));
  return {Expr::symbol(names[which]),
          [=](const auto& at) { return std::optional<long double>(at[which]); }};
}

Twin grown(Random& random, int depth) {
  if (depth == 0 || below(random, 5) == 0) return leaf(random);
  return combined(random, grown(random, depth - 1), grown(random, depth - 1));
}

long double floor_of(long double x) { return std::floor(x + 1e-12L); }
long double ceil_of(long double x) { return std::ceil(x - 1e-12L); }

Twin combined(Random& random, Twin a, Twin b) {
  struct Operation {
    Expr (*expr)(const Expr&, const Expr&);
    std::optional<long double> (*value)(long double, long double);
  };
  using Value = std::optional<long double>;
  static const std::array<Operation, 11> all{{
      {[](const Expr& x, const Expr& y) { return x + y; },
       [](long double x, long double y) -> Value { return x + y; }},
      {[](const Expr& x, const Expr& y) { return x - y; },
       [](long double x, long double y) -> Value { return x - y; }},
      {[](const Expr& x, const Expr& y) { return x * y; },
       [](long double x, long double y) -> Value { return x * y; }},
      {[](const Expr& x, const Expr&) { return floor(divide(x, 3)); },
       [](long double x, long double) -> Value { return floor_of(x / 3); }},
      {[](const Expr& x, const Expr&) { return ceil(divide(x, 4)); },
       [](long double x, long double) -> Value { return ceil_of(x / 4); }},
      {floor_div,
       [](long double x, long double y) { return y == 0 ? Value() : Value(floor_of(x / y)); }},
      {ceil_div,
       [](long double x, long double y) { return y == 0 ? Value() : Value(ceil_of(x / y)); }},
      {trunc_div,
       [](long double x, long double y) {
         if (y == 0) return Value();
         return Value(x / y < 0 ? ceil_of(x / y) : floor_of(x / y));
       }},
      {floor_mod, [](long double x,
                     long double y) { return y == 0 ? Value() : Value(x - y * floor_of(x / y)); }},
      {min, [](long double x, long double y) -> Value { return std::min(x, y); }},
      {max, [](long double x, long double y) -> Value { return std::max(x, y); }},
  }};
  const Operation& chosen = all[static_cast<std::size_t>(below(random, all.size()))];
  return {chosen.expr(a.expr, b.expr), [=](const auto& at) {
            const auto x = a.value(at);
            const auto y = b.value(at);
            return x && y ? chosen.value(*x, *y) : std::nullopt;
          }};
}

Expr at(const Expr& expr, const std::array<int, 3>& sizes) {
  return expr.substitute([&](const std::string& name) -> std::optional<Expr> {
    return Expr(sizes[name == "h" ? 0 : name == "w" ? 1 : 2]);
  });
}

TEST(symbols_agree_with_numbers) {
  Random random(20240607);
  int compared = 0;
  for (int round = 0; round < 6000; ++round) {
    const Twin twin = grown(random, 4);
    if (!twin.expr.reasons().empty()) continue;
    for (int sample = 0; sample < 4; ++sample) {
      const std::array<int, 3> sizes{below(random, 12), below(random, 12), below(random, 12)};
      const auto want = twin.value(sizes);
      if (!want || std::abs(*want) > 1e9L) continue;
      const Expr got = at(twin.expr, sizes);
      ++compared;
      if (!got.constant() || std::abs(static_cast<long double>(*got.constant()) - *want) > 1e-6L) {
        CHECK_EQ(got.text() + " from " + twin.expr.text(),
                 std::to_string(static_cast<double>(*want)));
        return;
      }
      const auto low = twin.expr.at_least();
      const auto high = twin.expr.at_most();
      CHECK(!low || static_cast<long double>(*low) <= *want + 1e-6L);
      CHECK(!high || static_cast<long double>(*high) >= *want - 1e-6L);
    }
  }
  CHECK(compared > 10000);
}

TEST(text_is_read_back) {
  Random random(20240608);
  for (int round = 0; round < 4000; ++round) {
    const Expr expr = grown(random, 4).expr;
    if (!expr.reasons().empty()) continue;
    if (Expr::parse(expr.text()) != expr) CHECK_EQ(Expr::parse(expr.text()).text(), expr.text());
  }
}

TEST(any_text_is_read) {
  Random random(20240609);
  static const std::array<const char*, 22> parts{
      "h",  "w",   "(", ")",    "+", "-", "*",    "/",      "//",   "**", "%",
      "12", "1.5", ",", "max(", " ", ".", "min(", "floor(", "Mod(", "0",  "broadcast("};
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (int i = below(random, 12); i >= 0; --i) {
      text += parts[static_cast<std::size_t>(below(random, parts.size()))];
    }
    const Expr expr = Expr::parse(text);
    CHECK(expr.reasons().empty());
    CHECK_EQ(Expr::parse(text), expr);
  }
}

}  // namespace
