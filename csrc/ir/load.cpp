#include "ir/load.h"

#include <filesystem>

#include "base/access.h"
#include "ir/data_files.h"
#include "ir/parse.h"
#include "wire/fields.h"

namespace pot {

/// Builds graphs; the only one besides Graph itself that writes its tables.
class GraphLoader {
 public:
  GraphLoader(const ParseContext& context, Graph& graph) : context_(context), graph_(graph) {}

  // A graph that is read a second time is merged, and has no single span any more.
  void begin(const Reader& reader) {
    const bool first = !graph_.message_.source && graph_.store_.empty() && graph_.values_.empty();
    graph_.message_.source = first ? std::optional(context_.bytes(reader.message())) : std::nullopt;
  }

  void parse(Reader& reader) {
    namespace f = fields::graph;
    begin(reader);
    while (reader.next()) {
      switch (reader.tag()) {
        case len_tag(f::node):
          node(reader, f::node);
          break;
        case len_tag(f::name):
          graph_.name_ = reader.text();
          break;
        case len_tag(f::doc_string):
          graph_.doc_string_ = reader.text();
          break;
        case len_tag(f::initializer):
          parse_element(reader, context_, f::initializer, graph_.initializers_, parse_tensor);
          break;
        case len_tag(f::sparse_initializer):
          parse_element(reader, context_, f::sparse_initializer, graph_.sparse_initializers_,
                        parse_sparse_tensor);
          break;
        case len_tag(f::input):
          value_info(reader, f::input, graph_.inputs_);
          break;
        case len_tag(f::output):
          value_info(reader, f::output, graph_.outputs_);
          break;
        case len_tag(f::value_info):
          value_info(reader, f::value_info, graph_.infos_);
          break;
        default:
          context_.keep(graph_.message_.rest, reader);
      }
    }
    finish();
  }

  void node(Reader& reader, Field field) {
    auto node = std::make_unique<Node>();
    node->source = context_.bytes(reader.payload());
    Reader inside = reader.nested(field, static_cast<std::ptrdiff_t>(graph_.store_.size()));
    parse_node(inside, *node);
    node->id = NodeId{static_cast<std::uint32_t>(graph_.store_.size())};
    graph_.store_.push_back(std::move(node));
    Node& added = *graph_.store_.back();
    graph_.listing_.push_back(added.id);
    graph_.attach_bodies(added);
    graph_.link(added);
  }

  void value_info(Reader& reader, Field field, std::vector<ValueInfo>& list) {
    namespace f = fields::value_info;
    const auto parse = [this](Reader& inside, const ParseContext& context, ValueInfo& info) {
      info.name_present = false;
      while (inside.next()) {
        switch (inside.tag()) {
          case len_tag(f::name):
            info.name_present = true;
            info.value = graph_.know(inside.text());
            break;
          case len_tag(f::type):
            parse_shared(inside, context, f::type, -1, info.type, parse_type);
            break;
          case len_tag(f::doc_string):
            info.doc_string = inside.text();
            break;
          default:
            context.keep(info.rest, inside);
        }
      }
    };
    parse_element(reader, context_, field, list, parse);
  }

  /// An input or output of a function, which has a name only.
  void plain_value(const Reader& reader, std::vector<ValueInfo>& list) {
    list.emplace_back().value = graph_.know(reader.text());
  }
  std::vector<ValueInfo>& inputs() { return graph_.inputs_; }
  std::vector<ValueInfo>& outputs() { return graph_.outputs_; }
  std::vector<ValueInfo>& infos() { return graph_.infos_; }

  void finish() {
    for (const TensorRef& each : graph_.initializers_) {
      if (const ValueId id = graph_.know(each->name)) {
        graph_.values_[id.index].initializer = each;
      }
    }
    for (const SparseTensorRef& each : graph_.sparse_initializers_) {
      const ValueId id = each->values ? graph_.know(each->values->name) : ValueId{};
      if (id) graph_.values_[id.index].sparse_initializer = each;
    }
    graph_.index_infos();
  }

 private:
  void parse_node(Reader& reader, Node& node) {
    namespace f = fields::node;
    while (reader.next()) {
      switch (reader.tag()) {
        case len_tag(f::input):
          node.inputs.push_back(graph_.know(reader.text()));
          break;
        case len_tag(f::output):
          node.outputs.push_back(graph_.know(reader.text()));
          break;
        case len_tag(f::name):
          node.name = reader.text();
          break;
        case len_tag(f::op_type):
          node.op_type = reader.text();
          break;
        case len_tag(f::attribute):
          parse_element(reader, context_, f::attribute, node.attributes, parse_attribute);
          break;
        case len_tag(f::doc_string):
          node.doc_string = reader.text();
          break;
        case len_tag(f::domain):
          node.domain = reader.text();
          break;
        case len_tag(f::overload):
          node.overload = reader.text();
          break;
        default:
          context_.keep(node.rest, reader);
      }
    }
  }

