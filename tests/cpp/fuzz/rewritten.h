#pragma once
// What fuzz targets of rewrites have in common.

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace pot::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

inline std::vector<std::string> names(const Graph& graph, std::span<const ValueInfo> infos) {
  std::vector<std::string> out;
  for (const ValueInfo& info : infos) out.emplace_back(graph.value_name(info.value));
  return out;
}

}  // namespace pot::fuzz
