#include "ops/shared/layout_rule.h"

#include <algorithm>

namespace pot {
namespace {

const Fact kUnknown{};

Layout as_filed(const Fact& fact) { return Layout::identity(fact.has_rank() ? fact.rank() : 0); }

}  // namespace

const Fact& LayoutNode::out(std::size_t slot) const noexcept {
  return slot < outputs_.size() ? outputs_[slot] : kUnknown;
}

const Fact& LayoutNode::of(Operand operand) const noexcept {
  return operand.output ? out(operand.slot) : at_.in(operand.slot);
}

std::optional<std::size_t> LayoutNode::rank(Operand operand) const noexcept {
  const Fact& fact = of(operand);
  if (!fact.has_rank()) return std::nullopt;
  return fact.rank();
}

DrawnInput from_input(std::size_t slot) { return {.from = DrawnInput::From::input, .index = slot}; }

DrawnInput from_drawn(std::size_t index) {
  return {.from = DrawnInput::From::drawn, .index = index};
}

DrawnInput from_ints(std::span<const std::int64_t> elements) {
  return {.from = DrawnInput::From::constant, .tensor = make_int64s("", elements)};
}

Error refuse(std::string reason) {
  return {.kind = Error::Kind::refused, .message = std::move(reason)};
}

Relayout unmoved(const LayoutNode& node) {
  Relayout made;
  for (const Fact& fact : node.at().inputs()) made.inputs.push_back(as_filed(fact));
  for (std::size_t slot = 0; slot < node.at().output_count(); ++slot) {
    made.outputs.push_back(as_filed(node.out(slot)));
  }
  return made;
}

DrawnNode redrawn(const LayoutNode& node) {
  const Node& own = node.at().node();
  DrawnNode made{.op_type = own.op_type.value, .domain = own.domain.value};
  for (const Attribute& attribute : own.attributes) made.attributes.push_back(attribute.clone());
  for (std::size_t slot = 0; slot < node.at().input_count(); ++slot) {
    made.inputs.push_back(node.at().has(slot) ? from_input(slot) : DrawnInput{});
  }
  return made;
}

void put_attribute(DrawnNode& node, std::string name, AttributeValue value) {
  Attribute made(std::move(name), std::move(value));
  const auto known = std::ranges::find_if(
      node.attributes, [&](const Attribute& one) { return one.name == made.name; });
  if (known == node.attributes.end()) {
    node.attributes.push_back(std::move(made));
  } else if (!same_value(*known, made)) {
    *known = std::move(made);
  }
}

void drop_attribute(DrawnNode& node, std::string_view name) {
  std::erase_if(node.attributes, [&](const Attribute& one) { return one.name == name; });
}

std::optional<std::int64_t> stored_axis(const Layout& layout, std::int64_t axis) {
  const auto normal = normalized_axis(axis, layout.rank());
  if (!normal) return std::nullopt;
  return static_cast<std::int64_t>(layout.perm.place_of(*normal));
}

Aligned aligned(const Layout& layout, std::size_t rank) {
  const std::size_t missing = layout.rank() - rank;
  std::vector<std::int64_t> own;
  Aligned made;
  for (std::size_t place = 0; place < layout.rank(); ++place) {
    const std::size_t axis = layout.perm[place];
    if (axis < missing) {
      made.unsqueeze.push_back(static_cast<std::int64_t>(place));
    } else {
      own.push_back(static_cast<std::int64_t>(axis - missing));
    }
  }
  // Axes of size 1 in front need not be there: broadcasting puts them in.
  std::size_t leading = 0;
  while (leading < made.unsqueeze.size() &&
         made.unsqueeze[leading] == static_cast<std::int64_t>(leading)) {
    ++leading;
  }
  made.unsqueeze.erase(made.unsqueeze.begin(),
                       made.unsqueeze.begin() + static_cast<std::ptrdiff_t>(leading));
  for (std::int64_t& place : made.unsqueeze) place -= static_cast<std::int64_t>(leading);
  made.layout = Layout(*Permutation::of(own));
  return made;
}

}  // namespace pot
