// The Bernoulli neuron on a CPU: glns.bernoulli.learn and .predict for any number of neurons at once.
//
// Neurons never interact, so threads take them in groups. A neuron walks through its whole stretch of the stream before
// the next group comes: its weight table stays in the cache, and only the rows that contexts select are touched. The
// neurons of a group read the same inputs, which are loaded once for all of them.
//
// Every operand has the leading axes of the batch, of full size or 1 (then it is shared), as glns/native.py makes them.
// Letters: B batch axes, F fan-in, R contexts, T time.

#include <Python.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

#if defined(__x86_64__) && defined(__linux__)
#define EVERY_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define EVERY_CPU
#endif

enum ClipRule : int64_t { kMargin, kAlways, kDeadZone };  // as in bernoulli.CLIP_RULES

struct Rule {
  double epsilon, weight_bound;
  int64_t clip_rule;
};

// What one neuron learns from: a slice of every operand.
template <typename Real>
struct Neuron {
  Real* weights;            // [R, F]
  const int32_t* contexts;  // [T]
  const Real* inputs;       // [T, F]
  const Real* targets;      // [T]
  const Real* rates;        // [T]
  Real* logits;             // [T]
};

template <typename Real>
using Vector __attribute__((vector_size(64), aligned(sizeof(Real)), may_alias)) = Real;

template <typename Real>
constexpr int64_t kLanes = 64 / sizeof(Real);

// d loss / d logit: bernoulli.error.
template <typename Real>
inline __attribute__((always_inline)) Real Error(Real logit, Real target, const Rule& rule) {
  const Real p = 1 / (1 + std::exp(-logit));
  const Real epsilon = static_cast<Real>(rule.epsilon);
  const Real clipped = std::min(std::max(p, epsilon), 1 - epsilon);
  switch (rule.clip_rule) {
    case kAlways:
      return clipped - target;
    case kDeadZone:
      return p == clipped ? p - target : 0;
    default:
      return std::abs(target - p) > epsilon ? clipped - target : 0;
  }
}

template <typename Real>
inline __attribute__((always_inline)) Vector<Real> Load(const Real* from) {
  return *reinterpret_cast<const Vector<Real>*>(from);
}

template <typename Real>
inline __attribute__((always_inline)) Real Sum(Vector<Real> lanes) {
  using Quarter __attribute__((vector_size(16), may_alias)) = Real;
  const Quarter* quarters = reinterpret_cast<const Quarter*>(&lanes);
  const Quarter sums = (quarters[0] + quarters[1]) + (quarters[2] + quarters[3]);
  Real sum = 0;
  for (int i = 0; i < kLanes<Real> / 4; ++i) sum += sums[i];
  return sum;
}

// Algorithm 1 of Veness 2019 for one neuron, number by number. Without `targets` it only predicts.
template <typename Real>
void WalkNarrow(const Neuron<Real>& neuron, int64_t T, int64_t F, const Rule& rule) {
  const Real bound = static_cast<Real>(rule.weight_bound);
  for (int64_t t = 0; t < T; ++t) {
    const Real* x = neuron.inputs + t * F;
    Real* row = neuron.weights + neuron.contexts[t] * F;
    neuron.logits[t] = std::inner_product(x, x + F, row, Real{0});
    if (!neuron.targets) continue;
    const Real step = neuron.rates[t] * Error(neuron.logits[t], neuron.targets[t], rule);
    for (int64_t i = 0; i < F; ++i) row[i] = std::min(std::max(row[i] - step * x[i], -bound), bound);
  }
}

