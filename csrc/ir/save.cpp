#include "ir/save.h"

#include <algorithm>
#include <filesystem>
#include <span>
#include <system_error>

#include "base/atomic_file.h"
#include "ir/data_files.h"
#include "ir/placement.h"

namespace pot {
namespace {

namespace fs = std::filesystem;

bool same_file(const std::string& a, const std::string& b) {
  std::error_code failed;
  return !a.empty() && !b.empty() && fs::equivalent(a, b, failed) && !failed;
}

Error too_large(std::uint64_t size, const std::string& path) {
  return {Error::Kind::invalid,
          "the model would take " + std::to_string(size) +
              " bytes in one message, and protobuf readers stop at 2 GB; use weights=\"external\" "
              "or weights=\"link\"",
          path,
          {},
          {}};
}

bool has_external(const Model& model) {
  bool found = false;
  for_each_tensor(model, [&](const Tensor& tensor) { found |= tensor.is_external(); });
  return found;
}

/// Whether the model reads less than half of the files that would be copied for it.
bool is_wasteful(const Model& model, const std::vector<FileCopy>& copies) {
  std::uint64_t whole = 0;
  for (const FileCopy& copy : copies) {
    std::error_code failed;
    const auto size = fs::file_size(copy.from, failed);
    if (!failed) whole += size;
  }
  std::uint64_t read = 0;
  for_each_tensor(model, [&](const Tensor& tensor) {
    if (!tensor.is_external() || !tensor.external || !tensor.external->file) return;
    const std::string& file = tensor.external->file->path();
    if (std::ranges::find(copies, file, &FileCopy::from) == copies.end()) return;
    read += tensor.external->length.value_or(tensor.nbytes().value_or(0));
  });
  return read < whole / 2;
}

Status may_replace(const std::string& path, bool ours, bool force) {
  std::error_code failed;
  const auto status = fs::status(path, failed);
  if (!fs::exists(status) || ours) return ok_status();
  if (!fs::is_regular_file(status)) {
    return Error{Error::Kind::io, "is not a regular file", path, {}, {}};
  }
  if (force) return ok_status();
  return Error{Error::Kind::io, "exists already; say force to overwrite it", path, {}, {}};
}

/// Writes items of one file, and flushes it.
Result<AtomicFile> write_data(const std::string& path, std::span<const DataItem> items) {
  auto file = AtomicFile::create(path);
  if (!file) return file;
  for (const DataItem& item : items) {
    if (auto status = file.value().pad_to(item.offset); !status) return status.error();
    if (auto status = file.value().write(item.bytes.view); !status) return status.error();
  }
  if (auto status = file.value().flush(); !status) return status.error();
  return file;
}

/// Items of each file, in their order.
std::vector<std::span<const DataItem>> by_file(std::span<const DataItem> items) {
  std::vector<std::span<const DataItem>> out;
  for (std::size_t first = 0; first < items.size();) {
    std::size_t end = first + 1;
    while (end < items.size() && items[end].file == items[first].file) ++end;
    out.push_back(items.subspan(first, end - first));
    first = end;
  }
  return out;
}

/// A folder for data files, which goes again if it was not there and nothing came into it.
class DataFolder {
 public:
  Status make(const fs::path& path) {
    std::error_code failed;
    if (!fs::create_directory(path, failed) && !failed) return ok_status();
    if (failed) {
      return Error{
          Error::Kind::io, "cannot make the folder: " + failed.message(), path.string(), {}, {}};
    }
    made_ = path;
    return ok_status();
  }
  DataFolder() = default;
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;
  ~DataFolder() {
    std::error_code ignored;
    if (!made_.empty()) fs::remove(made_, ignored);  // only when it is empty
  }

 private:
  fs::path made_;
};

Status write_file(const std::string& path, const Writer& writer) {
  auto file = AtomicFile::create(path);
  if (!file) return file.error();
  const auto sink = [&](ByteView bytes) { return file.value().write(bytes); };
  if (auto status = writer.drain(sink); !status) return status;
  if (auto status = file.value().flush(); !status) return status;
  return file.value().commit();
}

/// One save: everything is written under temporary names before the first one is renamed, data
/// before the model that refers to it.
class Saver {
 public:
  Saver(const Model& model, const std::string& path, const SaveOptions& options)
      : model_(model), path_(path), options_(options) {
    folder_ = fs::path(path).parent_path().string();
    if (folder_.empty()) folder_ = ".";
    name_ = fs::path(path).filename().string();
  }

  Status run() {
    if (auto status = may_replace(path_, same_file(path_, model_.path()), options_.force);
        !status) {
      return status;
    }
    auto made = plan();
    if (!made) return made.error();
    const Plan plan = std::move(made).value();
    if (auto status = check_targets(plan); !status) return status;
    Writer writer;
    encode_model(model_, plan.placements, writer);
    if (writer.size() > kMaxMessage && options_.weights != Weights::automatic) {
      if (!unchanged(plan)) return too_large(writer.size(), path_);
    }
    return write(plan, writer);
  }

 private:
  Result<Plan> plan() {
    switch (options_.weights) {
      case Weights::automatic:
        return plan_automatic();
      case Weights::keep:
        return plan_keep(model_, folder_);
      case Weights::inside:
        return plan_inside(model_);
      case Weights::external:
        return plan_external(model_, name_, options_);
      case Weights::link:
        break;
    }
    return plan_link(model_, folder_, options_.threshold);
  }

