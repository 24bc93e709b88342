#include "passes/size_plan.h"

#include <algorithm>

#include "ir/expr_terms.h"

namespace pot {
namespace {

constexpr std::int64_t kShapeHasBounds = 15;  // start and end
constexpr std::int64_t kMinTakesInts = 12;
constexpr std::int64_t kAxesAreInputs = 13;
constexpr std::size_t kMostPlaces = 32;

/// The sum without its number.
Expr without_constant(const Expr& expr) {
  const auto terms = terms_of(expr);
  if (terms.empty() || !terms.back().monomial.empty()) return expr;
  return expr - expr_of(terms.back());
}

bool not_negative(const Expr& expr) { return expr.at_least().value_or(-1) >= 0; }

}  // namespace

void SizeSources::add(ValueId value, const std::vector<Expr>& dims, std::ptrdiff_t made_at) {
  bool any = false;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis].number()) continue;
    auto& places = places_[dims[axis]];
    if (places.empty()) near_[without_constant(dims[axis])].push_back(dims[axis]);
    if (places.size() == kMostPlaces) continue;
    places.push_back({value, axis, made_at});
    any = true;
  }
  if (any) dims_.emplace(value, dims);
}

std::optional<SizeSources::Run> SizeSources::longest(const std::vector<Expr>& sizes, std::size_t at,
                                                     std::ptrdiff_t before) const {
  std::optional<Run> best;
  // The first open size is looked up; numbers before it have to be there as well.
  std::size_t lead = at;
  while (lead < sizes.size() && sizes[lead].number()) ++lead;
  const auto found = lead < sizes.size() ? places_.find(sizes[lead]) : places_.end();
  if (found == places_.end()) return best;
  for (const SizeSource& place : found->second) {
    if (place.made_at >= before || place.axis < lead - at) continue;
    const auto& dims = dims_.at(place.value);
    const std::size_t start = place.axis - (lead - at);
    std::size_t length = 0;
    while (at + length < sizes.size() && start + length < dims.size() &&
           dims[start + length] == sizes[at + length]) {
      ++length;
    }
    if (length <= lead - at) continue;
    if (!best || length > best->length) best = Run{{place.value, start, place.made_at}, length};
  }
  return best;
}

std::optional<SizeSources::Near> SizeSources::near(const Expr& size, std::ptrdiff_t before) const {
  const auto found = near_.find(without_constant(size));
  if (found == near_.end()) return std::nullopt;
  for (const Expr& there : found->second) {
    const auto number = (size - there).number();
    const auto run = number ? longest({there}, 0, before) : std::nullopt;
    if (run) return Near{*run, *number};
  }
  return std::nullopt;
}

SizePlan::Ref SizePlan::step(std::string op_type, std::vector<Ref> inputs,
                             std::vector<std::pair<std::string, std::int64_t>> attributes,
                             std::ptrdiff_t before) {
  std::string key = op_type;
  for (const Ref& input : inputs) {
    key += input.kind == Ref::Kind::step    ? " s" + std::to_string(input.step)
           : input.kind == Ref::Kind::value ? " v" + std::to_string(input.value.index)
                                            : std::string(input.scalar ? " c0" : " c");
    for (const std::int64_t number : input.numbers) key += "," + std::to_string(number);
  }
  for (const auto& [name, number] : attributes) key += " " + name + std::to_string(number);
  const auto [found, is_new] = made_.try_emplace(std::move(key), steps_.size());
  if (is_new) {
    steps_.push_back({std::move(op_type), std::move(inputs), std::move(attributes), before});
  }
  make_before(found->second, before);
  Ref out;
  out.step = found->second;
  return out;
}

/// What is there for a later reader may be wanted by an earlier one; what it reads is there too.
void SizePlan::make_before(std::size_t index, std::ptrdiff_t place) {
  Step& step = steps_[index];
  if (step.before <= place) return;
  step.before = place;
  for (const Ref& input : step.inputs) {
    if (input.kind == Ref::Kind::step) make_before(input.step, place);
  }
}

