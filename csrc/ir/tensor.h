#pragma once
// A constant tensor. Its elements stay where they are until someone asks for them.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/mapped_file.h"
#include "base/status.h"
#include "ir/dtype.h"
#include "ir/message.h"

namespace pot {

class DataFile;
struct Tensor;
/// Tensors are shared and never change; an edit replaces one. So copies of a graph share bytes.
using TensorRef = std::shared_ptr<const Tensor>;

/// Where an external tensor lies.
struct External {
  std::string location;  ///< as written: relative to the model's folder
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
  std::shared_ptr<const DataFile> file;  ///< null when the model has no folder to look in
};

/// A range of a file on disk that holds the elements as they are in memory.
struct FileRange {
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct Tensor : Message {
  Text name;
  Text doc_string;
  std::optional<std::int32_t> data_type;
  std::vector<std::int64_t> dims;
  std::optional<std::int32_t> data_location;  ///< 1: external
  std::optional<Bytes> raw;                   ///< raw_data: a view into the file, or owned bytes
  Rest typed;            ///< float_data, int32_data, ... as whole fields, decoded on demand
  Rest external_fields;  ///< the external_data entries as they were read
  std::optional<External> external;
  std::shared_ptr<const MappedFile> file;  ///< the file that `raw` and `typed` point into, if any

  [[nodiscard]] DType dtype() const noexcept { return DType{data_type.value_or(0)}; }
  [[nodiscard]] bool is_external() const noexcept { return data_location == 1; }
  [[nodiscard]] std::optional<std::uint64_t> count() const noexcept { return element_count(dims); }
  /// Bytes that the elements take when stored raw; nothing for strings and unknown types.
  [[nodiscard]] std::optional<std::uint64_t> nbytes() const noexcept {
    return stored_size(dtype(), dims);
  }

  /// The elements as ONNX stores them raw: little-endian, row-major, sub-byte types packed.
  /// A view wherever such bytes exist (raw, external, one packed float_data or double_data),
  /// otherwise decoded into a new buffer. Error: the size does not fit dtype and dims, external
  /// data cannot be read, strings, unknown types.
  [[nodiscard]] Result<Bytes> data() const;

  /// The elements of a string tensor.
  [[nodiscard]] Result<std::vector<std::string>> strings() const;

  /// Where `data()` lies on disk; nothing when it is in memory or has to be decoded.
  [[nodiscard]] std::optional<FileRange> file_range() const;

  /// Where the elements are mapped from a file, their memory may go until they are read again.
  void forget() const;

  /// The same elements under another name.
  [[nodiscard]] TensorRef renamed(std::string new_name) const;
};

/// A tensor over bytes that have an owner. Pre: `raw` has the size of dtype and dims.
[[nodiscard]] TensorRef make_tensor(std::string name, DType dtype, std::vector<std::int64_t> dims,
                                    Bytes raw);

/// A tensor that owns a copy of these elements (they are small: shapes, scalars, axes).
[[nodiscard]] TensorRef make_tensor_copy(std::string name, DType dtype,
                                         std::vector<std::int64_t> dims, ByteView elements);

/// int64 constants, 1-D.
[[nodiscard]] TensorRef make_int64s(std::string name, std::span<const std::int64_t> elements);

/// Elements read as int64 (any integer type or bool); Error for other types.
[[nodiscard]] Result<std::vector<std::int64_t>> read_ints(const Tensor& tensor);

struct SparseTensor : Message {
  TensorRef values;   ///< its name is the name of the sparse tensor; may be null
  TensorRef indices;  ///< may be null
  std::vector<std::int64_t> dims;
};
using SparseTensorRef = std::shared_ptr<const SparseTensor>;

}  // namespace pot
