// kernels.h for the kind of CPU that this is, and what its loops take.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "native/this_cpu.h"

namespace blur {

constexpr int64_t kLine = 16;  // numbers of a cache line; rows are padded to whole lines, whatever the CPU
constexpr int64_t Padded(int64_t n) { return (n + kLine - 1) / kLine * kLine; }

enum Activation : int64_t { kLinear, kRelu, kReluTanh, kSigmoid, kTanh };  // as in native.ACTIVATIONS

// out [rows, columns] = left [rows, depth] right [depth, columns], + keep before. Rows of `right` and `out` adjoin, of
// `left` one of both strides is 1. columns is a multiple of kLine.
struct Product {
  int64_t rows, columns, depth;
  const float* left;
  int64_t left_row, left_depth;
  const float* right;
  int64_t right_stride;
  float* out;
  int64_t out_stride;
  const float* before = nullptr;  // as `out`; it may be the same. None: 0
  float keep = 0;
};

// to [channels, n] = transform [channels, states] from [states, n], + to if `add`.
struct Mix {
  int64_t channels, states, n;
  const float* transform;
  int64_t transform_row, transform_column;
  const float* from;
  int64_t from_stride;
  float* to;
  int64_t to_stride;
  bool add = false;
};

// [rows, stride], of which the first columns are examples, and the others padding.
struct Extent {
  int64_t rows, examples, stride;
};

struct Kernels {
  void (*multiply)(const Product&);
  void (*mix)(const Mix&);
  void (*transpose)(const float*, int64_t, int64_t, int64_t, float*, int64_t);
  void (*activate)(Activation, const float*, float, float, float*, int64_t);
  void (*deactivate)(Activation, const float*, float*, int64_t);
  void (*scale)(float*, float, float, int64_t);
  float (*dot)(const float*, const float*, float, const Extent&);
  float (*total)(const float*, const Extent&);
};

#define CODE "blur/unroll_native/kernels.h"
#include "native/for_each_cpu.h"

inline const Kernels& Cpu() {
  static const Kernels kernels = OF_THIS_CPU(AllKernels());
  return kernels;
}

}  // namespace blur
