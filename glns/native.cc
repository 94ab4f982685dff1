// The Bernoulli neuron on a CPU: glns.bernoulli.learn and .predict for any number of neurons at once.
//
// Neurons never interact, so threads take them in groups. A neuron walks through its whole stretch of the stream before
// the next group comes: its weight table stays in the cache, and only the rows that contexts select are touched. The
// neurons of a group read the same inputs, which are loaded once for all of them. A row begins anywhere in a cache
// line, and a register that crosses lines takes twice the time: so inputs are copied to rows that begin with a line,
// and so are tables whose rows are used often. Of other tables the next rows are called into the cache ahead of time.
//
// Every operand has the leading axes of the batch, of full size or 1 (then it is shared), as glns/native.py makes them.
// Letters: B batch axes, F fan-in, R contexts, T time.

#include <Python.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "native/threads.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

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

constexpr int kGroup = 4;    // neurons that walk together
constexpr int kLine = 64;    // bytes of a cache line
constexpr int kVisits = 16;  // a table is copied if its rows are used as often as this, on average

template <typename Real>
constexpr int64_t kLanes = kLine / sizeof(Real);

// The logit of a context that is no row of the table.
template <typename Real>
constexpr Real kNoRow = std::numeric_limits<Real>::quiet_NaN();

// A row in memory: `whole` numbers in whole lines, and at `last` its last kLanes numbers. These overlap, and the inputs
// are 0 where they do, so that everything counts once.
struct Layout {
  int64_t stride, whole, last;
};

// What the neurons of a call have in common.
struct Stretch {
  int64_t T, F, R;
  Layout of_rows, of_inputs;
  bool near;  // the tables are copies that stay in the cache
};

inline __attribute__((always_inline)) bool Known(int32_t context, const Stretch& stretch) {
  return 0 <= context && context < stretch.R;
}

// The row that example t selects; where the context is no row, one that may be read.
template <typename Real>
inline __attribute__((always_inline)) Real* RowOf(const Neuron<Real>& neuron, int64_t t, const Stretch& stretch) {
  return neuron.weights + (Known(neuron.contexts[t], stretch) ? neuron.contexts[t] : 0) * stretch.of_rows.stride;
}

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

// Algorithm 1 of Veness 2019 for one neuron of less than a line, number by number. Without `targets` it only predicts.
template <typename Real>
void WalkNarrow(const Neuron<Real>& neuron, const Stretch& stretch, const Rule& rule) {
  const Real bound = static_cast<Real>(rule.weight_bound);
  const int64_t F = stretch.F;
  for (int64_t t = 0; t < stretch.T; ++t) {
    const Real* x = neuron.inputs + t * F;
    const bool known = Known(neuron.contexts[t], stretch);
    Real* row = RowOf(neuron, t, stretch);
    neuron.logits[t] = known ? std::inner_product(x, x + F, row, Real{0}) : kNoRow<Real>;
    if (!neuron.targets || !known) continue;
    const Real step = neuron.rates[t] * Error(neuron.logits[t], neuron.targets[t], rule);
    for (int64_t i = 0; i < F; ++i) row[i] = std::min(std::max(row[i] - step * x[i], -bound), bound);
  }
}

// walk.h for the kind of CPU that this is.
template <typename Real>
struct Walks {
  void (*one)(const Neuron<Real>*, const Stretch&, const Rule&);
  void (*group)(const Neuron<Real>*, const Stretch&, const Rule&);
};

namespace any_cpu {
#define TARGET
#define WIDTH 16
#include "walk.h"
}  // namespace any_cpu

#if defined(__x86_64__) && defined(__linux__)
namespace avx2 {
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 32
#include "walk.h"
}  // namespace avx2

namespace avx512 {
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl")))
#define WIDTH 64
#include "walk.h"
}  // namespace avx512

template <typename Real>
Walks<Real> WalksOfThisCpu() {
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl");
  if (has_avx2 && has_avx512) return {avx512::WalkOne<Real>, avx512::WalkGroup<Real>};
  if (has_avx2) return {avx2::WalkOne<Real>, avx2::WalkGroup<Real>};
  return {any_cpu::WalkOne<Real>, any_cpu::WalkGroup<Real>};
}
#else
template <typename Real>
Walks<Real> WalksOfThisCpu() {
  return {any_cpu::WalkOne<Real>, any_cpu::WalkGroup<Real>};
}
#endif