/// Some axes of a value: a Shape of its own, or gathered from one that is planned.
SizePlan::Ref SizePlan::part(const SizeSources::Run& run, bool scalar, std::ptrdiff_t before) {
  const std::size_t start = run.from.axis;
  const std::size_t end = start + run.length;
  const auto covers = [&](const Shape& shape) {
    const bool same = shape.start == start && shape.end == end && !scalar;
    return shape.of == run.from.value && shape.start <= start && end <= shape.end && !same;
  };
  auto found = std::ranges::find_if(shapes_, covers);
  Ref value;
  value.kind = Ref::Kind::value;
  value.value = run.from.value;
  if (opset_ >= kShapeHasBounds && found == shapes_.end()) {
    const Ref shape =
        step("Shape", {value},
             {{"start", static_cast<std::int64_t>(start)}, {"end", static_cast<std::int64_t>(end)}},
             before);
    shapes_.push_back({run.from.value, start, end, shape.step});
    if (!scalar) return shape;
    found = std::prev(shapes_.end());
  }
  std::size_t first = 0;
  Ref shape;
  if (found != shapes_.end()) {
    make_before(found->step, before);
    shape.step = found->step;
    first = found->start;
  } else {
    shape = step("Shape", {value}, {}, before);
  }
  Ref axes;
  axes.kind = Ref::Kind::constant;
  axes.scalar = scalar;
  for (std::size_t axis = start; axis < end; ++axis) {
    axes.numbers.push_back(static_cast<std::int64_t>(axis - first));
  }
  return step("Gather", {shape, axes}, {{"axis", 0}}, before);
}

SizePlan::Maybe SizePlan::single(const Expr& size, std::ptrdiff_t before) {
  if (const auto number = size.number()) {
    Ref out;
    out.kind = Ref::Kind::constant;
    out.numbers = {*number};
    return out;
  }
  if (const auto run = sources_.longest({size}, 0, before)) return part(*run, false, before);
  return computed(size, before);
}

/// A sum of products of what is there, with whole coefficients.
SizePlan::Maybe SizePlan::computed(const Expr& size, std::ptrdiff_t before) {
  if (const auto near = sources_.near(size, before)) {
    const Ref there = part(near->there, false, before);
    const bool more = near->number > 0;
    const Maybe number = single(Expr(more ? near->number : -near->number), before);
    return step(more ? "Add" : "Sub", {there, *number}, {}, before);
  }
  const auto terms = terms_of(size);
  Maybe sum;
  const auto add = [&](const Term& term, const char* op_type) {
    const std::int64_t count =
        term.coefficient.num < 0 ? -term.coefficient.num : term.coefficient.num;
    Maybe product;
    if (count != 1 || term.monomial.empty()) product = single(Expr(count), before);
    for (const Factor& factor : term.monomial) {
      const Maybe value = atom(expr_of(factor.atom), before);
      if (!value) return false;
      for (std::uint32_t i = 0; i < factor.power; ++i) {
        product = product ? step("Mul", {*product, *value}, {}, before) : value;
      }
    }
    sum = sum ? step(op_type, {*sum, *product}, {}, before) : product;
    return true;
  };
  constexpr std::int64_t kLargest = std::int64_t{1} << 62;
  for (const Term& term : terms) {
    if (!term.coefficient.whole() || term.coefficient.num < -kLargest) return std::nullopt;
    if (term.coefficient.num > 0 && !add(term, "Add")) return std::nullopt;
  }
  if (!sum) return std::nullopt;
  for (const Term& term : terms) {
    if (term.coefficient.num < 0 && !add(term, "Sub")) return std::nullopt;
  }
  return sum;
}

SizePlan::Maybe SizePlan::atom(const Expr& expr, std::ptrdiff_t before) {
  if (const auto run = sources_.longest({expr}, 0, before)) return part(*run, false, before);
  if (sources_.near(expr, before)) return computed(expr, before);
  const Atom& inside = *terms_of(expr)[0].monomial[0].atom;
  if (inside.kind == AtomKind::floor) {
    std::int64_t parts = 1;
    for (const Term& term : terms_of(inside.args[0])) {
      const auto next = common_multiple(parts, term.coefficient.den);
      if (!next || !integral(term.monomial)) return std::nullopt;
      parts = *next;
    }
    const Expr above = inside.args[0] * Expr(parts);
    if (!not_negative(above)) return std::nullopt;  // Div rounds towards zero
    const Maybe numerator = single(above, before);
    if (!numerator) return std::nullopt;
    return step("Div", {*numerator, *single(Expr(parts), before)}, {}, before);
  }
  const bool choice = inside.kind == AtomKind::min || inside.kind == AtomKind::max;
  if (!choice || opset_ < kMinTakesInts) return std::nullopt;
  std::vector<Ref> args;
  for (const Expr& arg : inside.args) {
    const Maybe value = single(arg, before);
    if (!value) return std::nullopt;
    args.push_back(*value);
  }
  return step(inside.kind == AtomKind::min ? "Min" : "Max", std::move(args), {}, before);
}