  const ParseContext& context_;
  Graph& graph_;
};

void parse_graph(Reader& reader, const ParseContext& context, Graph& graph) {
  GraphLoader(context, graph).parse(reader);
}

void parse_opset(Reader& reader, const ParseContext& context, OpsetImport& import) {
  namespace f = fields::opset;
  while (reader.next()) {
    switch (reader.tag()) {
      case len_tag(f::domain):
        import.domain = reader.text();
        break;
      case varint_tag(f::version):
        import.version = reader.int64();
        break;
      default:
        context.keep(import.rest, reader);
    }
  }
}

void parse_function(Reader& reader, const ParseContext& context, Function& function) {
  namespace f = fields::function;
  GraphLoader body(context, *function.body);
  while (reader.next()) {
    switch (reader.tag()) {
      case len_tag(f::name):
        function.name = reader.text();
        break;
      case len_tag(f::domain):
        function.domain = reader.text();
        break;
      case len_tag(f::overload):
        function.overload = reader.text();
        break;
      case len_tag(f::doc_string):
        function.doc_string = reader.text();
        break;
      case len_tag(f::input):
        body.plain_value(reader, body.inputs());
        break;
      case len_tag(f::output):
        body.plain_value(reader, body.outputs());
        break;
      case len_tag(f::attribute):
        function.attributes.emplace_back(reader.text());
        break;
      case len_tag(f::attribute_proto):
        parse_element(reader, context, f::attribute_proto, function.attribute_defaults,
                      parse_attribute);
        break;
      case len_tag(f::node):
        body.node(reader, f::node);
        break;
      case len_tag(f::opset_import):
        parse_element(reader, context, f::opset_import, function.opset_imports, parse_opset);
        break;
      case len_tag(f::value_info):
        body.value_info(reader, f::value_info, body.infos());
        break;
      default:
        context.keep(function.rest, reader);
    }
  }
  body.finish();
}

class ModelLoader {
 public:
  ModelLoader(ParseContext context, Model& model) : context_(std::move(context)), model_(model) {}

  void parse(Reader& reader) {
    namespace f = fields::model;
    model_.message_.source = context_.bytes(reader.message());
    model_.graph_present_ = false;
    while (reader.next()) {
      switch (reader.tag()) {
        case varint_tag(f::ir_version):
          model_.ir_version_ = reader.int64();
          break;
        case len_tag(f::producer_name):
          model_.producer_name_ = reader.text();
          break;
        case len_tag(f::producer_version):
          model_.producer_version_ = reader.text();
          break;
        case len_tag(f::domain):
          model_.domain_ = reader.text();
          break;
        case varint_tag(f::model_version):
          model_.model_version_ = reader.int64();
          break;
        case len_tag(f::doc_string):
          model_.doc_string_ = reader.text();
          break;
        case len_tag(f::graph): {
          model_.graph_present_ = true;
          Reader inside = reader.nested(f::graph);
          parse_graph(inside, context_, *model_.graph_);
          break;
        }
        case len_tag(f::opset_import):
          parse_element(reader, context_, f::opset_import, model_.opsets_, parse_opset);
          break;
        case len_tag(f::functions):
          function(reader);
          break;
        default:
          context_.keep(model_.message_.rest, reader);
      }
    }
    model_.graph_->own(&model_, nullptr);
  }

  void place(std::string path, std::string folder) {
    model_.path_ = std::move(path);
    model_.folder_ = std::move(folder);
    model_.file_ = context_.file;
    model_.files_ = context_.files;
  }

 private:
  void function(Reader& reader) {
    auto function = std::make_unique<Function>();
    function->body = std::make_shared<Graph>();
    function->source = context_.bytes(reader.payload());
    Reader inside = reader.nested(fields::model::functions,
                                  static_cast<std::ptrdiff_t>(model_.functions_.size()));
    parse_function(inside, context_, *function);
    function->body->own(&model_, function.get());
    model_.functions_.push_back(std::move(function));
  }

  ParseContext context_;
  Model& model_;
};

namespace {

// Structure alone is never this large, so the file holds weights.
constexpr std::size_t kWeightsInside = std::size_t{64} << 20;

/// A file of text or of something else parses by accident, but it has none of a model's fields.
bool looks_like_a_model(const Model& model) {
  return model.graph_present() || model.ir_version() || !model.functions().empty() ||
         !model.opset_imports().empty();
}

Result<ModelPtr> parse(ByteView bytes, ParseContext context, const std::string& path,
                       const std::string& folder) {
  auto model = std::make_shared<Model>();
  Document document{path, bytes, {}};
  Reader reader(document, "ModelProto");
  ModelLoader loader(std::move(context), *model);
  loader.place(path, folder);
  loader.parse(reader);
  if (document.error) return *document.error;
  if (!looks_like_a_model(*model)) {
    return Error{Error::Kind::malformed,
                 bytes.empty() ? "expected an ONNX model, found no bytes at all"
                               : "expected an ONNX model, found none of its fields",
                 path, 0, "ModelProto"};
  }
  return model;
}

}  // namespace

Result<ModelPtr> load_model(const std::string& path) {
  auto opened = MappedFile::open(path);
  if (!opened) return opened.error();
  const auto& file = opened.value();
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  auto files = std::make_shared<DataFiles>(folder);
  // Reading ahead from a cold disk would bring in the weights between the fields.
  const bool mostly_weights = file->view().size() >= kWeightsInside;
  if (mostly_weights) expect_access(file->view(), Access::scattered);
  auto model = parse(file->view(), {file, file, std::move(files)}, path, folder);
  if (mostly_weights) expect_access(file->view(), Access::sequential);
  return model;
}

Result<ModelPtr> load_model(Bytes bytes, const std::string& folder, const std::string& path) {
  auto files = folder.empty() ? nullptr : std::make_shared<DataFiles>(folder);
  return parse(bytes.view, {bytes.owner, nullptr, std::move(files)}, path, folder);
}

}  // namespace pot
