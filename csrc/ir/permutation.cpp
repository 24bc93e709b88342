#include "ir/permutation.h"

#include <numeric>

namespace pot {

Permutation Permutation::identity(std::size_t rank) {
  Permutation made;
  made.axes_.resize(rank);
  std::iota(made.axes_.begin(), made.axes_.end(), 0u);
  return made;
}

std::optional<Permutation> Permutation::of(std::span<const std::int64_t> axes) {
  Permutation made;
  std::vector<bool> seen(axes.size());
  for (const std::int64_t axis : axes) {
    const auto index = static_cast<std::size_t>(axis);
    if (axis < 0 || index >= axes.size() || seen[index]) return std::nullopt;
    seen[index] = true;
    made.axes_.push_back(static_cast<std::uint32_t>(index));
  }
  return made;
}

Permutation Permutation::reversed(std::size_t rank) {
  Permutation made = identity(rank);
  std::ranges::reverse(made.axes_);
  return made;
}

std::size_t Permutation::place_of(std::size_t axis) const noexcept {
  return static_cast<std::size_t>(std::ranges::find(axes_, axis) - axes_.begin());
}

bool Permutation::is_identity() const noexcept {
  for (std::size_t place = 0; place < axes_.size(); ++place) {
    if (axes_[place] != place) return false;
  }
  return true;
}

Permutation Permutation::then(const Permutation& next) const {
  Permutation made;
  made.axes_.reserve(axes_.size());
  for (const std::uint32_t place : next.axes_) made.axes_.push_back(axes_[place]);
  return made;
}

Permutation Permutation::inverse() const {
  Permutation made;
  made.axes_.resize(axes_.size());
  for (std::size_t place = 0; place < axes_.size(); ++place) {
    made.axes_[axes_[place]] = static_cast<std::uint32_t>(place);
  }
  return made;
}

Permutation Permutation::without(std::span<const std::size_t> gone) const {
  Permutation made;
  for (const std::uint32_t axis : axes_) {
    if (std::ranges::find(gone, axis) != gone.end()) continue;
    const auto before = std::ranges::count_if(gone, [&](std::size_t one) { return one < axis; });
    made.axes_.push_back(axis - static_cast<std::uint32_t>(before));
  }
  return made;
}

std::string Permutation::text() const {
  std::string out;
  for (const std::uint32_t axis : axes_) {
    if (!out.empty()) out += ',';
    out += std::to_string(axis);
  }
  return out;
}

Permutation channels_last(std::size_t rank) {
  std::vector<std::int64_t> axes{0};
  for (std::size_t axis = 2; axis < rank; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  axes.push_back(1);
  return *Permutation::of(axes);
}

}  // namespace pot
