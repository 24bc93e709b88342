#pragma once
// What channels-last rules share: an operator's operands, and the call that they come down to.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ops/shared/layout_rule.h"

namespace pot {

/// How an operand of a channels-last function lies.
enum class Held : std::uint8_t {
  as_is,          ///< a bias, a scale, regions: as the operator has it
  channels_last,  ///< N, spatial axes, C
  filter,         ///< as the user asks for filters
};

struct ChannelsLastOperand {
  Held held = Held::as_is;
  /// Names what only some nodes have and what cannot be listed as omitted: a Transpose would read
  /// it, or the operator counts. The function with it is another one than the function without.
  /// Such operands come last.
  std::string_view optional = "";
};

/// Every operand that the operator can have, in its slots.
struct ChannelsLastOperands {
  std::vector<ChannelsLastOperand> inputs;
  std::vector<ChannelsLastOperand> outputs{{Held::channels_last}};
};

/// ChannelsLastRule for an operator with these operands; the rank of input 0 is that of all that
/// move. The call has a slot for each input that the function has: a bias that is not given is
/// omitted there, so that one function does for calls with and without.
[[nodiscard]] Result<Relayout> channels_last_call(const LayoutNode& node, FilterLayout filters,
                                                  const ChannelsLastOperands& operands);

/// ChannelsLastRule: input 0 and output 0 have channels, further inputs are as the operator has
/// them, and nothing is optional.
[[nodiscard]] Result<Relayout> one_channels_last(const LayoutNode& node, FilterLayout filters);

/// The order of a convolution's filter whose axes are O, I, spatial axes; `transposed` filters have
/// I, O, spatial axes.
[[nodiscard]] Permutation filter_order(FilterLayout filters, std::size_t rank, bool transposed);

/// The name under which a call goes: the op_type, and the rank where it is not 4.
[[nodiscard]] std::string channels_last_name(std::string_view op_type, std::size_t rank);

}  // namespace pot
