// The walk of neurons through their stream, for one kind of CPU. neurons.h includes this file once for each kind:
// TARGET says which instructions the compiler may use, WIDTH how many bytes a register has.
//
// Numbers are added in one order whatever WIDTH is, as if registers had kLine bytes. So all CPUs with a fused
// multiply-add give the same bits.
//
// Letters: F fan-in, P neurons that walk together, R contexts, T time.

#define INLINE TARGET inline __attribute__((always_inline))

template <typename Real>
using Vector __attribute__((vector_size(WIDTH), aligned(sizeof(Real)), may_alias)) = Real;
template <typename Real>
constexpr int64_t kNumbers = WIDTH / sizeof(Real);
constexpr int kParts = kLine / WIDTH;  // registers of a line

template <typename Real>
INLINE Vector<Real>& At(Real* place) {
  return *reinterpret_cast<Vector<Real>*>(place);
}
template <typename Real>
INLINE const Vector<Real>& At(const Real* place) {
  return *reinterpret_cast<const Vector<Real>*>(place);
}

// The sum of a line: its quarters in pairs, then number by number.
template <typename Real>
INLINE Real Sum(const Vector<Real> (&line)[kParts]) {
  using Quarter __attribute__((vector_size(kLine / 4), may_alias)) = Real;
  const Quarter* quarters = reinterpret_cast<const Quarter*>(line);
  const Quarter sums = (quarters[0] + quarters[1]) + (quarters[2] + quarters[3]);
  Real sum = 0;
  for (int i = 0; i < kLanes<Real> / 4; ++i) sum += sums[i];
  return sum;
}

// logits[p] = rows[p] . x. The rows `next`, if any, are called into the second level of the cache.
template <typename Real, int P, bool Ahead>
INLINE void Dot(Real* const* rows, Real* const* next, const Real* x, const Stretch& stretch, Real (&logits)[P]) {
  using V = Vector<Real>;
  V sums[P][kParts];
  for (int j = 0; j < kParts; ++j) {
    const V inputs = At(x + stretch.of_inputs.last + j * kNumbers<Real>);
    for (int p = 0; p < P; ++p) sums[p][j] = At(rows[p] + stretch.of_rows.last + j * kNumbers<Real>) * inputs;
  }
  for (int64_t i = 0; i < stretch.of_rows.whole; i += kLanes<Real>) {
    for (int j = 0; j < kParts; ++j) {
      const int64_t place = i + j * kNumbers<Real>;
      const V inputs = At(x + place);
      for (int p = 0; p < P; ++p) sums[p][j] += At(rows[p] + place) * inputs;
    }
    for (int p = 0; Ahead && p < P; ++p) __builtin_prefetch(next[p] + i, 1, 2);
  }
  for (int p = 0; p < P; ++p) logits[p] = Sum<Real>(sums[p]);
}

// rows[p] -= steps[p] * x, within the bound. The rows `next`, if any, are called into the first level of the cache.
template <typename Real, int P, bool Ahead>
INLINE void Move(Real* const* rows, Real* const* next, const Real* steps, const Real* x, const Stretch& stretch,
                 Real bound) {
  using V = Vector<Real>;
  const V upper = V{} + bound, lower = V{} - bound;
  V step[P];
  for (int p = 0; p < P; ++p) step[p] = V{} + steps[p];
  for (int64_t i = -kLanes<Real>; i < stretch.of_rows.whole; i += kLanes<Real>) {  // the last line first
    const int64_t line = i < 0 ? stretch.of_rows.last : i, of_inputs = i < 0 ? stretch.of_inputs.last : i;
    for (int p = 0; Ahead && p < P; ++p) __builtin_prefetch(next[p] + line, 1, 3);
    for (int j = 0; j < kParts; ++j) {
      const V inputs = At(x + of_inputs + j * kNumbers<Real>);
      for (int p = 0; p < P; ++p) {
        V& weights = At(rows[p] + line + j * kNumbers<Real>);
        V moved = weights - step[p] * inputs;
        moved = moved > upper ? upper : moved;
        weights = moved < lower ? lower : moved;
      }
    }
  }
}

// Algorithm 1 of Veness 2019 for P neurons with the same inputs. Without `targets` they only predict.
// Ahead: the rows of the next example are called while this one is learned.
template <typename Real, int P, bool Ahead>
INLINE void Walk(const Neuron<Real>* neurons, const Stretch& stretch, const Rule& rule) {
  const Real bound = static_cast<Real>(rule.weight_bound);
  Real *rows[P], *next[P], logits[P], steps[P];
  bool known[P];
  for (int64_t t = 0; t < stretch.T; ++t) {
    const Real* x = neurons[0].inputs + t * stretch.of_inputs.stride;
    for (int p = 0; p < P; ++p) {
      known[p] = Known(neurons[p].contexts[t], stretch);
      rows[p] = RowOf(neurons[p], t, stretch);
      next[p] = RowOf(neurons[p], std::min(t + 1, stretch.T - 1), stretch);
    }
    Dot<Real, P, Ahead>(rows, next, x, stretch, logits);
    for (int p = 0; p < P; ++p) neurons[p].logits[t] = known[p] ? logits[p] : kNoRow<Real>;
    if (!neurons[0].targets) continue;
    int num_moving = 0;
    for (int p = 0; p < P; ++p) {
      steps[p] = known[p] ? neurons[p].rates[t] * Error(logits[p], neurons[p].targets[t], rule) : 0;
      num_moving += steps[p] != 0;
    }
    if (num_moving == P) {
      Move<Real, P, Ahead>(rows, next, steps, x, stretch, bound);
    } else {
      for (int p = 0; p < P; ++p) {
        if (steps[p] != 0) Move<Real, 1, Ahead>(rows + p, next + p, steps + p, x, stretch, bound);
      }
    }
  }
}

template <typename Real>
TARGET void WalkGroup(const Neuron<Real>* neurons, const Stretch& stretch, const Rule& rule) {
  stretch.near ? Walk<Real, kGroup, false>(neurons, stretch, rule) : Walk<Real, kGroup, true>(neurons, stretch, rule);
}
template <typename Real>
TARGET void WalkOne(const Neuron<Real>* neuron, const Stretch& stretch, const Rule& rule) {
  stretch.near ? Walk<Real, 1, false>(neuron, stretch, rule) : Walk<Real, 1, true>(neuron, stretch, rule);
}

#undef INLINE