SizePlan::Maybe SizePlan::list(const std::vector<Expr>& elements, std::ptrdiff_t before) {
  std::vector<Ref> parts;
  for (std::size_t i = 0; i < elements.size();) {
    const auto run = sources_.longest(elements, i, before);
    // Numbers come along when they make the whole list one part; else they are a constant.
    if (run && (!elements[i].number() || run->length == elements.size())) {
      parts.push_back(part(*run, false, before));
      i += run->length;
      continue;
    }
    if (elements[i].number()) {
      if (parts.empty() || parts.back().kind != Ref::Kind::constant) {
        parts.emplace_back();
        parts.back().kind = Ref::Kind::constant;
      }
      parts.back().numbers.push_back(*elements[i++].number());
      continue;
    }
    const Maybe value = computed(elements[i++], before);
    if (!value) return std::nullopt;
    parts.push_back(*value);
  }
  if (parts.size() == 1) return parts[0];
  return step("Concat", std::move(parts), {{"axis", 0}}, before);
}

SizePlan::Maybe SizePlan::one(const Expr& element, std::ptrdiff_t before) {
  if (const auto run = sources_.longest({element}, 0, before)) return part(*run, true, before);
  const Maybe made = computed(element, before);
  if (!made) return std::nullopt;
  if (opset_ < kAxesAreInputs) return step("Squeeze", {*made}, {{"axes", 0}}, before);
  Ref axes;
  axes.kind = Ref::Kind::constant;
  axes.numbers = {0};
  return step("Squeeze", {*made, axes}, {}, before);
}

bool SizePlan::want(ValueId stands_for, const std::vector<Expr>& elements, bool scalar, bool narrow,
                    std::ptrdiff_t before) {
  const std::size_t steps = steps_.size();
  Maybe made = scalar ? one(elements[0], before) : list(elements, before);
  if (made && narrow) {
    made = step("Cast", {*made}, {{"to", static_cast<std::int64_t>(DType::int32)}}, before);
  }
  if (made && made->kind == Ref::Kind::step) {
    wanted_.emplace_back(stands_for, *made);
    return true;
  }
  steps_.resize(steps);
  std::erase_if(made_, [steps](const auto& each) { return each.second >= steps; });
  std::erase_if(shapes_, [steps](const auto& each) { return each.step >= steps; });
  return false;
}

std::vector<std::pair<ValueId, ValueId>> SizePlan::make(Graph& graph,
                                                        const std::vector<NodeId>& order) const {
  std::vector<ValueId> values;
  const auto value_of = [&](const Ref& ref) {
    if (ref.kind == Ref::Kind::step) return values[ref.step];
    if (ref.kind == Ref::Kind::value) return ref.value;
    const std::string name = graph.fresh_name("size");
    if (!ref.scalar) return graph.set_initializer(make_int64s(name, ref.numbers));
    return graph.set_initializer(
        make_tensor_copy(name, DType::int64, {}, std::as_bytes(std::span(ref.numbers))));
  };
  for (const Step& each : steps_) {
    Node node;
    node.op_type = Text(each.op_type);
    for (const Ref& input : each.inputs) node.inputs.push_back(value_of(input));
    for (const auto& [name, number] : each.attributes) {
      // Squeeze had a list of axes as attribute.
      if (name == "axes") {
        node.attributes.emplace_back(name, std::vector<std::int64_t>{number});
      } else {
        node.attributes.emplace_back(name, number);
      }
    }
    const std::string name = graph.fresh_name("sizes_" + each.op_type);
    node.name = Text(name);
    values.push_back(graph.intern(name));
    node.outputs.push_back(values.back());
    graph.add_node(std::move(node), order[static_cast<std::size_t>(each.before)]);
  }
  std::vector<std::pair<ValueId, ValueId>> out;
  for (const auto& [old, ref] : wanted_) out.emplace_back(old, values[ref.step]);
  return out;
}

}  // namespace pot
