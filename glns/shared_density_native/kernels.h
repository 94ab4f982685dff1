// The inner loops of the network, for one kind of CPU. module.cc includes this file once for each: TARGET says which
// instructions the compiler may use. Every length n is a multiple of kLanes; the order of additions is the same on all.

#define KERNEL TARGET static

KERNEL inline float Total(const Line& line) {
  float total = 0;
  for (int64_t j = 0; j < kLanes; ++j) total += line[j];
  return total;
}

// a . b
KERNEL float Dot(const float* a, const float* b, int64_t n) {
  Line sum[2] = {};
  int64_t i = 0;
  for (; i + kLanes < n; i += 2 * kLanes) {
    sum[0] += At(a + i) * At(b + i);
    sum[1] += At(a + i + kLanes) * At(b + i + kLanes);
  }
  if (i < n) sum[0] += At(a + i) * At(b + i);
  return Total(sum[0] + sum[1]);
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

// values += rates (target - values), within [floor, 1 - floor].
KERNEL void Approach(float* values, const float* rates, float target, float floor, int64_t n) {
  const Line targets = Line{} + target, lower = Line{} + floor, upper = Line{} + (1 - floor);
  for (int64_t i = 0; i < n; i += kLanes) {
    Line moved = At(values + i) + At(rates + i) * (targets - At(values + i));
    moved = moved < lower ? lower : moved;
    At(values + i) = moved > upper ? upper : moved;
  }
}

// What follows is of some lines only: those that begin at starts[0], .., starts[count - 1].

// a . b
KERNEL float DotOfLines(const float* a, const float* b, const int32_t* starts, int64_t count) {
  Line sum = {};
  for (int64_t i = 0; i < count; ++i) sum += At(a + starts[i]) * At(b + starts[i]);
  return Total(sum);
}

// The posterior of a mixture after a pixel: weights *= values where the pixel is 1, 1 - values where it is 0. -> sum
KERNEL float ReweighLines(float* weights, const float* values, bool one, const int32_t* starts, int64_t count) {
  const Line sign = Line{} + (one ? 1.f : -1.f), offset = Line{} + (one ? 0.f : 1.f);
  Line sum = {};
  for (int64_t i = 0; i < count; ++i) {
    Line& here = At(weights + starts[i]);
    here *= offset + sign * At(values + starts[i]);
    sum += here;
  }
  return Total(sum);
}

// values *= scale, and at least floor; lines without a value of `least` become 0 and leave `starts`. -> how many stay
KERNEL int64_t RescaleLines(float* values, float scale, float floor, float least, int32_t* starts, int64_t count) {
  const Line lower = Line{} + floor;
  int64_t kept = 0;
  for (int64_t i = 0; i < count; ++i) {
    Line& here = At(values + starts[i]);
    here *= scale;
    here = here < lower ? lower : here;
    bool is_kept = false;
    for (int64_t j = 0; j < kLanes; ++j) is_kept |= here[j] >= least;
    if (is_kept) starts[kept++] = starts[i];
    else here = Line{};
  }
  return kept;
}

// roots = square roots of values. -> their sum
KERNEL float RootsOfLines(const float* values, float* roots, const int32_t* starts, int64_t count) {
  Line sum = {};
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = starts[i]; j < starts[i] + kLanes; ++j) roots[j] = std::sqrt(values[j]);
    sum += At(roots + starts[i]);
  }
  return Total(sum);
}

// Where the greatest of values from 0 is.
KERNEL int64_t GreatestOfLines(const float* values, const int32_t* starts, int64_t count) {
  Line greatest = {};
  for (int64_t i = 0; i < count; ++i) {
    const Line here = At(values + starts[i]);
    greatest = here > greatest ? here : greatest;
  }
  float most = 0;
  for (int64_t j = 0; j < kLanes; ++j) most = std::max(most, greatest[j]);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < kLanes; ++j) {
      if (values[starts[i] + j] == most) return starts[i] + j;
    }
  }
  return 0;
}

static Kernels AllKernels() {
  return {Dot, Add, Multiply, Approach, DotOfLines, ReweighLines, RescaleLines, RootsOfLines, GreatestOfLines};
}

#undef KERNEL
#undef TARGET
