#include "ir/encode.h"

#include <unordered_set>

#include "ir/encode_parts.h"
#include "wire/fields.h"

namespace pot {
namespace {

class Encoder {
 public:
  Encoder(Writer& writer, const Placements& placements)
      : writer_(writer), placements_(placements) {}

  void model(const Model& model) {
    namespace f = fields::model;
    if (!placements_.empty()) open_placed(model);
    if (verbatim(model.message())) return;
    if (model.ir_version()) writer_.int64(f::ir_version, *model.ir_version());
    write_text(writer_, f::producer_name, model.producer_name());
    write_text(writer_, f::producer_version, model.producer_version());
    write_text(writer_, f::domain, model.domain());
    if (model.model_version()) writer_.int64(f::model_version, *model.model_version());
    write_text(writer_, f::doc_string, model.doc_string());
    if (model.graph_present()) {
      writer_.message(f::graph, [&] { graph(model.graph()); });
    }
    opsets(f::opset_import, model.opset_imports());
    for (const auto& each : model.functions()) {
      writer_.message(f::functions, [&] { function(*each); });
    }
    write_rest(writer_, model.message().rest);
  }

 private:
  // The span of a message is no longer its truth when a tensor inside goes elsewhere.
  void open_placed(const Model& model) {
    bool any = open_placed(model.graph());
    for (const auto& each : model.functions()) {
      bool inside = open_placed(*each->body);
      for (const Attribute& value : each->attribute_defaults) inside |= open_placed(value);
      if (inside) opened_.insert(each.get());
      any |= inside;
    }
    if (any) opened_.insert(&model.message());
  }

  bool open_placed(const Graph& graph) {
    bool any = false;
    for (const TensorRef& each : graph.initializers()) any |= placements_.contains(each.get());
    for (const auto& each : graph.sparse_initializers()) any |= open_placed(*each);
    for (const NodeId id : graph.nodes()) {
      const Node& node = graph.node(id);
      bool inside = false;
      for (const Attribute& each : node.attributes) inside |= open_placed(each);
      if (inside) opened_.insert(&node);
      any |= inside;
    }
    if (any) opened_.insert(&graph.message());
    return any;
  }

  bool open_placed(const SparseTensor& sparse) {
    const bool any =
        placements_.contains(sparse.values.get()) || placements_.contains(sparse.indices.get());
    if (any) opened_.insert(&sparse);
    return any;
  }

  bool open_placed(const Attribute& attribute) {
    bool any = false;
    if (const auto* one = attribute.get<TensorRef>()) any |= placements_.contains(one->get());
    if (const auto* one = attribute.get<SparseTensorRef>(); one && *one) any |= open_placed(**one);
    if (const auto* many = attribute.get<std::vector<TensorRef>>()) {
      for (const auto& each : *many) any |= placements_.contains(each.get());
    }
    if (const auto* many = attribute.get<std::vector<SparseTensorRef>>()) {
      for (const auto& each : *many) any |= open_placed(*each);
    }
    for (const GraphPtr& body : attribute.graphs()) any |= open_placed(*body);
    if (any) opened_.insert(&attribute);
    return any;
  }

  bool verbatim(const Message& message) {
    if (!message.source || opened_.contains(&message)) return false;
    writer_.verbatim(message.source->view);
    return true;
  }

  void opsets(Field field, const std::vector<OpsetImport>& imports) {
    namespace f = fields::opset;
    for (const OpsetImport& each : imports) {
      writer_.message(field, [&] {
        if (verbatim(each)) return;
        write_text(writer_, f::domain, each.domain);
        if (each.version) writer_.int64(f::version, *each.version);
        write_rest(writer_, each.rest);
      });
    }
  }

  void graph(const Graph& graph) {
    namespace f = fields::graph;
    if (verbatim(graph.message())) return;
    nodes(f::node, graph);
    write_text(writer_, f::name, graph.name());
    for (const TensorRef& each : graph.initializers()) {
      writer_.message(f::initializer, [&] { tensor(*each); });
    }
    write_text(writer_, f::doc_string, graph.doc_string());
    infos(f::input, graph, graph.inputs());
    infos(f::output, graph, graph.outputs());
    infos(f::value_info, graph, graph.value_infos());
    for (const SparseTensorRef& each : graph.sparse_initializers()) {
      writer_.message(f::sparse_initializer, [&] { sparse_tensor(*each); });
    }
    write_rest(writer_, graph.message().rest);
  }

  void nodes(Field field, const Graph& graph) {
    for (const NodeId id : graph.nodes()) {
      writer_.message(field, [&] { node(graph, graph.node(id)); });
    }
  }

  void infos(Field field, const Graph& graph, std::span<const ValueInfo> list) {
    namespace f = fields::value_info;
    for (const ValueInfo& each : list) {
      writer_.message(field, [&] {
        if (verbatim(each)) return;
        if (each.name_present) writer_.text(f::name, graph.value_name(each.value));
        if (each.type) writer_.message(f::type, [&] { write_type(writer_, *each.type); });
        write_text(writer_, f::doc_string, each.doc_string);
        write_rest(writer_, each.rest);
      });
    }
  }

