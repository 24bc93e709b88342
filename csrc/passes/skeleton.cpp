#include "passes/skeleton.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "ops/shared/op_table.h"
#include "passes/constant_key.h"
#include "passes/known_dtypes.h"
#include "passes/no_op.h"

namespace pot {
namespace {

/// Domain, operator, overload, and which outputs there are.
std::uint64_t op_key(const Node& node) {
  std::uint64_t outputs = node.outputs.size();
  for (const ValueId output : node.outputs) outputs = outputs * 2 + (output ? 1 : 0);
  const std::string_view domain =
      node.is_standard() ? std::string_view() : std::string_view(node.domain);
  return mix({text_key(domain), text_key(node.op_type), text_key(node.overload), outputs});
}

/// Output 0 holds the elements of input 0, all of them, in another order or shape.
bool rearranges(const Node& node) {
  constexpr std::array<std::string_view, 5> kNames{"Transpose", "Reshape", "Flatten", "Squeeze",
                                                   "Unsqueeze"};
  return std::any_of(kNames.begin(), kNames.end(), [&](auto name) { return node.is(name); });
}

class SkeletonBuilder {
 public:
  SkeletonBuilder(const Graph& graph, LargeBy large)
      : graph_(graph), large_(large), dtypes_(graph) {}

  Result<Skeleton> build() {
    auto order = graph_.order();
    if (!order) return order.error();
    mark_live(order.value());
    skeleton_.of_value.assign(graph_.value_count(), Skeleton::kNone);
    for (const NodeId id : order.value()) {
      if (live_.contains(id)) add(graph_.node(id));
    }
    for (const ValueInfo& output : graph_.outputs()) {
      skeleton_.values[stand_in(output.value)].is_output = true;
    }
    collect_uses();
    find_roots();
    return std::move(skeleton_);
  }

 private:
  void mark_live(const std::vector<NodeId>& order) {
    std::unordered_set<ValueId> wanted;
    for (const ValueInfo& output : graph_.outputs()) wanted.insert(output.value);
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      const Node& node = graph_.node(*it);
      const bool live = std::any_of(node.outputs.begin(), node.outputs.end(),
                                    [&](ValueId id) { return id && wanted.contains(id); });
      if (!live) continue;
      live_.insert(*it);
      for (const ValueId input : node.inputs) wanted.insert(input);
      for (const ValueId captured : graph_.captures(*it)) wanted.insert(captured);
    }
  }

  /// Index of the value that stands for `id`; made when it was not seen yet.
  std::uint32_t stand_in(ValueId id) {
    if (skeleton_.of_value.size() <= id.index) {
      skeleton_.of_value.resize(id.index + 1, Skeleton::kNone);
    }
    if (skeleton_.of_value[id.index] != Skeleton::kNone) return skeleton_.of_value[id.index];
    Skeleton::Value value;
    value.id = id;
    if (const TensorRef tensor = graph_.constant(id, true)) {
      const ConstantKey key = constant_key(*tensor, large_);
      value.constant = key.content;
      value.constant_shape = key.shape;
      value.constant_elements = key.elements;
    } else if (const SparseTensorRef& sparse = graph_.value(id).sparse_initializer) {
      value.constant = mix({text_key("sparse"), sparse->dims.size(), id.index});
    }
    return put(std::move(value));
  }

  std::uint32_t put(Skeleton::Value value) {
    const auto index = static_cast<std::uint32_t>(skeleton_.values.size());
    if (skeleton_.of_value.size() <= value.id.index) {
      skeleton_.of_value.resize(value.id.index + 1, Skeleton::kNone);
    }
    skeleton_.of_value[value.id.index] = index;
    skeleton_.values.push_back(std::move(value));
    return index;
  }

  void add(const Node& node) {
    dtypes_.learn(node);
    if (const ValueId same = handed_through(graph_, node, dtypes_)) {
      const std::uint32_t source = stand_in(same);
      skeleton_.of_value[node.outputs[0].index] = source;
      skeleton_.no_ops.push_back({node.id, op_key(node), source});
      return;
    }
    if (node.is("Constant") && node.outputs.size() == 1 && node.outputs[0]) {
      const ConstantKey key = constant_key(node);
      Skeleton::Value value;
      value.id = node.outputs[0];
      value.constant = key.content;
      value.constant_shape = key.shape;
      value.constant_elements = key.elements;
      put(std::move(value));
      return;
    }
    Skeleton::Node made = stripped(node);
    const std::uint64_t signature = signature_of(made);
    const OpEntry* entry = op_table().find(node.domain, node.op_type);
    const bool random = entry && entry->traits.random;
    if (const auto twin = made_.find(signature);
        !random && twin != made_.end() && same_computation(skeleton_.nodes[twin->second], made)) {
      merge(node, skeleton_.nodes[twin->second]);
      return;
    }
    const auto index = static_cast<std::uint32_t>(skeleton_.nodes.size());
    for (std::uint32_t slot = 0; slot < node.outputs.size(); ++slot) {
      const ValueId output = node.outputs[slot];
      if (!output) {
        made.outputs.push_back(Skeleton::kNone);
        continue;
      }
      Skeleton::Value value;
      value.id = output;
      value.producer = index;
      value.slot = slot;
      made.outputs.push_back(put(std::move(value)));
    }
    made_.emplace(signature, index);
    skeleton_.nodes.push_back(std::move(made));
  }

