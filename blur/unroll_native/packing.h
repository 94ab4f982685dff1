// Synapses as a program has them, one array after the other without padding, and as the kernel needs them.
#pragma once

#include "layout.h"

namespace blur {

class Packing {
 public:
  explicit Packing(const Shape& shape) : padded_(SynapseLayout(shape).size) {
    for (int64_t i = 1; i <= shape.num_layers(); ++i) {
      const int64_t N = shape.widths[i - 1], M = shape.widths[i];
      Add(shape.channels * (N + 1), M);
      if (shape.has_down(i)) Add(shape.channels * M, N);
    }
  }

  int64_t size() const { return size_; }
  int64_t padded_size() const { return padded_; }

  void Unpack(const float* from, float* to) const {
    for (Rows rows : tables_) {
      for (int64_t i = 0; i < rows.count; ++i, from += rows.width, to += Padded(rows.width)) {
        std::copy_n(from, rows.width, to);
      }
    }
  }
  void Pack(const float* from, float* to) const {
    for (Rows rows : tables_) {
      for (int64_t i = 0; i < rows.count; ++i, from += Padded(rows.width), to += rows.width) {
        std::copy_n(from, rows.width, to);
      }
    }
  }

 private:
  struct Rows {
    int64_t count, width;
  };
  void Add(int64_t count, int64_t width) {
    tables_.push_back({count, width});
    size_ += count * width;
  }

  std::vector<Rows> tables_;
  int64_t size_ = 0, padded_;
};

}  // namespace blur
