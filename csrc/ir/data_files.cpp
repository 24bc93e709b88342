#include "ir/data_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace pot {
namespace {

namespace fs = std::filesystem;

Error unsafe(std::string message) { return {Error::Kind::unsafe, std::move(message), {}, {}, {}}; }

/// True when the steps of a relative path never climb above where they start.
bool stays_inside(const fs::path& path) {
  int depth = 0;
  for (const auto& step : path) {
    if (step == "..") {
      if (--depth < 0) return false;
    } else if (!step.empty() && step != ".") {
      ++depth;
    }
  }
  return depth > 0;
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  const auto [at, rest] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return at == folder.end() && rest != path.end();
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> DataFile::map() const {
  const std::lock_guard lock(mutex_);
  if (!mapped_) {
    auto opened = MappedFile::open(path_);
    if (!opened) return opened.error();
    mapped_ = std::move(opened).value();
  }
  return mapped_;
}

Result<std::shared_ptr<const DataFile>> DataFiles::resolve(const std::string& location) {
  if (const auto found = known_.find(location); found != known_.end()) return found->second;
  const std::string quoted = "the location '" + location + "' ";
  if (location.empty()) return unsafe("the location is empty");
  if (location.find('\0') != std::string::npos) return unsafe(quoted + "has a NUL in it");
  const fs::path relative(location);
  if (relative.is_absolute() || relative.has_root_path()) {
    return unsafe(quoted + "is absolute; it must be relative to the model's folder");
  }
  if (!stays_inside(relative)) return unsafe(quoted + "leaves the model's folder");

  std::error_code failed;
  const fs::path folder = fs::canonical(folder_.empty() ? "." : folder_, failed);
  const fs::path path = failed ? fs::path() : fs::weakly_canonical(folder / relative, failed);
  if (failed) return unsafe(quoted + "cannot be resolved: " + failed.message());
  if (!lies_in(path, folder)) {
    return unsafe(quoted + "leaves the model's folder through a symbolic link");
  }
  const auto status = fs::status(path, failed);
  std::optional<std::uint64_t> size;
  if (fs::exists(status)) {
    if (!fs::is_regular_file(status)) return unsafe(quoted + "is not a regular file");
    size = fs::file_size(path, failed);
  }
  auto file = std::make_shared<const DataFile>(path.string(), size);
  known_.emplace(location, file);
  return file;
}

}  // namespace pot
