#include "ops/shared/axis_groups.h"

#include <algorithm>
#include <string>
#include <utility>

#include "ops/shared/inner_order.h"
#include "ops/shared/layout_rule.h"

namespace pot {
namespace {

/// A stretch of the elements that moves as one: one axis on both sides, or a part of one. Where
/// boundaries do not meet, several axes on both sides, in this order and whole.
struct Piece {
  Expr size;
  std::vector<std::size_t> from;
  std::vector<std::size_t> to;
};

/// The axes that have more than one index.
std::vector<std::size_t> long_axes(std::span<const Expr> dims) {
  std::vector<std::size_t> axes;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    if (!dims[axis].is(1)) axes.push_back(axis);
  }
  return axes;
}

Expr product(std::span<const Expr> dims, std::span<const std::size_t> axes) {
  Expr out(1);
  for (const std::size_t axis : axes) out = out * dims[axis];
  return out;
}

/// a / b where that is a whole number for certain.
std::optional<Expr> whole_quotient(const Expr& a, const Expr& b) {
  if (const auto x = a.number(), y = b.number(); x && y) {
    if (*y == 0 || *x % *y != 0) return std::nullopt;
    return Expr(*x / *y);
  }
  if (b.is_number()) return std::nullopt;  // h / 2 has to be known to be whole
  Expr quotient = divide(a, b);
  if (!quotient.is_number() || !(quotient * b == a)) return std::nullopt;
  return quotient;
}

/// Axes of both shapes that hold the same elements: as many pieces as the boundaries of both make.
std::vector<Piece> pieces_of(std::span<const Expr> from, std::span<const std::size_t> from_axes,
                             std::span<const Expr> to, std::span<const std::size_t> to_axes) {
  std::vector<Piece> pieces;
  std::size_t i = 0;
  std::size_t j = 0;
  const auto size_at = [](std::span<const Expr> dims, std::span<const std::size_t> axes,
                          std::size_t at) { return at < axes.size() ? dims[axes[at]] : Expr(1); };
  Expr left = size_at(from, from_axes, 0);
  Expr right = size_at(to, to_axes, 0);
  const bool merge = to_axes.size() == 1;
  const bool split = from_axes.size() == 1;
  while (i < from_axes.size() && j < to_axes.size()) {
    const Piece piece{Expr(1), {from_axes[i]}, {to_axes[j]}};
    const auto take = [&](const Expr& size) {
      pieces.push_back(piece);
      pieces.back().size = size;
    };
    if (merge) {
      take(split && right.is_number() ? right : left);
      left = size_at(from, from_axes, ++i);
    } else if (split) {
      take(right);
      right = size_at(to, to_axes, ++j);
    } else if (left == right) {
      take(left);
      left = size_at(from, from_axes, ++i);
      right = size_at(to, to_axes, ++j);
    } else if (const auto rest = whole_quotient(left, right)) {
      take(right);
      left = *rest;
      right = size_at(to, to_axes, ++j);
    } else if (const auto more = whole_quotient(right, left)) {
      take(left);
      right = *more;
      left = size_at(from, from_axes, ++i);
    } else {
      return {Piece{product(from, from_axes),
                    {from_axes.begin(), from_axes.end()},
                    {to_axes.begin(), to_axes.end()}}};
    }
  }
  return pieces;
}

/// The shortest stretches, from the front or from the back, that hold the same elements: how many
/// axes of both. Nothing but all of them where no boundaries meet before.
std::pair<std::size_t, std::size_t> first_meeting(std::span<const Expr> from,
                                                  std::span<const std::size_t> from_axes,
                                                  std::span<const Expr> to,
                                                  std::span<const std::size_t> to_axes,
                                                  bool at_the_back) {
  const auto some = [&](std::span<const std::size_t> axes, std::size_t count) {
    return at_the_back ? axes.last(count) : axes.first(count);
  };
  for (std::size_t sum = 2; sum < from_axes.size() + to_axes.size(); ++sum) {
    for (std::size_t i = 1; i < sum && i <= from_axes.size(); ++i) {
      const std::size_t j = sum - i;
      if (j > to_axes.size()) continue;
      if (product(from, some(from_axes, i)) == product(to, some(to_axes, j))) return {i, j};
    }
  }
  return {from_axes.size(), to_axes.size()};
}

/// All pieces, in the order of the elements.
std::vector<Piece> common_pieces(std::span<const Expr> from, std::span<const Expr> to) {
  const std::vector<std::size_t> from_long = long_axes(from);
  const std::vector<std::size_t> to_long = long_axes(to);
  std::span<const std::size_t> from_axes(from_long);
  std::span<const std::size_t> to_axes(to_long);
  std::vector<Piece> front;
  std::vector<Piece> back;
  const auto add = [&](std::vector<Piece>& pieces, bool before, std::span<const std::size_t> i,
                       std::span<const std::size_t> j) {
    const std::vector<Piece> more = pieces_of(from, i, to, j);
    pieces.insert(before ? pieces.begin() : pieces.end(), more.begin(), more.end());
  };
  while (!from_axes.empty() && !to_axes.empty()) {
    const auto [i, j] = first_meeting(from, from_axes, to, to_axes, false);
    if (i == from_axes.size() || j == to_axes.size()) break;
    add(front, false, from_axes.first(i), to_axes.first(j));
    from_axes = from_axes.subspan(i);
    to_axes = to_axes.subspan(j);
  }
  while (!from_axes.empty() && !to_axes.empty()) {
    const auto [i, j] = first_meeting(from, from_axes, to, to_axes, true);
    add(back, true, from_axes.last(i), to_axes.last(j));
    from_axes = from_axes.first(from_axes.size() - i);
    to_axes = to_axes.first(to_axes.size() - j);
  }
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

class Crossing {
 public:
  Crossing(const Layout& layout, std::span<const Expr> from, std::span<const Expr> to,
           const std::string& to_name)
      : layout_(layout),
        from_(from),
        to_(to),
        to_name_(to_name),
        pieces_(common_pieces(from, to)) {}

  Result<Layout> cross() {
    for (const InnerOrder& one : layout_.inner) {
      if (auto cut = cut_by(one); !cut) return cut.error();
    }
    match_units();
    if (auto stored = store(); !stored) return stored.error();
    return collect();
  }

 private:
  /// A piece in stored order, or an axis of size 1 of `to`.
  struct Token {
    bool unit = false;
    std::size_t index = 0;  ///< of the piece, or the axis
  };

  [[nodiscard]] std::vector<std::size_t> pieces_on(std::size_t from_axis) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      if (std::ranges::find(pieces_[i].from, from_axis) != pieces_[i].from.end()) {
        found.push_back(i);
      }
    }
    return found;
  }

