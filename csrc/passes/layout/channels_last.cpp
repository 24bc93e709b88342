#include "passes/layout/channels_last.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "ops/shared/op_table.h"
#include "passes/layout/channels_last_form.h"

namespace pot {
namespace {

using Order = std::optional<Permutation>;

/// What the call asks of the function: a Transpose for each operand that lies otherwise.
struct Wanted {
  const Node& original;
  const DrawnNode& call;
  std::vector<Order> inputs;  ///< operator reads Transpose(input, order)
  std::vector<Order> outputs;
};

Order from_stored(const Layout& layout) {
  return layout.is_identity() ? Order() : Order(layout.perm.inverse());
}

Order to_stored(const Layout& layout) {
  return layout.is_identity() ? Order() : Order(layout.perm);
}

Wanted wanted_of(const Node& original, const Relayout& relayout) {
  assert(!relayout.nodes.empty());
  Wanted wanted{.original = original, .call = relayout.nodes.back(), .inputs = {}, .outputs = {}};
  for (std::size_t slot = 0; slot < wanted.call.inputs.size(); ++slot) {
    const bool own = slot < relayout.inputs.size();
    wanted.inputs.push_back(own ? from_stored(relayout.inputs[slot]) : Order());
  }
  for (const Layout& layout : relayout.outputs) wanted.outputs.push_back(to_stored(layout));
  return wanted;
}

Error request(std::string message) {
  return {.kind = Error::Kind::request, .message = std::move(message)};
}

Status check_domain(const std::string& domain) {
  const std::string own = domain.empty() ? "ai.onnx" : domain;
  const auto& entries = op_table().entries();
  const bool taken = own == "ai.onnx" || std::ranges::any_of(entries, [&](const auto& entry) {
                       return entry.first.first == own;
                     });
  if (!taken) return ok_status();
  return request("domain '" + own + "' has operators of its own: functions need another");
}

Attribute taken_from_call(const Attribute& attribute) {
  Attribute made;
  made.name = attribute.name;
  made.ref_name = attribute.name;
  made.type = attribute.type.value_or(static_cast<std::int32_t>(attribute_type(attribute.value)));
  made.value_present = false;
  return made;
}

ValueId add_transpose(Graph& body, ValueId from, const std::string& to, const Permutation& order) {
  Node node;
  node.op_type = Text("Transpose");
  node.inputs.push_back(from);
  node.outputs.push_back(body.intern(to));
  node.attributes.emplace_back("perm", order.ints());
  body.add_node(std::move(node));
  return body.intern(to);
}

void fill_body(Graph& body, const Wanted& wanted) {
  Node op;
  op.op_type = wanted.original.op_type;
  op.domain = wanted.original.domain;  // written or not, as it was
  if (wanted.original.is_standard() && !op.domain.empty()) op.domain = Text("");
  for (std::size_t slot = 0; slot < wanted.inputs.size(); ++slot) {
    const std::string name = "input" + std::to_string(slot);
    const ValueId input = body.intern(name);
    body.add_input(input, nullptr);
    const Order& order = wanted.inputs[slot];
    op.inputs.push_back(order ? add_transpose(body, input, name + "_onnx", *order) : input);
  }
  std::vector<std::pair<ValueId, std::size_t>> moved;
  for (std::size_t slot = 0; slot < wanted.outputs.size(); ++slot) {
    const std::string name = "output" + std::to_string(slot);
    body.add_output(body.intern(name), nullptr);
    op.outputs.push_back(body.intern(wanted.outputs[slot] ? name + "_onnx" : name));
    if (wanted.outputs[slot]) moved.emplace_back(op.outputs.back(), slot);
  }
  body.add_node(std::move(op));
  for (const auto& [made, slot] : moved) {
    add_transpose(body, made, "output" + std::to_string(slot), *wanted.outputs[slot]);
  }
}

OpsetImport import_of(const std::string& domain, std::int64_t version) {
  OpsetImport made;
  made.domain = Text(domain);
  made.version = version;
  return made;
}

std::unique_ptr<Function> make_function(const Model& model, const Wanted& wanted,
                                        const std::string& domain) {
  auto made = std::make_unique<Function>();
  made->name = Text(wanted.call.op_type);
  made->domain = Text(domain);
  const std::string& op_type = wanted.original.op_type.value;
  made->doc_string =
      Text(op_type + " whose maps are stored channels-last: batch, spatial axes, channels. A " +
           "compiler may take a call for its own kernel; everyone else runs the body. Written by " +
           "pyonnxtool layout, which also turns calls back into " + op_type + " (--expand).");
  made->opset_imports.push_back(import_of("", model.opset().value_or(1)));
  if (!wanted.original.is_standard()) {
    const std::string& own = wanted.original.domain.value;
    made->opset_imports.push_back(import_of(own, model.opset(own).value_or(1)));
  }
  made->body = std::make_shared<Graph>();
  fill_body(*made->body, wanted);
  return made;
}

/// The function takes what this call gives, besides what other calls give.
void take_attributes(Function& function, NodeId op, const DrawnNode& call) {
  for (const Attribute& each : call.attributes) {
    if (std::ranges::count(function.attributes, each.name.value) != 0) continue;
    function.attributes.push_back(each.name.value);
    function.body->set_attribute(op, taken_from_call(each));
  }
}

Status check_same(const Model& model, const Function& function, const ChannelsLastForm& form,
                  const Wanted& wanted) {
  const bool same_op = form.op->op_type == wanted.original.op_type &&
                       (form.op->domain == wanted.original.domain ||
                        (form.op->is_standard() && wanted.original.is_standard()));
  const bool same_opset = imported_version(function.opset_imports, "") == model.opset();
  if (same_op && same_opset && form.inputs == wanted.inputs && form.outputs == wanted.outputs) {
    return ok_status();
  }
  return request("domain '" + function.domain.value + "' has another function '" +
                 function.name.value + "': name another domain");
}

/// A file with functions has IR version 8 or above.
void raise_ir_version(Model& model) {
  const auto before = model.ir_version();
  if (before.value_or(0) >= kFunctionsIrVersion) return;
  model.set_ir_version(kFunctionsIrVersion);
  if (!before) return;
  auto entries = model.metadata();
  std::erase_if(entries, [](const MetadataEntry& each) { return each.first == kIrVersionBefore; });
  entries.emplace_back(kIrVersionBefore, std::to_string(*before));
  model.set_metadata(entries);
}

}  // namespace

Result<bool> add_channels_last_function(Model& model, const Node& original,
                                        const Relayout& relayout, const std::string& domain) {
  const Wanted wanted = wanted_of(original, relayout);
  const auto found =
      std::ranges::find_if(model.functions(), [&](const std::unique_ptr<Function>& each) {
        return each->domain == domain && each->name == wanted.call.op_type;
      });
  const bool is_new = found == model.functions().end();
  if (auto status = check_domain(domain); is_new && !status) return status.error();
  Function& function = is_new ? model.add_function(make_function(model, wanted, domain)) : **found;
  const auto form = channels_last_form(function);
  if (!form) return form.error();
  if (auto status = check_same(model, function, form.value(), wanted); !status) {
    return status.error();
  }
  take_attributes(function, form.value().op->id, wanted.call);
  if (!model.opset(domain)) model.set_opset(domain, 1);
  raise_ir_version(model);
  return is_new;
}

}  // namespace pot
