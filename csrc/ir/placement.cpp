#include "ir/placement.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>
#include <map>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "ir/data_files.h"
#include "kernels/hash.h"

namespace pot {
namespace {

namespace fs = std::filesystem;

// Runtimes read shapes, axes and the like while they load a graph, so those stay in it.
constexpr std::uint64_t kShapesBelow = std::uint64_t{64} << 10;
// Large weights start on a page, so that they can be mapped.
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kSmallAlignment = 64;

bool may_leave(const Tensor& tensor, std::uint64_t threshold) {
  const auto nbytes = tensor.nbytes();
  if (!nbytes || *nbytes == 0 || *nbytes < threshold) return false;
  const bool integers = tensor.dtype() == DType::int64 || tensor.dtype() == DType::int32;
  return !integers || *nbytes >= kShapesBelow;
}

/// The first error that `step` gives for a tensor, each tensor once.
Status for_each_once(const Model& model, const std::function<Status(const Tensor&)>& step) {
  Status status = ok_status();
  std::unordered_map<const Tensor*, bool> seen;
  for_each_tensor(model, [&](const Tensor& tensor) {
    if (status && seen.emplace(&tensor, true).second) status = step(tensor);
  });
  return status;
}

Status place_inside(const Tensor& tensor, Plan& plan) {
  auto data = tensor.data();
  if (!data) return data.error();
  plan.placements[&tensor].inside = std::move(data).value();
  return ok_status();
}

/// The file relative to the folder; nothing when it is not beneath it.
std::optional<std::string> beneath(const std::string& file, const fs::path& folder) {
  std::error_code failed;
  const fs::path whole = fs::weakly_canonical(file, failed);
  const fs::path relative = whole.lexically_relative(folder);
  if (failed || relative.empty() || *relative.begin() == "..") return std::nullopt;
  return relative.generic_string();
}

Result<fs::path> canonical_folder(const std::string& folder) {
  std::error_code failed;
  const fs::path path = fs::canonical(folder.empty() ? "." : folder, failed);
  if (failed) return Error{Error::Kind::io, "no such folder: " + failed.message(), folder, {}, {}};
  return path;
}

/// Where the next tensor of this size starts in a data file that ends here.
std::uint64_t next_offset(std::uint64_t end, std::uint64_t size, std::uint64_t alignment = 0) {
  if (alignment == 0) alignment = size >= kPage ? kPage : kSmallAlignment;
  return (end + alignment - 1) / alignment * alignment;
}

using Source = std::tuple<std::string, std::uint64_t, std::uint64_t>;

Source source_of(const FileRange& range) { return {range.file, range.offset, range.length}; }

/// Names of files, one for each tensor; no two are equal where case makes no difference either.
class FileNames {
 public:
  std::string of(std::string_view tensor) {
    constexpr std::size_t kLongest = 120;  // file systems take 255 bytes, and an ending is added
    std::string plain;
    for (const char c : tensor.substr(0, kLongest)) {
      const bool usual = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
      plain += usual || (c == '.' && !plain.empty()) ? c : '_';
    }
    if (plain.empty()) plain = "tensor";
    std::string name = plain;
    for (int i = 1; !taken_.insert(lower(name)).second; ++i) {
      name = plain + "_" + std::to_string(i);
    }
    return name + ".bin";
  }

 private:
  static std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  }

  std::unordered_set<std::string> taken_;
};

/// A data file in the making, which holds equal elements once.
class SharedData {
 public:
  SharedData(const std::string& name, const std::map<std::string, std::string>& links)
      : name_(name), links_(links) {}

  Result<FileRange> place(const Tensor& tensor) {
    auto source = tensor.file_range();
    if (source) {
      if (const auto link = links_.find(source->file); link != links_.end()) {
        source->file = link->second;
        return std::move(*source);
      }
      const auto known = by_source_.find(source_of(*source));
      if (known != by_source_.end()) return known->second;
    }
    auto data = tensor.data();
    if (!data) return data.error();
    const FileRange range =
        source ? append(std::move(data).value()) : once(std::move(data).value());
    if (source) by_source_[source_of(*source)] = range;
    return range;
  }

  [[nodiscard]] std::vector<DataItem> items() && { return std::move(items_); }

 private:
  FileRange append(Bytes bytes) {
    const std::uint64_t size = bytes.view.size();
    const std::uint64_t offset = next_offset(end_, size);
    items_.push_back({name_, offset, std::move(bytes)});
    end_ = offset + size;
    return {name_, offset, size};
  }

  // Bytes that are in memory, not in a file, were computed: variants may have computed the same.
  FileRange once(Bytes bytes) {
    const std::uint64_t hash = kernels::hash_bytes(bytes.view);
    const auto [first, last] = by_hash_.equal_range(hash);
    for (auto known = first; known != last; ++known) {
      const DataItem& item = items_[known->second];
      if (std::ranges::equal(item.bytes.view, bytes.view)) {
        return {name_, item.offset, item.bytes.view.size()};
      }
    }
    by_hash_.emplace(hash, items_.size());
    return append(std::move(bytes));
  }

