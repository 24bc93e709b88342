#include "passes/layout/channels_last_form.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

namespace pot {
namespace {

using Order = std::optional<Permutation>;

class Reader {
 public:
  explicit Reader(const Function& function) : function_(function), body_(*function.body) {}

  Result<ChannelsLastForm> read() {
    for (const NodeId id : body_.nodes()) {
      const Node& node = body_.node(id);
      if (node.is("Transpose")) {
        if (auto status = note(node); !status) return status.error();
      } else if (made_.op) {
        return other("it has " + made_.op->op_type.value + " and " + node.op_type.value);
      } else {
        made_.op = &node;
      }
    }
    if (!made_.op) return other("it has no operator besides Transposes");
    if (made_.op->domain == function_.domain) return other("it calls a function of its domain");
    if (auto status = match(); !status) return status.error();
    return std::move(made_);
  }

 private:
  struct Moved {
    ValueId other;  ///< the input or the output of the Transpose that is not asked for
    Permutation order;
  };

  Error other(const std::string& why) const {
    return {.kind = Error::Kind::request,
            .message = "function '" + function_.name.value + "' of domain '" +
                       function_.domain.value + "' is none that layout writes: " + why +
                       "; name another domain"};
  }

  Status note(const Node& node) {
    const auto* perm = node.attr_ints("perm");
    const auto order = perm ? Permutation::of(*perm) : std::nullopt;
    if (!order || node.inputs.size() != 1 || node.outputs.size() != 1) {
      return other("a Transpose in it has no order of axes");
    }
    by_output_.insert_or_assign(node.outputs[0].index, Moved{node.inputs[0], *order});
    by_input_.insert_or_assign(node.inputs[0].index, Moved{node.outputs[0], *order});
    ++transposes_;
    return ok_status();
  }

  Status match() {
    const auto refers = [](const Attribute& each) { return each.ref_name == each.name; };
    if (!std::ranges::all_of(made_.op->attributes, refers) ||
        !function_.attribute_defaults.empty()) {
      return other("attributes do not come from the call");
    }
    const auto inputs = orders(made_.op->inputs, body_.inputs(), by_output_);
    const auto outputs = orders(made_.op->outputs, body_.outputs(), by_input_);
    if (!inputs || !outputs || transposes_ != 0) {
      return other("its operator does not read its inputs and make its outputs in their order");
    }
    made_.inputs = *inputs;
    made_.outputs = *outputs;
    return ok_status();
  }

  using Transposes = std::unordered_map<std::uint32_t, Moved>;

  /// One entry for each operand; nothing when they are not the function's own, one by one.
  std::optional<std::vector<Order>> orders(const std::vector<ValueId>& operands,
                                           std::span<const ValueInfo> formals,
                                           const Transposes& transposes) {
    if (operands.size() != formals.size()) return std::nullopt;
    std::vector<Order> made;
    for (std::size_t slot = 0; slot < operands.size(); ++slot) {
      const auto found = transposes.find(operands[slot].index);
      const bool moved = found != transposes.end();
      if ((moved ? found->second.other : operands[slot]) != formals[slot].value) {
        return std::nullopt;
      }
      made.push_back(moved ? Order(found->second.order) : Order());
      if (moved) --transposes_;
    }
    return made;
  }

  const Function& function_;
  const Graph& body_;
  ChannelsLastForm made_;
  Transposes by_output_;
  Transposes by_input_;
  std::ptrdiff_t transposes_ = 0;
};

}  // namespace

Result<ChannelsLastForm> channels_last_form(const Function& function) {
  return Reader(function).read();
}

}  // namespace pot
