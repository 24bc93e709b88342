// Sequences: what makes them, what changes them, what reads them.

#include <algorithm>

#include "ops/control_flow.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Longer sequences are known by what is true of every item.
constexpr std::size_t kMostItems = kMostElements;
/// Runs of a SequenceMap's body with the facts of one item each.
constexpr std::size_t kMostRuns = 64;

std::vector<Fact> one(Fact fact) { return {std::move(fact)}; }

Fact inner_of(const Fact& sequence) { return sequence.inner ? *sequence.inner : Fact{}; }

/// An item of which nothing but this is known. Items differ in sizes that are not known: each has
/// its own.
Fact any_item(const Fact& sequence) {
  Fact item = inner_of(sequence);
  if (!item.has_rank()) return item;
  for (Expr& dim : *item.dims) {
    const auto reasons = dim.reasons();
    if (!reasons.empty()) dim = Expr::fresh_size(reasons.front());
  }
  return item;
}

std::shared_ptr<const std::vector<Fact>> any_items(const Fact& sequence, std::size_t count) {
  std::vector<Fact> items;
  for (std::size_t i = 0; i < count; ++i) items.push_back(any_item(sequence));
  return std::make_shared<const std::vector<Fact>>(std::move(items));
}

Fact sequence_of(Fact inner) {
  if (inner.kind != Fact::Kind::unknown) return sequence_fact(std::move(inner));
  Fact out;
  out.kind = Fact::Kind::sequence;
  return out;
}

/// A position that is given, counted from the front. Error: it is outside.
Result<std::optional<std::size_t>> position(const NodeFacts& at, std::size_t slot, std::size_t size,
                                            std::int64_t last) {
  const auto numbers = numbers_of(at.in(slot));
  if (!numbers || numbers->size() != 1) return std::optional<std::size_t>{};
  const std::int64_t given = numbers->front();
  const auto length = static_cast<std::int64_t>(size);
  if (given < -length || given > last) {
    return contradiction("position " + std::to_string(given) + " is outside of a sequence of " +
                         std::to_string(size));
  }
  return std::optional(static_cast<std::size_t>(given < 0 ? given + length : given));
}

Inferred infer_construct(const NodeFacts& at) {
  return one(sequence_fact(std::vector<Fact>(at.inputs().begin(), at.inputs().end())));
}

Inferred infer_empty(const NodeFacts& at) {
  const std::int64_t dtype = at.attr_int("dtype", static_cast<std::int64_t>(DType::float32));
  Fact out = sequence_fact(std::vector<Fact>{});
  out.inner = std::make_shared<const Fact>(tensor_fact(DType{static_cast<std::int32_t>(dtype)}));
  return one(out);
}

Inferred infer_at(const NodeFacts& at) {
  const Fact& sequence = at.in(0);
  if (!sequence.items) return one(any_item(sequence));
  const auto size = sequence.items->size();
  const auto found = position(at, 1, size, static_cast<std::int64_t>(size) - 1);
  if (!found) return found.error();
  return one(found.value() ? (*sequence.items)[*found.value()] : any_item(sequence));
}

Inferred infer_insert(const NodeFacts& at) {
  const Fact& sequence = at.in(0);
  const Fact item = without_elements(at.in(1));
  const bool empty = sequence.items && sequence.items->empty();
  const std::string reason = at.label() + ": items of a sequence differ";
  if (!sequence.items || sequence.items->size() >= kMostItems) {
    return one(sequence_of(join(inner_of(sequence), item, reason)));
  }
  std::vector<Fact> items = *sequence.items;
  std::size_t place = items.size();
  if (at.has(2)) {
    const auto found = position(at, 2, items.size(), static_cast<std::int64_t>(items.size()));
    if (!found) return found.error();
    if (!found.value()) {
      Fact out = sequence_of(empty ? item : join(inner_of(sequence), item, reason));
      out.items = any_items(out, items.size() + 1);
      return one(out);
    }
    place = *found.value();
  }
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(place), at.in(1));
  return one(sequence_fact(std::move(items)));
}

