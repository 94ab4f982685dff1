// The inner loops of the network, for one kind of CPU. module.cc includes this file once for each: TARGET says which
// instructions the compiler may use. Every length n is a multiple of kLanes; the order of additions is the same on all.

#define KERNEL TARGET static

// a . b
KERNEL float Dot(const float* a, const float* b, int64_t n) {
  Line sum[2] = {};
  int64_t i = 0;
  for (; i + kLanes < n; i += 2 * kLanes) {
    sum[0] += At(a + i) * At(b + i);
    sum[1] += At(a + i + kLanes) * At(b + i + kLanes);
  }
  if (i < n) sum[0] += At(a + i) * At(b + i);
  const Line both = sum[0] + sum[1];
  float total = 0;
  for (int64_t j = 0; j < kLanes; ++j) total += both[j];
  return total;
}

// y += scale x
KERNEL void Add(float scale, const float* x, float* y, int64_t n) {
  const Line scales = Line{} + scale;
  for (int64_t i = 0; i < n; i += kLanes) At(y + i) += scales * At(x + i);
}

// y = M x for a symmetric M [n, n]: the rows of M where x is not 0, weighted and added.
KERNEL void Multiply(const float* M, const float* x, float* y, int64_t n) {
  int64_t rows[kMaxInputs], count = 0;
  for (int64_t j = 0; j < n; ++j) {
    rows[count] = j;
    count += x[j] != 0;
  }
  for (int64_t i = 0; i < n; i += 4 * kLanes) {
    const int64_t lines = std::min<int64_t>(4, (n - i) / kLanes);
    Line sum[4] = {};
    if (lines == 4) {
      for (int64_t r = 0; r < count; ++r) {
        const float* row = M + rows[r] * n + i;
        const Line scales = Line{} + x[rows[r]];
        for (int64_t k = 0; k < 4; ++k) sum[k] += scales * At(row + k * kLanes);
      }
    } else {
      for (int64_t k = 0; k < lines; ++k) {
        for (int64_t r = 0; r < count; ++r) sum[k] += (Line{} + x[rows[r]]) * At(M + rows[r] * n + i + k * kLanes);
      }
    }
    for (int64_t k = 0; k < lines; ++k) At(y + i + k * kLanes) = sum[k];
  }
}

// The posterior of a mixture after a pixel: weights *= values where the pixel is 1, 1 - values where it is 0, and at
// least floor. -> sum
KERNEL float Reweigh(float* weights, const float* values, bool one, float floor, int64_t n) {
  const Line sign = Line{} + (one ? 1.f : -1.f), offset = Line{} + (one ? 0.f : 1.f), lower = Line{} + floor;
  Line sum = {};
  for (int64_t i = 0; i < n; i += kLanes) {
    Line& here = At(weights + i);
    here *= offset + sign * At(values + i);
    here = here < lower ? lower : here;
    sum += here;
  }
  float total = 0;
  for (int64_t j = 0; j < kLanes; ++j) total += sum[j];
  return total;
}

// values += rates (target - values), within [floor, 1 - floor].
KERNEL void Approach(float* values, const float* rates, float target, float floor, int64_t n) {
  const Line targets = Line{} + target, lower = Line{} + floor, upper = Line{} + (1 - floor);
  for (int64_t i = 0; i < n; i += kLanes) {
    Line moved = At(values + i) + At(rates + i) * (targets - At(values + i));
    moved = moved < lower ? lower : moved;
    At(values + i) = moved > upper ? upper : moved;
  }
}

// values *= scale
KERNEL void Rescale(float* values, float scale, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) At(values + i) *= Line{} + scale;
}

// roots = square roots of values. -> their sum
KERNEL float Roots(const float* values, float* roots, int64_t n) {
#pragma GCC ivdep  // or each is taken by itself: the compiler cannot know that roots are values or lie apart from them
  for (int64_t i = 0; i < n; ++i) roots[i] = std::sqrt(values[i]);
  Line sum = {};
  for (int64_t i = 0; i < n; i += kLanes) sum += At(roots + i);
  float total = 0;
  for (int64_t j = 0; j < kLanes; ++j) total += sum[j];
  return total;
}

// The greatest of values from 0.
KERNEL float Greatest(const float* values, int64_t n) {
  Line greatest = {};
  for (int64_t i = 0; i < n; i += kLanes) {
    const Line here = At(values + i);
    greatest = here > greatest ? here : greatest;
  }
  float result = 0;
  for (int64_t j = 0; j < kLanes; ++j) result = std::max(result, greatest[j]);
  return result;
}

static Kernels AllKernels() { return {Dot, Add, Multiply, Reweigh, Approach, Rescale, Roots, Greatest}; }

#undef KERNEL
