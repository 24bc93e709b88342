// Scan: a body over the elements of its inputs.

#include <algorithm>

#include "ops/control_flow.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Opset 8 has the lengths of the sequences in front, batches on axis 0 and elements on axis 1.
class Scan {
 public:
  explicit Scan(const NodeFacts& at) : at_(at), batched_(at.opset() < 9) {
    const std::size_t all = at.input_count() - std::min(at.input_count(), lengths());
    const std::int64_t scanned = at.attr_int("num_scan_inputs", 0);
    const auto fits = scanned >= 0 && static_cast<std::uint64_t>(scanned) <= all;
    scanned_ = fits ? static_cast<std::size_t>(scanned) : 0;
    states_ = all - scanned_;
  }

  [[nodiscard]] std::size_t states() const { return states_; }

  /// States as the body sees them.
  [[nodiscard]] std::vector<Fact> initial() const {
    std::vector<Fact> out;
    for (std::size_t i = 0; i < states_; ++i) {
      const Fact& state = at_.in(lengths() + i);
      out.push_back(batched_ ? without_axis(state, 0) : state);
    }
    return out;
  }

  /// Reads the scan inputs. Error: they have different numbers of elements.
  Status read_elements() {
    for (std::size_t i = 0; i < scanned_; ++i) {
      const std::size_t slot = lengths() + states_ + i;
      const Fact& input = at_.in(slot);
      const auto axis = input.has_rank() ? scan_axis(i, input.rank()) : std::nullopt;
      if (!axis) {
        elements_.push_back(tensor_fact(input.dtype));
        continue;
      }
      if (auto status = meet((*input.dims)[*axis], slot); !status) return status;
      const Fact element = without_axis(input, *axis);
      elements_.push_back(batched_ ? without_axis(element, 0) : element);
      if (batched_ && !batch_) batch_ = (*input.dims)[0];
    }
    return ok_status();
  }

  [[nodiscard]] Inferred turn(std::span<const Fact> carried) const {
    std::vector<Fact> inputs(carried.begin(), carried.end());
    inputs.insert(inputs.end(), elements_.begin(), elements_.end());
    return at_.infer_body("body", inputs);
  }

  [[nodiscard]] Expr turns() const {
    return turns_ ? *turns_ : at_.unknown_size("the number of scanned elements is not known");
  }

  [[nodiscard]] Fact state_output(std::size_t i, const Fact& made) const {
    const Fact given = batched_ ? without_axis(at_.in(i + lengths()), 0) : at_.in(i);
    const auto least = turns_ ? turns_->at_least() : std::nullopt;
    const auto most = turns_ ? turns_->at_most() : std::nullopt;
    Fact out = join(given, made, at_.label() + ": it may run or not");
    if (least && *least >= 1) out = made;
    if (most && *most <= 0) out = given;
    return batched_ ? with_batch(out) : out;
  }

  [[nodiscard]] Fact scan_output(std::size_t i, const Fact& item, const Expr& turns) const {
    if (batched_) return with_batch(stacked(item, turns, 0));
    const auto axes = at_.attr_ints("scan_output_axes");
    const std::int64_t wanted = axes && i < axes->size() ? (*axes)[i] : 0;
    const auto axis = item.has_rank() ? normalized_axis(wanted, item.rank() + 1) : std::nullopt;
    return axis ? stacked(item, turns, *axis) : tensor_fact(item.dtype);
  }

 private:
  [[nodiscard]] std::size_t lengths() const { return batched_ ? 1 : 0; }

  [[nodiscard]] std::optional<std::size_t> scan_axis(std::size_t i, std::size_t rank) const {
    if (batched_) return rank >= 2 ? std::optional<std::size_t>(1) : std::nullopt;
    const auto axes = at_.attr_ints("scan_input_axes");
    return normalized_axis(axes && i < axes->size() ? (*axes)[i] : 0, rank);
  }

  static Fact without_axis(const Fact& fact, std::size_t axis) {
    Fact out = without_elements(fact);
    if (!out.has_rank() || axis >= out.rank()) return tensor_fact(fact.dtype);
    out.dims->erase(out.dims->begin() + static_cast<std::ptrdiff_t>(axis));
    return out;
  }

  [[nodiscard]] Fact with_batch(const Fact& fact) const {
    return stacked(fact, batch_ ? *batch_ : at_.unknown_size("the batch is not known"), 0);
  }

  Status meet(const Expr& size, std::size_t slot) {
    if (turns_ && Expr::equal(*turns_, size) == false) {
      return contradiction(at_.input_label(slot) + " has " + size.text() +
                           " elements to scan, an input before it has " + turns_->text());
    }
    if (!turns_ || !turns_->is_number()) turns_ = size;
    return ok_status();
  }

  const NodeFacts& at_;
  bool batched_;
  std::size_t states_ = 0;
  std::size_t scanned_ = 0;
  std::vector<Fact> elements_;
  std::optional<Expr> turns_;
  std::optional<Expr> batch_;
};

Inferred infer_scan(const NodeFacts& at) {
  Scan scan(at);
  if (auto status = scan.read_elements(); !status) return status.error();
  const auto every = every_turn(at, scan.initial(), 0,
                                [&](std::span<const Fact> carried) { return scan.turn(carried); });
  const Expr turns = scan.turns();
  if (!every) {
    if (const auto least = turns.at_least(); least && *least >= 1) return every.error();
    return std::vector<Fact>{};
  }
  std::vector<Fact> out;
  const std::vector<Fact>& made = every.value().outputs;
  for (std::size_t slot = 0; slot < made.size(); ++slot) {
    const bool state = slot < scan.states();
    out.push_back(state ? scan.state_output(slot, made[slot])
                        : scan.scan_output(slot - scan.states(), made[slot], turns));
  }
  return out;
}

}  // namespace

void register_scan(OpTable& table) { table.add("Scan", {.shape = infer_scan}); }

}  // namespace pot
