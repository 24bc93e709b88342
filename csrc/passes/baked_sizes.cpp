#include "passes/baked_sizes.h"

#include <algorithm>
#include <set>

#include "ir/print.h"
#include "ops/shared/op_table.h"

namespace pot {
namespace {

/// Sizes that are tried for a node that does not take the one that was asked for.
constexpr std::int64_t kMostTried = 4096;

using Names = std::vector<std::string>;

bool has(const Names& names, const std::string& name) {
  return std::ranges::count(names, name) != 0;
}

Fact at_size(const Fact& fact, const Names& names, std::int64_t size) {
  const Expr::Binding bind = [&](const std::string& name) {
    return has(names, name) ? std::optional(Expr(size)) : std::nullopt;
  };
  Fact out = fact;
  if (out.dims) {
    for (Expr& dim : *out.dims) dim = dim.substitute(bind);
  }
  if (out.elements) {
    auto elements = *out.elements;
    for (Expr& each : elements) each = each.substitute(bind);
    out.elements = std::make_shared<const std::vector<Expr>>(std::move(elements));
  }
  return out;
}

/// A Reshape to a constant shape that has a number where its input has an open size first:
/// [batch, 8, 4] as [1, -1] puts the batch elsewhere, and nothing contradicts that.
std::optional<NodeId> first_baked_reshape(const Graph& graph, const ModelFacts& open) {
  const auto order = graph.order();
  if (!order) return std::nullopt;
  for (const NodeId id : order.value()) {
    const Node& node = graph.node(id);
    if (!node.is("Reshape") || node.inputs.size() != 2) continue;
    const Fact& data = open.of(graph, node.inputs[0]);
    const auto target = numbers_of(open.of(graph, node.inputs[1]));
    if (!data.has_rank() || data.rank() == 0 || !target || target->empty()) continue;
    if ((*data.dims)[0].number() || (*target)[0] < 1) continue;
    const bool elsewhere = std::ranges::count(*target, -1) != 0;
    if (elsewhere) return id;
  }
  return std::nullopt;
}

/// Names of one size, or of sizes that have to change together, and what the node takes.
struct Culprit {
  Names names;
  std::vector<std::int64_t> fitting;
};

/// Finds out which size a node needs, by leaving open what was bound.
class Explanation {
 public:
  /// `open`: what is known of the model before anything is bound.
  Explanation(const Model& model, const Bound& bound, const ModelFacts& open,
              const Fallback& fallback)
      : model_(model), bound_(bound), open_(open), fallback_(fallback) {
    for (const auto& [name, size] : bound.sizes) {
      if (size.number()) names_.push_back(name);
    }
  }

  [[nodiscard]] Error of(NodeId node, const std::string& message) const {
    std::vector<Culprit> alone;
    for (const std::string& name : names_) {
      if (auto found = culprit(node, {name})) alone.push_back(*std::move(found));
    }
    // Where either of two equal sizes would do, their product is what does not fit: h*w.
    Names both;
    for (const Culprit& each : alone) {
      if (size_of(each.names[0]) == size_of(alone[0].names[0])) both.push_back(each.names[0]);
    }
    if (alone.size() > 1 && both.size() == alone.size()) {
      if (const auto found = culprit(node, both)) return named(*found, node, message);
    }
    if (!alone.empty()) return named(alone[0], node, message);
    for (std::size_t i = 0; i < names_.size(); ++i) {
      for (std::size_t j = i + 1; j < names_.size(); ++j) {
        if (size_of(names_[i]) != size_of(names_[j])) continue;
        const auto found = culprit(node, {names_[i], names_[j]});
        if (found) return named(*found, node, message);
      }
    }
    return {Error::Kind::refused, "the model does not take these sizes: " + message};
  }

 private:
  [[nodiscard]] std::int64_t size_of(const std::string& name) const {
    return *bound_.sizes.at(name).number();
  }

  /// What a size is called while it is left open: one without a name needs one to be tried.
  static std::string open_name(const std::string& name) {
    return name.ends_with(']') ? name + "?" : name;
  }

