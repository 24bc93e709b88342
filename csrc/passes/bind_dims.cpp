#include "passes/bind_dims.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "passes/size_equations.h"
#include "passes/size_substitution.h"
#include "passes/stand_in.h"

namespace pot {
namespace {

Error refused(std::string message) { return {Error::Kind::request, std::move(message)}; }

std::string place(const std::string& input, std::size_t axis) {
  return input + "[" + std::to_string(axis) + "]";
}

/// "a, b, c and 6 more"
std::string abbreviated(const std::vector<std::string>& all, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < all.size() && i < most; ++i) out += (i == 0 ? "" : ", ") + all[i];
  return all.size() > most ? out + " and " + std::to_string(all.size() - most) + " more" : out;
}

constexpr std::size_t kMostPlaces = 3;  // of one name: models have it in each of many caches
constexpr std::size_t kMostListed = 24;

std::string sizes_text(const std::vector<Dim>& dims) {
  const std::string text = type_text(tensor_type(DType::float32, dims).get());
  return text.substr(text.find('['));
}

/// Null when the type has no dims that could be bound.
const std::vector<Dim>* dims_of(const TypeRef& type) {
  return type && type->is_tensor() && type->shape ? &type->shape->dims : nullptr;
}

/// A size of an input as it is declared. One without a name is called by its place.
Expr declared_size(const Dim& dim, const std::string& input, std::size_t axis) {
  if (const auto number = dim.number(); number && *number >= 0) return *number;
  const std::string* symbol = dim.symbol();
  if (!symbol || symbol->empty() || *symbol == "?") return Expr::symbol(place(input, axis));
  return Expr::parse(*symbol);
}

/// What is open in a model: which inputs there are, and what their sizes are called.
class Interface {
 public:
  explicit Interface(const Model& model) : graph_(model.graph()) {
    const bool old = model.ir_version().value_or(0) < 4;  // all its initializers are inputs too
    for (const ValueInfo& input : graph_.inputs()) {
      if (old && graph_.value(input.value).initializer) continue;
      const std::string name(graph_.value_name(input.value));
      inputs_.push_back({name, &input});
      const auto* dims = dims_of(input.type);
      for (std::size_t axis = 0; dims && axis < dims->size(); ++axis) {
        note((*dims)[axis], name, axis);
      }
    }
  }

  struct Input {
    std::string name;
    const ValueInfo* info;
  };

  [[nodiscard]] const std::vector<Input>& inputs() const { return inputs_; }

  [[nodiscard]] const ValueInfo* find(const std::string& name) const {
    const auto found = std::ranges::find(inputs_, name, &Input::name);
    return found == inputs_.end() ? nullptr : found->info;
  }

  [[nodiscard]] bool has_size(const std::string& name) const { return names_.contains(name); }

  [[nodiscard]] std::string inputs_text() const {
    std::vector<std::string> all;
    for (const Input& input : inputs_) {
      all.push_back("'" + input.name + "' " + type_text(input.info->type.get()));
    }
    return all.empty() ? "the model has no inputs" : "inputs are: " + abbreviated(all, kMostListed);
  }

  [[nodiscard]] std::string sizes_text() const {
    std::vector<std::string> all;
    for (const auto& [name, places] : names_) {
      all.push_back("'" + name + "' (" + abbreviated(places, kMostPlaces) + ")");
    }
    const std::string named = all.empty() ? "no size of an input has a name"
                                          : "named sizes are: " + abbreviated(all, kMostListed);
    if (!unnamed_.empty()) return named + "; without a name: " + abbreviated(unnamed_, kMostListed);
    return all.empty() ? "all sizes of all inputs are fixed" : named;
  }

 private:
  void note(const Dim& dim, const std::string& input, std::size_t axis) {
    const Expr size = declared_size(dim, input, axis);
    if (size == Expr::symbol(place(input, axis))) {
      unnamed_.push_back(place(input, axis));
      return;
    }
    for (const std::string& name : size.symbols()) {
      auto& places = names_[name];
      if (places.empty() || places.back() != place(input, axis)) {
        places.push_back(place(input, axis));
      }
    }
  }

