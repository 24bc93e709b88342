#pragma once
// A file mapped read-only.

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace pot {

/// The file as bytes. Mapping reads nothing; replacing the file by rename leaves the mapping as
/// it was. Another program that cuts the file short while it is mapped cannot be guarded against.
class MappedFile {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] ByteView view() const noexcept { return view_; }
  /// The memory of the whole pages in `part` may go; they are read again when they are needed.
  /// Bytes outside of the file are left alone.
  void forget(ByteView part) const noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }  ///< as it was given

 private:
  MappedFile(std::string path, ByteView view) noexcept : path_(std::move(path)), view_(view) {}

  std::string path_;
  ByteView view_;
};

}  // namespace pot
