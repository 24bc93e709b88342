#pragma once
// A model: header, main graph, functions, and the files that it is read from.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/status.h"
#include "ir/graph.h"

namespace pot {

class DataFiles;
class Model;
using ModelPtr = std::shared_ptr<Model>;

struct OpsetImport : Message {
  Text domain;
  std::optional<std::int64_t> version;
};

/// Version that a list imports of a domain ("" and "ai.onnx" are the same).
[[nodiscard]] std::optional<std::int64_t> imported_version(const std::vector<OpsetImport>& imports,
                                                           std::string_view domain);

/// A model-local function. Its inputs and outputs are those of its body, without types.
struct Function : Message {
  Text name;
  Text domain;
  Text overload;
  Text doc_string;
  std::vector<std::string> attributes;        ///< names without a default
  std::vector<Attribute> attribute_defaults;  ///< attribute_proto
  std::vector<OpsetImport> opset_imports;
  GraphPtr body;

  [[nodiscard]] std::vector<MetadataEntry> metadata() const;
};

class Model {
 public:
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// "" for a model from memory.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Where external data is looked up; "" when there is no such place.
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

  [[nodiscard]] Graph& graph() noexcept { return *graph_; }
  [[nodiscard]] const Graph& graph() const noexcept { return *graph_; }
  [[nodiscard]] const GraphPtr& graph_ptr() const noexcept { return graph_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Function>>& functions() const noexcept {
    return functions_;
  }
  /// nullptr when there is none.
  [[nodiscard]] const Function* find_function(std::string_view domain, std::string_view name,
                                              std::string_view overload = "") const noexcept;

  [[nodiscard]] std::optional<std::int64_t> ir_version() const noexcept { return ir_version_; }
  [[nodiscard]] const std::vector<OpsetImport>& opset_imports() const noexcept { return opsets_; }
  /// Version imported of a domain ("" and "ai.onnx" are the same); a model of IR version < 3
  /// without any import has version 1.
  [[nodiscard]] std::optional<std::int64_t> opset(std::string_view domain = "") const;
  [[nodiscard]] const Text& producer_name() const noexcept { return producer_name_; }
  [[nodiscard]] const Text& producer_version() const noexcept { return producer_version_; }
  [[nodiscard]] const Text& domain() const noexcept { return domain_; }
  [[nodiscard]] const Text& doc_string() const noexcept { return doc_string_; }
  [[nodiscard]] std::optional<std::int64_t> model_version() const noexcept {
    return model_version_;
  }
  [[nodiscard]] std::vector<MetadataEntry> metadata() const;
  [[nodiscard]] const Message& message() const noexcept { return message_; }
  /// False for a ModelProto without any graph field.
  [[nodiscard]] bool graph_present() const noexcept { return graph_present_; }
  [[nodiscard]] const std::shared_ptr<DataFiles>& data_files() const noexcept { return files_; }

  /// What lies in files stays where it is; `folder` is where a runtime is to look from.
  void set_folder(std::string folder) { folder_ = std::move(folder); }
  void set_ir_version(std::int64_t version);
  void set_opset(std::string_view domain, std::int64_t version);
  void remove_opset(std::string_view domain);
  // A text that is not present takes the field away.
  void set_producer_name(Text name);
  void set_producer_version(Text version);
  void set_domain(Text domain);
  void set_model_version(std::optional<std::int64_t> version);
  void set_doc_string(Text text);
  void set_metadata(std::span<const MetadataEntry> entries);

  // Pre: the function is of this model.
  void set_opset(Function& function, std::string_view domain, std::int64_t version);
  void remove_opset(Function& function, std::string_view domain);
  void set_doc_string(Function& function, Text text);
  void set_metadata(Function& function, std::span<const MetadataEntry> entries);
  /// Pre: no function has this domain, name and overload. The body becomes part of this model.
  Function& add_function(std::unique_ptr<Function> function);
  /// Adds a copy of a function, of this model or another one, under this name and domain.
  /// Pre: as `add_function`.
  Function& adopt_function(const Function& from, std::string name, std::string domain);
  void remove_function(const Function& function);

  /// An independent model; all bytes are shared.
  /// Equal ids name equal nodes and values in both.
  [[nodiscard]] ModelPtr copy() const;
  /// Same header, opset imports and functions, and a main graph of the same name without anything.
  [[nodiscard]] ModelPtr empty_like() const;
  /// Marks everything as changed, so that it is written anew from its fields.
  void touch_all();
  /// Files that external tensors lie in, sorted, each once.
  [[nodiscard]] std::vector<std::string> external_files() const;

 private:
  friend class ModelLoader;
  friend class Graph;

  void changed() noexcept { message_.source.reset(); }
  void copy_header(Model& to) const;
  void copy_functions(Model& to) const;

  Message message_;
  std::string path_;
  std::string folder_;
  std::shared_ptr<const MappedFile> file_;
  std::shared_ptr<DataFiles> files_;
  std::optional<std::int64_t> ir_version_;
  Text producer_name_;
  Text producer_version_;
  Text domain_;
  std::optional<std::int64_t> model_version_;
  Text doc_string_;
  std::vector<OpsetImport> opsets_;
  GraphPtr graph_ = std::make_shared<Graph>();
  bool graph_present_ = true;
  std::vector<std::unique_ptr<Function>> functions_;
};

/// Calls `visit` for the main graph, every function body and every body inside, parents first.
void for_each_graph(const Model& model, const std::function<void(const Graph&)>& visit);

/// Calls `visit` for every tensor: initializers, attributes, sparse parts, in all graphs.
void for_each_tensor(const Model& model, const std::function<void(const Tensor&)>& visit);

}  // namespace pot
