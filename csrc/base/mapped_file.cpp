#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace pot {
namespace {

Error io_error(const std::string& path, const char* doing) {
  Error error{Error::Kind::io, std::string(doing) + ": " + std::strerror(errno), path, {}, {}};
  return error;
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return io_error(path, "cannot open the file");
  struct stat info {};
  const bool known = ::fstat(file, &info) == 0;
  if (!known || !S_ISREG(info.st_mode)) {
    ::close(file);
    return Error{Error::Kind::io, "not a regular file", path, {}, {}};
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  void* data = nullptr;
  if (size != 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) {
      const Error error = io_error(path, "cannot map the file");
      ::close(file);
      return error;
    }
  }
  ::close(file);
  const ByteView view(static_cast<const std::byte*>(data), size);
  return std::shared_ptr<const MappedFile>(new MappedFile(path, view));
}

void MappedFile::forget(ByteView part) const noexcept {
  const auto address = [](const std::byte* byte) { return reinterpret_cast<std::uintptr_t>(byte); };
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (address(part.data()) + page - 1) / page * page;
  const auto end = address(part.data() + part.size()) / page * page;
  const bool inside = address(part.data()) >= address(view_.data()) &&
                      address(part.data() + part.size()) <= address(view_.data() + view_.size());
  if (!inside || begin >= end) return;
  // A private mapping that nobody wrote to: what is dropped comes back from the file.
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (!view_.empty()) ::munmap(const_cast<std::byte*>(view_.data()), view_.size());
}

}  // namespace pot