  /// Pieces of an axis that has an inner order end where its factors do.
  Status cut_by(const InnerOrder& order) {
    const std::vector<std::size_t> own = pieces_on(order.axis);
    std::vector<std::int64_t> sizes;
    for (const std::size_t i : own) {
      const auto number = pieces_[i].size.number();
      if (number && pieces_[i].from.size() == 1) sizes.push_back(*number);
    }
    const auto cut = sizes.size() == own.size() ? refined(sizes, order.sizes) : std::nullopt;
    if (!cut) return refuse(axis_text(order.axis) + " is stored in another inner order");
    std::vector<Piece> made;
    std::size_t next = 0;
    for (std::size_t i = 0; i < own.size(); ++i) {
      const Piece& whole = pieces_[own[i]];
      for (std::int64_t so_far = 1; so_far < sizes[i]; so_far *= (*cut)[next++]) {
        made.push_back({Expr((*cut)[next]), whole.from, whole.to});
      }
    }
    const auto first = pieces_.begin() + static_cast<std::ptrdiff_t>(own.front());
    pieces_.insert(pieces_.erase(first, first + static_cast<std::ptrdiff_t>(own.size())),
                   made.begin(), made.end());
    orders_.emplace_back(order.axis, stored_factors(order, *cut));
    return ok_status();
  }

  [[nodiscard]] static std::string axis_text(std::size_t axis) {
    return "its axis " + std::to_string(axis);
  }

  /// An axis of size 1 is the same on both sides when as many pieces lie before it.
  void match_units() {
    const auto before = [&](std::size_t axis, bool of_from) {
      return std::ranges::count_if(pieces_, [&](const Piece& piece) {
        return (of_from ? piece.from : piece.to).back() < axis;
      });
    };
    unit_of_.assign(from_.size(), to_.size());
    for (std::size_t axis = 0; axis < to_.size(); ++axis) {
      if (!to_[axis].is(1)) continue;
      for (std::size_t other = 0; other < from_.size(); ++other) {
        if (!from_[other].is(1) || unit_of_[other] != to_.size()) continue;
        if (before(other, true) != before(axis, false)) continue;
        unit_of_[other] = axis;
        break;
      }
    }
  }

