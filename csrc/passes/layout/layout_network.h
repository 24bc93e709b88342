#pragma once
// A model as a plan of layouts sees it: families of values that Transposes make of each other, and
// places that read and make them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/layout.h"
#include "ir/model.h"
#include "ops/shared/layout_rule.h"
#include "passes/infer_shapes.h"
#include "passes/layout/layout_options.h"

namespace pot {

/// A value by the graph that defines it.
struct LayoutValue {
  Graph* graph = nullptr;
  ValueId id;
  friend bool operator==(const LayoutValue&, const LayoutValue&) = default;
};

/// Values that are Transposes of one value. All layouts of a family are those of its root.
struct ValueFamily {
  struct Member {
    LayoutValue value;
    Permutation perm;        ///< the member is Transpose(root, perm)
    NodeId transpose;        ///< the node of value.graph that makes it; none for the root
    std::size_t source = 0;  ///< the member that this node reads
  };
  std::vector<Member> members;  ///< the root first
  Dims dims;                    ///< of the root
  DType dtype = DType::undefined;
  std::int64_t bytes = 0;  ///< of one of them; open sizes as LayoutOptions weighs them
  TensorRef constant;      ///< of the root; null when it is made at run time
  /// The layout in which convolutions around it see N, C, spatial axes; nothing when none is near.
  std::optional<Permutation> channels_first;
};

/// Something that reads or makes values, all of it in one of several modes.
struct LayoutPlace {
  enum class Kind {
    node,           ///< ports: the inputs, then the outputs, those that are tensors of known rank
    graph_input,    ///< of the main graph, or of a body whose inputs nothing ties: makes it
    graph_output,   ///< likewise: reads it
    branch_output,  ///< output `slot` of an If: reads it in both branches, makes it outside
    loop_state,     ///< state `slot` of a Loop: reads its first and its next value, makes its
                    ///< value in the body and the last one
    loop_scan,      ///< scanned output `slot` of a Loop: reads it in the body, makes the stack
  };
  struct Port {
    std::size_t family = 0;
    std::size_t member = 0;  ///< which member of the family it reads or makes
    bool makes = false;
    Operand operand;         ///< of `node`, for Kind::node
    Graph* graph = nullptr;  ///< where it reads or makes: a body may read what is defined around it
  };
  struct Mode {
    std::vector<Layout> layouts;       ///< of each port, as the root of its family sees it
    std::optional<Relayout> relayout;  ///< of a node that is not as the file has it
    std::int64_t cost = 0;             ///< target costs, in bytes
    /// How much slower it runs than the file's mode: the bytes that could be moved meanwhile.
    std::int64_t slowdown = 0;
    bool other_operator = false;  ///< drawn as what the file does not have: Conv as MatMul
  };
  /// Why a port cannot have a layout.
  struct Refused {
    std::size_t port = 0;
    Layout layout;  ///< of the root
    std::string reason;
  };

  Kind kind = Kind::node;
  Graph* graph = nullptr;
  NodeId node;
  std::size_t slot = 0;
  std::vector<Port> ports;
  std::vector<Mode> modes;  ///< the first is the file's, unless something asked for another one
  std::vector<Refused> refused;
  std::string label;  ///< "node 'conv1' (Conv)", "output 'y'"
};

struct LayoutNetwork {
  std::vector<ValueFamily> families;
  std::vector<LayoutPlace> places;
  /// Transposes that the families replace.
  std::vector<std::pair<Graph*, NodeId>> transposes;
  /// Inputs and outputs of the main graph in another layout than the file's, by name.
  std::map<std::string, Permutation> border;
  /// What was asked for and is not possible, or was assumed.
  std::vector<std::pair<std::string, std::string>> left;
  std::vector<std::string> notes;
};

/// Reads the model; nothing is edited, but graphs may learn names (Graph::captures).
/// Error: a name in `options.io` that is no input or output, a layout that does not fit its rank.
[[nodiscard]] Result<LayoutNetwork> layout_network(Model& model, const ModelFacts& facts,
                                                   const LayoutOptions& options);

}  // namespace pot
