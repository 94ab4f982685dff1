// glns.shared_density on a CPU: its XLA FFI handlers, and the shapes of its state.

#include <Python.h>

#include <cstring>
#include <vector>

#include "model.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

using namespace shared_density;

constexpr size_t kFront = 3, kBack = 4, kLeaves = 23;  // operands and results beside the state, arrays of a state

// The arrays of a state, and what they say of sizes, from buffers in the order of shared_density.State.
Arrays ArraysOf(const std::vector<ffi::AnyBuffer>& operands, void* const* leaves) {
  Arrays arrays{};
  size_t next = 0;
  arrays.count = static_cast<int32_t*>(leaves[next++]);
  arrays.counters = static_cast<uint16_t*>(leaves[next++]);
  arrays.certain = static_cast<uint16_t*>(leaves[next++]);
  for (float** of : {&arrays.coarse_means, &arrays.coarse_mass, &arrays.fine_means, &arrays.fine_mass}) {
    *of = static_cast<float*>(leaves[next++]);
  }
  for (auto& space : arrays.curvatures) {
    for (float*& of : space) of = static_cast<float*>(leaves[next++]);
  }
  for (auto& table : arrays.tables) {
    for (float*& of : table) of = static_cast<float*>(leaves[next++]);
  }
  arrays.centres = static_cast<float*>(leaves[next++]);
  arrays.cluster_mass = static_cast<float*>(leaves[next++]);
  arrays.slots = operands[kFront + 1].dimensions()[1];
  arrays.coarse_parts = operands[kFront + 4].element_count();
  arrays.fine_parts = operands[kFront + 6].element_count();
  return arrays;
}

// images [B, H, W], uniforms and known [H, W] (used if it draws), the arrays of a state -> nats [stages, B], images,
// inputs and rows (see Trace; without elements if nobody asks for them), and if it learns the arrays again.
ffi::Error Run(ffi::RemainingArgs args, ffi::RemainingRets rets, int64_t max_contexts, float rate, float joint_rate,
               float second_rate, float damping, float epsilon, bool learns, bool draws) {
  if (args.size() != kFront + kLeaves || rets.size() != kBack + (learns ? kLeaves : 0)) {
    return ffi::Error::InvalidArgument("glns: the state of a shared density has 23 arrays");
  }
  std::vector<ffi::AnyBuffer> operands, results;
  for (size_t i = 0; i < args.size(); ++i) operands.push_back(*args.get<ffi::AnyBuffer>(i));
  for (size_t i = 0; i < rets.size(); ++i) results.push_back(**rets.get<ffi::AnyBuffer>(i));
  void* leaves[kLeaves];
  for (size_t i = 0; i < kLeaves; ++i) {
    const ffi::AnyBuffer& leaf = operands[kFront + i];
    leaves[i] = leaf.untyped_data();
    if (!learns) continue;
    void* to = results[kBack + i].untyped_data();
    if (to != leaves[i]) std::memcpy(to, leaves[i], leaf.size_bytes());
    leaves[i] = to;
  }
  const auto shape = operands[0].dimensions();
  Model model(ArraysOf(operands, leaves),
              {shape[1], shape[2], max_contexts, rate, joint_rate, second_rate, damping, epsilon});
  float* nats = results[0].typed_data<float>();
  float* images = results[1].typed_data<float>();
  std::copy_n(operands[0].typed_data<float>(), operands[0].element_count(), images);
  const float* uniforms = draws ? operands[1].typed_data<float>() : nullptr;
  const float* known = draws ? operands[2].typed_data<float>() : nullptr;
  Trace trace{};
  const bool traces = results[2].element_count();
  for (int64_t b = 0; b < shape[0]; ++b) {
    if (traces) {
      trace = {results[2].typed_data<float>() + b * (results[2].element_count() / shape[0]),
               results[3].typed_data<int32_t>() + b * (results[3].element_count() / shape[0])};
    }
    const auto of_stages = model.Walk(images + b * shape[1] * shape[2], learns, uniforms, known, trace);
    for (int s = 0; s < kStages; ++s) nats[s * shape[0] + b] = of_stages[s];
  }
  return ffi::Error::Success();
}

XLA_FFI_DEFINE_HANDLER(kRun, Run,
                       ffi::Ffi::Bind()
                           .RemainingArgs()
                           .RemainingRets()
                           .Attr<int64_t>("max_contexts")
                           .Attr<float>("rate")
                           .Attr<float>("joint_rate")
                           .Attr<float>("second_rate")
                           .Attr<float>("damping")
                           .Attr<float>("epsilon")
                           .Attr<bool>("learns")
                           .Attr<bool>("draws"));

// shapes(height, width, coarse, fine, max_contexts) -> counters, inputs of both layers, gates, their rows, window and
// clusters
PyObject* Shapes(PyObject*, PyObject* args) {
  long long height, width, coarse, fine, max_contexts, rows = 0;
  if (!PyArg_ParseTuple(args, "LLLLL", &height, &width, &coarse, &fine, &max_contexts)) return nullptr;
  const Contexts gates = GateSizes(height, width, coarse, fine, max_contexts);
  const long long num_gates = gates.sizes.size() - 1;
  for (long long g = 1; g <= num_gates; ++g) rows += gates.sizes[g];
  return Py_BuildValue("i(LL)LL(iL)", kCounters, static_cast<long long>(kInputs),
                       static_cast<long long>(SecondInputs(num_gates + 1)), num_gates, rows, kWindow,
                       static_cast<long long>(kClusters));
}

PyMethodDef methods[] = {{"shapes", Shapes, METH_VARARGS, "The shapes of a state."}, {nullptr, nullptr, 0, nullptr}};
PyModuleDef module = {PyModuleDef_HEAD_INIT, "glns._shared_density", "The shared density's XLA FFI handler.", -1,
                      methods};

}  // namespace

PyMODINIT_FUNC PyInit__shared_density() {
  PyObject* self = PyModule_Create(&module);
  if (!self) return nullptr;
  PyModule_AddObject(self, "run", PyCapsule_New(reinterpret_cast<void*>(kRun), "xla._CUSTOM_CALL_TARGET", nullptr));
  return self;
}
