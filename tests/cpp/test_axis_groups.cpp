// What a Reshape makes of axes that lie in another order, and what becomes of inner orders.

#include <vector>

#include "check.h"
#include "ops/shared/axis_groups.h"
#include "ops/shared/inner_order.h"

namespace {

using pot::Dims;
using pot::Expr;
using pot::halves;
using pot::inner_order;
using pot::InnerHalves;
using pot::InnerOrder;
using pot::joined;
using pot::Layout;
using pot::layout_across;
using pot::Permutation;

using Ints = std::vector<std::int64_t>;

Permutation order(const Ints& axes) { return *Permutation::of(axes); }

Expr size(const char* name) { return Expr::symbol(name); }

std::string across(const Ints& perm, const Dims& from, const Dims& to) {
  const auto made = layout_across(Layout(order(perm)), from, to, "its output");
  return made ? made.value().text() : made.error().message;
}

TEST(stretches_of_axes_move_as_blocks) {
  CHECK_EQ(across({0, 2, 3, 1}, {size("n"), 8, size("h"), size("w")},
                  {size("n"), 8, size("h") * size("w")}),
           "0,2,1");
  CHECK_EQ(across({0, 2, 1}, {size("n"), 6, 20}, {size("n"), 2, 3, 4, 5}), "0,3,4,1,2");
  CHECK_EQ(across({1, 0, 2}, {4, 6, 5}, {6, 4, 5}),
           "it joins and splits its axes 0 to 1 at other places, so that they stay together");
  CHECK_EQ(across({2, 0, 1}, {4, 6, 5}, {6, 4, 5}), "2,0,1");
  CHECK_EQ(across({0, 2, 1, 3}, {2, 3, 4, 5}, {2, 12, 5}), "0,1,2 (1: 3x4 as 1,0)");
  CHECK_EQ(across({2, 0, 1, 3}, {2, 3, 4, 5}, {2, 12, 5}),
           "axis 1 of its output would be torn apart");
}

TEST(sizes_that_are_not_known_move_whole) {
  CHECK_EQ(across({1, 0}, {size("n"), size("m")}, {size("m"), size("n")}),
           "it joins and splits its axes 0 to 1 at other places, so that they stay together");
  CHECK_EQ(across({1, 0, 2}, {size("n"), size("m"), 3}, {size("n") * size("m"), 3}),
           "its axes are merged in another order, and the size n is not a number");
  CHECK_EQ(across({1, 0}, {2, 0}, {0, 2}), "it holds no elements");
}

TEST(axes_of_size_1_that_both_have_stay_in_their_place) {
  CHECK_EQ(across({2, 1, 0}, {2, 1, 3}, {2, 1, 3}), "2,1,0");
  CHECK_EQ(across({1, 0}, {2, 3}, {2, 1, 3, 1}), "2,3,0,1");
}

TEST(equal_inner_orders_have_one_form) {
  const auto made = inner_order(1, Ints{2, 3, 4}, order({2, 0, 1}));
  CHECK(made && made->axis == 1u);
  CHECK(made && made->sizes == Ints({6, 4}) && made->order == order({1, 0}));
  CHECK(!inner_order(1, Ints{2, 3}, order({0, 1})));
}

TEST(inner_orders_split_and_join) {
  const InnerOrder mixed{.axis = 1, .sizes = {2, 3}, .order = order({1, 0})};
  CHECK(!halves(mixed, 2));
  CHECK(!halves(mixed, 4));
  const auto whole = halves(mixed, 1);
  CHECK(whole && !whole->outer && whole->inner && whole->inner->sizes == Ints({2, 3}));
  const auto all = halves(mixed, 6);
  CHECK(all && all->outer && !all->inner);

  const auto both = joined(1, *all, 6, 5);
  CHECK(both && both->sizes == Ints({2, 3, 5}) && both->order == order({1, 0, 2}));
  const auto apart = halves(*both, 6);
  CHECK(apart && apart->outer == all->outer && !apart->inner);
  CHECK(!joined(1, InnerHalves{}, 6, 5));
}

}  // namespace
