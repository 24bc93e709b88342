#pragma once
// What rewriting passes report: what they did, how often, and which value stands for which.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pot {

class Changes {
 public:
  struct Rule {
    std::string name;  ///< "folded shape arithmetic", "inlined If": what was done, lower case
    std::size_t count = 0;
  };
  /// Something that a rule would have changed and may not.
  struct Left {
    std::string node;  ///< as messages name it: "node 'loop0' (Loop)"
    std::string reason;
    friend bool operator==(const Left&, const Left&) = default;
  };

  void count(std::string_view rule, std::size_t times = 1);
  /// From now on `to` holds what `from` held. Names of the main graph.
  void replaced(std::string_view from, std::string_view to);
  /// A pass that runs again says the same again: it is kept once.
  void leave(std::string node, std::string reason);
  /// What was left is found anew in each round; the last one counts.
  void forget_left() noexcept { left_.clear(); }

  /// In the order in which they first occurred.
  [[nodiscard]] const std::vector<Rule>& rules() const noexcept { return rules_; }
  [[nodiscard]] const std::vector<Left>& left() const noexcept { return left_; }
  /// The name that stands for `name` now, followed through all replacements; itself when it was
  /// not replaced.
  [[nodiscard]] std::string stands_for(std::string_view name) const;
  /// (old name, name now) of every value that was replaced, sorted.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> value_map() const;

 private:
  std::vector<Rule> rules_;
  std::unordered_map<std::string, std::string> replaced_;
  std::vector<Left> left_;
};

}  // namespace pot
