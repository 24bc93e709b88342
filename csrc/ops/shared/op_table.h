#pragma once
// What is known of each operator, by (domain, op_type). Each family file in this folder adds its
// own entries; nothing else has to know that the file exists.

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "ops/shared/fold_rule.h"
#include "ops/shared/layout_rule.h"
#include "ops/shared/shape_rule.h"

namespace pot {

/// How many terms are rounded into one element of the output: the length that a bound on the
/// rounding error needs. The shapes of the node's own inputs and outputs give the number.
enum class Accumulation : std::uint8_t {
  none,            ///< a fixed, small number of terms
  matmul,          ///< the inner dimension of the product
  conv,            ///< weight elements per output channel: size(W) / W.shape[0]
  conv_transpose,  ///< at most size(W) / W.shape[1]
  reduce,          ///< size(input 0) / size(output 0)
  pool,            ///< elements under the kernel
  norm,            ///< elements that share one mean, variance or length
  softmax,         ///< length of the axis
  recurrent,       ///< hidden size + input size, once for each step before the element
  scan,            ///< length of the axis: the last element sums all
  einsum,          ///< product of the sizes of the labels that the output drops
  attention,       ///< head size, then the length of the keys
  interpolate,     ///< the sampled points around one position
  fourier,         ///< length of the signal
  scatter,         ///< updates that fall on one element
};

[[nodiscard]] std::string_view to_text(Accumulation accumulation) noexcept;

struct OpTraits {
  bool alias = false;        ///< at inference, output 0 is input 0 unchanged
  bool random = false;       ///< output 0 is drawn from a generator
  bool commutative = false;  ///< the order of the inputs does not matter
  bool non_tensor = false;   ///< output 0 is never a tensor: a sequence, an optional or a map
  Accumulation accumulation = Accumulation::none;
};

/// All that one family file says of an operator.
struct OpEntry {
  OpTraits traits{};
  ShapeRule shape = nullptr;                 ///< null: the onnx package's inference is asked
  LayoutRule layout = nullptr;               ///< null: it reads and makes what the file says
  ChannelsLastRule channels_last = nullptr;  ///< null: it has no channel axis of its own
};

class OpTable {
 public:
  using Key = std::pair<std::string, std::string>;  // domain, op_type
  using Entries = std::map<Key, OpEntry>;

  /// An operator that is added twice is a bug: two files claim it.
  void add(std::string_view op_type, const OpEntry& entry, std::string_view domain = "");
  void add(std::initializer_list<std::string_view> op_types, const OpEntry& entry,
           std::string_view domain = "");

  /// What it makes of constants, in a file of its own: few operators are worth it.
  void add_fold(std::initializer_list<std::string_view> op_types, FoldRule rule,
                std::string_view domain = "");

  /// Null when no family knows the operator. The domain "ai.onnx" is the default one, "".
  [[nodiscard]] const OpEntry* find(std::string_view domain, std::string_view op_type) const;

  /// Null when constants of the operator are left to a runtime.
  [[nodiscard]] FoldRule find_fold(std::string_view domain, std::string_view op_type) const;

  /// All entries, ordered by domain, then op_type.
  [[nodiscard]] const Entries& entries() const noexcept { return entries_; }

 private:
  Entries entries_;
  std::map<Key, FoldRule> folds_;
};

/// The domain of onnxruntime's own operators, which it writes into the models that it optimizes.
inline constexpr std::string_view ort_domain = "com.microsoft";

/// The table of every family in this folder, built when it is first asked for.
[[nodiscard]] const OpTable& op_table();

}  // namespace pot
