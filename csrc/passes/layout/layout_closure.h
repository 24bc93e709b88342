#pragma once
// All modes of all places: each layout that occurs anywhere is offered to what reads and makes it.

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ops/shared/op_table.h"
#include "passes/layout/layout_places.h"

namespace pot {

/// Layouts of one family that are offered to its places, and modes of one place. What goes on being
/// found beyond is what nobody would choose; the network has a note of it.
inline constexpr std::size_t kMostLayouts = 12;
inline constexpr std::size_t kMostModes = 24;

class LayoutClosure {
 public:
  /// All of them outlive this.
  LayoutClosure(LayoutNetwork& network, const Model& model, const ModelFacts& facts,
                const WeighedSizes& sizes, const LayoutOptions& options);

  /// A layout of the root of a family that something may use.
  void occurs(std::size_t family, const Layout& layout);
  /// From now on the place has this mode and no other; `why` is what it says to any other layout.
  void fix(std::size_t place, LayoutPlace::Mode mode, std::string why);
  /// Asks until nothing new is found, breadth first.
  void run();

 private:
  struct Question {
    std::size_t port;
    Layout layout;  ///< of the root
  };
  struct OfPlace {
    std::vector<Question> open;
    bool waiting = false;
    std::string fixed;     // why it has no other mode
    bool offered = false;  // its first mode is the call of a channels-last function
    /// Which layouts of a port have been asked of a mode: (mode, port) to how many, in their order.
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> composed;
  };

  void make_channels_last();
  void offer(std::size_t place, LayoutPlace::Mode mode);
  void answer(std::size_t place);
  void answer_node(std::size_t place, const std::vector<Question>& questions);
  [[nodiscard]] Result<LayoutPlace::Mode> weighed_mode(const LayoutNode& node,
                                                       const LayoutPlace& place,
                                                       Relayout relayout) const;
  void compose_modes(std::size_t place);
  void compose_mode(std::size_t place, std::size_t mode, std::size_t port);
  void answer_tie(std::size_t place, const Question& question);
  void add_mode(std::size_t place, LayoutPlace::Mode mode);
  void refuse_all(std::size_t place, const std::vector<Question>& questions,
                  const std::string& reason);
  [[nodiscard]] std::string why_kept(const LayoutPlace& place) const;
  void note_once(const std::string& note);

  LayoutNetwork& network_;
  const Model& model_;
  const ModelFacts& facts_;
  const WeighedSizes& sizes_;
  const LayoutOptions& options_;
  std::vector<std::vector<PortAt>> at_family_;
  std::vector<std::vector<Layout>> layouts_;  // of each family, in the order found
  std::vector<OfPlace> places_;
  std::deque<std::size_t> queue_;
};

/// What is known of the operator; null for a node without outputs, and for calls of model-local
/// functions, which may have the name of one.
[[nodiscard]] const OpEntry* op_entry(const Model& model, const Graph& graph, NodeId node);

/// It works in no layout but the one of the standard, with its channels on axis 1: what its rule
/// says when input 0 has 3 axes or more and is to lie channels-last.
[[nodiscard]] bool insists_on_channels_first(const LayoutNode& node, const OpEntry& entry);

/// Shows the node of a place as its layout rules see it.
void show_node(const Model& model, const ModelFacts& facts, const LayoutPlace& place,
               const std::function<void(const LayoutNode& node)>& visit);

/// The answer of a rule as a mode of the place; a Refusal when it moves what cannot be moved.
[[nodiscard]] Result<LayoutPlace::Mode> mode_of(const LayoutPlace& place,
                                                const LayoutNetwork& network, Relayout relayout);

}  // namespace pot
