#pragma once
// What a user asks of `layout`.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/permutation.h"
#include "ops/shared/layout_rule.h"
#include "passes/infer_shapes.h"

namespace pot {

/// Where the channels are: N, C, spatial axes, or N, spatial axes, C. Of any rank from 3.
enum class NamedLayout : std::uint8_t { nchw, nhwc };

inline constexpr std::string_view kChannelsLastDomain = "pyonnxtool.nhwc";

/// An operator that a runtime runs slower in one layout: by as much as moving its first output
/// `factor` times takes.
struct TargetCost {
  std::string op_type;
  NamedLayout layout = NamedLayout::nchw;
  double factor = 0;
};

struct LayoutOptions {
  enum class To : std::uint8_t {
    fewest,         ///< whatever moves the fewest bytes; operators stay what ONNX says (nchw)
    channels_last,  ///< operators with a channel axis become calls of channels-last functions
  };
  To to = To::fewest;
  /// Inputs and outputs of the main graph that are to lie otherwise.
  std::map<std::string, std::variant<NamedLayout, Permutation>> io{};
  /// Only Transposes are merged, cancelled and shared; no other node is touched.
  bool only_cancel = false;
  /// Calls of channels-last functions become plain operators again first.
  bool expand = false;
  FilterLayout filters = FilterLayout::oihw;
  std::string domain{kChannelsLastDomain};  ///< of the functions, made or expanded
  std::vector<TargetCost> target_costs{};
  /// Sizes of open dimensions for weighing bytes, by name. Others: 1 for the first axis of an
  /// input, 64 elsewhere.
  std::map<std::string, std::int64_t> sizes{};
  Fallback fallback{};  ///< shapes of operators without a rule
};

}  // namespace pot
