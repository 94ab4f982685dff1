// The inner loops of the unroll, for one kind of CPU. cpu.h includes this file once for each kind: TARGET says which
// instructions the compiler may use, WIDTH how many bytes a register has. Every count n is a multiple of kLine.

#define INLINE TARGET inline __attribute__((always_inline))
#define KERNEL TARGET static

constexpr int64_t kLanes = WIDTH / sizeof(float);
using Vector __attribute__((vector_size(WIDTH), aligned(4), may_alias)) = float;
using Integers __attribute__((vector_size(WIDTH))) = int32_t;

INLINE Vector& At(float* place) { return *reinterpret_cast<Vector*>(place); }
INLINE const Vector& At(const float* place) { return *reinterpret_cast<const Vector*>(place); }

INLINE float Sum(const Vector& vector) {
  float sum = 0;
  for (int64_t j = 0; j < kLanes; ++j) sum += vector[j];
  return sum;
}

#include "product.h"

// to += the sum over D states from `first` on, of the numbers begin, .., end - 1 of channel c; `add`: else to =.
template <int D>
KERNEL void MixFew(const Mix& m, int64_t c, int64_t first, int64_t begin, int64_t end, bool add) {
  const float *transform = m.transform + c * m.transform_row, *from[D];
  float* to = m.to + c * m.to_stride;
  Vector factors[D];
#pragma GCC unroll 4
  for (int d = 0; d < D; ++d) {
    factors[d] = Vector{} + transform[(first + d) * m.transform_column];
    from[d] = m.from + (first + d) * m.from_stride;
  }
  for (int64_t i = begin; i < end; i += kLanes) {
    Vector sum = add ? At(to + i) : Vector{};
#pragma GCC unroll 4
    for (int d = 0; d < D; ++d) sum += factors[d] * At(from[d] + i);
    At(to + i) = sum;
  }
}

KERNEL void MixStates(const Mix& m) {
  static constexpr std::array few{MixFew<1>, MixFew<2>, MixFew<3>, MixFew<4>};
  constexpr int64_t part = 512;  // numbers that stay in the first level of the cache
  for (int64_t i = 0; i < m.n; i += part) {
    for (int64_t c = 0; c < m.channels; ++c) {
      for (int64_t d = 0; d < m.states; d += 4) {
        const int64_t count = std::min<int64_t>(4, m.states - d);
        few[count - 1](m, c, d, i, std::min(i + part, m.n), m.add || d);
      }
    }
  }
}

// A square of kLanes rows: halves of its rows change places, then quarters, and on.
INLINE void TransposeSquare(Vector (&rows)[kLanes]) {
#pragma GCC unroll 8
  for (int64_t half = kLanes / 2; half; half /= 2) {
    Integers low, high;
#pragma GCC unroll 16
    for (int64_t j = 0; j < kLanes; ++j) {
      low[j] = j & half ? kLanes + j - half : j;
      high[j] = j & half ? kLanes + j : j + half;
    }
#pragma GCC unroll 16
    for (int64_t i = 0; i < kLanes; ++i) {
      if (i & half) continue;
      const Vector above = rows[i], below = rows[i + half];
      rows[i] = __builtin_shuffle(above, below, low);
      rows[i + half] = __builtin_shuffle(above, below, high);
    }
  }
}

// from [rows, columns] -> to [columns, rows]. Both have room for whole squares.
KERNEL void Transpose(const float* from, int64_t rows, int64_t columns, int64_t from_stride, float* to,
                      int64_t to_stride) {
  for (int64_t i = 0; i < rows; i += kLanes) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      Vector square[kLanes];
#pragma GCC unroll 16
      for (int64_t k = 0; k < kLanes; ++k) square[k] = At(from + (i + k) * from_stride + j);
      TransposeSquare(square);
#pragma GCC unroll 16
      for (int64_t k = 0; k < kLanes; ++k) At(to + (j + k) * to_stride + i) = square[k];
    }
  }
}