  const Graph& graph_;
  std::vector<Input> inputs_;
  std::map<std::string, std::vector<std::string>> names_;
  std::vector<std::string> unnamed_;
};

/// "x[0]" as input and axis, counted from behind when negative.
std::optional<std::pair<std::string, std::int64_t>> read_place(const std::string& text) {
  const std::size_t open = text.rfind('[');
  if (open == std::string::npos || !text.ends_with(']')) return std::nullopt;
  std::int64_t axis = 0;
  const char* end = text.data() + text.size() - 1;
  const auto read = std::from_chars(text.data() + open + 1, end, axis);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return std::pair{text.substr(0, open), axis};
}

/// Reads what was asked for as equations between sizes.
class Request {
 public:
  Request(const Interface& interface, const GivenShapes& shapes, const GivenDims& dims)
      : interface_(interface), shapes_(shapes), dims_(dims) {
    for (const auto& [input, sizes] : shapes) {
      for (const Dim& size : sizes) introduce(size);
    }
    for (const auto& [name, size] : dims) introduce(size);
  }

  Result<std::map<std::string, Expr>> solve() {
    for (const auto& [name, size] : dims_) {
      if (auto status = take(name, size); !status) return status.error();
    }
    for (const auto& [input, sizes] : shapes_) {
      if (auto status = take(input, sizes); !status) return status.error();
    }
    return equations_.solve();
  }

 private:
  /// A lone name that is given as a size may be new.
  void introduce(const Dim& size) {
    if (!size.symbol() || size.symbol()->empty()) return;
    const auto names = Expr::parse(*size.symbol()).symbols();
    if (names.size() == 1 && names[0] == *size.symbol()) introduced_.insert(names[0]);
  }

  Status take(const std::string& name, const Dim& size) {
    const std::string by = "the size given for '" + name + "'";
    if (interface_.has_size(name) || introduced_.contains(name)) {
      return equate(Expr::symbol(name), size, by);
    }
    const auto at = read_place(name);
    const ValueInfo* input = at ? interface_.find(at->first) : nullptr;
    if (!input) {
      return refused("no size of an input is called '" + name + "'; " + interface_.sizes_text());
    }
    const auto* dims = dims_of(input->type);
    if (!dims) return refused("input '" + at->first + "' has no sizes to bind: " + typed(*input));
    const auto rank = static_cast<std::int64_t>(dims->size());
    const std::int64_t axis = at->second < 0 ? at->second + rank : at->second;
    if (axis < 0 || axis >= rank) {
      return refused("'" + name + "': input '" + at->first +
                     "' has no such axis: " + typed(*input));
    }
    const auto index = static_cast<std::size_t>(axis);
    return equate(declared_size((*dims)[index], at->first, index), size, by);
  }

  Status take(const std::string& name, const std::vector<Dim>& sizes) {
    const ValueInfo* input = interface_.find(name);
    if (!input) return refused("there is no input '" + name + "'; " + interface_.inputs_text());
    if (input->type && !input->type->is_tensor()) {
      return refused("input '" + name + "' is no tensor: " + typed(*input));
    }
    const auto* dims = dims_of(input->type);
    if (dims && dims->size() != sizes.size()) {
      return refused("input '" + name + "' has " + std::to_string(dims->size()) + " dimensions " +
                     sizes_text(*dims) + ", but " + std::to_string(sizes.size()) +
                     " sizes were given: " + sizes_text(sizes));
    }
    for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
      const Expr declared = declared_size(dims ? (*dims)[axis] : Dim(), name, axis);
      const std::string by =
          "the shape given for '" + name + "' (axis " + std::to_string(axis) + ")";
      if (auto status = equate(declared, sizes[axis], by); !status) return status;
    }
    return ok_status();
  }

