#include "ir/layout.h"

#include <algorithm>

namespace pot {
namespace {

/// The axes of the value that have more than one index, in stored order.
std::vector<std::size_t> long_axes(const Layout& layout, std::span<const Expr> dims) {
  std::vector<std::size_t> axes;
  for (std::size_t place = 0; place < layout.rank(); ++place) {
    if (!dims[layout.perm[place]].is(1)) axes.push_back(layout.perm[place]);
  }
  return axes;
}

Layout with_axes(const Layout& layout, Permutation perm, const Permutation& renumber) {
  Layout made(std::move(perm));
  made.inner = layout.inner;
  for (InnerOrder& one : made.inner) one.axis = renumber[one.axis];
  std::ranges::sort(made.inner, {}, &InnerOrder::axis);
  return made;
}

}  // namespace

const InnerOrder* Layout::inner_of(std::size_t axis) const noexcept {
  const auto found = std::ranges::find(inner, axis, &InnerOrder::axis);
  return found == inner.end() ? nullptr : &*found;
}

std::string Layout::text() const {
  std::string out = perm.text();
  for (const InnerOrder& one : inner) {
    out += " (" + std::to_string(one.axis) + ": ";
    for (std::size_t i = 0; i < one.sizes.size(); ++i) {
      out += (i ? "x" : "") + std::to_string(one.sizes[i]);
    }
    out += " as " + one.order.text() + ")";
  }
  return out;
}

Layout before_transpose(const Permutation& perm, const Layout& layout) {
  return with_axes(layout, perm.then(layout.perm), perm);
}

Layout after_transpose(const Permutation& perm, const Layout& layout) {
  const Permutation back = perm.inverse();
  return with_axes(layout, back.then(layout.perm), back);
}

std::vector<Expr> stored_dims(const Layout& layout, std::span<const Expr> dims) {
  return layout.perm.apply(dims);
}

bool same_memory(const Layout& a, const Layout& b, std::span<const Expr> dims) {
  return a.inner == b.inner && long_axes(a, dims) == long_axes(b, dims);
}

}  // namespace pot
