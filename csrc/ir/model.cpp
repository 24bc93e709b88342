#include "ir/model.h"

#include <algorithm>
#include <set>

#include "ir/data_files.h"
#include "wire/fields.h"

namespace pot {
namespace {

std::string_view plain(std::string_view domain) noexcept {
  return domain == "ai.onnx" ? std::string_view() : domain;
}

void import_version(std::vector<OpsetImport>& imports, std::string_view domain,
                    std::int64_t version) {
  for (OpsetImport& import : imports) {
    if (plain(import.domain) != plain(domain)) continue;
    import.version = version;
    import.source.reset();
    return;
  }
  OpsetImport& import = imports.emplace_back();
  import.domain = Text(domain);
  import.version = version;
}

void erase_import(std::vector<OpsetImport>& imports, std::string_view domain) {
  std::erase_if(imports, [&](const auto& each) { return plain(each.domain) == plain(domain); });
}

std::unique_ptr<Function> clone_function(const Function& from) {
  auto out = std::make_unique<Function>();
  static_cast<Message&>(*out) = from;
  out->name = from.name;
  out->domain = from.domain;
  out->overload = from.overload;
  out->doc_string = from.doc_string;
  out->attributes = from.attributes;
  for (const Attribute& each : from.attribute_defaults) {
    out->attribute_defaults.push_back(each.clone());
  }
  out->opset_imports = from.opset_imports;
  out->body = from.body->clone();
  return out;
}

void visit_bodies(const Graph& graph, const std::function<void(const Graph&)>& visit) {
  visit(graph);
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (!node.has_bodies()) continue;
    for (const GraphPtr& body : node.bodies()) visit_bodies(*body, visit);
  }
}

using TensorVisit = std::function<void(const Tensor&)>;

void visit_sparse(const SparseTensorRef& sparse, const TensorVisit& visit) {
  if (!sparse) return;
  if (sparse->values) visit(*sparse->values);
  if (sparse->indices) visit(*sparse->indices);
}

void visit_attribute(const Attribute& attribute, const TensorVisit& visit) {
  if (const auto* one = attribute.get<TensorRef>(); one && *one) visit(**one);
  if (const auto* one = attribute.get<SparseTensorRef>()) visit_sparse(*one, visit);
  if (const auto* many = attribute.get<std::vector<TensorRef>>()) {
    for (const auto& each : *many) visit(*each);
  }
  if (const auto* many = attribute.get<std::vector<SparseTensorRef>>()) {
    for (const auto& each : *many) visit_sparse(each, visit);
  }
}

}  // namespace

std::optional<std::int64_t> imported_version(const std::vector<OpsetImport>& imports,
                                             std::string_view domain) {
  for (const OpsetImport& import : imports) {
    if (plain(import.domain) == plain(domain)) return import.version.value_or(0);
  }
  return std::nullopt;
}

const Function* Model::find_function(std::string_view domain, std::string_view name,
                                     std::string_view overload) const noexcept {
  const auto found = std::ranges::find_if(functions_, [&](const auto& each) {
    return each->name == name && plain(each->domain) == plain(domain) && each->overload == overload;
  });
  return found == functions_.end() ? nullptr : found->get();
}

std::optional<std::int64_t> Model::opset(std::string_view domain) const {
  const auto version = imported_version(opsets_, domain);
  if (!version && plain(domain).empty() && ir_version_.value_or(0) < 3 && opsets_.empty()) return 1;
  return version;
}

std::vector<MetadataEntry> Function::metadata() const {
  return read_metadata(rest, fields::function::metadata_props.number);
}

std::vector<MetadataEntry> Model::metadata() const {
  return read_metadata(message_.rest, fields::model::metadata_props.number);
}

void Model::set_ir_version(std::int64_t version) {
  ir_version_ = version;
  changed();
}

void Model::set_opset(std::string_view domain, std::int64_t version) {
  changed();
  import_version(opsets_, domain, version);
}

void Model::set_opset(Function& function, std::string_view domain, std::int64_t version) {
  changed();
  function.source.reset();
  import_version(function.opset_imports, domain, version);
}

void Model::remove_opset(std::string_view domain) {
  erase_import(opsets_, domain);
  changed();
}

