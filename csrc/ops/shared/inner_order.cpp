#include "ops/shared/inner_order.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pot {
namespace {

/// How many elements lie within each factor and those before it: 2x3x4 gives 2, 6, 24.
std::vector<std::int64_t> boundaries(std::span<const std::int64_t> sizes) {
  std::vector<std::int64_t> out;
  std::int64_t so_far = 1;
  for (const std::int64_t size : sizes) out.push_back(so_far *= size);
  return out;
}

/// The factors of one half, appended to those of an axis.
void append(std::vector<std::int64_t>& sizes, std::vector<std::size_t>& stored,
            const std::optional<InnerOrder>& half, std::int64_t whole) {
  const std::size_t first = sizes.size();
  if (!half) {
    if (whole == 1) return;
    sizes.push_back(whole);
    stored.push_back(first);
    return;
  }
  sizes.insert(sizes.end(), half->sizes.begin(), half->sizes.end());
  for (std::size_t place = 0; place < half->order.rank(); ++place) {
    stored.push_back(first + half->order[place]);
  }
}

}  // namespace

Permutation order_of(std::span<const std::size_t> indices) {
  const std::vector<std::int64_t> axes(indices.begin(), indices.end());
  auto made = Permutation::of(axes);
  assert(made);
  return *std::move(made);
}

std::optional<InnerOrder> inner_order(std::size_t axis, std::span<const std::int64_t> sizes,
                                      const Permutation& order) {
  // A factor joins the one before it when it is stored right behind it.
  const auto joins = [&](std::size_t factor) {
    const std::size_t place = order.place_of(factor);
    return factor > 0 && place > 0 && order[place - 1] == factor - 1;
  };
  InnerOrder made;
  made.axis = axis;
  std::vector<std::size_t> block;  // of each factor
  for (std::size_t factor = 0; factor < sizes.size(); ++factor) {
    if (joins(factor)) {
      made.sizes.back() *= sizes[factor];
    } else {
      made.sizes.push_back(sizes[factor]);
    }
    block.push_back(made.sizes.size() - 1);
  }
  if (made.sizes.size() < 2) return std::nullopt;
  std::vector<std::size_t> stored;
  for (std::size_t place = 0; place < order.rank(); ++place) {
    if (!joins(order[place])) stored.push_back(block[order[place]]);
  }
  made.order = order_of(stored);
  return made;
}

std::optional<std::vector<std::int64_t>> refined(std::span<const std::int64_t> a,
                                                 std::span<const std::int64_t> b) {
  std::vector<std::int64_t> all = boundaries(a);
  const std::vector<std::int64_t> more = boundaries(b);
  if (all.empty() || more.empty() || all.back() != more.back()) return std::nullopt;
  all.insert(all.end(), more.begin(), more.end());
  std::ranges::sort(all);
  std::vector<std::int64_t> sizes;
  std::int64_t before = 1;
  for (const std::int64_t boundary : all) {
    if (boundary == before) continue;
    if (boundary % before != 0) return std::nullopt;
    sizes.push_back(boundary / before);
    before = boundary;
  }
  return sizes;
}

std::vector<std::size_t> stored_factors(const InnerOrder& order,
                                        std::span<const std::int64_t> sizes) {
  std::vector<std::vector<std::size_t>> parts;
  std::size_t next = 0;
  for (const std::int64_t whole : order.sizes) {
    parts.emplace_back();
    for (std::int64_t so_far = 1; so_far < whole; so_far *= sizes[next++]) {
      parts.back().push_back(next);
    }
  }
  std::vector<std::size_t> stored;
  for (std::size_t place = 0; place < order.order.rank(); ++place) {
    const std::vector<std::size_t>& part = parts[order.order[place]];
    stored.insert(stored.end(), part.begin(), part.end());
  }
  return stored;
}

std::optional<InnerHalves> halves(const InnerOrder& order, std::int64_t outer) {
  const std::int64_t total = boundaries(order.sizes).back();
  if (total % outer != 0) return std::nullopt;
  const std::vector<std::int64_t> two{outer, total / outer};
  const auto sizes = refined(order.sizes, two);
  if (!sizes) return std::nullopt;
  std::size_t outer_count = 0;
  for (std::int64_t so_far = 1; so_far < outer;) so_far *= (*sizes)[outer_count++];
  const std::vector<std::size_t> stored = stored_factors(order, *sizes);
  std::vector<std::size_t> first(stored.begin(),
                                 stored.begin() + static_cast<std::ptrdiff_t>(outer_count));
  std::vector<std::size_t> second(stored.begin() + static_cast<std::ptrdiff_t>(outer_count),
                                  stored.end());
  const auto is_outer = [&](std::size_t factor) { return factor < outer_count; };
  if (!std::ranges::all_of(first, is_outer)) return std::nullopt;
  for (std::size_t& factor : second) factor -= outer_count;
  const std::span<const std::int64_t> all(*sizes);
  return InnerHalves{inner_order(0, all.first(outer_count), order_of(first)),
                     inner_order(0, all.subspan(outer_count), order_of(second))};
}

std::optional<InnerOrder> joined(std::size_t axis, const InnerHalves& parts, std::int64_t outer,
                                 std::int64_t inner) {
  std::vector<std::int64_t> sizes;
  std::vector<std::size_t> stored;
  append(sizes, stored, parts.outer, outer);
  append(sizes, stored, parts.inner, inner);
  return inner_order(axis, sizes, order_of(stored));
}

void put_inner(Layout& layout, std::size_t axis, const std::optional<InnerOrder>& order) {
  std::erase_if(layout.inner, [&](const InnerOrder& one) { return one.axis == axis; });
  if (!order) return;
  layout.inner.push_back(*order);
  layout.inner.back().axis = axis;
  std::ranges::sort(layout.inner, {}, &InnerOrder::axis);
}

}  // namespace pot
