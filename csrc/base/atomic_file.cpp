#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

namespace pot {
namespace {

// write(2) takes at most 2 GB minus a page at once.
constexpr std::size_t kAtOnce = std::size_t{1} << 30;

/// The permissions that an ordinary new file gets, or those of the file that is replaced.
mode_t mode_for(const std::string& path) {
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0) return old.st_mode & 07777;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

Error AtomicFile::error(const char* doing) const {
  return {Error::Kind::io, std::string(doing) + ": " + std::strerror(errno), path_, {}, {}};
}

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  std::string temporary = folder_of(path) + "/." + name + ".XXXXXX";
  const int file = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0) {
    return Error{Error::Kind::io,
                 "cannot create a file in its folder: " + std::string(std::strerror(errno)),
                 path,
                 {},
                 {}};
  }
  AtomicFile out(path, std::move(temporary), file);
  if (::fchmod(file, mode_for(path)) != 0) return out.error("cannot set permissions");
  return out;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::exchange(other.file_, -1)),
      written_(other.written_) {}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::write(ByteView bytes) {
  while (!bytes.empty()) {
    const auto done = ::write(file_, bytes.data(), std::min(bytes.size(), kAtOnce));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return error("cannot write");
    written_ += static_cast<std::uint64_t>(done);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return ok_status();
}

Status AtomicFile::pad_to(std::uint64_t position) {
  assert(position >= written_);
  return write(std::vector<std::byte>(static_cast<std::size_t>(position - written_)));
}

Status AtomicFile::flush() {
  if (::fsync(file_) != 0) return error("cannot flush");
  const int file = std::exchange(file_, -1);
  if (::close(file) != 0) return error("cannot close");
  return ok_status();
}

Status AtomicFile::commit() {
  assert(file_ < 0);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return error("cannot give it its name");
  temporary_.clear();
  // So that the name survives a crash. Some file systems cannot; then there is nothing to do.
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    (void)::fsync(folder);
    ::close(folder);
  }
  return ok_status();
}

}  // namespace pot
