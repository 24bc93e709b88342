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

/// A weight that has to be written into a data file, at this offset.
struct DataItem {
  std::string file;  ///< relative to the model's folder
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
  std::vector<DataItem> data;    ///< those of one file together, by offset
  std::vector<FileCopy> copies;  ///< each target once
};

/// Everything inside. Error: data that cannot be read.
[[nodiscard]] Result<Plan> plan_inside(const Model& model);

/// Everything large into the file `<model_name>.data`, or into a file each of the folder
/// `<model_name>.weights`, both beside the model. What lies at one place in one file now is written
/// once.
[[nodiscard]] Result<Plan> plan_external(const Model& model, const std::string& model_name,
                                         const SaveOptions& options);

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
