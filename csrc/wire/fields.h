#pragma once
// The field numbers of onnx.proto (IR version 14). The only place that knows them.

#include <cstdint>

namespace pot {

/// A field of a message: its number on the wire and its name for error messages.
struct Field {
  std::uint32_t number;
  const char* name;
};

namespace fields {

namespace model {
inline constexpr Field ir_version{1, "ir_version"}, producer_name{2, "producer_name"},
    producer_version{3, "producer_version"}, domain{4, "domain"}, model_version{5, "model_version"},
    doc_string{6, "doc_string"}, graph{7, "graph"}, opset_import{8, "opset_import"},
    metadata_props{14, "metadata_props"}, functions{25, "functions"};
}

namespace opset {
inline constexpr Field domain{1, "domain"}, version{2, "version"};
}

namespace graph {
inline constexpr Field node{1, "node"}, name{2, "name"}, initializer{5, "initializer"},
    doc_string{10, "doc_string"}, input{11, "input"}, output{12, "output"},
    value_info{13, "value_info"}, sparse_initializer{15, "sparse_initializer"},
    metadata_props{16, "metadata_props"};
}

namespace node {
inline constexpr Field input{1, "input"}, output{2, "output"}, name{3, "name"},
    op_type{4, "op_type"}, attribute{5, "attribute"}, doc_string{6, "doc_string"},
    domain{7, "domain"}, overload{8, "overload"}, metadata_props{9, "metadata_props"};
}

namespace attribute {
inline constexpr Field name{1, "name"}, f{2, "f"}, i{3, "i"}, s{4, "s"}, t{5, "t"}, g{6, "g"},
    floats{7, "floats"}, ints{8, "ints"}, strings{9, "strings"}, tensors{10, "tensors"},
    graphs{11, "graphs"}, doc_string{13, "doc_string"}, tp{14, "tp"},
    type_protos{15, "type_protos"}, type{20, "type"}, ref_attr_name{21, "ref_attr_name"},
    sparse_tensor{22, "sparse_tensor"}, sparse_tensors{23, "sparse_tensors"};
}

namespace tensor {
inline constexpr Field dims{1, "dims"}, data_type{2, "data_type"}, float_data{4, "float_data"},
    int32_data{5, "int32_data"}, string_data{6, "string_data"}, int64_data{7, "int64_data"},
    name{8, "name"}, raw_data{9, "raw_data"}, double_data{10, "double_data"},
    uint64_data{11, "uint64_data"}, doc_string{12, "doc_string"},
    external_data{13, "external_data"}, data_location{14, "data_location"};
}

namespace sparse_tensor {
inline constexpr Field values{1, "values"}, indices{2, "indices"}, dims{3, "dims"};
}

namespace entry {
inline constexpr Field key{1, "key"}, value{2, "value"};
}

namespace value_info {
inline constexpr Field name{1, "name"}, type{2, "type"}, doc_string{3, "doc_string"};
}

namespace type {
inline constexpr Field tensor_type{1, "tensor_type"}, sequence_type{4, "sequence_type"},
    map_type{5, "map_type"}, denotation{6, "denotation"}, opaque_type{7, "opaque_type"},
    sparse_tensor_type{8, "sparse_tensor_type"}, optional_type{9, "optional_type"};
}

/// Of TypeProto.Tensor and TypeProto.SparseTensor.
namespace tensor_type {
inline constexpr Field elem_type{1, "elem_type"}, shape{2, "shape"};
}

/// Of TypeProto.Sequence and TypeProto.Optional.
namespace sequence_type {
inline constexpr Field elem_type{1, "elem_type"};
}

namespace map_type {
inline constexpr Field key_type{1, "key_type"}, value_type{2, "value_type"};
}

namespace opaque_type {
inline constexpr Field domain{1, "domain"}, name{2, "name"};
}

namespace shape {
inline constexpr Field dim{1, "dim"};
}

namespace dim {
inline constexpr Field dim_value{1, "dim_value"}, dim_param{2, "dim_param"},
    denotation{3, "denotation"};
}

namespace function {
inline constexpr Field name{1, "name"}, input{4, "input"}, output{5, "output"},
    attribute{6, "attribute"}, node{7, "node"}, doc_string{8, "doc_string"},
    opset_import{9, "opset_import"}, domain{10, "domain"}, attribute_proto{11, "attribute_proto"},
    value_info{12, "value_info"}, overload{13, "overload"}, metadata_props{14, "metadata_props"};
}

}  // namespace fields
}  // namespace pot