  const std::string& name_;
  const std::map<std::string, std::string>& links_;
  std::map<Source, FileRange> by_source_;
  std::unordered_multimap<std::uint64_t, std::size_t> by_hash_;
  std::vector<DataItem> items_;
  std::uint64_t end_ = 0;
};

Error not_beneath(const Tensor& tensor, const std::string& file, const fs::path& folder) {
  return {Error::Kind::invalid,
          "weights=\"link\" cannot point tensor '" + tensor.name.value + "' to " + file +
              ": runtimes read external data only beneath the model's folder, which is " +
              folder.string() +
              "; write the model beside that file, or use weights=\"inside\" or "
              "weights=\"external\"",
          {},
          {},
          {}};
}

}  // namespace

Result<Plan> plan_inside(const Model& model) {
  Plan plan;
  const Status status = for_each_once(model, [&](const Tensor& tensor) {
    return tensor.is_external() ? place_inside(tensor, plan) : ok_status();
  });
  if (!status) return status.error();
  return plan;
}

Result<Plan> plan_external(const Model& model, const std::string& model_name,
                           const SaveOptions& options) {
  Plan plan;
  FileNames names;
  std::map<Source, FileRange> written;
  std::uint64_t end = 0;
  const Status status = for_each_once(model, [&](const Tensor& tensor) -> Status {
    if (!may_leave(tensor, options.threshold)) {
      return tensor.is_external() ? place_inside(tensor, plan) : ok_status();
    }
    const auto source = tensor.file_range();
    const auto known = source ? written.find(source_of(*source)) : written.end();
    if (known != written.end()) {
      plan.placements[&tensor].range = known->second;
      return ok_status();
    }
    auto data = tensor.data();
    if (!data) return data.error();
    const std::uint64_t size = data.value().view.size();
    FileRange range{model_name + ".data", next_offset(end, size, options.alignment), size};
    end = range.offset + size;
    if (options.file_each) {
      range = {model_name + ".weights/" + names.of(tensor.name.value), 0, size};
    }
    plan.data.push_back({range.file, range.offset, std::move(data).value()});
    if (source) written[source_of(*source)] = range;
    plan.placements[&tensor].range = std::move(range);
    return ok_status();
  });
  if (!status) return status.error();
  return plan;
}

Result<Plan> plan_link(const Model& model, const std::string& folder, std::uint64_t threshold) {
  const auto root = canonical_folder(folder);
  if (!root) return root.error();
  Plan plan;
  std::unordered_map<std::string, std::optional<std::string>> locations;
  const Status status = for_each_once(model, [&](const Tensor& tensor) -> Status {
    auto range = may_leave(tensor, threshold) ? tensor.file_range() : std::nullopt;
    if (!range) return tensor.is_external() ? place_inside(tensor, plan) : ok_status();
    auto [known, added] = locations.try_emplace(range->file);
    if (added) known->second = beneath(range->file, root.value());
    if (!known->second) return not_beneath(tensor, range->file, root.value());
    range->file = *known->second;
    plan.placements[&tensor].range = std::move(range);
    return ok_status();
  });
  if (!status) return status.error();
  return plan;
}

Result<Plan> plan_keep(const Model& model, const std::string& folder) {
  const auto root = canonical_folder(folder);
  if (!root) return root.error();
  Plan plan;
  std::unordered_map<std::string, std::string> locations;  // by source file
  const auto taken = [&](const std::string& target) {
    for (const FileCopy& copy : plan.copies) {
      if (copy.to == target) return true;
    }
    return false;
  };
  const Status status = for_each_once(model, [&](const Tensor& tensor) -> Status {
    if (!tensor.is_external() || !tensor.external || !tensor.external->file) return ok_status();
    const std::string& file = tensor.external->file->path();
    auto [known, added] = locations.try_emplace(file);
    if (added) {
      if (auto relative = beneath(file, root.value())) {
        known->second = *relative;
      } else {
        std::string name = fs::path(file).filename().string();
        for (int i = 1; taken((root.value() / name).string()); ++i) {
          name = std::to_string(i) + "_" + fs::path(file).filename().string();
        }
        plan.copies.push_back({file, (root.value() / name).string()});
        known->second = name;
      }
    }
    if (fs::path(tensor.external->location).lexically_normal() == fs::path(known->second)) {
      return ok_status();
    }
    const auto length = tensor.external->length ? tensor.external->length : tensor.nbytes();
    if (!length) return tensor.data().error();
    plan.placements[&tensor].range = FileRange{known->second, tensor.external->offset, *length};
    return ok_status();
  });
  if (!status) return status.error();
  return plan;
}

Result<SharedPlan> plan_shared(std::span<const Model* const> models, const std::string& data_name,
                               const std::map<std::string, std::string>& links,
                               std::uint64_t threshold) {
  SharedPlan plan;
  SharedData data(data_name, links);
  for (const Model* model : models) {
    Plan one;
    const Status status = for_each_once(*model, [&](const Tensor& tensor) -> Status {
      if (!may_leave(tensor, threshold)) {
        return tensor.is_external() ? place_inside(tensor, one) : ok_status();
      }
      auto range = data.place(tensor);
      if (!range) return range.error();
      one.placements[&tensor].range = std::move(range).value();
      return ok_status();
    });
    if (!status) return status.error();
    plan.placements.push_back(std::move(one.placements));
  }
  plan.data = std::move(data).items();
  return plan;
}

}  // namespace pot
