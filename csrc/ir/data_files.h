#pragma once
// The files beside a model that hold its external data.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/mapped_file.h"
#include "base/status.h"

namespace pot {

/// One file inside the model's folder. It is mapped when its bytes are first asked for.
class DataFile {
 public:
  DataFile(std::string path, std::optional<std::uint64_t> size)
      : path_(std::move(path)), size_(size) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// At load; nothing when there was no such file.
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept { return size_; }
  [[nodiscard]] Result<std::shared_ptr<const MappedFile>> map() const;

 private:
  std::string path_;
  std::optional<std::uint64_t> size_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const MappedFile> mapped_;
};

/// Resolves locations in one folder, each once.
class DataFiles {
 public:
  explicit DataFiles(std::string folder) : folder_(std::move(folder)) {}

  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  /// Error (unsafe): the location is absolute or leaves the folder, by `..` or by a symlink.
  /// A file that is not there is no error yet: a graph can be read without its weights.
  [[nodiscard]] Result<std::shared_ptr<const DataFile>> resolve(const std::string& location);

 private:
  std::string folder_;
  std::unordered_map<std::string, std::shared_ptr<const DataFile>> known_;
};

}  // namespace pot
