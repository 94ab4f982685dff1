// The inner run on a CPU: blur.unroll for any number of networks at once, and its reverse sweep.
//
// Networks never interact, so threads take one after the other, each for its whole run: its synapses stay in the cache.
// Every operand has the leading axes of the batch, of full size or 1 (then it is shared), as blur/native.py makes them.
// Letters: B batch, D inputs, G genes of a layer, L layers, M classes, P synapses, S steps.

#include <Python.h>

#include "native/threads.h"
#include "operands.h"
#include "pages.h"
#include "reverse.h"
#include "step.h"

namespace {

using namespace blur;

ffi::Error Unfit() { return ffi::Error::InvalidArgument("blur: operands and attributes are of no network"); }

// The axes of genes, inputs and targets.
std::vector<Named> Axes(const Shape& shape, int64_t S, const ffi::AnyBuffer& genes, const ffi::AnyBuffer& inputs,
                        const ffi::AnyBuffer& targets) {
  return {{"genes", genes, {shape.num_layers(), Genes<float>::Count(shape)}},
          {"inputs", inputs, {S, shape.batch, shape.widths.front()}},
          {"targets", targets, {S, shape.batch, shape.widths.back()}}};
}

// genes [L, G], synapses [P], inputs [S, B, D], targets [S, B, M], horizon [] -> synapses [P], logits [S, B, M], and, if
// there is a third result, a tape [S, ..] of what the reverse sweep needs: the synapses before each step, its states.
ffi::Error Unroll(ffi::ThreadPool& pool, const Call& call) {
  if (call.buffers.size() < 7) return Unfit();
  const auto &genes = call.buffers[0], &synapses = call.buffers[1], &inputs = call.buffers[2],
             &targets = call.buffers[3], &horizon = call.buffers[4], &learned = call.buffers[5],
             &logits = call.buffers[6];
  const ffi::AnyBuffer* tape = call.buffers.size() > 7 ? &call.buffers[7] : nullptr;
  const std::optional<Shape> found = ShapeOf(logits.dimensions(), call);
  if (!found) return Unfit();
  const Shape& shape = *found;
  const Batch batch(logits.dimensions());
  const Sizes sizes(shape);
  const int64_t S = batch.steps();
  std::vector<Named> operands = Axes(shape, S, genes, inputs, targets);
  operands.push_back({"synapses", synapses, {sizes.synapses}});
  operands.push_back({"learned synapses", learned, {sizes.synapses}, false});
  operands.push_back({"logits", logits, {S, shape.batch, shape.widths.back()}, false});
  if (tape) operands.push_back({"tape", *tape, {S, sizes.tape}, false});
  if (ffi::Error error = Check(batch, horizon, operands); error.failure()) return error;

  if (tape) AskForLargePages(tape->untyped_data(), tape->size_bytes());
  ForEach(pool, batch.size(), [&](int64_t index) {
    const Packing packing(shape);
    const float* of_genes = batch.Of<float>(genes, index, sizes.genes);
    const float* x = batch.Of<float>(inputs, index, S * sizes.inputs);
    const float* y = batch.Of<float>(targets, index, S * sizes.targets);
    float* made = batch.Of<float>(logits, index, S * sizes.targets);
    const int64_t steps = batch.StepsOf(horizon, index), padded = packing.padded_size();

    Step step(shape);
    Memory memory(sizes.tape);
    float *last = memory.Take(padded), *states = memory.Take(sizes.tape - padded);
    float* record = tape && steps ? batch.Of<float>(*tape, index, S * sizes.tape) : nullptr;
    float* before = record ? record : last;
    packing.Unpack(batch.Of<float>(synapses, index, sizes.synapses), before);
    for (int64_t t = 0; t < steps; ++t) {
      float* after = record && t + 1 < steps ? before + sizes.tape : last;
      step.Run(of_genes, before, after, record ? before + padded : states, x + t * sizes.inputs,
               y + t * sizes.targets, made + t * sizes.targets);
      before = after;
    }
    std::fill_n(made + steps * sizes.targets, (S - steps) * sizes.targets, 0.f);
    packing.Pack(last, batch.Of<float>(learned, index, sizes.synapses));
  });
  return ffi::Error::Success();
}

// genes, tape, inputs, targets, horizon, gradients of the learned synapses [P] and of the logits [S, B, M] -> gradients
// of the genes [L, G] and of the synapses [P].
ffi::Error ReverseSweep(ffi::ThreadPool& pool, const Call& call) {
  if (call.buffers.size() != 9) return Unfit();
  const auto &genes = call.buffers[0], &tape = call.buffers[1], &inputs = call.buffers[2], &targets = call.buffers[3],
             &horizon = call.buffers[4], &of_learned = call.buffers[5], &of_logits = call.buffers[6],
             &of_genes = call.buffers[7], &of_synapses = call.buffers[8];
  const std::optional<Shape> found = ShapeOf(of_logits.dimensions(), call);
  if (!found) return Unfit();
  const Shape& shape = *found;
  const Batch batch(of_logits.dimensions());
  const Sizes sizes(shape);
  const int64_t S = batch.steps();
  std::vector<Named> operands = Axes(shape, S, genes, inputs, targets);
  operands.push_back({"tape", tape, {S, sizes.tape}});
  operands.push_back({"gradient of the learned synapses", of_learned, {sizes.synapses}});
  operands.push_back({"gradient of the logits", of_logits, {S, shape.batch, shape.widths.back()}, false});
  operands.push_back({"gradient of the genes", of_genes, operands[0].own, false});
  operands.push_back({"gradient of the synapses", of_synapses, {sizes.synapses}, false});
  if (ffi::Error error = Check(batch, horizon, operands); error.failure()) return error;

  ForEach(pool, batch.size(), [&](int64_t index) {
    const Packing packing(shape);
    const float* genes_here = batch.Of<float>(genes, index, sizes.genes);
    const float* x = batch.Of<float>(inputs, index, S * sizes.inputs);
    const float* y = batch.Of<float>(targets, index, S * sizes.targets);
    const float* gradient = batch.Of<float>(of_logits, index, S * sizes.targets);
    const float* record = batch.Of<float>(tape, index, S * sizes.tape);
    float* made = batch.Of<float>(of_genes, index, sizes.genes);
    std::fill_n(made, sizes.genes, 0.f);

    Reverse reverse(shape);
    Memory memory(packing.padded_size());
    float* synapses = memory.Take(packing.padded_size());
    packing.Unpack(batch.Of<float>(of_learned, index, sizes.synapses), synapses);
    for (int64_t t = batch.StepsOf(horizon, index); t-- > 0;) {
      const float* before = record + t * sizes.tape;
      reverse.Run(genes_here, before, before + packing.padded_size(), x + t * sizes.inputs, y + t * sizes.targets,
                  gradient + t * sizes.targets, synapses, made);
    }
    packing.Pack(synapses, batch.Of<float>(of_synapses, index, sizes.synapses));
  });
  return ffi::Error::Success();
}

template <ffi::Error (*call)(ffi::ThreadPool&, const Call&)>
ffi::Error Handled(ffi::ThreadPool pool, ffi::RemainingArgs operands, ffi::RemainingRets results,
                   ffi::Span<const int64_t> widths, ffi::Span<const int64_t> numbers,
                   ffi::Span<const int64_t> normalise) {
  Call made{{}, widths, numbers, normalise};
  for (size_t i = 0; i < operands.size(); ++i) made.buffers.push_back(operands.get<ffi::AnyBuffer>(i).value());
  for (size_t i = 0; i < results.size(); ++i) made.buffers.push_back(*results.get<ffi::AnyBuffer>(i).value());
  return call(pool, made);
}

auto Bound() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .RemainingArgs()
      .RemainingRets()
      .Attr<ffi::Span<const int64_t>>("widths")
      .Attr<ffi::Span<const int64_t>>("numbers")
      .Attr<ffi::Span<const int64_t>>("normalise");
}

XLA_FFI_DEFINE_HANDLER(kUnroll, Handled<Unroll>, Bound());
XLA_FFI_DEFINE_HANDLER(kReverse, Handled<ReverseSweep>, Bound());

// The Python module: the handlers as capsules for jax.ffi.register_ffi_target.
PyModuleDef module = {PyModuleDef_HEAD_INIT, "blur._unroll", "XLA FFI handlers of the inner run.", -1};

}  // namespace

PyMODINIT_FUNC PyInit__unroll() {
  PyObject* self = PyModule_Create(&module);
  if (!self) return nullptr;
  const char* name = "xla._CUSTOM_CALL_TARGET";
  PyModule_AddObject(self, "unroll", PyCapsule_New(reinterpret_cast<void*>(kUnroll), name, nullptr));
  PyModule_AddObject(self, "reverse", PyCapsule_New(reinterpret_cast<void*>(kReverse), name, nullptr));
  return self;
}
