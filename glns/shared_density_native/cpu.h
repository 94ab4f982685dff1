// kernels.h for the kind of CPU that this is, and small mathematics.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "native/this_cpu.h"

namespace shared_density {

constexpr int64_t kLanes = 16, kMaxInputs = 512;
using Line __attribute__((vector_size(64), aligned(4), may_alias)) = float;
inline __attribute__((always_inline)) Line& At(float* place) { return *reinterpret_cast<Line*>(place); }
inline __attribute__((always_inline)) const Line& At(const float* place) {
  return *reinterpret_cast<const Line*>(place);
}

struct Kernels {
  float (*dot)(const float*, const float*, int64_t);
  void (*add)(float, const float*, float*, int64_t);
  void (*multiply)(const float*, const float*, float*, int64_t);
  float (*reweigh)(float*, const float*, bool, float, int64_t);
  void (*approach)(float*, const float*, float, float, int64_t);
  void (*rescale)(float*, float, int64_t);
  float (*roots)(const float*, float*, int64_t);
  float (*greatest)(const float*, int64_t);
};

#define CODE "glns/shared_density_native/kernels.h"
#include "native/for_each_cpu.h"

inline const Kernels& Cpu() {
  static const Kernels kernels = OF_THIS_CPU(AllKernels());
  return kernels;
}

inline float Sigmoid(float logit) { return 1 / (1 + std::exp(-logit)); }
inline float Logit(float p) { return std::log(p / (1 - p)); }
inline float Clip(float x, float bound) { return std::min(std::max(x, -bound), bound); }
// Which of `size` equal parts of [low, high] holds x; the outer parts are unbounded.
inline int64_t Part(float x, float low, float high, int64_t size) {
  const float part = (x - low) / (high - low) * size;
  return part < 0 ? 0 : part >= size ? size - 1 : static_cast<int64_t>(part);
}

}  // namespace shared_density
