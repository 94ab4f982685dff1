// The operands of a call under `vmap`s: every one has the leading axes of the batch, of full size or 1 (then it is
// shared). What the native kernels of all papers share.

#pragma once

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "xla/ffi/api/ffi.h"

// Where the batch element `index` (row-major over the first `rank` of `axes`) starts in an operand of so many elements
// a batch element.
inline int64_t Offset(const xla::ffi::Span<const int64_t>& shape, const xla::ffi::Span<const int64_t>& axes,
                      size_t rank, int64_t index, int64_t elements) {
  int64_t offset = 0, stride = elements;
  for (size_t i = rank; i-- > 0; index /= axes[i]) {
    if (shape[i] != 1) offset += index % axes[i] * stride;
    stride *= shape[i];
  }
  return offset;
}

// Whether a buffer is of this type and has the leading axes, and then axes of its own.
inline bool Fits(const xla::ffi::AnyBuffer& buffer, xla::ffi::DataType type, const xla::ffi::Span<const int64_t>& axes,
                 size_t rank, const std::vector<int64_t>& own, bool shared = true) {
  const auto shape = buffer.dimensions();
  if (buffer.element_type() != type || shape.size() != rank + own.size()) return false;
  for (size_t i = 0; i < rank; ++i) {
    if (shape[i] != axes[i] && !(shared && shape[i] == 1)) return false;
  }
  return std::equal(own.begin(), own.end(), shape.begin() + rank);
}

inline std::string Described(const xla::ffi::AnyBuffer& buffer) {
  std::ostringstream text;
  text << buffer.element_type() << " [";
  for (size_t i = 0; i < buffer.dimensions().size(); ++i) text << (i ? ", " : "") << buffer.dimensions()[i];
  return text.str() + "]";
}
