#pragma once
// Windows that move over spatial axes, as those of convolutions and pools do.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ops/shared/shape_rule.h"

namespace pot {

struct Windows {
  enum class Padding {
    given,  ///< by `begins` and `ends`
    same,   ///< as much as makes the output the input's size over the stride
    none,   ///< auto_pad VALID
  };
  Padding padding = Padding::given;
  std::vector<Expr> kernel;  ///< one for each spatial axis, as all the others
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> dilations;
  std::vector<std::int64_t> begins;  ///< 0 unless padding is `given`, as `ends`
  std::vector<std::int64_t> ends;

  /// Elements from the first to the last that a window covers on this axis.
  [[nodiscard]] Expr extent(std::size_t axis) const;
};

/// The attributes strides, dilations, pads and auto_pad of a node with this kernel; what is not
/// given has its default. Error: a list of another length, a stride or dilation below 1.
[[nodiscard]] Result<Windows> read_windows(const NodeFacts& at, std::vector<Expr> kernel);

/// kernel_shape, or nothing where it is not given. Error: a size below 1.
[[nodiscard]] Result<std::optional<std::vector<Expr>>> read_kernel(const NodeFacts& at);

/// The kernel of a convolution: the sizes behind the first two of this weight, which kernel_shape
/// may repeat. Pre: the weight has two axes more than `axes`, and `said` as many, where they are
/// known. Error: they differ.
[[nodiscard]] Result<std::vector<Expr>> kernel_of(const NodeFacts& at, std::size_t w_slot,
                                                  const std::optional<std::vector<Expr>>& said,
                                                  std::size_t axes);

/// How many windows fit into each of these sizes. Error: a window is larger than the padded input.
[[nodiscard]] Result<Dims> count_windows(const Windows& windows, std::span<const Expr> sizes);

/// The same for pools. With `ceil_mode`, a last window may run over the end, but not start behind
/// it: runtimes do so at all opsets and for auto_pad VALID too, whatever older texts say. They
/// round the quotient towards zero, so that a window that is too large by less than a stride still
/// gives one element.
[[nodiscard]] Result<Dims> count_pooled(const Windows& windows, std::span<const Expr> sizes,
                                        bool ceil_mode);

}  // namespace pot
