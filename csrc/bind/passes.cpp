#include <pybind11/stl.h>

#include "bind/bind.h"
#include "bind/raise.h"
#include "passes/align.h"
#include "passes/cut_out.h"
#include "passes/extract.h"
#include "passes/put_beside.h"
#include "passes/quantization.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pot {
namespace {

/// (name, dtype or "sequence(dtype)" or None, dims or None)
using GivenTuple =
    std::tuple<std::string, std::optional<std::string>, std::optional<std::vector<std::int64_t>>>;

Given to_given(const GivenTuple& value) {
  const auto& [name, dtype, dims] = value;
  if (!dtype) return {name, nullptr};
  const TypeRef known = type_named(*dtype);
  if (!known) {
    raise(Error{.message = "value '" + name + "': no dtype is called '" + *dtype + "'"});
  }
  if (!dims || !known->is_tensor()) return {name, known};
  return {name, tensor_type(known->dtype(), std::vector<Dim>(dims->begin(), dims->end()))};
}

Cut to_cut(bool detach) { return detach ? Cut::detach : Cut::slice; }

void bind_extract(py::module_& m) {
  m.def(
      "extract",
      [](const ModelPtr& model, const std::vector<GivenTuple>& given,
         const std::vector<std::string>& outputs, bool detach) {
        std::vector<Given> values;
        for (const GivenTuple& value : given) values.push_back(to_given(value));
        Extracted made = unwrap(extract(*model, values, outputs, to_cut(detach)));
        return std::tuple(made.model, made.inputs, made.outputs);
      },
      "model"_a, "given"_a, "outputs"_a, "detach"_a = false,
      "The smallest model that computes `outputs` from `given`: (model, inputs, output names).");
  m.def(
      "extract_shapes",
      [](const ModelPtr& model, const std::vector<GivenTuple>& given,
         const std::vector<std::string>& outputs) {
        std::vector<Given> values;
        for (const GivenTuple& value : given) values.push_back(to_given(value));
        Extracted made = unwrap(extract_shapes(*model, values, outputs));
        return std::tuple(made.model, made.inputs, made.outputs);
      },
      "model"_a, "given"_a, "outputs"_a,
      "As `extract`, with the shape of each output in place of the output.");
  m.def(
      "frontier",
      [](const ModelPtr& model, const std::vector<std::string>& given,
         const std::vector<std::string>& outputs,
         bool detach) { return unwrap(frontier(*model, given, outputs, to_cut(detach))); },
      "model"_a, "given"_a, "outputs"_a, "detach"_a = false,
      "Names of the given values and graph inputs that `extract` would read.");
  m.def(
      "region",
      [](const ModelPtr& model, const std::vector<std::string>& given,
         const std::vector<std::string>& outputs, bool detach) {
        std::vector<std::uint32_t> ids;
        for (const NodeId id : unwrap(region(*model, given, outputs, to_cut(detach)))) {
          ids.push_back(id.index);
        }
        return ids;
      },
      "model"_a, "given"_a, "outputs"_a, "detach"_a = false,
      "Ids of the nodes that `extract` would take, in topological order.");
  m.def(
      "produced_values", [](const ModelPtr& model) { return unwrap(produced_values(*model)); },
      "model"_a, "Names of the values that nodes of the main graph make, in topological order.");
}

void bind_cut_out(py::module_& m) {
  m.def(
      "cut_out",
      [](const ModelPtr& model, const std::vector<std::string>& given,
         const std::vector<std::string>& outputs) {
        CutOut made = unwrap(cut_out(*model, given, outputs));
        return std::tuple(made.model, made.inputs);
      },
      "model"_a, "given"_a, "outputs"_a,
      "The model without what `outputs` do not need when `given` are handed in: (model, inputs).");
}

using SizeGiven = std::variant<std::int64_t, std::string>;

Expr to_expr(const SizeGiven& size) {
  if (const auto* number = std::get_if<std::int64_t>(&size)) return *number;
  const auto& text = std::get<std::string>(size);
  if (text.empty()) raise(Error{.message = "a size without a name"});
  return Expr::parse(text);
}

void bind_put_beside(py::module_& m) {
  m.def(
      "put_beside",
      [](const ModelPtr& first, const ModelPtr& second, const RenameMap& names,
         const RenameMap& joined, const std::map<std::string, SizeGiven>& sizes) {
        Fitting fitting{.names = names, .joined = joined, .sizes = {}};
        for (const auto& [name, size] : sizes) fitting.sizes.emplace(name, to_expr(size));
        PutBeside made = unwrap(put_beside(*first, *second, fitting));
        return std::pair(made.model, made.sizes);
      },
      "first"_a, "second"_a, "names"_a, "joined"_a, "sizes"_a,
      "A copy of the first model with the graph of the second beside its own.");
}

void bind_quantization(py::module_& m) {
  m.def(
      "float_sketch",
      [](const ModelPtr& model, bool rectifiers) {
        FloatSketch made = unwrap(float_sketch(*model, rectifiers));
        std::vector<std::tuple<std::string, std::string, std::string>> links;
        for (const FloatSketch::Link& link : made.links) {
          links.emplace_back(link.from, link.to, to_text(link.carry));
        }
        return std::tuple(made.model, links);
      },
      "model"_a, "rectifiers"_a = false,
      "The float graph that a quantized one stands for, and (from, to, carry) of what it lost.");
}

}  // namespace

