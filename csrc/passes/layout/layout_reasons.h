#pragma once
// Why a conversion stays where a plan leaves it.

#include <optional>
#include <string>
#include <vector>

#include "passes/layout/layout_places.h"

namespace pot {

/// Between the port that makes a value and those that read it otherwise.
struct LeftMove {
  PortAt maker;
  Layout from;
  std::vector<PortAt> readers;
  Layout to;
};

class LayoutReasons {
 public:
  /// Of a choice of modes. All of them outlive this.
  LayoutReasons(const LayoutNetwork& network, const std::vector<std::vector<PortAt>>& ports,
                const std::vector<std::size_t>& modes)
      : network_(network), ports_(ports), modes_(modes) {}

  /// A reader or the maker that has no other choice, or what stands in the way behind those that
  /// have one.
  [[nodiscard]] std::string why_left(const LeftMove& move) const;

  /// Why a place cannot have this layout there; nothing when it can.
  [[nodiscard]] std::optional<std::string> refusal(const PortAt& at, const Layout& layout) const;

 private:
  struct Side {
    std::vector<std::string> refused;
    std::vector<std::string> able;
  };

  [[nodiscard]] std::string behind(const PortAt& at, const Layout& layout) const;
  [[nodiscard]] bool costs_more(const PortAt& at, const Layout& layout) const;
  void look(const PortAt& at, const Layout& layout, const std::string& where, Side& side) const;

  const LayoutNetwork& network_;
  const std::vector<std::vector<PortAt>>& ports_;
  const std::vector<std::size_t>& modes_;
};

}  // namespace pot