Inferred infer_erase(const NodeFacts& at) {
  const Fact& sequence = at.in(0);
  if (!sequence.items) return one(sequence_of(inner_of(sequence)));
  if (sequence.items->empty()) return contradiction("an empty sequence has nothing to erase");
  std::vector<Fact> items = *sequence.items;
  std::size_t place = items.size() - 1;
  if (at.has(1)) {
    const auto found = position(at, 1, items.size(), static_cast<std::int64_t>(items.size()) - 1);
    if (!found) return found.error();
    if (!found.value()) {
      Fact out = sequence_of(inner_of(sequence));
      out.items = any_items(sequence, items.size() - 1);
      return one(out);
    }
    place = *found.value();
  }
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(place));
  Fact out = sequence_fact(std::move(items));
  if (!out.inner) out.inner = sequence.inner;
  return one(out);
}

Inferred infer_length(const NodeFacts& at) {
  const Fact& sequence = at.in(0);
  const Expr length = sequence.items ? Expr(static_cast<std::int64_t>(sequence.items->size()))
                                     : at.unknown_size("the length of a sequence is not known");
  return one(tensor_fact(DType::int64, std::vector<std::int64_t>{}, {length}));
}

Inferred infer_concat(const NodeFacts& at) {
  const Fact& sequence = at.in(0);
  const Fact item = inner_of(sequence);
  const bool stack = at.attr_int("new_axis", 0) != 0;
  if (!item.has_rank()) return one(item.is_tensor() ? tensor_fact(item.dtype) : Fact{});
  const auto axis = normalized_axis(at.attr_int("axis", 0), item.rank() + (stack ? 1 : 0));
  if (!axis) return contradiction("its axis is outside of the rank of the items");
  const std::string unknown = "the length of a sequence is not known";
  if (stack) {
    const Expr count = sequence.items ? Expr(static_cast<std::int64_t>(sequence.items->size()))
                                      : at.unknown_size(unknown);
    return one(stacked(item, count, *axis));
  }
  Dims dims = *item.dims;
  dims[*axis] = at.unknown_size(unknown);
  if (sequence.items) {
    Expr sum = 0;
    for (const Fact& each : *sequence.items) {
      if (!each.has_rank() || each.rank() != dims.size()) return one(tensor_fact(item.dtype, dims));
      sum = sum + (*each.dims)[*axis];
      for (std::size_t i = 0; i < dims.size(); ++i) {  // the other sizes are those of every item
        if (i != *axis && (*each.dims)[i].is_number()) dims[i] = (*each.dims)[i];
      }
    }
    dims[*axis] = sum;
  }
  return one(tensor_fact(item.dtype, std::move(dims)));
}

/// The lengths of the parts, as far as they follow from `split` and the size of the axis.
Result<std::optional<std::vector<std::int64_t>>> part_lengths(const NodeFacts& at,
                                                              const Expr& size) {
  using Lengths = std::vector<std::int64_t>;
  const auto given = numbers_of(at.in(1));
  const bool scalar = !at.has(1) || (at.in(1).has_rank() && at.in(1).rank() == 0);
  const auto total = size.number();
  if (at.has(1) && !given) return std::optional<Lengths>{};
  if (!scalar) {
    std::int64_t sum = 0;
    for (const std::int64_t length : *given) {
      if (length < 0 || length > std::int64_t{1} << 40) return std::optional<Lengths>{};
      sum += length;
    }
    if (total && *total != sum) {
      return contradiction("`split` sums up to " + std::to_string(sum) + ", the axis has " +
                           std::to_string(*total));
    }
    return std::optional(*given);
  }
  const std::int64_t part = given ? given->front() : 1;
  if (part < 1 || !total || *total / part >= static_cast<std::int64_t>(kMostItems)) {
    return std::optional<Lengths>{};
  }
  Lengths lengths(static_cast<std::size_t>(*total / part), part);
  if (*total % part != 0) lengths.push_back(*total % part);
  return std::optional(std::move(lengths));
}