  /// The model with all that was bound but these.
  [[nodiscard]] Result<Bound> with_open(const Names& open) const {
    GivenDims dims;
    for (const auto& [name, size] : bound_.sizes) {
      if (has(open, name)) {
        if (open_name(name) != name) dims.emplace(name, Dim(open_name(name)));
        continue;
      }
      dims.emplace(name, size.number() ? Dim(*size.number()) : Dim(size.text()));
    }
    return bind_dims(model_, {}, dims);
  }

  [[nodiscard]] std::optional<Culprit> culprit(NodeId id, const Names& names) const {
    const auto open = with_open(names);
    if (!open) return std::nullopt;
    const auto facts = infer_shapes(*open.value().model, fallback_);
    if (!facts) return std::nullopt;
    const Graph& graph = open.value().model->graph();
    const Node& node = graph.node(id);
    const OpEntry* entry = op_table().find(node.domain, node.op_type);
    if (!entry || !entry->shape || node.has_bodies()) return std::nullopt;
    std::vector<Fact> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(facts.value().of(graph, input));
    Names symbols;
    for (const std::string& name : names) symbols.push_back(open_name(name));
    Culprit out{names, {}};
    for (std::int64_t size = 0; size <= kMostTried; ++size) {
      std::vector<Fact> tried;
      for (const Fact& input : inputs) tried.push_back(at_size(input, symbols, size));
      const NodeFacts at(graph, node, graph.opset(node.domain).value_or(0), std::move(tried));
      if (entry->shape(at)) out.fitting.push_back(size);
    }
    // What does not depend on the size fits always or never.
    const std::int64_t asked = size_of(names[0]);
    const bool always = out.fitting.size() > static_cast<std::size_t>(kMostTried);
    if (out.fitting.empty() || always || std::ranges::count(out.fitting, asked) != 0) {
      return std::nullopt;
    }
    return out;
  }

  [[nodiscard]] Error named(const Culprit& culprit, NodeId node, const std::string& message) const {
    std::string names;
    for (const std::string& name : culprit.names) {
      names += (names.empty() ? "'" : " and '") + name + "'" + places(name);
    }
    const std::int64_t asked = size_of(culprit.names[0]);
    const std::string label = node_label(bound_.model->graph(), node);
    std::vector<std::int64_t> real;  // 0 and 1 fit because nothing is there, or all is stretched
    for (const std::int64_t size : culprit.fitting) {
      if (size > 1 || culprit.fitting.back() <= 1) real.push_back(size);
    }
    const std::string not_this = ", not " + std::to_string(asked);
    const bool together = real.back() - real.front() + 1 == static_cast<std::int64_t>(real.size());
    const char* dynamic =
        culprit.names.size() == 1 ? " is declared dynamic, but " : " are declared dynamic, but ";
    std::string text = "size " + names + dynamic + label;
    if (real.size() == 1) {
      text += " needs " + std::to_string(real[0]) + not_this + baked(node, real[0]);
    } else if (together && real.back() < kMostTried) {
      text += " needs " + std::to_string(real.front()) + " to " + std::to_string(real.back()) +
              not_this;
    } else {
      text = label + " does not take size " + names + " = " + std::to_string(asked) +
             "; the nearest that it takes: " + nearest(real, asked);
    }
    return {Error::Kind::refused, text + " (" + message + ")"};
  }

  /// The Reshape before the node that has this number in the place of the size.
  [[nodiscard]] std::string baked(NodeId node, std::int64_t number) const {
    const Graph& graph = model_.graph();
    const auto reshape = first_baked_reshape(graph, open_);
    if (!reshape || *reshape == node) return "";
    const auto shape = numbers_of(open_.of(graph, graph.node(*reshape).inputs[1]));
    if (shape->front() != number) return "";
    return ": " + node_label(graph, *reshape) + " has a fixed " + std::to_string(number) +
           " in its place";
  }

  static std::string nearest(const std::vector<std::int64_t>& sizes, std::int64_t asked) {
    const auto above = std::ranges::upper_bound(sizes, asked);
    std::string out;
    if (above != sizes.begin()) out = std::to_string(*std::prev(above));
    if (above != sizes.end()) out += (out.empty() ? "" : ", ") + std::to_string(*above);
    return out;
  }

