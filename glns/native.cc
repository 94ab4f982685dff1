// The Bernoulli neuron on a CPU: glns.bernoulli.learn and .predict for any number of neurons at once.
//
// Neurons never interact, so threads take them in groups, each of which walks (neurons.h).
// Every operand has the leading axes of the batch, of full size or 1 (then it is shared), as glns/native.py makes them.
// Letters: B batch axes, F fan-in, R contexts, T time.

#include <Python.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "native/operands.h"
#include "native/threads.h"
#include "neurons.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

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
    return !Fits(buffer, type, axes, rank, own, shared);
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
