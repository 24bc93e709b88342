#include "ops/shared/picked_axis.h"

#include <utility>

#include "ops/shared/axis_layout.h"

namespace pot {
std::vector<std::int64_t> stored_places(const InnerOrder& inner) {
  const auto sizes = inner.order.apply(inner.sizes);
  std::vector<std::int64_t> steps(sizes.size(), 1);  // in what is stored, of each stored factor
  for (std::size_t i = sizes.size(); i-- > 1;) steps[i - 1] = steps[i] * sizes[i];
  std::vector<std::int64_t> places{0};
  for (std::size_t factor = 0; factor < sizes.size(); ++factor) {
    std::vector<std::int64_t> finer;
    for (const std::int64_t first : places) {
      for (std::int64_t i = 0; i < inner.sizes[factor]; ++i) {
        finer.push_back(first + i * steps[inner.order.place_of(factor)]);
      }
    }
    places = std::move(finer);
  }
  return places;
}

Layout in_order(Layout layout, std::size_t axis) {
  std::erase_if(layout.inner, [&](const InnerOrder& each) { return each.axis == axis; });
  return layout;
}

Status require_blocks(const LayoutNode& node, const Layout& layout, std::size_t axis) {
  constexpr std::int64_t kFewest = 4;  // measured: of one element ten times slower, of four faster
  Expr block(1);
  for (std::size_t place = layout.perm.place_of(axis) + 1; place < layout.rank(); ++place) {
    block = block * (*node.at().in(0).dims)[layout.perm[place]];
  }
  if (block.number().value_or(kFewest) >= kFewest) return ok_status();
  return refuse("its elements would be picked one by one");
}

Result<DrawnNode> picked(const Layout& layout, std::size_t axis,
                         std::span<const std::int64_t> indices, std::vector<std::int64_t> dims) {
  const InnerOrder& inner = *layout.inner_of(axis);
  std::int64_t size = 1;
  for (const std::int64_t factor : inner.sizes) {
    if (factor < 1 || factor > kMostPicked / size) return require_plain(layout).error();
    size *= factor;
  }
  const auto places = stored_places(inner);
  std::vector<std::int64_t> stored;
  for (const std::int64_t index : indices) {
    const std::int64_t at = index < 0 ? index + size : index;
    if (at < 0 || at >= size) return refuse("an index is outside of its axis");
    stored.push_back(places[static_cast<std::size_t>(at)]);
  }
  DrawnNode drawn{.op_type = "Gather"};
  put_attribute(drawn, "axis", static_cast<std::int64_t>(layout.perm.place_of(axis)));
  drawn.inputs.push_back(from_input(0));
  drawn.inputs.push_back({.from = DrawnInput::From::constant,
                          .tensor = make_tensor_copy("", DType::int64, std::move(dims),
                                                     std::as_bytes(std::span(stored)))});
  return drawn;
}

Result<DrawnNode> picked(const Layout& layout, std::size_t axis,
                         std::span<const std::int64_t> indices) {
  return picked(layout, axis, indices, {static_cast<std::int64_t>(indices.size())});
}

}  // namespace pot
