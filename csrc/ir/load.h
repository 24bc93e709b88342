#pragma once
// Reads models.

#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "ir/model.h"

namespace pot {

/// Maps the file and reads its structure; no weight is read. Errors name file, byte and field.
[[nodiscard]] Result<ModelPtr> load_model(const std::string& path);

/// A model from memory. `folder` is where external data is looked up; "" when there is none. `path`
/// is the file that the model stands for, when it is another form of one.
[[nodiscard]] Result<ModelPtr> load_model(Bytes bytes, const std::string& folder,
                                          const std::string& path = "");

}  // namespace pot
