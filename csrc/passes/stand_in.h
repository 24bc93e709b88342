#pragma once
// The edits that every rewriting pass comes down to: one value stands for another, or a constant
// does.

#include <vector>

#include "ir/model.h"
#include "passes/changes.h"

namespace pot {

/// Readers of `from` read `to` instead. Where `from` is an output of the graph, the name stays: the
/// node that makes `to` makes it from now on, or, where `to` has a name that has to stay as well,
/// an Identity does. Returns whether anything changed.
///
/// The node that made `from` stays, without readers: `prune` takes it. Pre: both hold the same, and
/// `from` is made by a node of this graph.
bool stand_in(Graph& graph, ValueId from, ValueId to, Changes& changes);

/// An initializer makes the value, under its name; an output of the graph keeps a node, Identity.
/// The node that made it stays, without this output, unless it becomes that Identity.
/// Pre: a node of this graph makes the value; the tensor has what the value holds.
void make_constant(Graph& graph, ValueId value, const TensorRef& tensor);

/// The node becomes an Identity of `source`. Pre: only its first output is read.
void make_identity(Graph& graph, NodeId node, ValueId source);

/// A constant of the graph: an initializer that nothing can override, here or around.
/// Before IR version 4 every initializer had to be an input; none of them can be overridden.
[[nodiscard]] TensorRef constant_of(const Graph& graph, ValueId id);

/// The main graph and all bodies in it, parents first. Bodies of functions are left out: what is
/// known there depends on the call. A body outlives the node that an edit removes.
[[nodiscard]] std::vector<GraphPtr> graphs_of(const Model& model);

/// Names of the main graph are in the value map; those of bodies may occur twice.
[[nodiscard]] bool is_main(const Graph& graph) noexcept;

/// A node, a body or an output of the graph reads the value.
[[nodiscard]] bool is_read(const Graph& graph, ValueId id);

/// Values that are read by a node, by a body or as an output; by index of the value.
[[nodiscard]] std::vector<bool> read_values(const Graph& graph);

}  // namespace pot