// e / (e + 2), where e = exp(2 x) - 1 = 2^n (1 + p) - 1, and p, of |r| <= log(2) / 2, is a Taylor series.
INLINE Vector Tanh(Vector x) {
  const Vector bound = Vector{} + 10.f;  // from 9.02 on it is 1 to rounding
  x = x > bound ? bound : x;
  x = x < -bound ? -bound : x;
  constexpr float rounder = 12582912;  // 1.5 * 2^23: numbers of this size are whole
  const Vector rounded = x * 2.88539008f + rounder, n = rounded - rounder;
  const Vector r = x + x - n * 0.693147181f;
  Vector p = Vector{} + 1.f / 5040;
  p = p * r + 1.f / 720;
  p = p * r + 1.f / 120;
  p = p * r + 1.f / 24;
  p = p * r + 1.f / 6;
  p = p * r + 0.5f;
  p = p * (r * r) + r;
  const Vector scale = reinterpret_cast<Vector>((reinterpret_cast<Integers>(rounded) << 23) + 0x3F800000);  // 2^n
  const Vector e = scale * p + (scale - 1);
  return e / (e + 2);
}

INLINE Vector Activated(Activation activation, Vector x) {
  const Vector zero = {};
  switch (activation) {
    case kRelu:
      return x < zero ? zero : x;
    case kReluTanh:
      return Tanh(x < zero ? zero : x);
    case kSigmoid:
      return Tanh(x * 0.5f) * 0.5f + 0.5f;
    case kTanh:
      return Tanh(x);
    default:
      return x;
  }
}

template <Activation activation>
KERNEL void ActivateAs(const float* from, float scale, float shift, float* to, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) At(to + i) = Activated(activation, At(from + i) * scale + shift);
}

// to = activation(scale from + shift); both may be the same.
KERNEL void Activate(Activation activation, const float* from, float scale, float shift, float* to, int64_t n) {
  static constexpr std::array all{ActivateAs<kLinear>, ActivateAs<kRelu>, ActivateAs<kReluTanh>, ActivateAs<kSigmoid>,
                                  ActivateAs<kTanh>};
  all[activation](from, scale, shift, to, n);
}

// d activation(z) / d z, of the activation itself.
INLINE Vector SlopeAt(Activation activation, Vector y) {
  const Vector zero = {}, one = zero + 1;
  switch (activation) {
    case kRelu:
      return y > zero ? one : zero;
    case kReluTanh:
      return y > zero ? one - y * y : zero;
    case kSigmoid:
      return y * (one - y);
    case kTanh:
      return one - y * y;
    default:
      return one;
  }
}

template <Activation activation>
KERNEL void DeactivateAs(const float* states, float* gradient, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) At(gradient + i) *= SlopeAt(activation, At(states + i));
}

// gradient *= activation's slope, of which `states` are the values.
KERNEL void Deactivate(Activation activation, const float* states, float* gradient, int64_t n) {
  static constexpr std::array all{DeactivateAs<kLinear>, DeactivateAs<kRelu>, DeactivateAs<kReluTanh>,
                                  DeactivateAs<kSigmoid>, DeactivateAs<kTanh>};
  all[activation](states, gradient, n);
}

// x = scale x + shift.
KERNEL void Scale(float* x, float scale, float shift, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) At(x + i) = At(x + i) * scale + shift;
}

// Sum of (x - mean) (y - mean) over the examples. x, y [rows, stride], of which the first B columns are examples.
KERNEL float Dot(const float* x, const float* y, float mean, const Extent& extent) {
  Vector sum = {};
  float rest = 0;
  for (int64_t row = 0; row < extent.rows; ++row, x += extent.stride, y += extent.stride) {
    int64_t i = 0;
    for (; i + kLanes <= extent.examples; i += kLanes) sum += (At(x + i) - mean) * (At(y + i) - mean);
    for (; i < extent.examples; ++i) rest += (x[i] - mean) * (y[i] - mean);
  }
  return Sum(sum) + rest;
}

// Sum of x over the examples.
KERNEL float Total(const float* x, const Extent& extent) {
  Vector sum = {};
  float rest = 0;
  for (int64_t row = 0; row < extent.rows; ++row, x += extent.stride) {
    int64_t i = 0;
    for (; i + kLanes <= extent.examples; i += kLanes) sum += At(x + i);
    for (; i < extent.examples; ++i) rest += x[i];
  }
  return Sum(sum) + rest;
}

TARGET inline Kernels AllKernels() { return {Multiply, MixStates, Transpose, Activate, Deactivate, Scale, Dot, Total}; }

#undef INLINE
#undef KERNEL