  void node(const Graph& graph, const Node& node) {
    namespace f = fields::node;
    if (verbatim(node)) return;
    for (const ValueId each : node.inputs) writer_.text(f::input, graph.value_name(each));
    for (const ValueId each : node.outputs) writer_.text(f::output, graph.value_name(each));
    write_text(writer_, f::name, node.name);
    write_text(writer_, f::op_type, node.op_type);
    for (const Attribute& each : node.attributes) {
      writer_.message(f::attribute, [&] { attribute(each); });
    }
    write_text(writer_, f::doc_string, node.doc_string);
    write_text(writer_, f::domain, node.domain);
    write_text(writer_, f::overload, node.overload);
    write_rest(writer_, node.rest);
  }

  void function(const Function& function) {
    namespace f = fields::function;
    if (verbatim(function)) return;
    const Graph& body = *function.body;
    write_text(writer_, f::name, function.name);
    for (const ValueInfo& each : body.inputs()) writer_.text(f::input, body.value_name(each.value));
    for (const ValueInfo& each : body.outputs()) {
      writer_.text(f::output, body.value_name(each.value));
    }
    for (const std::string& each : function.attributes) writer_.text(f::attribute, each);
    nodes(f::node, body);
    write_text(writer_, f::doc_string, function.doc_string);
    opsets(f::opset_import, function.opset_imports);
    write_text(writer_, f::domain, function.domain);
    for (const Attribute& each : function.attribute_defaults) {
      writer_.message(f::attribute_proto, [&] { attribute(each); });
    }
    infos(f::value_info, body, body.value_infos());
    write_text(writer_, f::overload, function.overload);
    write_rest(writer_, function.rest);
  }

  void attribute(const Attribute& attribute) {
    namespace f = fields::attribute;
    if (verbatim(attribute)) return;
    const bool types = attribute.get<TypeRef>() || attribute.get<std::vector<TypeRef>>();
    const bool sparse =
        attribute.get<SparseTensorRef>() || attribute.get<std::vector<SparseTensorRef>>();
    write_text(writer_, f::name, attribute.name);
    if (!types && !sparse) value(attribute);
    write_text(writer_, f::doc_string, attribute.doc_string);
    if (types) value(attribute);
    if (attribute.type) writer_.int32(f::type, *attribute.type);
    write_text(writer_, f::ref_attr_name, attribute.ref_name);
    if (sparse) value(attribute);
    write_rest(writer_, attribute.rest);
  }

  void value(const Attribute& attribute) {
    if (!attribute.value_present) return;
    std::visit([this](const auto& each) { put(each); }, attribute.value);
  }

  void put(std::monostate) {}
  void put(float value) { writer_.float32(fields::attribute::f, value); }
  void put(std::int64_t value) { writer_.int64(fields::attribute::i, value); }
  void put(const std::string& value) { writer_.text(fields::attribute::s, value); }
  void put(const std::vector<float>& list) {
    for (const float each : list) writer_.float32(fields::attribute::floats, each);
  }
  void put(const std::vector<std::int64_t>& list) {
    for (const std::int64_t each : list) writer_.int64(fields::attribute::ints, each);
  }
  void put(const std::vector<std::string>& list) {
    for (const std::string& each : list) writer_.text(fields::attribute::strings, each);
  }
  void put(const TensorRef& value) { one(fields::attribute::t, value); }
  void put(const GraphPtr& value) { one(fields::attribute::g, value); }
  void put(const TypeRef& value) { one(fields::attribute::tp, value); }
  void put(const SparseTensorRef& value) { one(fields::attribute::sparse_tensor, value); }
  void put(const std::vector<TensorRef>& list) { many(fields::attribute::tensors, list); }
  void put(const std::vector<GraphPtr>& list) { many(fields::attribute::graphs, list); }
  void put(const std::vector<TypeRef>& list) { many(fields::attribute::type_protos, list); }
  void put(const std::vector<SparseTensorRef>& list) {
    many(fields::attribute::sparse_tensors, list);
  }

  template <class T>
  void one(Field field, const std::shared_ptr<T>& value) {
    if (value) writer_.message(field, [&] { body(*value); });
  }
  template <class T>
  void many(Field field, const std::vector<T>& list) {
    for (const T& each : list) one(field, each);
  }
  void body(const Tensor& value) { tensor(value); }
  void body(const Graph& value) { graph(value); }
  void body(const Type& value) { write_type(writer_, value); }
  void body(const SparseTensor& value) { sparse_tensor(value); }

  void tensor(const Tensor& tensor) {
    const auto placed = placements_.find(&tensor);
    write_tensor(writer_, tensor, placed == placements_.end() ? nullptr : &placed->second);
  }

  void sparse_tensor(const SparseTensor& sparse) {
    namespace f = fields::sparse_tensor;
    if (verbatim(sparse)) return;
    one(f::values, sparse.values);
    one(f::indices, sparse.indices);
    for (const std::int64_t dim : sparse.dims) writer_.int64(f::dims, dim);
    write_rest(writer_, sparse.rest);
  }

  Writer& writer_;
  const Placements& placements_;
  std::unordered_set<const Message*> opened_;
};

}  // namespace

void encode_model(const Model& model, const Placements& placements, Writer& writer) {
  Encoder(writer, placements).model(model);
}

}  // namespace pot
