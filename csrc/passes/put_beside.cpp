#include "passes/put_beside.h"

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "passes/extract.h"
#include "passes/size_substitution.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

void collect_sizes(const TypeRef& type, std::set<std::string>& names) {
  if (!type) return;
  collect_sizes(type->inner, names);
  if (!type->shape) return;
  for (const Dim& dim : type->shape->dims) {
    if (!dim.symbol() || dim.symbol()->empty()) continue;
    for (std::string& name : Expr::parse(*dim.symbol()).symbols()) names.insert(std::move(name));
  }
}

/// Names of sizes in the types that the model declares.
std::set<std::string> sizes_of(const Model& model) {
  std::set<std::string> names;
  for (const GraphPtr& graph : graphs_of(model)) {
    for (const auto list : {graph->inputs(), graph->outputs(), graph->value_infos()}) {
      for (const ValueInfo& info : list) collect_sizes(info.type, names);
    }
  }
  return names;
}

/// New names for sizes that are called alike in both and are not known to be the same.
std::map<std::string, std::string> set_apart(const Model& first, const Model& second,
                                             const std::map<std::string, Expr>& known) {
  const std::set<std::string> ours = sizes_of(first);
  const std::set<std::string> theirs = sizes_of(second);
  std::map<std::string, std::string> renamed;
  for (const std::string& name : theirs) {
    if (!ours.contains(name) || known.contains(name)) continue;
    int count = 1;
    const auto candidate = [&] { return name + "_" + std::to_string(count); };
    while (ours.contains(candidate()) || theirs.contains(candidate())) ++count;
    renamed.emplace(name, candidate());
  }
  return renamed;
}

Status rename(Model& model, const RenameMap& names) {
  for (const GraphPtr& graph : graphs_of(model)) {
    RenameMap here;
    for (std::uint32_t i = 0; i < graph->value_count(); ++i) {
      const ValueId id{i};
      const auto found = names.find(graph->value(id).name);
      if (found == names.end() || !graph->is_defined(id)) continue;
      if (graph->find_value(found->second)) {
        return Error{Error::Kind::request, "the name '" + found->second + "' is taken"};
      }
      here.insert(*found);
    }
    if (here.empty()) continue;
    if (auto status = graph->rename_values(here); !status) return status;
  }
  return ok_status();
}

/// Copies the parts of a graph to the end of another one.
class Copying {
 public:
  Copying(Graph& to, const Graph& from, const RenameMap& joined)
      : to_(to), from_(from), joined_(joined) {}

  void run() {
    for (const NodeId id : from_.nodes()) to_.adopt(from_, id, joined_);
    for (const TensorRef& weight : from_.initializers()) {
      if (!joined_.contains(weight->name.value)) to_.set_initializer(weight);
    }
    for (const SparseTensorRef& weight : from_.sparse_initializers()) {
      if (!weight->values || joined_.contains(weight->values->name.value)) continue;
      share_initializer(to_, from_.value(from_.find_value(weight->values->name.value)));
    }
    declare();
    for (const ValueInfo& input : from_.inputs()) {
      if (!input.value || joined_.contains(from_.value(input.value).name)) continue;
      const ValueId id = to_.intern(from_.value(input.value).name);
      to_.add_input(id, input.type);
      describe(id, input);
    }
    for (const ValueInfo& output : from_.outputs()) add_output(output);
  }

 private:
  void declare() {
    std::vector<std::pair<ValueId, TypeRef>> types;
    for (const ValueInfo& info : to_.value_infos()) {
      if (info.type) types.emplace_back(info.value, info.type);
    }
    const std::size_t before = types.size();
    std::vector<const ValueInfo*> added;
    for (const ValueInfo& info : from_.value_infos()) {
      if (!info.type || !info.value || joined_.contains(from_.value(info.value).name)) continue;
      types.emplace_back(to_.intern(from_.value(info.value).name), info.type);
      added.push_back(&info);
    }
    if (added.empty()) return;
    to_.set_value_infos(types);
    for (std::size_t i = 0; i < added.size(); ++i) describe(types[before + i].first, *added[i]);
  }

  void describe(ValueId id, const ValueInfo& info) {
    if (info.doc_string.present) to_.set_value_doc_string(id, info.doc_string);
  }

  void add_output(const ValueInfo& output) {
    if (!output.value) return;
    const std::string& name = from_.value(output.value).name;
    ValueId id = to_.intern(name);
    if (const auto joined = joined_.find(name); joined != joined_.end() && joined->second != name) {
      Node node;
      node.op_type = Text("Identity");
      node.inputs.push_back(to_.intern(joined->second));
      node.outputs.push_back(id);
      to_.add_node(std::move(node));
    }
    if (to_.value(id).is_output) return;
    to_.add_output(id, output.type);
    describe(id, output);
  }

  Graph& to_;
  const Graph& from_;
  const RenameMap& joined_;
};

/// What is joined, by the new names of the second.
RenameMap under_new_names(const Fitting& fitting) {
  RenameMap joined;
  for (const auto& [input, value] : fitting.joined) {
    const auto found = fitting.names.find(input);
    joined.emplace(found == fitting.names.end() ? input : found->second, value);
  }
  return joined;
}

/// The innermost folder that holds those of both models; external data is found from there.
std::string folder_around(const std::string& first, const std::string& second) {
  namespace fs = std::filesystem;
  if (first == second || second.empty()) return first;
  if (first.empty()) return second;
  std::error_code failed;
  const fs::path one = fs::weakly_canonical(first, failed);
  const fs::path two = failed ? fs::path() : fs::weakly_canonical(second, failed);
  if (failed) return first;
  fs::path both;
  for (auto a = one.begin(), b = two.begin(); a != one.end() && b != two.end() && *a == *b;
       ++a, ++b) {
    both /= *a;
  }
  return both.empty() ? first : both.string();
}

}  // namespace

Result<PutBeside> put_beside(const Model& first, const Model& second, const Fitting& fitting) {
  PutBeside made{.model = first.copy(), .sizes = set_apart(first, second, fitting.sizes)};
  std::map<std::string, Expr> sizes = fitting.sizes;
  for (const auto& [name, other] : made.sizes) sizes.emplace(name, Expr::symbol(other));

  made.model->set_folder(folder_around(first.folder(), second.folder()));
  const ModelPtr added = second.copy();
  if (auto status = rename(*added, fitting.names); !status) return status.error();
  const SizeSubstitution substitution(sizes);
  for (const GraphPtr& graph : graphs_of(*added)) substitute(*graph, substitution);
  Copying(made.model->graph(), added->graph(), under_new_names(fitting)).run();
  return made;
}

}  // namespace pot
