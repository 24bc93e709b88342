#pragma once
// Decides where the weights of a written model go.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/encode.h"
#include "ir/save.h"

namespace pot {

/// The largest message that protobuf readers take.
inline constexpr std::uint64_t kMaxMessage = (std::uint64_t{1} << 31) - 1;

/// A weight that has to be written into the data file, at this offset.
struct DataItem {
  std::uint64_t offset = 0;
  Bytes bytes;
};

/// A file of external data that has to be copied beside the new model.
struct FileCopy {
  std::string from;
  std::string to;
};

struct Plan {
  Placements placements;
  std::vector<DataItem> data;    ///< by offset
  std::vector<FileCopy> copies;  ///< each target once
};

/// Everything inside. Error: data that cannot be read.
[[nodiscard]] Result<Plan> plan_inside(const Model& model);

/// Everything large into the file called `data_name` beside the model.
[[nodiscard]] Result<Plan> plan_external(const Model& model, const std::string& data_name,
                                         std::uint64_t threshold);

/// Entries that point to where the bytes are. Error: that is not beneath `folder`.
[[nodiscard]] Result<Plan> plan_link(const Model& model, const std::string& folder,
                                     std::uint64_t threshold);

/// External data stays external; files that are not beneath `folder` are copied into it.
[[nodiscard]] Result<Plan> plan_keep(const Model& model, const std::string& folder);

/// Several models that share one data file.
struct SharedPlan {
  std::vector<Placements> placements;  ///< of each model
  std::vector<DataItem> data;          ///< by offset
};

/// Everything large into the file called `data_name` beside the models, equal tensors once. What
/// lies in a file that `links` names is not copied: the entries point to it by that other name.
[[nodiscard]] Result<SharedPlan> plan_shared(std::span<const Model* const> models,
                                             const std::string& data_name,
                                             const std::map<std::string, std::string>& links,
                                             std::uint64_t threshold);

}  // namespace pot