// `count` numbers at the beginning of a line of `memory`; they are not set.
template <typename Real>
Real* Lines(std::vector<Real>& memory, int64_t count) {
  if (memory.size() < static_cast<size_t>(count + kLanes<Real>)) memory.resize(count + kLanes<Real>);
  const uintptr_t begin = reinterpret_cast<uintptr_t>(memory.data());
  return reinterpret_cast<Real*>((begin + kLine - 1) / kLine * kLine);
}

// Copies a table of so many rows from one layout to another.
template <typename Real>
void CopyTable(const Real* from, const Layout& of_from, Real* to, const Layout& of_to, int64_t num_rows) {
  for (; num_rows-- > 0; from += of_from.stride, to += of_to.stride) {
    std::copy_n(from + of_from.last, kLanes<Real>, to + of_to.last);  // first: its overlap may be out of date
    std::copy_n(from, of_from.whole, to);
  }
}

// Up to kGroup neurons with the same inputs walk.
template <typename Real>
void WalkAll(Neuron<Real>* neurons, int64_t count, Stretch stretch, const Rule& rule) {
  static const Walks<Real> walks = WalksOfThisCpu<Real>();
  if (stretch.F < kLanes<Real>) {
    for (int64_t k = 0; k < count; ++k) WalkNarrow(neurons[k], stretch, rule);
    return;
  }
  const Layout bare = stretch.of_rows, padded = stretch.of_inputs;
  Real* tables[kGroup];
  if (stretch.R * kVisits <= stretch.T) {
    thread_local std::vector<Real> memory;
    const int64_t size = stretch.R * padded.stride;
    Real* copy = Lines(memory, count * size);
    for (int64_t k = 0; k < count; ++k, copy += size) {
      tables[k] = std::exchange(neurons[k].weights, copy);
      CopyTable(tables[k], bare, copy, padded, stretch.R);
    }
    stretch.of_rows = padded;
    stretch.near = true;
  }
  if (count == kGroup) {
    walks.group(neurons, stretch, rule);
  } else {
    for (int64_t k = 0; k < count; ++k) walks.one(neurons + k, stretch, rule);
  }
  if (!stretch.near || !neurons[0].targets) return;
  for (int64_t k = 0; k < count; ++k) CopyTable(neurons[k].weights, padded, tables[k], bare, stretch.R);
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

// The operands of a call; targets and rates only where it learns.
struct Operands {
  ffi::AnyBuffer weights, contexts, inputs;
  std::optional<ffi::AnyBuffer> targets, rates;
  ffi::AnyBuffer logits;
};

template <typename Real>
void Run(ffi::ThreadPool& pool, Operands& operands, const Rule& rule) {
  const ffi::AnyBuffer::Dimensions table = operands.weights.dimensions(), axes = operands.logits.dimensions();
  const size_t rank = axes.size() - 1;
  const int64_t R = table[rank], F = table[rank + 1], T = axes[rank];  // [.., R, F], [.., T]
  int64_t count = 1;
  for (size_t i = 0; i < rank; ++i) count *= axes[i];
  if (!count || !T) return;

  const int64_t whole = (F - 1) / kLanes<Real> * kLanes<Real>;
  const Layout bare{F, whole, F - kLanes<Real>}, padded{whole + kLanes<Real>, whole, whole};
  const bool wide = F >= kLanes<Real>;
  const Stretch stretch{T, F, R, bare, wide ? padded : bare, false};
  const Real* inputs = operands.inputs.typed_data<Real>();
  std::vector<Real> memory;
  if (wide) {
    const int64_t num_rows = operands.inputs.element_count() / F;
    Real* copy = Lines(memory, num_rows * padded.stride);
    CopyTable(inputs, bare, copy, padded, num_rows);
    for (int64_t i = 0; i < num_rows; ++i) {
      std::fill_n(copy + i * padded.stride + padded.last, whole - bare.last, Real{0});
    }
    inputs = copy;
  }

  const int64_t K = rank ? axes[rank - 1] : 1;
  const bool together = rank && operands.inputs.dimensions()[rank - 1] == 1;
  const int64_t size = together ? kGroup : 1, groups = (K + size - 1) / size;
  auto neuron = [&](int64_t index) {
    auto offset = [&](const ffi::AnyBuffer& operand, int64_t elements) {
      return Offset(operand.dimensions(), axes, rank, index, elements);
    };
    auto numbers = [&](const std::optional<ffi::AnyBuffer>& operand) {
      return operand ? operand->typed_data<Real>() + offset(*operand, T) : nullptr;
    };
    return Neuron<Real>{operands.weights.typed_data<Real>() + offset(operands.weights, R * F),
                        operands.contexts.typed_data<int32_t>() + offset(operands.contexts, T),
                        inputs + offset(operands.inputs, T * stretch.of_inputs.stride),
                        numbers(operands.targets),
                        numbers(operands.rates),
                        operands.logits.typed_data<Real>() + index * T};
  };
  ForEach(pool, count / K * groups, [&](int64_t task) {
    const int64_t first = task / groups * K + task % groups * size;
    const int64_t last = std::min(first + size, (task / groups + 1) * K);
    Neuron<Real> neurons[kGroup];
    for (int64_t k = first; k < last; ++k) neurons[k - first] = neuron(k);
    WalkAll(neurons, last - first, stretch, rule);
  });
}

std::string Described(const ffi::AnyBuffer& buffer) {
  std::ostringstream text;
  text << buffer.element_type() << " [";
  for (size_t i = 0; i < buffer.dimensions().size(); ++i) text << (i ? ", " : "") << buffer.dimensions()[i];
  return text.str() + "]";
}

// An error that names an operand whose type or shape does not fit those of the weights and the logits.
ffi::Error Check(const Operands& operands) {
  const ffi::DataType real = operands.weights.element_type();
  const auto table = operands.weights.dimensions(), axes = operands.logits.dimensions();
  if ((real != ffi::F32 && real != ffi::F64) || axes.size() < 1 || table.size() != axes.size() + 1) {
    return ffi::Error::InvalidArgument("glns: weights must be float32 or float64 [.., R, F] and logits [.., T], got " +
                                       Described(operands.weights) + " and " + Described(operands.logits));
  }
  const size_t rank = axes.size() - 1;
  const int64_t R = table[rank], F = table[rank + 1], T = axes[rank];
  if (!R) return ffi::Error::InvalidArgument("glns: weights must have a row, got " + Described(operands.weights));
  auto misfit = [&](const ffi::AnyBuffer& buffer, ffi::DataType type, std::vector<int64_t> own, bool shared = true) {
    const auto shape = buffer.dimensions();
    if (buffer.element_type() != type || shape.size() != rank + own.size()) return true;
    for (size_t i = 0; i < rank; ++i) {
      if (shape[i] != axes[i] && !(shared && shape[i] == 1)) return true;
    }
    return !std::equal(own.begin(), own.end(), shape.begin() + rank);
  };
  auto error = [&](const char* name, const ffi::AnyBuffer& buffer) {
    return ffi::Error::InvalidArgument("glns: " + std::string(name) + " " + Described(buffer) +
                                       " do not fit the weights " + Described(operands.weights) + " and logits " +
                                       Described(operands.logits));
  };
  const bool learns = operands.targets.has_value();
  if (misfit(operands.logits, real, {T})) return error("logits", operands.logits);
  if (misfit(operands.weights, real, {R, F}, !learns)) return error("weights", operands.weights);
  if (misfit(operands.contexts, ffi::S32, {T})) return error("contexts", operands.contexts);
  if (misfit(operands.inputs, real, {T, F})) return error("inputs", operands.inputs);
  if (learns && misfit(*operands.targets, real, {T})) return error("targets", *operands.targets);
  if (learns && misfit(*operands.rates, real, {T})) return error("rates", *operands.rates);
  return ffi::Error::Success();
}

ffi::Error RunTyped(ffi::ThreadPool& pool, Operands operands, const Rule& rule) {
  if (ffi::Error error = Check(operands); error.failure()) return error;
  if (operands.weights.element_type() == ffi::F32) {
    Run<float>(pool, operands, rule);
  } else {
    Run<double>(pool, operands, rule);
  }
  return ffi::Error::Success();
}

ffi::Error Learn(ffi::ThreadPool pool, ffi::AnyBuffer weights, ffi::AnyBuffer contexts, ffi::AnyBuffer inputs,
                 ffi::AnyBuffer targets, ffi::AnyBuffer rates, ffi::Result<ffi::AnyBuffer> learned,
                 ffi::Result<ffi::AnyBuffer> logits, double epsilon, double weight_bound, int64_t clip_rule) {
  if (learned->untyped_data() != weights.untyped_data()) {
    return ffi::Error::Internal("glns: the weights are not updated in place");
  }
  return RunTyped(pool, {weights, contexts, inputs, targets, rates, *logits}, {epsilon, weight_bound, clip_rule});
}

ffi::Error Predict(ffi::ThreadPool pool, ffi::AnyBuffer weights, ffi::AnyBuffer contexts, ffi::AnyBuffer inputs,
                   ffi::Result<ffi::AnyBuffer> logits) {
  return RunTyped(pool, {weights, contexts, inputs, std::nullopt, std::nullopt, *logits}, Rule{});
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