  /// The pieces as they are stored.
  Status store() {
    std::vector<std::size_t> expected;  // of several axes that move as a block: those still to come
    for (std::size_t place = 0; place < layout_.rank(); ++place) {
      const std::size_t axis = layout_.perm[place];
      if (from_[axis].is(1)) {
        if (unit_of_[axis] != to_.size()) tokens_.push_back({true, unit_of_[axis]});
        continue;
      }
      const std::vector<std::size_t> own = pieces_on(axis);
      if (own.empty()) return refuse(axis_text(axis) + " has a size that is not understood");
      if (!expected.empty()) {
        if (axis != expected.front()) return apart(pieces_[block_]);
        expected.erase(expected.begin());
        continue;
      }
      const Piece& first = pieces_[own.front()];
      if (first.from.size() > 1) {
        if (axis != first.from.front()) return apart(first);
        block_ = own.front();
        expected.assign(first.from.begin() + 1, first.from.end());
      }
      store_axis(axis, own);
    }
    return ok_status();
  }

  void store_axis(std::size_t axis, const std::vector<std::size_t>& own) {
    const auto ordered = std::ranges::find(orders_, axis, &std::pair<std::size_t, Indices>::first);
    for (std::size_t i = 0; i < own.size(); ++i) {
      tokens_.push_back({false, own[ordered == orders_.end() ? i : ordered->second[i]]});
    }
  }

  [[nodiscard]] Error apart(const Piece& piece) const {
    return refuse("it joins and splits its axes " + std::to_string(piece.from.front()) + " to " +
                  std::to_string(piece.from.back()) +
                  " at other places, so that they stay together");
  }

  /// The axes of `to` in the order in which their pieces come.
  Result<Layout> collect() const {
    std::vector<std::size_t> axes;
    std::vector<Indices> inside(to_.size());
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].unit) {
        axes.push_back(tokens_[i].index);
        continue;
      }
      for (const std::size_t axis : pieces_[tokens_[i].index].to) {
        if (inside[axis].empty()) {
          axes.push_back(axis);
        } else if (!last_long_is(axes, axis)) {
          return refuse("axis " + std::to_string(axis) + " of " + to_name_ +
                        " would be torn apart");
        }
        inside[axis].push_back(tokens_[i].index);
      }
    }
    add_units(axes);
    Layout made(order_of(axes));
    for (std::size_t axis = 0; axis < to_.size(); ++axis) {
      auto inner = inner_of(axis, inside[axis]);
      if (!inner) return inner.error();
      if (inner.value()) made.inner.push_back(*std::move(inner).value());
    }
    return made;
  }

  [[nodiscard]] bool last_long_is(const std::vector<std::size_t>& axes, std::size_t axis) const {
    const auto last = std::find_if(axes.rbegin(), axes.rend(),
                                   [&](std::size_t each) { return !to_[each].is(1); });
    return last != axes.rend() && *last == axis;
  }

  /// Axes of size 1 that `from` has not.
  void add_units(std::vector<std::size_t>& axes) const {
    for (std::size_t axis = 0; axis < to_.size(); ++axis) {
      if (std::ranges::find(axes, axis) != axes.end()) continue;
      const auto before = axis == 0 ? axes.end() : std::ranges::find(axes, axis - 1);
      axes.insert(before == axes.end() ? axes.begin() : before + 1, axis);
    }
  }

  /// `stored`: the pieces of an axis as they come.
  [[nodiscard]] Result<std::optional<InnerOrder>> inner_of(
      std::size_t axis, const std::vector<std::size_t>& stored) const {
    if (std::ranges::is_sorted(stored)) return std::optional<InnerOrder>();
    const std::size_t first = *std::ranges::min_element(stored);
    std::vector<std::int64_t> sizes;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const auto number = pieces_[first + i].size.number();
      if (!number) {
        return refuse("its axes are merged in another order, and the size " +
                      pieces_[first + i].size.text() + " is not a number");
      }
      sizes.push_back(*number);
      order.push_back(stored[i] - first);
    }
    return inner_order(axis, sizes, order_of(order));
  }

  using Indices = std::vector<std::size_t>;

  const Layout& layout_;
  std::span<const Expr> from_;
  std::span<const Expr> to_;
  const std::string& to_name_;
  std::vector<Piece> pieces_;
  std::vector<std::pair<std::size_t, Indices>> orders_;  // axis of `from`, its pieces as stored
  std::vector<std::size_t> unit_of_;                     // by axis of `from`; to_.size(): none
  std::vector<Token> tokens_;
  std::size_t block_ = 0;
};

}  // namespace

Result<Layout> layout_across(const Layout& layout, std::span<const Expr> from,
                             std::span<const Expr> to, const std::string& to_name) {
  for (const std::span<const Expr> dims : {from, to}) {
    if (std::ranges::any_of(dims, [](const Expr& dim) { return dim.is(0); })) {
      return refuse("it holds no elements");
    }
  }
  return Crossing(layout, from, to, to_name).cross();
}

}  // namespace pot
