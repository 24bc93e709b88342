#pragma once
// Edits from Python that no graph allows are refused when they are made, where that is cheap.

#include <span>
#include <string_view>
#include <vector>

#include "bind/given.h"

namespace pot {

/// The ids of the names. Raises ModelError for one that nothing here or around defines.
[[nodiscard]] std::vector<ValueId> readable(Graph& graph, const std::vector<GivenName>& names);

/// The ids of names that a node is to make. Raises ModelError for one that something else defines,
/// or that is there twice.
[[nodiscard]] std::vector<ValueId> makeable(Graph& graph, const std::vector<GivenName>& names,
                                            NodeId node = {});

/// Raises ModelError where a node makes the value already, or it is an input.
void check_new_input(const Graph& graph, ValueId value);
/// Raises ModelError where it is an output already.
void check_new_output(const Graph& graph, ValueId value);
/// Raises ModelError where a node makes the value already.
void check_initializer(const Graph& graph, ValueId value);

/// Raises ModelError when the node would need what it makes.
void check_acyclic(const Graph& graph, NodeId node, std::span<const ValueId> inputs);

/// Raises ModelError, which ends with `advice`, when one of these readers of `from` is needed to
/// make `to`, which they are to read instead.
void check_replacement(const Graph& graph, ValueId from, ValueId to, std::span<const Use> readers,
                       std::string_view advice = {});

}  // namespace pot
