// Einsum: its equation says what is summed.

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ops/shared/agreement.h"
#include "ops/shared/axis_layout.h"
#include "ops/shared/broadcast_layout.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// The subscripts of one operand: "a...bc" is {"a", "bc"} with an ellipsis between them.
struct Term {
  std::string before;  ///< all labels where there is no ellipsis
  std::string after;
  bool ellipsis = false;
  [[nodiscard]] std::size_t labels() const { return before.size() + after.size(); }
};

struct Equation {
  std::vector<Term> inputs;
  std::optional<Term> output;  ///< nothing when the equation leaves it to the rule
};

Error unreadable(const std::string& equation) {
  return contradiction("equation '" + equation + "' is no einsum");
}

std::optional<Term> parse_term(std::string_view text) {
  Term term;
  while (!text.empty()) {
    if (text.starts_with("...")) {
      if (term.ellipsis) return std::nullopt;
      term.ellipsis = true;
      text.remove_prefix(3);
      continue;
    }
    if (std::isalpha(static_cast<unsigned char>(text[0])) == 0) return std::nullopt;
    (term.ellipsis ? term.after : term.before) += text[0];
    text.remove_prefix(1);
  }
  return term;
}

Result<Equation> parse_equation(const std::string& written) {
  std::string text = written;
  std::erase(text, ' ');
  Equation out;
  const auto arrow = text.find("->");
  if (arrow != std::string::npos) {
    out.output = parse_term(std::string_view(text).substr(arrow + 2));
    if (!out.output) return unreadable(written);
    text.resize(arrow);
  }
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    auto term = parse_term(std::string_view(text).substr(start, end - start));
    if (!term) return unreadable(written);
    out.inputs.push_back(*std::move(term));
    start = end + 1;
  }
  return out;
}

/// Without an output: the ellipsis, then each label that is there once, in the alphabet's order.
Term implied_output(const Equation& equation) {
  std::map<char, int> seen;
  Term out;
  for (const Term& term : equation.inputs) {
    out.ellipsis = out.ellipsis || term.ellipsis;
    for (const char label : term.before + term.after) ++seen[label];
  }
  for (const auto& [label, times] : seen) {
    if (times == 1) (out.ellipsis ? out.after : out.before) += label;
  }
  return out;
}

/// Sizes by label, and what the ellipses stand for.
struct Sizes {
  std::map<char, Expr> by_label;
  std::vector<Dims> ellipses;
  bool complete = true;  ///< false when an operand with an ellipsis has no known rank

  Status add(const NodeFacts& at, std::size_t slot, const Term& term);
  Status add(const NodeFacts& at, std::size_t slot, char label, const Expr& size);
};

Status Sizes::add(const NodeFacts& at, std::size_t slot, char label, const Expr& size) {
  const auto [found, added] = by_label.emplace(label, size);
  if (added || size.is(1)) return ok_status();
  if (found->second.is(1)) {
    found->second = size;
    return ok_status();
  }
  const auto both = agreed(found->second, size);
  if (!both) {
    return contradiction("label '" + std::string(1, label) + "' is " + found->second.text() +
                         " long, but " + size.text() + " in " + quoted(at, slot));
  }
  // Two names: one of them may turn out to be 1.
  const bool named = !found->second.is_number() && !size.is_number();
  found->second = named ? broadcast(found->second, size) : *both;
  return ok_status();
}

Status Sizes::add(const NodeFacts& at, std::size_t slot, const Term& term) {
  const Fact& fact = at.in(slot);
  if (!fact.has_rank()) {
    complete = complete && !term.ellipsis;
    return ok_status();
  }
  const std::size_t rank = fact.rank();
  if (term.ellipsis ? rank < term.labels() : rank != term.labels()) {
    return contradiction(quoted(at, slot) + " has " + counted(rank, "axis", "axes") +
                         ", but the equation names " + std::to_string(term.labels()));
  }
  const std::size_t behind = rank - term.after.size();
  for (std::size_t i = 0; i < rank; ++i) {
    if (i >= term.before.size() && i < behind) continue;
    const char label = i < behind ? term.before[i] : term.after[i - behind];
    const auto added = add(at, slot, label, (*fact.dims)[i]);
    if (!added) return added;
  }
  if (term.ellipsis) {
    const auto begin = fact.dims->begin();
    ellipses.emplace_back(begin + static_cast<std::ptrdiff_t>(term.before.size()),
                          begin + static_cast<std::ptrdiff_t>(behind));
  }
  return ok_status();
}

Result<Dims> output_dims(const NodeFacts& at, const Term& output, const Sizes& sizes) {
  Dims out;
  const auto append = [&](const std::string& labels) {
    for (const char label : labels) {
      const auto found = sizes.by_label.find(label);
      out.push_back(found != sizes.by_label.end()
                        ? found->second
                        : at.unknown_size("the shape of an operand is not known"));
    }
  };
  append(output.before);
  if (output.ellipsis) {
    const auto shared = broadcast_dims(sizes.ellipses);
    if (!shared) return contradiction("the ellipses: " + shared.error().message);
    out.insert(out.end(), shared.value().begin(), shared.value().end());
  }
  append(output.after);
  return out;
}