  Skeleton::Node stripped(const Node& node) {
    Skeleton::Node made;
    made.id = node.id;
    const OpEntry* entry = op_table().find(node.domain, node.op_type);
    made.commutative = entry && entry->traits.commutative;
    made.rearranges = rearranges(node);
    made.op = op_key(node);
    made.attributes = attributes_key(graph_, node);
    for (const ValueId input : node.inputs) {
      made.inputs.push_back(input ? stand_in(input) : Skeleton::kNone);
    }
    while (!made.inputs.empty() && made.inputs.back() == Skeleton::kNone) made.inputs.pop_back();
    for (const ValueId captured : graph_.captures(node.id)) {
      made.inputs.push_back(stand_in(captured));
    }
    return made;
  }

  std::uint64_t signature_of(const Skeleton::Node& node) const {
    std::uint64_t hash = mix({node.op, node.attributes, node.inputs.size()});
    for (const std::uint32_t input : node.inputs) {
      const bool constant = input != Skeleton::kNone && skeleton_.values[input].constant != 0;
      hash = mix({hash, constant ? skeleton_.values[input].constant : input});
    }
    return hash;
  }

  /// The signature is only a hash, and of large constants a hash of samples.
  bool same_computation(const Skeleton::Node& a, const Skeleton::Node& b) const {
    if (a.op != b.op || a.attributes != b.attributes || a.inputs.size() != b.inputs.size()) {
      return false;
    }
    for (std::size_t i = 0; i < a.inputs.size(); ++i) {
      if (a.inputs[i] == b.inputs[i]) continue;
      if (a.inputs[i] == Skeleton::kNone || b.inputs[i] == Skeleton::kNone) return false;
      if (!same_constant(skeleton_.values[a.inputs[i]], skeleton_.values[b.inputs[i]])) {
        return false;
      }
    }
    return true;
  }

  bool same_constant(const Skeleton::Value& a, const Skeleton::Value& b) const {
    if (a.constant == 0 || a.constant != b.constant) return false;
    const TensorRef ours = tensor_of(a.id);
    const TensorRef theirs = tensor_of(b.id);
    if (!ours || !theirs) return true;  // attributes of a Constant, which are hashed whole
    const auto left = ours->data();
    const auto right = theirs->data();
    return left && right && std::ranges::equal(left.value().view, right.value().view);
  }

  TensorRef tensor_of(ValueId id) const {
    if (TensorRef tensor = graph_.constant(id, true)) return tensor;
    const NodeId producer = graph_.value(id).producer;
    return producer ? graph_.node(producer).attr_tensor("value") : nullptr;
  }

  void merge(const Node& node, const Skeleton::Node& twin) {
    for (std::size_t slot = 0; slot < node.outputs.size(); ++slot) {
      if (!node.outputs[slot] || twin.outputs[slot] == Skeleton::kNone) continue;
      skeleton_.of_value[node.outputs[slot].index] = twin.outputs[slot];
      skeleton_.values[twin.outputs[slot]].twins.push_back(node.outputs[slot]);
    }
  }

  void collect_uses() {
    for (std::uint32_t index = 0; index < skeleton_.nodes.size(); ++index) {
      const auto& inputs = skeleton_.nodes[index].inputs;
      for (std::uint32_t slot = 0; slot < inputs.size(); ++slot) {
        if (inputs[slot] != Skeleton::kNone) {
          skeleton_.values[inputs[slot]].uses.push_back({index, slot});
        }
      }
    }
  }

  /// Values are listed producers first.
  void find_roots() {
    for (std::uint32_t index = 0; index < skeleton_.values.size(); ++index) {
      Skeleton::Value& value = skeleton_.values[index];
      value.root = index;
      if (value.producer == Skeleton::kNone || value.slot != 0) continue;
      const Skeleton::Node& node = skeleton_.nodes[value.producer];
      if (!node.rearranges || node.inputs.empty() || node.inputs[0] == Skeleton::kNone) continue;
      const Skeleton::Value& source = skeleton_.values[node.inputs[0]];
      if (source.constant == 0) value.root = source.root;
    }
  }

  const Graph& graph_;
  LargeBy large_;
  KnownDtypes dtypes_;
  Skeleton skeleton_;
  std::unordered_set<NodeId> live_;
  std::unordered_map<std::uint64_t, std::uint32_t> made_;
};

}  // namespace

std::uint32_t Skeleton::find(const Graph& graph, std::string_view name) const {
  const ValueId id = graph.find_value(name);
  return id && id.index < of_value.size() ? of_value[id.index] : kNone;
}

Result<Skeleton> make_skeleton(const Model& model, LargeBy large) {
  return SkeletonBuilder(model.graph(), large).build();
}

}  // namespace pot