  /// " (x[2], y[0])"
  [[nodiscard]] std::string places(const std::string& name) const {
    constexpr std::size_t kMostPlaces = 3;
    std::string out;
    std::size_t found = 0;
    const Graph& graph = model_.graph();
    for (const ValueInfo& input : graph.inputs()) {
      if (!input.type || !input.type->shape) continue;
      const auto& dims = input.type->shape->dims;
      for (std::size_t axis = 0; axis < dims.size(); ++axis) {
        if (!dims[axis].symbol() || !has(Expr::parse(*dims[axis].symbol()).symbols(), name)) {
          continue;
        }
        if (++found > kMostPlaces) continue;
        out += (out.empty() ? "" : ", ") + std::string(graph.value_name(input.value)) + "[" +
               std::to_string(axis) + "]";
      }
    }
    if (found > kMostPlaces) out += " and " + std::to_string(found - kMostPlaces) + " more";
    return out.empty() ? "" : " (" + out + ")";
  }

  const Model& model_;
  const Bound& bound_;
  const ModelFacts& open_;
  const Fallback& fallback_;
  Names names_;
};

std::string dims_text(const std::vector<Expr>& dims) {
  std::string out = "[";
  for (const Expr& dim : dims) out += (out.size() > 1 ? ", " : "") + dim.text();
  return out + "]";
}

struct OddOutput {
  std::size_t output = 0;
  std::size_t axis = 0;
};

/// An output that is declared to have another size than it has.
std::optional<OddOutput> odd_output(const Model& model, const ModelFacts& facts) {
  const Graph& graph = model.graph();
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    const ValueInfo& output = graph.outputs()[i];
    const Fact declared = fact_of(output.type, "");
    const Fact& made = facts.of(graph, output.value);
    if (!declared.has_rank() || !made.has_rank() || declared.rank() != made.rank()) continue;
    for (std::size_t axis = 0; axis < made.rank(); ++axis) {
      if (Expr::equal((*declared.dims)[axis], (*made.dims)[axis]) == false) {
        return OddOutput{i, axis};
      }
    }
  }
  return std::nullopt;
}

/// An output that is declared to follow a size and does not, where a Reshape tells why.
Status check_outputs(const Model& model, const Bound& bound, const ModelFacts& open,
                     const ModelFacts& facts) {
  const Graph& before = model.graph();
  const Graph& after = bound.model->graph();
  const auto odd = odd_output(*bound.model, facts);
  const auto reshape = first_baked_reshape(before, open);
  if (!odd || !reshape) return ok_status();
  const Dim& dim = before.outputs()[odd->output].type->shape->dims[odd->axis];
  if (!dim.symbol()) return ok_status();
  const ValueInfo& output = after.outputs()[odd->output];
  const auto shape = numbers_of(open.of(before, before.node(*reshape).inputs[1]));
  return Error{Error::Kind::refused,
               "size '" + *dim.symbol() + "' is declared dynamic, but " +
                   node_label(before, *reshape) + " has " + std::to_string((*shape)[0]) +
                   " in its place: output '" + std::string(after.value_name(output.value)) +
                   "' would be " + dims_text(*facts.of(after, output.value).dims) + ", not " +
                   dims_text(*fact_of(output.type, "").dims)};
}

}  // namespace

Status check_sizes(const Model& model, const Bound& bound, const Fallback& fallback) {
  if (bound.sizes.empty()) return ok_status();
  const auto facts = infer_shapes(*bound.model, fallback);
  if (!facts) return facts.error();
  const bool fits = facts.value().contradictions().empty();
  if (fits && !odd_output(*bound.model, facts.value())) return ok_status();
  const auto open = infer_shapes(model, fallback);
  if (!open) return open.error();
  std::set<NodeId> always;
  for (const auto& each : open.value().contradictions()) always.insert(each.place.node);
  for (const auto& each : facts.value().contradictions()) {
    if (always.contains(each.place.node)) continue;
    return Explanation(model, bound, open.value(), fallback).of(each.place.node, each.message);
  }
  return check_outputs(model, bound, open.value(), facts.value());
}

}  // namespace pot