  Status equate(const Expr& declared, const Dim& size, const std::string& by) {
    Expr given;
    if (const auto number = size.number()) {
      given = *number;
    } else if (size.symbol() && !size.symbol()->empty() && *size.symbol() != "?") {
      given = Expr::parse(*size.symbol());
    } else {
      return ok_status();
    }
    if (given.at_most().value_or(0) < 0) {
      return refused("a size is 0 or more: " + by + " is " + given.text());
    }
    for (const std::string& name : given.symbols()) {
      if (interface_.has_size(name) || introduced_.contains(name)) continue;
      return refused(by + " is '" + given.text() + "', but no size is called '" + name + "'; " +
                     interface_.sizes_text());
    }
    if (declared.is_number() && Expr::equal(declared, given) == false) {
      return refused(by + " is " + given.text() + ", but the model has a fixed " + declared.text() +
                     " there");
    }
    equations_.equate(declared, given, by);
    return ok_status();
  }

  static std::string typed(const ValueInfo& input) { return type_text(input.type.get()); }

  const Interface& interface_;
  const GivenShapes& shapes_;
  const GivenDims& dims_;
  std::set<std::string> introduced_;
  SizeEquations equations_;
};

/// The declared type of an input with sizes for its dimensions without a name.
TypeRef with_unnamed(const std::string& name, const TypeRef& type, const SizeSubstitution& with,
                     const GivenShapes& shapes) {
  std::vector<Dim> dims;
  if (const auto* declared = dims_of(type)) {
    dims = *declared;
  } else if (const auto given = shapes.find(name); given != shapes.end()) {
    dims.resize(given->second.size());
  } else {
    return nullptr;
  }
  bool any = !dims_of(type);
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    const auto size = with.find(place(name, axis));
    const bool unnamed = declared_size(dims[axis], name, axis) == Expr::symbol(place(name, axis));
    if (!size || !unnamed) continue;
    dims[axis] = SizeSubstitution::as_dim(dims[axis], *size);
    any = true;
  }
  if (!any) return nullptr;
  Type changed = type ? *type : *tensor_type(DType::undefined, std::nullopt);
  if (!changed.shape) changed.shape.emplace();
  changed.shape->dims = std::move(dims);
  changed.source.reset();
  return std::make_shared<const Type>(std::move(changed));
}

/// An input may have a default value, which has to have the sizes too.
Status check_default(const Graph& graph, const ValueInfo& input) {
  const TensorRef value = graph.value(input.value).initializer;
  const auto* dims = dims_of(input.type);
  if (!value || !dims) return ok_status();
  const std::vector<Dim> sizes(value->dims.begin(), value->dims.end());
  bool fits = sizes.size() == dims->size();
  for (std::size_t axis = 0; fits && axis < sizes.size(); ++axis) {
    fits = !(*dims)[axis].known() || (*dims)[axis].number() == sizes[axis].number();
  }
  if (fits) return ok_status();
  return refused("input '" + std::string(graph.value_name(input.value)) +
                 "' has a default value of sizes " + sizes_text(sizes) + ", which are not " +
                 sizes_text(*dims));
}

}  // namespace

Result<Bound> bind_dims(const Model& model, const GivenShapes& shapes, const GivenDims& dims) {
  const Interface interface(model);
  auto sizes = Request(interface, shapes, dims).solve();
  if (!sizes) return sizes.error();
  Bound out{model.copy(), std::move(sizes.value())};
  const SizeSubstitution with(out.sizes);
  for (const GraphPtr& graph : graphs_of(*out.model)) substitute(*graph, with);
  Graph& graph = out.model->graph();
  for (const Interface::Input& input : interface.inputs()) {
    const ValueId id = input.info->value;  // a copy has the same ids
    if (TypeRef type = with_unnamed(input.name, graph.type(id), with, shapes)) {
      graph.set_type(id, std::move(type));
    }
  }
  for (const ValueInfo& input : graph.inputs()) {
    if (auto status = check_default(graph, input); !status) return status.error();
  }
  return out;
}

}  // namespace pot