Inferred einsum(const NodeFacts& at) {
  const auto equation = parse_equation(at.attr_string("equation", ""));
  if (!equation) return equation.error();
  const auto& terms = equation.value().inputs;
  if (terms.size() != at.input_count()) {
    return contradiction("the equation has " + counted(terms.size(), "operand", "operands") +
                         ", but the node has " + std::to_string(at.input_count()));
  }
  Sizes sizes;
  for (std::size_t slot = 0; slot < terms.size(); ++slot) {
    const auto added = sizes.add(at, slot, terms[slot]);
    if (!added) return added.error();
  }
  const Term output = equation.value().output.value_or(implied_output(equation.value()));
  if (output.ellipsis && !sizes.complete) return std::vector{tensor_fact(at.in(0).dtype)};
  auto dims = output_dims(at, output, sizes);
  if (!dims) return dims.error();
  return std::vector{tensor_fact(at.in(0).dtype, std::move(dims).value())};
}

/// One label for each axis of each operand.
struct Labels {
  std::vector<std::string> inputs;
  std::string output;
};

/// Letters that the equation does not use.
std::string free_letters(const Equation& equation) {
  std::string letters;
  for (const char first : {'a', 'A'}) {
    for (int i = 0; i < 26; ++i) letters += static_cast<char>(first + i);
  }
  for (const Term& term : equation.inputs) {
    std::erase_if(letters, [&](char letter) {
      return (term.before + term.after).find(letter) != std::string::npos;
    });
  }
  return letters;
}

/// Labels instead of an ellipsis of `rank` axes: ellipses are aligned at their ends.
std::string spelled(const Term& term, std::size_t rank, const std::string& letters) {
  return term.before + (term.ellipsis ? letters.substr(letters.size() - rank) : "") + term.after;
}

Result<Labels> labels_of(const LayoutNode& node) {
  const auto equation = parse_equation(node.at().attr_string("equation", ""));
  if (!equation) return refuse(equation.error().message);
  const auto& terms = equation.value().inputs;
  if (terms.size() != node.at().input_count()) return refuse("its equation has other operands");
  const std::string letters = free_letters(equation.value());
  Labels labels;
  std::size_t widest = 0;
  for (std::size_t slot = 0; slot < terms.size(); ++slot) {
    const auto rank = known_rank(node, {.slot = slot});
    if (!rank) return rank.error();
    const std::size_t named = terms[slot].labels();
    if (rank.value() < named || (!terms[slot].ellipsis && rank.value() != named) ||
        rank.value() - named > letters.size()) {
      return refuse("its equation does not fit " + node.at().input_label(slot));
    }
    labels.inputs.push_back(spelled(terms[slot], rank.value() - named, letters));
    widest = std::max(widest, rank.value() - named);
  }
  const Term output = equation.value().output.value_or(implied_output(equation.value()));
  labels.output = spelled(output, widest, letters);
  const auto rank = known_rank(node, {.output = true});
  if (!rank) return rank.error();
  if (rank.value() != labels.output.size()) return refuse("its equation does not fit its output");
  return labels;
}

/// The order in which `labels` lie when those of an operand beside it lie as `stored`: labels that
/// both have in that order, the others take the places that are left. Of another rank: as they are.
std::string following(const std::string& labels, const std::string& beside,
                      const std::string& stored) {
  if (labels.size() != beside.size()) return labels;
  std::string mine;
  std::string theirs;
  for (const char label : labels) mine += beside.find(label) == std::string::npos ? label : '\0';
  for (const char label : beside) theirs += labels.find(label) == std::string::npos ? label : '\0';
  std::erase(mine, '\0');
  std::erase(theirs, '\0');
  if (mine.size() != theirs.size()) return labels;  // a diagonal names a label twice
  std::string out;
  for (const char label : stored) {
    const auto other = theirs.find(label);
    out += other == std::string::npos ? label : mine[other];
  }
  return out;
}

/// Pre: `stored` holds the labels in another order.
Layout layout_of(const std::string& labels, std::string stored) {
  std::vector<std::int64_t> order(labels.size());
  for (std::size_t axis = 0; axis < labels.size(); ++axis) {
    const auto place = stored.find(labels[axis]);
    stored[place] = '\0';  // found once, also on a diagonal
    order[place] = static_cast<std::int64_t>(axis);
  }
  return Layout(*Permutation::of(order));
}

/// Every operand with as many axes moves along, as attention and products of images want it; the
/// others stay.
Result<Relayout> einsum_layout(const LayoutNode& node, Operand operand, const Layout& layout) {
  const auto plain = require_plain(layout);
  if (!plain) return plain.error();
  const auto labels = labels_of(node);
  if (!labels) return labels.error();
  const auto& [inputs, output] = labels.value();
  const std::string& asked = operand.output ? output : inputs[operand.slot];
  if (asked.size() != layout.rank()) return refuse("its equation does not fit its ranks");
  std::string stored;
  for (const std::int64_t axis : layout.perm.ints())
    stored += asked[static_cast<std::size_t>(axis)];
  Relayout made = unmoved(node);
  std::string equation;
  for (std::size_t slot = 0; slot < inputs.size(); ++slot) {
    const std::string term = following(inputs[slot], asked, stored);
    made.inputs[slot] = layout_of(inputs[slot], term);
    equation += (slot ? "," : "") + term;
  }
  const std::string result = following(output, asked, stored);
  made.outputs[0] = layout_of(output, result);
  (operand.output ? made.outputs : made.inputs)[operand.slot] = layout;
  DrawnNode drawn = redrawn(node);
  put_attribute(drawn, "equation", equation + "->" + result);
  return with_node(std::move(made), std::move(drawn));
}

}  // namespace

void register_einsum(OpTable& table) {
  table.add(
      "Einsum",
      {.traits = {.accumulation = Accumulation::einsum}, .shape = einsum, .layout = einsum_layout});
}

}  // namespace pot
