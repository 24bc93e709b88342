#pragma once
// Writes models.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/model.h"

namespace pot {

/// Where the weights of a written model go.
enum class Weights {
  automatic,  ///< inside while the file stays under 2 GB and had no external data, else kept out
  keep,       ///< external entries stay as they are, the rest inside
  inside,     ///< everything inside the file
  external,   ///< one file `<name>.data` beside it, or a file each in the folder `<name>.weights`
  link,       ///< entries that point to where the bytes already are
};

struct SaveOptions {
  Weights weights = Weights::automatic;
  bool force = false;              ///< overwrite a file that is not the model's own
  std::uint64_t threshold = 1024;  ///< tensors with fewer bytes stay inside
  /// Of where external tensors start in their file; 0: a page, 64 bytes for those below one.
  std::uint64_t alignment = 0;
  bool file_each = false;  ///< external tensors go to a file each
};

/// Atomic: a temporary file in the same folder, flushed, then renamed. The model is not changed.
[[nodiscard]] Status save_model(const Model& model, const std::string& path,
                                const SaveOptions& options = {});

/// Several models of one folder and the weights that they share.
struct SharedSave {
  std::vector<std::pair<const Model*, std::string>> models;  ///< each with its path
  std::string data_path;                     ///< the data file; not written when it would be empty
  std::map<std::string, std::string> links;  ///< files that are not copied -> location to write
  std::uint64_t threshold = 1024;
};

/// Writes the models, large tensors into one data file, equal ones once. The data file comes first.
/// What has these names already is replaced.
[[nodiscard]] Status save_together(const SharedSave& what);

/// The model as one message. `weights`: keep, inside or link; linked locations are relative to
/// `folder`. Error: more than 2 GB.
[[nodiscard]] Result<std::string> model_bytes(const Model& model, Weights weights,
                                              const std::string& folder,
                                              std::uint64_t threshold = 1024);

}  // namespace pot
