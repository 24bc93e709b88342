#include "passes/share_duplicates.h"

#include <algorithm>
#include <unordered_map>

#include "kernels/hash.h"
#include "ops/shared/op_table.h"
#include "passes/constant_key.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

/// Larger ones are told apart by their place.
constexpr std::uint64_t kMostRead = 64 * 1024;
/// Looked at to tell most tensors of one shape apart.
constexpr std::size_t kFirstBytes = 64;

bool same_attributes(const Node& a, const Node& b) {
  if (a.attributes.size() != b.attributes.size()) return false;
  return std::ranges::all_of(a.attributes, [&b](const Attribute& each) {
    const Attribute* other = b.attribute(each.name);
    return other && same_value(each, *other);
  });
}

/// Outputs that both have or that the second one has not.
bool makes_as_much(const Node& first, const Node& second) {
  for (std::size_t slot = 0; slot < second.outputs.size(); ++slot) {
    if (!second.outputs[slot]) continue;
    if (slot >= first.outputs.size() || !first.outputs[slot]) return false;
  }
  return true;
}

bool same_inputs(const Node& a, const Node& b, bool any_order) {
  if (a.inputs == b.inputs) return true;
  return any_order && a.inputs.size() == 2 && b.inputs.size() == 2 && a.inputs[0] == b.inputs[1] &&
         a.inputs[1] == b.inputs[0];
}

class NodeSharing {
 public:
  NodeSharing(Graph& graph, Changes& changes) : graph_(graph), changes_(changes) {}

  std::size_t run() {
    std::size_t shared = 0;
    const std::vector<NodeId> listing(graph_.nodes().begin(), graph_.nodes().end());
    for (const NodeId id : listing) {
      const Node& node = graph_.node(id);
      if (!may_share(node)) continue;
      auto& alike = seen_[key_of(node)];
      const auto first = std::ranges::find_if(
          alike, [&](NodeId each) { return computes_same(graph_.node(each), node); });
      if (first == alike.end()) {
        alike.push_back(id);
      } else if (share(*first, id)) {
        ++shared;
      }
    }
    return shared;
  }

 private:
  bool may_share(const Node& node) const {
    if (node.outputs.empty() || node.inputs.empty() || node.has_bodies()) return false;
    const OpEntry* entry = op_table().find(node.domain, node.op_type);
    if (!entry && !node.is_standard()) return false;
    if (entry && entry->traits.random) return false;
    // With `training_mode` it draws a mask.
    if (node.op_type == "Dropout" || node.op_type == "Identity") return false;
    return !graph_.model()->find_function(node.domain, node.op_type, node.overload);
  }

  static bool any_order(const Node& node) {
    const OpEntry* entry = op_table().find(node.domain, node.op_type);
    return entry && entry->traits.commutative;
  }

  /// Attributes are compared only where all of this is equal.
  static std::uint64_t key_of(const Node& node) {
    std::uint64_t sum = 0;
    for (const ValueId input : node.inputs) sum += (input.index + 1) * 0x9e3779b97f4a7c15;
    return mix({text_key(node.op_type), node.inputs.size(), sum});
  }

  static bool computes_same(const Node& a, const Node& b) {
    return a.op_type == b.op_type && a.domain == b.domain && a.overload == b.overload &&
           same_inputs(a, b, any_order(a)) && makes_as_much(a, b) && same_attributes(a, b);
  }

  bool share(NodeId first, NodeId second) {
    const std::vector<ValueId> kept = graph_.node(first).outputs;
    const std::vector<ValueId> doubled = graph_.node(second).outputs;
    for (std::size_t slot = 0; slot < doubled.size(); ++slot) {
      if (!doubled[slot]) continue;
      const bool both = graph_.value(doubled[slot]).is_output && graph_.value(kept[slot]).is_output;
      if (both) return false;
    }
    for (std::size_t slot = 0; slot < doubled.size(); ++slot) {
      if (doubled[slot]) stand_in(graph_, doubled[slot], kept[slot], changes_);
    }
    return true;
  }

  Graph& graph_;
  Changes& changes_;
  std::unordered_map<std::uint64_t, std::vector<NodeId>> seen_;
};

bool is_large(const Tensor& tensor) { return tensor.nbytes().value_or(kMostRead + 1) > kMostRead; }

/// Equal for tensors that may be equal; rarely equal for others. Nothing of a large one is read.
std::uint64_t first_key(const Tensor& tensor) {
  std::uint64_t hash = mix({static_cast<std::uint64_t>(tensor.dtype()), tensor.dims.size()});
  for (const std::int64_t dim : tensor.dims) hash = mix({hash, static_cast<std::uint64_t>(dim)});
  if (is_large(tensor)) {
    const auto place = tensor.file_range();
    return place ? mix({hash, place->offset}) : hash;
  }
  const auto data = tensor.data();
  if (!data) return hash;
  const ByteView bytes = data.value().view;
  return mix({hash, kernels::hash_bytes(bytes.first(std::min(bytes.size(), kFirstBytes)))});
}

bool same_place(const Tensor& a, const Tensor& b) {
  const auto ours = a.file_range();
  const auto theirs = b.file_range();
  if (ours && theirs) return ours->file == theirs->file && ours->offset == theirs->offset;
  return a.raw && b.raw && a.raw->view.data() == b.raw->view.data();
}

bool same_tensor(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.dims != b.dims) return false;
  if (is_large(a)) return a.dtype() != DType::string && same_place(a, b);
  const auto ours = a.data();
  const auto theirs = b.data();
  if (!ours || !theirs) return false;
  return std::ranges::equal(ours.value().view, theirs.value().view);
}

std::size_t share_weights(Graph& graph, Changes& changes) {
  std::unordered_map<std::uint64_t, std::vector<ValueId>> seen;
  std::vector<ValueId> doubled;
  const std::vector<TensorRef> all(graph.initializers().begin(), graph.initializers().end());
  for (const TensorRef& tensor : all) {
    const ValueId id = graph.find_value(tensor->name);
    if (!id || graph.value(id).is_input || graph.value(id).is_output) continue;
    if (graph.value(id).initializer != tensor) continue;  // two of one name: the other one counts
    auto& alike = seen[first_key(*tensor)];
    const auto first = std::ranges::find_if(
        alike, [&](ValueId each) { return same_tensor(*graph.value(each).initializer, *tensor); });
    if (first == alike.end()) {
      alike.push_back(id);
      continue;
    }
    graph.replace_uses(id, *first);
    if (is_main(graph)) changes.replaced(tensor->name, graph.value_name(*first));
    doubled.push_back(id);
  }
  graph.remove_initializers(doubled);
  return doubled.size();
}

}  // namespace

Result<bool> share_duplicates(Model& model, Changes& changes) {
  std::size_t weights = 0;
  std::size_t nodes = 0;
  for (const GraphPtr& graph : graphs_of(model)) {
    weights += share_weights(*graph, changes);
    nodes += NodeSharing(*graph, changes).run();
  }
  changes.count("shared equal weights", weights);
  changes.count("shared equal nodes", nodes);
  return weights + nodes != 0;
}

}  // namespace pot
