#pragma once
// A file that appears whole or not at all.

#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace pot {

/// Written under a temporary name in the same folder; removed unless it is committed.
class AtomicFile {
 public:
  [[nodiscard]] static Result<AtomicFile> create(const std::string& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  Status write(ByteView bytes);
  /// Zeros up to this position. Pre: it is not behind what has been written.
  Status pad_to(std::uint64_t position);
  /// Flushes to disk; nothing can be written after it.
  Status flush();
  /// Gives the file its name. Pre: flushed. What had the name before is gone.
  Status commit();

 private:
  AtomicFile(std::string path, std::string temporary, int file) noexcept
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(file) {}

  [[nodiscard]] Error error(const char* doing) const;

  std::string path_;
  std::string temporary_;  ///< empty once committed
  int file_ = -1;
  std::uint64_t written_ = 0;
};

}  // namespace pot
