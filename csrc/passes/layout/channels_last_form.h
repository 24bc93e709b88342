#pragma once
// What a channels-last function comes down to: one operator, and Transposes of what it reads and
// makes.

#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/model.h"
#include "ir/permutation.h"

namespace pot {

/// The number that a file had before it got functions, in its metadata.
inline constexpr std::string_view kIrVersionBefore = "pyonnxtool.ir_version";
/// The first IR version with functions.
inline constexpr std::int64_t kFunctionsIrVersion = 8;

struct ChannelsLastForm {
  const Node* op = nullptr;  ///< in the body of the function
  /// The operator reads Transpose(input, order); nothing where it reads the input itself.
  std::vector<std::optional<Permutation>> inputs;
  /// Output = Transpose(what the operator makes, order).
  std::vector<std::optional<Permutation>> outputs;
};

/// Reads the body of a function as `add_channels_last_function` writes it. Error: it has another.
[[nodiscard]] Result<ChannelsLastForm> channels_last_form(const Function& function);

}  // namespace pot
