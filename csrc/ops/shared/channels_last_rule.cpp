#include "ops/shared/channels_last_rule.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

namespace pot {
namespace {

constexpr std::size_t kSpatial = 2;  // the first axis behind batch and channels
constexpr std::size_t kUsualRank = 4;

std::string slot_label(Operand operand) {
  return (operand.output ? "output " : "input ") + std::to_string(operand.slot);
}

bool is_given(const LayoutNode& node, Operand operand) {
  if (!operand.output) return node.at().has(operand.slot);
  const auto& outputs = node.at().node().outputs;
  return operand.slot < outputs.size() && bool(outputs[operand.slot]);
}

/// Asks for one operand's layout, which starts as the identity.
Status move_operand(const LayoutNode& node, Operand operand, const Permutation& order,
                    std::vector<Layout>& layouts) {
  if (order.is_identity()) return ok_status();
  const auto rank = node.rank(operand);
  if (!rank) return refuse("the rank of " + slot_label(operand) + " is not known");
  if (*rank != order.rank()) {
    return refuse(slot_label(operand) + " has " + std::to_string(*rank) +
                  " axes, but input 0 has " + std::to_string(order.rank()));
  }
  layouts[operand.slot] = Layout(order);
  return ok_status();
}

class Call {
 public:
  Call(const LayoutNode& node, FilterLayout filters, std::size_t rank)
      : node_(node), filters_(filters), rank_(rank), made_(unmoved(node)) {
    const Node& own = node.at().node();
    drawn_.op_type = channels_last_name(own.op_type.value, rank);
    for (const Attribute& each : own.attributes) drawn_.attributes.push_back(each.clone());
  }

  Result<Relayout> draw(const ChannelsLastOperands& operands) {
    if (auto status = move(operands.inputs, false); !status) return status.error();
    if (auto status = move(operands.outputs, true); !status) return status.error();
    read_inputs(operands.inputs);
    made_.nodes.push_back(std::move(drawn_));
    return std::move(made_);
  }

 private:
  Status move(const std::vector<ChannelsLastOperand>& operands, bool output) {
    for (std::size_t slot = 0; slot < operands.size(); ++slot) {
      const Operand operand{.output = output, .slot = slot};
      if (!is_given(node_, operand)) continue;
      if (!operands[slot].optional.empty()) {
        drawn_.op_type += "_with_" + std::string(operands[slot].optional);
      }
      if (operands[slot].held == Held::as_is) continue;
      const Permutation order = operands[slot].held == Held::filter
                                    ? filter_order(filters_, rank_, is_transposed())
                                    : channels_last(rank_);
      auto status = move_operand(node_, operand, order, output ? made_.outputs : made_.inputs);
      if (!status) return status;
    }
    return ok_status();
  }

  void read_inputs(const std::vector<ChannelsLastOperand>& operands) {
    for (std::size_t slot = 0; slot < operands.size(); ++slot) {
      const bool given = node_.at().has(slot);
      if (!given && !operands[slot].optional.empty()) break;
      drawn_.inputs.push_back(given ? from_input(slot) : DrawnInput{});
    }
  }

  [[nodiscard]] bool is_transposed() const {
    return node_.at().node().op_type.value.starts_with("ConvTranspose");
  }

  const LayoutNode& node_;
  FilterLayout filters_;
  std::size_t rank_;
  Relayout made_;
  DrawnNode drawn_;
};

/// Something that the operator does not know, so that a call could not pass it on.
std::optional<std::string> what_is_odd(const LayoutNode& node,
                                       const ChannelsLastOperands& operands) {
  if (node.at().input_count() > operands.inputs.size()) {
    return "it has " + std::to_string(node.at().input_count()) + " inputs, but takes at most " +
           std::to_string(operands.inputs.size());
  }
  if (node.at().output_count() > operands.outputs.size()) {
    return "output " + std::to_string(operands.outputs.size()) + " has no channels-last form";
  }
  const auto refers = [](const Attribute& each) { return !each.ref_name.empty(); };
  if (std::ranges::any_of(node.at().node().attributes, refers)) {
    return "it takes attributes from the function around it";
  }
  return std::nullopt;
}

}  // namespace

Result<Relayout> channels_last_call(const LayoutNode& node, FilterLayout filters,
                                    const ChannelsLastOperands& operands) {
  if (auto why = what_is_odd(node, operands)) return refuse(std::move(*why));
  for (std::size_t slot = 0; slot < operands.inputs.size(); ++slot) {
    const ChannelsLastOperand& each = operands.inputs[slot];
    const bool needed = each.held != Held::as_is && each.optional.empty();
    if (needed && !node.at().has(slot))
      return refuse("input " + std::to_string(slot) + " is missing");
  }
  if (!is_given(node, {.output = true})) return refuse("its first output is omitted");
  const auto rank = node.rank({.slot = 0});
  if (!rank) return refuse("the rank of input 0 is not known");
  if (*rank <= kSpatial) {
    return refuse("input 0 has " + std::to_string(*rank) + " axes: no spatial ones");
  }
  return Call(node, filters, *rank).draw(operands);
}

Result<Relayout> one_channels_last(const LayoutNode& node, FilterLayout filters) {
  ChannelsLastOperands operands;
  operands.inputs.resize(std::max<std::size_t>(node.at().input_count(), 1));
  operands.inputs[0].held = Held::channels_last;
  return channels_last_call(node, filters, operands);
}

Permutation filter_order(FilterLayout filters, std::size_t rank, bool transposed) {
  assert(rank >= kSpatial);
  if (filters == FilterLayout::oihw) return Permutation::identity(rank);
  const std::int64_t out = transposed ? 1 : 0;
  std::vector<std::int64_t> order;
  if (filters == FilterLayout::ohwi) order.push_back(out);
  for (std::size_t axis = kSpatial; axis < rank; ++axis) {
    order.push_back(static_cast<std::int64_t>(axis));
  }
  order.push_back(1 - out);
  if (filters == FilterLayout::hwio) order.push_back(out);
  return *Permutation::of(order);
}

std::string channels_last_name(std::string_view op_type, std::size_t rank) {
  std::string name(op_type);
  if (rank != kUsualRank) name += "_rank" + std::to_string(rank);
  return name;
}

}  // namespace pot
