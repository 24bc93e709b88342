#include "passes/single_node.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace pot {
namespace {

constexpr std::int64_t kIrVersion = 10;
constexpr std::int64_t kOpsetOfShape = 17;  // where the model itself imports none
constexpr std::uint64_t kMostBytes = 65536;

std::string slot_name(char kind, std::size_t slot) { return kind + std::to_string(slot); }

bool says_all_alone(const Node& node) {
  return std::ranges::none_of(node.attributes, [](const Attribute& attribute) {
    return attribute.ref_name.present || !attribute.graphs().empty();
  });
}

/// Little-endian elements of an integer type; nothing for others.
std::optional<std::vector<std::byte>> encoded(DType dtype, const std::vector<std::int64_t>& from) {
  const unsigned bits = dtype_bits(dtype);
  const bool integer = dtype == DType::boolean || dtype == DType::int64 || dtype == DType::int32 ||
                       dtype == DType::int16 || dtype == DType::int8 || dtype == DType::uint64 ||
                       dtype == DType::uint32 || dtype == DType::uint16 || dtype == DType::uint8;
  if (!integer) return std::nullopt;
  std::vector<std::byte> out;
  for (const std::int64_t number : from) {
    const auto pattern = static_cast<std::uint64_t>(number);
    for (unsigned shift = 0; shift < bits; shift += 8) {
      out.push_back(static_cast<std::byte>((pattern >> shift) & 0xFFU));
    }
  }
  return out;
}

class SingleNodeBuilder {
 public:
  explicit SingleNodeBuilder(const NodeFacts& at) : at_(at), graph_(asked_.model->graph()) {}

  SingleNode build() {
    Model& model = *asked_.model;
    model.set_ir_version(kIrVersion);
    model.set_opset("", at_.graph().opset("").value_or(kOpsetOfShape));
    model.set_opset(at_.node().domain, at_.opset());
    graph_.set_name("single_node");
    Node node;
    node.op_type = at_.node().op_type;
    node.domain = at_.node().domain;
    for (const Attribute& attribute : at_.node().attributes) {
      node.attributes.push_back(attribute.clone());
    }
    for (std::size_t slot = 0; slot < at_.input_count(); ++slot) {
      node.inputs.push_back(at_.has(slot) ? input(slot) : ValueId{});
    }
    for (std::size_t slot = 0; slot < at_.output_count(); ++slot) {
      if (!at_.node().outputs[slot]) {
        node.outputs.emplace_back();
        continue;
      }
      const ValueId id = graph_.intern(slot_name('o', slot));
      node.outputs.push_back(id);
      outputs_.push_back(id);
    }
    graph_.add_node(std::move(node));
    for (const ValueId id : outputs_) graph_.add_output(id, nullptr);
    return std::move(asked_);
  }

 private:
  ValueId input(std::size_t slot) {
    const Fact& fact = at_.in(slot);
    const std::string name = slot_name('i', slot);
    if (const TensorRef constant = constant_of(fact, name)) {
      graph_.set_initializer(constant);
      return graph_.intern(name);
    }
    const ValueId id = graph_.intern(name);
    if (const auto sizes = sizes_of(fact)) {
      shape_of_these_sizes(name, *sizes, id);
    } else {
      graph_.add_input(id, type(fact));
    }
    return id;
  }

  static TensorRef constant_of(const Fact& fact, const std::string& name) {
    if (fact.constant) {
      const bool small = fact.constant->nbytes().value_or(0) <= kMostBytes;
      return small ? fact.constant->renamed(name) : nullptr;
    }
    const auto dims = fact.is_tensor() ? fact.numbers() : std::nullopt;
    const auto numbers = numbers_of(fact);
    if (!dims || !numbers) return nullptr;
    const auto bytes = encoded(fact.dtype, *numbers);
    return bytes ? make_tensor_copy(name, fact.dtype, *dims, *bytes) : nullptr;
  }