void Model::remove_opset(Function& function, std::string_view domain) {
  changed();
  function.source.reset();
  erase_import(function.opset_imports, domain);
}

void Model::set_doc_string(Function& function, Text text) {
  changed();
  function.source.reset();
  function.doc_string = std::move(text);
}

void Model::set_metadata(Function& function, std::span<const MetadataEntry> entries) {
  changed();
  function.source.reset();
  function.rest = with_metadata(function.rest, fields::function::metadata_props.number, entries);
}

void Model::set_producer_name(Text name) {
  producer_name_ = std::move(name);
  changed();
}

void Model::set_producer_version(Text version) {
  producer_version_ = std::move(version);
  changed();
}

void Model::set_domain(Text domain) {
  domain_ = std::move(domain);
  changed();
}

void Model::set_model_version(std::optional<std::int64_t> version) {
  model_version_ = version;
  changed();
}

void Model::set_metadata(std::span<const MetadataEntry> entries) {
  message_.rest = with_metadata(message_.rest, fields::model::metadata_props.number, entries);
  changed();
}

void Model::set_doc_string(Text text) {
  doc_string_ = std::move(text);
  changed();
}

Function& Model::add_function(std::unique_ptr<Function> function) {
  assert(!find_function(function->domain, function->name, function->overload));
  function->body->own(this, function.get());
  functions_.push_back(std::move(function));
  changed();
  return *functions_.back();
}

Function& Model::adopt_function(const Function& from, std::string name, std::string domain) {
  auto function = clone_function(from);
  if (!(function->name == name) || !(function->domain == domain)) {
    function->source.reset();
    function->name = Text(std::move(name));
    function->domain = Text(std::move(domain));
  }
  return add_function(std::move(function));
}

void Model::remove_function(const Function& function) {
  std::erase_if(functions_, [&](const auto& each) { return each.get() == &function; });
  changed();
}

void Model::copy_header(Model& to) const {
  to.message_ = message_;
  to.path_ = path_;
  to.folder_ = folder_;
  to.file_ = file_;
  to.files_ = files_;
  to.ir_version_ = ir_version_;
  to.producer_name_ = producer_name_;
  to.producer_version_ = producer_version_;
  to.domain_ = domain_;
  to.model_version_ = model_version_;
  to.doc_string_ = doc_string_;
  to.opsets_ = opsets_;
}

void Model::copy_functions(Model& to) const {
  for (const auto& function : functions_) {
    to.functions_.push_back(clone_function(*function));
    to.functions_.back()->body->own(&to, to.functions_.back().get());
  }
}

ModelPtr Model::copy() const {
  auto out = std::make_shared<Model>();
  copy_header(*out);
  out->graph_ = graph_->clone();
  out->graph_->own(out.get(), nullptr);
  out->graph_present_ = graph_present_;
  copy_functions(*out);
  return out;
}

ModelPtr Model::empty_like() const {
  auto out = std::make_shared<Model>();
  copy_header(*out);
  out->changed();
  out->graph_->own(out.get(), nullptr);
  if (graph_->name().present) out->graph_->set_name(graph_->name().value);
  copy_functions(*out);
  return out;
}

std::vector<std::string> Model::external_files() const {
  std::set<std::string> files;
  for_each_tensor(*this, [&](const Tensor& tensor) {
    if (tensor.is_external() && tensor.external && tensor.external->file) {
      files.insert(tensor.external->file->path());
    }
  });
  return {files.begin(), files.end()};
}

void for_each_graph(const Model& model, const std::function<void(const Graph&)>& visit) {
  visit_bodies(model.graph(), visit);
  for (const auto& function : model.functions()) visit_bodies(*function->body, visit);
}

void for_each_tensor(const Model& model, const std::function<void(const Tensor&)>& visit) {
  for_each_graph(model, [&](const Graph& graph) {
    for (const TensorRef& each : graph.initializers()) visit(*each);
    for (const SparseTensorRef& each : graph.sparse_initializers()) visit_sparse(each, visit);
    for (const NodeId id : graph.nodes()) {
      for (const Attribute& each : graph.node(id).attributes) visit_attribute(each, visit);
    }
  });
  for (const auto& function : model.functions()) {
    for (const Attribute& each : function->attribute_defaults) visit_attribute(each, visit);
  }
}

}  // namespace pot