// The same for P neurons with the same inputs, of at least one vector each. The last vector overlaps the one before it,
// and those of its lanes are masked out.
template <typename Real, int P>
inline __attribute__((always_inline)) void Walk(const Neuron<Real>* neurons, int64_t T, int64_t F, const Rule& rule) {
  using V = Vector<Real>;
  const int64_t last = F - kLanes<Real>;
  const Real bound = static_cast<Real>(rule.weight_bound);
  const V upper = V{} + bound, lower = V{} - bound;
  V mask;
  for (int64_t i = 0; i < kLanes<Real>; ++i) mask[i] = last + i >= (F - 1) / kLanes<Real> * kLanes<Real>;
  for (int64_t t = 0; t < T; ++t) {
    const Real* x = neurons[0].inputs + t * F;
    const V x_last = Load(x + last) * mask;
    Real* rows[P];
    V sums[P];
    for (int p = 0; p < P; ++p) {
      rows[p] = neurons[p].weights + neurons[p].contexts[t] * F;
      sums[p] = Load(rows[p] + last) * x_last;
    }
    for (int64_t i = 0; i < last; i += kLanes<Real>) {
      const V inputs = Load(x + i);
      for (int p = 0; p < P; ++p) sums[p] += Load(rows[p] + i) * inputs;
    }
    for (int p = 0; p < P; ++p) neurons[p].logits[t] = Sum<Real>(sums[p]);
    if (!neurons[0].targets) continue;
    for (int p = 0; p < P; ++p) {
      const Real error = Error(neurons[p].logits[t], neurons[p].targets[t], rule);
      if (error == 0) continue;
      const V step = V{} + neurons[p].rates[t] * error;
      Real* row = rows[p];
      auto move = [&](Real* weights, const V& inputs) {
        V moved = Load(weights) - step * inputs;
        moved = moved > upper ? upper : moved;
        *reinterpret_cast<V*>(weights) = moved < lower ? lower : moved;
      };
      for (int64_t i = 0; i < last; i += kLanes<Real>) move(row + i, Load(x + i));
      move(row + last, x_last);
    }
  }
}

constexpr int kGroup = 4;

EVERY_CPU void WalkGroup(const Neuron<float>* neurons, int64_t T, int64_t F, const Rule& rule) {
  Walk<float, kGroup>(neurons, T, F, rule);
}
EVERY_CPU void WalkGroup(const Neuron<double>* neurons, int64_t T, int64_t F, const Rule& rule) {
  Walk<double, kGroup>(neurons, T, F, rule);
}
EVERY_CPU void WalkOne(const Neuron<float>* neuron, int64_t T, int64_t F, const Rule& rule) {
  Walk<float, 1>(neuron, T, F, rule);
}
EVERY_CPU void WalkOne(const Neuron<double>* neuron, int64_t T, int64_t F, const Rule& rule) {
  Walk<double, 1>(neuron, T, F, rule);
}

// Runs task(0), .., task(count - 1) on the calling thread and on those of the pool that are free. The calling thread
// waits for no task that has not begun, so a busy pool costs speed but cannot lock up.
template <typename Task>
void ForEach(ffi::ThreadPool& pool, int64_t count, const Task& task) {
  struct Shared {
    std::atomic<int64_t> next{0};
    int64_t done = 0;
    std::mutex mutex;
    std::condition_variable all_done;
  };
  auto shared = std::make_shared<Shared>();
  auto work = [shared, count, &task] {  // a thread that comes too late finds nothing and does not touch `task`
    int64_t mine = 0;
    for (int64_t i; (i = shared->next.fetch_add(1)) < count; ++mine) task(i);
    std::lock_guard<std::mutex> lock(shared->mutex);
    shared->done += mine;
    if (mine && shared->done == count) shared->all_done.notify_one();
  };
  const int64_t helpers = std::min<int64_t>(pool.num_threads(), count) - 1;
  for (int64_t i = 0; i < helpers; ++i) pool.Schedule(std::function<void()>(work));
  work();
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->all_done.wait(lock, [&] { return shared->done == count; });
}

// Where the batch element `index` (row-major over `axes`) starts in an operand of so many elements a batch element.
int64_t Offset(const ffi::Span<const int64_t>& shape, const ffi::Span<const int64_t>& axes, size_t rank, int64_t index,
               int64_t elements) {
  int64_t offset = 0, stride = elements;
  for (size_t i = rank; i-- > 0; index /= axes[i]) {
    if (shape[i] != 1) offset += index % axes[i] * stride;
    stride *= shape[i];
  }
  return offset;
}

