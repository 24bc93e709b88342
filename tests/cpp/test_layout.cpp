// Orders of axes, layouts made of them, and what broadcasts beside a result in another layout.

#include <algorithm>
#include <vector>

#include "check.h"
#include "ir/layout.h"
#include "ops/shared/broadcast_layout.h"

namespace {

using pot::after_transpose;
using pot::aligned;
using pot::before_transpose;
using pot::Dims;
using pot::Expr;
using pot::InnerOrder;
using pot::Layout;
using pot::Permutation;

using Ints = std::vector<std::int64_t>;

Permutation order(const Ints& axes) { return *Permutation::of(axes); }

/// Every order of so many axes.
std::vector<Permutation> all_orders(std::size_t rank) {
  std::vector<Permutation> out;
  Ints axes = Permutation::identity(rank).ints();
  do {
    out.push_back(order(axes));
  } while (std::ranges::next_permutation(axes).found);
  return out;
}

Layout reordered(Layout layout, std::size_t axis) {
  layout.inner.push_back({.axis = axis, .sizes = {2, 3}, .order = order({1, 0})});
  return layout;
}

pot::Fact tensor(Dims dims) { return pot::tensor_fact(pot::DType::float32, std::move(dims)); }

TEST(what_is_no_order_of_axes) {
  CHECK(!Permutation::of(Ints{0, 0}));
  CHECK(!Permutation::of(Ints{0, 2}));
  CHECK(!Permutation::of(Ints{-1, 0}));
  CHECK(Permutation::of(Ints{})->is_identity());
  CHECK_EQ(Permutation().rank(), 0u);
}

TEST(orders_as_attributes_and_texts) {
  CHECK(Permutation::reversed(3).ints() == Ints({2, 1, 0}));
  CHECK(pot::channels_last(4).ints() == Ints({0, 2, 3, 1}));
  CHECK(pot::channels_last(2).is_identity());
  CHECK(pot::channels_last(5).ints() == Ints({0, 2, 3, 4, 1}));
  CHECK_EQ(order({0, 2, 3, 1}).text(), "0,2,3,1");
  CHECK_EQ(Permutation().text(), "");
}

TEST(one_after_the_other_is_as_if_applied_in_turn) {
  const Ints sizes{2, 3, 5, 7};
  for (const Permutation& first : all_orders(4)) {
    CHECK(first.then(first.inverse()).is_identity());
    CHECK(first.inverse().then(first).is_identity());
    for (std::size_t axis = 0; axis < 4; ++axis) CHECK_EQ(first[first.place_of(axis)], axis);
    for (const Permutation& next : all_orders(4)) {
      CHECK(first.then(next).apply(sizes) == next.apply(first.apply(sizes)));
    }
  }
}

TEST(an_order_without_axes_is_that_of_the_sizes_that_are_left) {
  for (const Permutation& perm : all_orders(4)) {
    for (const std::vector<std::size_t>& gone : {std::vector<std::size_t>{1}, {3, 0}, {}}) {
      Ints left;
      for (std::size_t axis = 0; axis < 4; ++axis) {
        if (std::ranges::count(gone, axis) == 0) left.push_back(static_cast<std::int64_t>(axis));
      }
      Ints expected;
      for (const std::int64_t axis : perm.ints()) {
        if (std::ranges::count(left, axis) > 0) expected.push_back(axis);
      }
      CHECK(perm.without(gone).apply(left) == expected);
    }
  }
}

TEST(a_transpose_between_two_layouts_of_the_same_bytes) {
  const Dims dims{2, 3, 5, 6};
  for (const Permutation& transpose : all_orders(4)) {
    const Dims after = transpose.apply(dims);
    for (const Permutation& perm : all_orders(4)) {
      const Layout of_result = reordered(perm, transpose.place_of(3));
      const Layout of_source = before_transpose(transpose, of_result);
      CHECK(stored_dims(of_source, dims) == stored_dims(of_result, after));
      CHECK_EQ(of_source.inner.front().axis, 3u);
      CHECK(after_transpose(transpose, of_source) == of_result);
    }
  }
}

TEST(inner_orders_stay_sorted_by_axis) {
  const Layout both = reordered(reordered(Permutation::identity(3), 0), 2);
  const Layout turned = before_transpose(order({2, 0, 1}), both);
  CHECK_EQ(turned.inner.size(), 2u);
  CHECK_EQ(turned.inner[0].axis, 1u);
  CHECK_EQ(turned.inner[1].axis, 2u);
  CHECK(turned.inner_of(1) == turned.inner.data());
  CHECK(turned.inner_of(0) == nullptr);
}

TEST(layouts_that_are_none) {
  CHECK(Layout::identity(3).is_identity());
  CHECK(!Layout(order({1, 0})).is_identity());
  CHECK(Layout(order({1, 0})).plain());
  CHECK(!reordered(Permutation::identity(2), 1).is_identity());
  CHECK_EQ(reordered(Permutation::identity(2), 1).text(), "0,1 (1: 2x3 as 1,0)");
}

TEST(axes_of_size_1_lie_anywhere_in_the_same_memory) {
  const Dims dims{1, Expr::symbol("c"), 1, 4};
  const Layout filed = Layout::identity(4);
  CHECK(same_memory(filed, order({1, 2, 0, 3}), dims));
  CHECK(same_memory(filed, order({2, 1, 3, 0}), dims));
  CHECK(!same_memory(filed, order({0, 3, 2, 1}), dims));
  CHECK(!same_memory(filed, reordered(Permutation::identity(4), 1), dims));
  const Dims open{Expr::symbol("n"), Expr::symbol("c")};
  CHECK(!same_memory(Layout::identity(2), order({1, 0}), open));
}

/// Sizes of the operand as it is read beside the result: stored, with axes put in.
Dims read_sizes(const pot::Aligned& beside, const Dims& dims) {
  Dims sizes = stored_dims(beside.layout, dims);
  for (const std::int64_t place : beside.unsqueeze) sizes.insert(sizes.begin() + place, Expr(1));
  return sizes;
}

TEST(what_is_aligned_broadcasts_as_it_did) {
  const Dims result{2, 3, 5, 7};
  for (const Permutation& perm : all_orders(4)) {
    for (std::size_t rank = 0; rank <= 4; ++rank) {
      const Dims dims(result.end() - static_cast<std::ptrdiff_t>(rank), result.end());
      const Dims sizes = read_sizes(aligned(perm, rank), dims);
      CHECK(sizes.size() <= 4);
      const Dims stored = perm.apply(result);
      for (std::size_t place = 0; place < 4; ++place) {
        const bool own = perm[place] >= 4 - rank;
        const std::size_t lacking = 4 - sizes.size();
        const Expr size = place < lacking ? Expr(1) : sizes[place - lacking];
        CHECK(size == (own ? stored[place] : Expr(1)));
      }
    }
  }
}

TEST(axes_in_front_are_not_put_in) {
  CHECK(aligned(order({0, 2, 3, 1}), 3).unsqueeze.empty());
  CHECK(aligned(order({0, 3, 1, 2}), 1).unsqueeze == Ints({1, 2}));
  CHECK(aligned(order({0, 3, 1, 2}), 0).unsqueeze.empty());
  CHECK(aligned(order({2, 0, 3, 1}), 2).unsqueeze == Ints({1, 3}));
}

TEST(a_lifted_layout_induces_the_one_it_was_lifted_from) {
  for (const Permutation& perm : all_orders(3)) {
    const Layout lower = reordered(perm, 1);
    const Layout result = pot::lifted(lower, 5);
    CHECK_EQ(result.rank(), 5u);
    CHECK_EQ(result.inner.front().axis, 3u);
    const auto beside = pot::aligned_operand(tensor({4, 6, 5}), result, "x");
    CHECK(beside.ok());
    CHECK(beside.value().layout == lower);
    CHECK(beside.value().unsqueeze.empty());
  }
}

TEST(an_operand_beside_an_axis_in_another_inner_order) {
  const Layout result = reordered(order({0, 2, 1}), 1);
  CHECK(pot::aligned_operand(tensor({1, 5}), result, "x").value().layout.plain());
  CHECK(!pot::aligned_operand(tensor({6, 5}), result, "x").value().layout.plain());
  CHECK(pot::aligned_operand(tensor({5}), result, "x").value().layout.plain());
  CHECK(!pot::aligned_operand(tensor({Expr::symbol("c"), 5}), result, "x").ok());
}

}  // namespace
