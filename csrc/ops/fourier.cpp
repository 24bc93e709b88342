// Fourier transforms.

#include <string>
#include <utility>

#include "ops/shared/agreement.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// The one element of a scalar input; nothing when it is not known.
std::optional<Expr> scalar(const NodeFacts& at, std::size_t slot) {
  const Elements elements = at.has(slot) ? elements_of(at.in(slot)) : nullptr;
  if (!elements || elements->size() != 1) return std::nullopt;
  return (*elements)[0];
}

Expr one_sided(const Expr& length) { return floor_div(length, 2) + 1; }

/// From opset 20 the axis is an input, and the last one of the signal unless it is said.
/// Nothing when it is computed.
std::optional<std::int64_t> transformed_axis(const NodeFacts& at) {
  if (at.opset() < 20) return at.attr_int("axis", 1);
  if (!at.has(2)) return -2;
  const auto axis = scalar(at, 2);
  return axis ? axis->number() : std::nullopt;
}

/// Real parts, imaginary parts or both lie in the last axis, which a one-sided transform changes.
Result<Expr> parts(const NodeFacts& at, bool inverse, bool onesided) {
  const Expr& given = at.in(0).dims->back();
  if (!onesided) return Expr(2);
  const Expr takes(inverse ? 2 : 1);
  if (agreed(given, takes)) return Expr(inverse ? 1 : 2);
  return contradiction(quoted(at, 0) + " has " + given.text() + " parts in its last axis, but a " +
                       (inverse ? "one-sided inverse transform takes 2 (complex)"
                                : "one-sided transform takes 1 (real)"));
}

Inferred fourier_transform(const NodeFacts& at) {
  const Fact& x = at.in(0);
  if (!x.has_rank()) return std::vector{tensor_fact(x.dtype)};
  if (x.rank() < 2) return require_rank(at, 0, 2).error();
  const bool inverse = at.attr_int("inverse", 0) != 0;
  const bool onesided = at.attr_int("onesided", 0) != 0;
  auto last = parts(at, inverse, onesided);
  if (!last) return last.error();

  const auto said = transformed_axis(at);
  if (!said) {
    const bool keeps = !onesided && !at.has(1);  // whichever axis it is
    Dims dims = keeps ? *x.dims : at.unknown_dims(x.rank(), "axis is computed");
    dims.back() = std::move(last).value();
    return std::vector{tensor_fact(x.dtype, std::move(dims))};
  }
  const auto axis = normalized_axis(*said, x.rank());
  if (!axis || *axis + 1 == x.rank()) {
    return contradiction("axis is " + std::to_string(*said) + ", but " + quoted(at, 0) + " has " +
                         counted(x.rank(), "axis", "axes") + ", the last one for complex numbers");
  }
  Dims dims = *x.dims;
  const auto length = scalar(at, 1);
  Expr& size = dims[*axis];
  if (at.has(1)) {
    size = length ? *length : at.unknown_size("dft_length is computed");
  } else if (inverse && onesided) {
    size = (size - 1) * 2;
  }
  if (const auto most = size.at_most(); most && *most < 1) {
    return contradiction("the transform is " + size.text() + " long, but has to be at least 1");
  }
  if (onesided && !inverse) size = one_sided(size);
  dims.back() = std::move(last).value();
  return std::vector{tensor_fact(x.dtype, std::move(dims))};
}

/// How long each frame is: said, the window's length, or the signal's.
Result<Expr> frame_length(const NodeFacts& at) {
  constexpr std::size_t kWindow = 2;
  constexpr std::size_t kLength = 3;
  if (!at.has(kLength)) return size_of(at, at.has(kWindow) ? kWindow : 0, at.has(kWindow) ? 0 : 1);
  const auto said = scalar(at, kLength);
  if (!said) {
    if (at.in(kWindow).has_rank()) return size_of(at, kWindow, 0);
    return at.unknown_size("frame_length is computed");
  }
  const auto fits =
      require_size(at, kWindow, 0, *said, quoted(at, kLength) + " says " + said->text());
  if (!fits) return fits.error();
  return *said;
}

/// The signal is (batch, length, parts); the output (batch, frames, frequencies, 2).
Inferred short_time_transform(const NodeFacts& at) {
  const auto checked = require_rank(at, 0, 3);
  if (!checked) return checked.error();
  const auto window = require_rank(at, 2, 1);
  if (!window) return window.error();
  const auto length = frame_length(at);
  if (!length) return length.error();
  const Expr signal = size_of(at, 0, 1);
  if (Expr::less(signal, length.value()) == true) {
    return contradiction("a frame of " + length.value().text() + " is longer than the signal of " +
                         signal.text());
  }
  const auto step = scalar(at, 1);
  if (step && step->at_most() && *step->at_most() < 1) {
    return contradiction(quoted(at, 1) + " is " + step->text() + ", but has to be at least 1");
  }
  const Expr frames = step ? floor_div(signal - length.value(), *step) + 1
                           : at.unknown_size("frame_step is computed");
  const bool onesided = at.attr_int("onesided", 1) != 0;
  return std::vector{tensor_fact(
      at.in(0).dtype, Dims{size_of(at, 0, 0), frames,
                           onesided ? one_sided(length.value()) : length.value(), Expr(2)})};
}

/// A length that a scalar input says.
Result<Expr> said_length(const NodeFacts& at, std::size_t slot) {
  const auto length = scalar(at, slot);
  if (!length) return at.unknown_size(at.input_label(slot) + " is computed");
  const auto most = length->at_most();
  if (!most || *most >= 0) return *length;
  return contradiction(quoted(at, slot) + " is " + length->text() + ", but is a length");
}

/// A matrix from the frequencies of a one-sided transform to bands.
Inferred mel_weights(const NodeFacts& at) {
  const auto bands = said_length(at, 0);
  if (!bands) return bands.error();
  const auto length = said_length(at, 1);
  if (!length) return length.error();
  return std::vector{tensor_fact(dtype_attribute(at, "output_datatype", DType::float32),
                                 Dims{one_sided(length.value()), bands.value()})};
}

Inferred window(const NodeFacts& at) {
  auto size = said_length(at, 0);
  if (!size) return size.error();
  return std::vector{tensor_fact(dtype_attribute(at, "output_datatype", DType::float32),
                                 Dims{std::move(size).value()})};
}

}  // namespace

void register_fourier(OpTable& table) {
  const OpTraits sums{.accumulation = Accumulation::fourier};
  table.add("DFT", {.traits = sums, .shape = fourier_transform});
  table.add("STFT", {.traits = sums, .shape = short_time_transform});
  table.add("MelWeightMatrix", {.shape = mel_weights});
  table.add({"BlackmanWindow", "HammingWindow", "HannWindow"}, {.shape = window});
}

}  // namespace pot