template <typename Real>
void Run(ffi::ThreadPool& pool, ffi::AnyBuffer& weights, const ffi::AnyBuffer& contexts, const ffi::AnyBuffer& inputs,
         const ffi::AnyBuffer* targets, const ffi::AnyBuffer* rates, ffi::AnyBuffer& logits, const Rule& rule) {
  const ffi::AnyBuffer::Dimensions table = weights.dimensions(), axes = logits.dimensions();  // [.., R, F], [.., T]
  const size_t rank = axes.size() - 1;
  const int64_t R = table[rank], F = table[rank + 1], T = axes[rank];
  int64_t count = 1;
  for (size_t i = 0; i < rank; ++i) count *= axes[i];
  if (!count || !T) return;
  const int64_t K = rank ? axes[rank - 1] : 1;
  const bool together = rank && inputs.dimensions()[rank - 1] == 1;
  const int64_t groups = together ? (K + kGroup - 1) / kGroup : K;

  auto neuron = [&](int64_t index) {
    auto offset = [&](const ffi::AnyBuffer& operand, int64_t elements) {
      return Offset(operand.dimensions(), axes, rank, index, elements);
    };
    return Neuron<Real>{weights.typed_data<Real>() + offset(weights, R * F),
                        contexts.typed_data<int32_t>() + offset(contexts, T),
                        inputs.typed_data<Real>() + offset(inputs, T * F),
                        targets ? targets->typed_data<Real>() + offset(*targets, T) : nullptr,
                        rates ? rates->typed_data<Real>() + offset(*rates, T) : nullptr,
                        logits.typed_data<Real>() + index * T};
  };
  ForEach(pool, count / K * groups, [&](int64_t task) {
    const int64_t first = task / groups * K + task % groups * (together ? kGroup : 1);
    const int64_t last = std::min(first + (together ? kGroup : 1), (task / groups + 1) * K);
    Neuron<Real> neurons[kGroup];
    for (int64_t k = first; k < last; ++k) neurons[k - first] = neuron(k);
    if (last - first == kGroup && F >= kLanes<Real>) return WalkGroup(neurons, T, F, rule);
    for (int64_t k = first; k < last; ++k) {
      const Neuron<Real>* one = neurons + (k - first);
      F < kLanes<Real> ? WalkNarrow(*one, T, F, rule) : WalkOne(one, T, F, rule);
    }
  });
}

ffi::Error RunTyped(ffi::ThreadPool& pool, ffi::AnyBuffer& weights, const ffi::AnyBuffer& contexts,
                    const ffi::AnyBuffer& inputs, const ffi::AnyBuffer* targets, const ffi::AnyBuffer* rates,
                    ffi::AnyBuffer& logits, const Rule& rule) {
  if (weights.element_type() == ffi::F32) {
    Run<float>(pool, weights, contexts, inputs, targets, rates, logits, rule);
  } else if (weights.element_type() == ffi::F64) {
    Run<double>(pool, weights, contexts, inputs, targets, rates, logits, rule);
  } else {
    return ffi::Error::InvalidArgument("glns: weights must be float32 or float64");
  }
  return ffi::Error::Success();
}

ffi::Error Learn(ffi::ThreadPool pool, ffi::AnyBuffer weights, ffi::AnyBuffer contexts, ffi::AnyBuffer inputs,
                 ffi::AnyBuffer targets, ffi::AnyBuffer rates, ffi::Result<ffi::AnyBuffer> learned,
                 ffi::Result<ffi::AnyBuffer> logits, double epsilon, double weight_bound, int64_t clip_rule) {
  if (learned->untyped_data() != weights.untyped_data()) {
    return ffi::Error::Internal("glns: the weights are not updated in place");
  }
  const Rule rule{epsilon, weight_bound, clip_rule};
  return RunTyped(pool, weights, contexts, inputs, &targets, &rates, *logits, rule);
}

ffi::Error Predict(ffi::ThreadPool pool, ffi::AnyBuffer weights, ffi::AnyBuffer contexts, ffi::AnyBuffer inputs,
                   ffi::Result<ffi::AnyBuffer> logits) {
  return RunTyped(pool, weights, contexts, inputs, nullptr, nullptr, *logits, Rule{});
}

XLA_FFI_DEFINE_HANDLER(kLearn, Learn,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .Ret<ffi::AnyBuffer>()
                           .Ret<ffi::AnyBuffer>()
                           .Attr<double>("epsilon")
                           .Attr<double>("weight_bound")
                           .Attr<int64_t>("clip_rule"));

XLA_FFI_DEFINE_HANDLER(kPredict, Predict,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .Ret<ffi::AnyBuffer>());

// The Python module: the two handlers as capsules for jax.ffi.register_ffi_target.
PyModuleDef module = {PyModuleDef_HEAD_INIT, "glns._native", "XLA FFI handlers of the Bernoulli neuron.", -1};

}  // namespace

PyMODINIT_FUNC PyInit__native() {
  PyObject* self = PyModule_Create(&module);
  if (!self) return nullptr;
  const char* name = "xla._CUSTOM_CALL_TARGET";
  PyModule_AddObject(self, "learn", PyCapsule_New(reinterpret_cast<void*>(kLearn), name, nullptr));
  PyModule_AddObject(self, "predict", PyCapsule_New(reinterpret_cast<void*>(kPredict), name, nullptr));
  return self;
}