void bind_passes(py::module_& m) {
  bind_extract(m);
  bind_cut_out(m);
  bind_put_beside(m);
  bind_quantization(m);
  m.def(
      "align",
      [](const ModelPtr& reference, const ModelPtr& candidate, const std::vector<NamePair>& inputs,
         const std::vector<NamePair>& outputs, PrintsByName ours, PrintsByName theirs,
         std::vector<NamePair> given, std::vector<NamePair> apart) {
        const Evidence evidence{.ours = std::move(ours),
                                .theirs = std::move(theirs),
                                .given = std::move(given),
                                .apart = std::move(apart)};
        Result<Alignment> made = [&] {
          py::gil_scoped_release unlocked;
          return align(*reference, *candidate, inputs, outputs, evidence);
        }();
        return unwrap(std::move(made));
      },
      "reference"_a, "candidate"_a, "inputs"_a, "outputs"_a, "ours"_a = PrintsByName{},
      "theirs"_a = PrintsByName{}, "given"_a = std::vector<NamePair>{},
      "apart"_a = std::vector<NamePair>{},
      "Pairs the values and nodes of two main graphs by structure.");
  py::class_<Alignment>(m, "Alignment", "Which value and node of a candidate is which.")
      .def_property_readonly(
          "values",
          [](const Alignment& self) {
            std::vector<std::tuple<std::string, std::string, bool>> values;
            for (const auto& pair : self.values) {
              values.emplace_back(pair.reference, pair.candidate, pair.sure);
            }
            return values;
          },
          "(reference, candidate, sure), in topological order of the candidate.")
      .def_property_readonly(
          "nodes",
          [](const Alignment& self) {
            std::vector<std::tuple<std::uint32_t, std::uint32_t, bool>> nodes;
            for (const auto& pair : self.nodes) {
              nodes.emplace_back(pair.reference.index, pair.candidate.index, pair.same);
            }
            return nodes;
          },
          "(reference id, candidate id, same), in topological order of the candidate.")
      .def_property_readonly(
          "no_ops",
          [](const Alignment& self) {
            std::vector<std::uint32_t> ids;
            for (const NodeId id : self.no_ops) ids.push_back(id.index);
            return ids;
          },
          "Ids of candidate nodes that only hand a value through.")
      .def_readonly("constants", &Alignment::constants, "Weights at the same place: name pairs.")
      .def_readonly("ambiguous", &Alignment::ambiguous)
      .def_readonly("unmatched", &Alignment::unmatched)
      .def_readonly("unmatched_reference", &Alignment::unmatched_reference)
      .def_readonly("fused", &Alignment::fused)
      .def_readonly("doubtful", &Alignment::doubtful)
      .def_readonly("rearranged", &Alignment::rearranged);
}

}  // namespace pot