  // A model that is too large for one message and unchanged may be written as it was read. One that
  // goes to another folder takes only what it reads of the files of external data, where that is
  // little: a part of a larger one.
  Result<Plan> plan_automatic() {
    if (has_external(model_)) {
      auto kept = plan_keep(model_, folder_);
      if (!kept || !is_wasteful(model_, kept.value().copies)) return kept;
      return plan_external(model_, name_, options_);
    }
    Writer writer;
    encode_model(model_, {}, writer);
    if (writer.size() <= kMaxMessage || unchanged({})) return Plan{};
    return plan_external(model_, name_, options_);
  }

  [[nodiscard]] bool unchanged(const Plan& plan) const {
    return plan.placements.empty() && model_.message().source.has_value();
  }

  [[nodiscard]] std::string beside(const std::string& name) const {
    return (fs::path(folder_) / name).string();
  }

  Status check_targets(const Plan& plan) {
    for (const auto& [tensor, placement] : plan.placements) {
      if (options_.weights != Weights::link || !placement.range) continue;
      const auto target = fs::path(folder_) / placement.range->file;
      if (!same_file(target.string(), path_)) continue;
      return Error{Error::Kind::invalid,
                   "weights=\"link\" would replace the file that it links to; write to another "
                   "name, or use weights=\"inside\" or weights=\"external\"",
                   path_,
                   {},
                   {}};
    }
    for (const auto& items : by_file(plan.data)) {
      const std::string path = beside(items.front().file);
      bool ours = false;
      for (const auto& file : model_.external_files()) ours |= same_file(file, path);
      if (auto status = may_replace(path, ours, options_.force); !status) return status;
    }
    for (const FileCopy& copy : plan.copies) {
      if (auto status = may_replace(copy.to, same_file(copy.from, copy.to), options_.force);
          !status) {
        return status;
      }
    }
    return ok_status();
  }

  Status write(const Plan& plan, const Writer& writer) {
    DataFolder folder;  // outlives the files, so that it is empty again when they are given up
    std::vector<AtomicFile> ready;
    for (const auto& items : by_file(plan.data)) {
      const std::string path = beside(items.front().file);
      if (auto status = folder.make(fs::path(path).parent_path()); !status) return status;
      auto file = write_data(path, items);
      if (!file) return file.error();
      ready.push_back(std::move(file).value());
    }
    for (const FileCopy& copy : plan.copies) {
      auto from = MappedFile::open(copy.from);
      if (!from) return from.error();
      auto file = AtomicFile::create(copy.to);
      if (!file) return file.error();
      if (auto status = file.value().write(from.value()->view()); !status) return status;
      if (auto status = file.value().flush(); !status) return status;
      ready.push_back(std::move(file).value());
    }
    auto file = AtomicFile::create(path_);
    if (!file) return file.error();
    const auto sink = [&](ByteView bytes) { return file.value().write(bytes); };
    if (auto status = writer.drain(sink); !status) return status;
    if (auto status = file.value().flush(); !status) return status;
    ready.push_back(std::move(file).value());
    for (AtomicFile& each : ready) {
      if (auto status = each.commit(); !status) return status;
    }
    return ok_status();
  }

  const Model& model_;
  const std::string& path_;
  const SaveOptions& options_;
  std::string folder_;
  std::string name_;
};

}  // namespace

Status save_model(const Model& model, const std::string& path, const SaveOptions& options) {
  return Saver(model, path, options).run();
}

Status save_together(const SharedSave& what) {
  std::vector<const Model*> models;
  for (const auto& [model, path] : what.models) models.push_back(model);
  const std::string data_name = fs::path(what.data_path).filename().string();
  auto made = plan_shared(models, data_name, what.links, what.threshold);
  if (!made) return made.error();
  const SharedPlan plan = std::move(made).value();
  if (!plan.data.empty()) {
    auto file = write_data(what.data_path, plan.data);
    if (!file) return file.error();
    if (auto status = file.value().commit(); !status) return status;
  }
  for (std::size_t i = 0; i < what.models.size(); ++i) {
    const auto& [model, path] = what.models[i];
    Writer writer;
    encode_model(*model, plan.placements[i], writer);
    if (writer.size() > kMaxMessage) return too_large(writer.size(), path);
    if (auto status = write_file(path, writer); !status) return status;
  }
  return ok_status();
}

Result<std::string> model_bytes(const Model& model, Weights weights, const std::string& folder,
                                std::uint64_t threshold) {
  if (weights == Weights::automatic || weights == Weights::external) {
    return Error{Error::Kind::invalid,
                 "a model in memory takes weights=\"inside\", \"keep\" or \"link\"",
                 {},
                 {},
                 {}};
  }
  Plan plan;
  if (weights != Weights::keep) {
    auto made =
        weights == Weights::inside ? plan_inside(model) : plan_link(model, folder, threshold);
    if (!made) return made.error();
    plan = std::move(made).value();
  }
  Writer writer;
  encode_model(model, plan.placements, writer);
  if (writer.size() > kMaxMessage) return too_large(writer.size(), model.path());
  return writer.to_string();
}

}  // namespace pot