  /// Elements that some tensor can have as sizes: that is how data propagation learns of them.
  static std::optional<Dims> sizes_of(const Fact& fact) {
    if (!fact.has_rank() || fact.rank() != 1 || fact.dtype != DType::int64) return std::nullopt;
    const Elements elements = elements_of(fact);
    if (!elements) return std::nullopt;
    for (const Expr& element : *elements) {
      if (element.at_least().value_or(-1) < 0) return std::nullopt;
    }
    return *elements;
  }

  void shape_of_these_sizes(const std::string& name, const Dims& sizes, ValueId id) {
    const ValueId sized = graph_.intern(name + "_sized");
    graph_.add_input(sized, tensor_type(DType::float32, named(sizes)));
    Node node;
    node.op_type = Text("Shape");
    node.inputs.push_back(sized);
    node.outputs.push_back(id);
    graph_.add_node(std::move(node));
  }

  TypeRef type(const Fact& fact) {
    if (!fact.is_tensor() || !fact.dims) return type_of(fact);
    return tensor_type(fact.dtype, named(*fact.dims));
  }

  std::vector<Dim> named(const Dims& dims) {
    std::vector<Dim> out;
    for (const Expr& dim : dims) {
      if (const auto number = dim.number()) {
        out.emplace_back(*number);
      } else {
        out.emplace_back(name_of(dim));
      }
    }
    return out;
  }

  std::string name_of(const Expr& size) {
    const auto known = names_.find(size);
    if (known != names_.end()) return known->second;
    const std::string name = "size" + std::to_string(names_.size());
    names_.emplace(size, name);
    asked_.sizes.emplace(name, size);
    return name;
  }

  const NodeFacts& at_;
  SingleNode asked_{Model{}.empty_like(), {}};
  Graph& graph_;
  std::vector<ValueId> outputs_;
  std::unordered_map<Expr, std::string> names_;
};

Dims read_dims(const NodeFacts& at, const SingleNode& asked, const Shape& shape) {
  Dims dims;
  for (const Dim& dim : shape.dims) {
    const auto number = dim.number();
    const auto* symbol = dim.symbol();
    const auto known = symbol ? asked.sizes.find(*symbol) : asked.sizes.end();
    if (number && *number >= 0) {
      dims.emplace_back(*number);
    } else if (known != asked.sizes.end()) {
      dims.push_back(known->second);
    } else {
      dims.push_back(at.unknown_size("no rule for this operator"));
    }
  }
  return dims;
}

Fact read_type(const NodeFacts& at, const SingleNode& asked, const TypeRef& type) {
  const bool around =
      type && (type->kind == Type::Kind::sequence || type->kind == Type::Kind::optional);
  if (around && type->inner) {
    Fact inner = read_type(at, asked, type->inner);
    if (type->kind == Type::Kind::sequence) return sequence_fact(std::move(inner));
    Fact fact;
    fact.kind = Fact::Kind::optional;
    fact.inner = std::make_shared<const Fact>(std::move(inner));
    return fact;
  }
  if (!type || !type->is_tensor() || !type->shape) return fact_of(type, at.label());
  return tensor_fact(type->dtype(), read_dims(at, asked, *type->shape));
}

}  // namespace

std::optional<SingleNode> single_node(const NodeFacts& at) {
  if (!says_all_alone(at.node())) return std::nullopt;
  return SingleNodeBuilder(at).build();
}

std::vector<Fact> read_answer(const NodeFacts& at, const SingleNode& asked, const Model& answered) {
  const Graph& graph = answered.graph();
  std::vector<Fact> out;
  for (std::size_t slot = 0; slot < at.output_count(); ++slot) {
    const ValueId id = graph.find_value(slot_name('o', slot));
    out.push_back(id ? read_type(at, asked, graph.type(id)) : Fact{});
  }
  return out;
}

}  // namespace pot