/// Whether parts lose the axis; nothing where that depends on data. ONNX ignores `keepdims` where
/// `split` is given. But PyTorch writes a scalar 1 beside it for `unbind`, and onnxruntime takes
/// the axis away then.
std::optional<bool> split_squeezes(const NodeFacts& at) {
  if (at.attr_int("keepdims", 1) != 0) return false;
  if (!at.has(1)) return true;
  const Fact& split = at.in(1);
  if (split.has_rank() && split.rank() != 0) return false;
  const auto given = numbers_of(split);
  return given ? std::optional(*given == std::vector<std::int64_t>{1}) : std::nullopt;
}

Inferred infer_split(const NodeFacts& at) {
  const Fact& input = at.in(0);
  if (!input.has_rank()) return one(sequence_of(tensor_fact(input.dtype)));
  const auto axis = normalized_axis(at.attr_int("axis", 0), input.rank());
  if (!axis) return contradiction("its axis is outside of the rank of " + at.input_label(0));
  const auto lengths = part_lengths(at, (*input.dims)[*axis]);
  if (!lengths) return lengths.error();
  Fact item = without_elements(input);
  const auto squeezed = split_squeezes(at);
  if (!squeezed) return one(sequence_of(tensor_fact(input.dtype)));
  if (*squeezed) {
    item.dims->erase(item.dims->begin() + static_cast<std::ptrdiff_t>(*axis));
    if (!lengths.value()) return one(sequence_of(item));
    return one(sequence_fact(std::vector<Fact>(lengths.value()->size(), item)));
  }
  if (!lengths.value()) {
    (*item.dims)[*axis] = at.has(1) ? at.unknown_size("`split` is not known") : Expr(1);
    return one(sequence_of(item));
  }
  std::vector<Fact> items;
  for (const std::int64_t length : *lengths.value()) {
    (*item.dims)[*axis] = length;
    items.push_back(item);
  }
  return one(sequence_fact(std::move(items)));
}

/// What the body is given for one item; without a number: what is true of every item.
std::vector<Fact> given_for(const NodeFacts& at, std::optional<std::size_t> number) {
  std::vector<Fact> out;
  for (const Fact& input : at.inputs()) {
    if (input.kind != Fact::Kind::sequence) {
      out.push_back(input);
    } else if (number && input.items && *number < input.items->size()) {
      out.push_back((*input.items)[*number]);
    } else {
      out.push_back(any_item(input));
    }
  }
  return out;
}

Inferred infer_map(const NodeFacts& at) {
  const Fact& first = at.in(0);
  const bool known = first.items && first.items->size() <= kMostRuns;
  std::vector<std::vector<Fact>> runs;
  for (std::size_t i = 0; known && i < first.items->size(); ++i) {
    Inferred made = at.infer_body("body", given_for(at, i));
    if (!made) return made.error();
    runs.push_back(std::move(made.value()));
  }
  // The last run is that of any item: facts that stay with the body hold for each of them.
  Inferred any = at.infer_body("body", given_for(at, std::nullopt));
  if (!any) return first.items && first.items->empty() ? Inferred(std::vector<Fact>{}) : any;
  std::vector<Fact> out;
  for (std::size_t slot = 0; slot < any.value().size(); ++slot) {
    Fact made = sequence_of(without_elements(any.value()[slot]));
    std::vector<Fact> items;
    for (const auto& run : runs) items.push_back(slot < run.size() ? run[slot] : Fact{});
    if (known && !items.empty()) made = sequence_fact(std::move(items));
    if (known && first.items->empty()) made.items = first.items;
    out.push_back(std::move(made));
  }
  return out;
}

}  // namespace

void register_sequence(OpTable& table) {
  const auto makes = [](ShapeRule rule) {
    return OpEntry{.traits = {.non_tensor = true}, .shape = rule};
  };
  table.add("SequenceConstruct", makes(infer_construct));
  table.add("SequenceEmpty", makes(infer_empty));
  table.add("SequenceInsert", makes(infer_insert));
  table.add("SequenceErase", makes(infer_erase));
  table.add("SplitToSequence", makes(infer_split));
  table.add("SequenceMap", makes(infer_map));
  table.add("SequenceAt", {.shape = infer_at});
  table.add("SequenceLength", {.shape = infer_length});
  table.add("ConcatFromSequence", {.shape = infer_concat});
}

}  // namespace pot
