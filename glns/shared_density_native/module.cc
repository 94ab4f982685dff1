// glns.shared_density on a CPU: its XLA FFI handlers, and the shapes of its state.

#include <Python.h>

#include <string>

#include "model.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

using namespace shared_density;

// images [B, H, W], uniforms and known [H, W] (used if draws), then the arrays of a state -> nats [stages, B], images,
// and if it learns the arrays again.
ffi::Error Run(ffi::RemainingArgs args, ffi::RemainingRets rets, int64_t max_contexts, double rate, double joint_rate,
               double upper_rate, double epsilon, bool learns, bool draws) {
  constexpr size_t kFront = 3, kLeaves = 26;
  if (args.size() != kFront + kLeaves || rets.size() != (learns ? 2 + kLeaves : 2)) {
    return ffi::Error::InvalidArgument("glns: a state of the shared density has 26 arrays");
  }
  const auto images = *args.get<ffi::AnyBuffer>(0);
  const auto shape = images.dimensions();
  void* leaves[kLeaves];
  for (size_t i = 0; i < kLeaves; ++i) {
    const auto leaf = *args.get<ffi::AnyBuffer>(kFront + i);
    leaves[i] = leaf.untyped_data();
    if (!learns) continue;
    void* to = (*rets.get<ffi::AnyBuffer>(2 + i))->untyped_data();
    if (to != leaves[i]) std::copy_n(static_cast<char*>(leaves[i]), leaf.size_bytes(), static_cast<char*>(to));
    leaves[i] = to;
  }
  Arrays arrays{};
  size_t next = 0;
  arrays.count = static_cast<int32_t*>(leaves[next++]);
  arrays.counters = static_cast<uint16_t*>(leaves[next++]);
  arrays.easy = static_cast<uint16_t*>(leaves[next++]);
  for (float** of : {&arrays.coarse_means, &arrays.coarse_mass, &arrays.fine_means, &arrays.fine_mass}) {
    *of = static_cast<float*>(leaves[next++]);
  }
  for (auto& space : arrays.curvature) {
    for (float*& of : space) of = static_cast<float*>(leaves[next++]);
  }
  for (auto& table : arrays.tables) {
    for (float*& of : table) of = static_cast<float*>(leaves[next++]);
  }
  arrays.slots = args.get<ffi::AnyBuffer>(kFront + 1)->dimensions()[1];
  arrays.coarse_parts = args.get<ffi::AnyBuffer>(kFront + 4)->element_count();
  arrays.fine_parts = args.get<ffi::AnyBuffer>(kFront + 6)->element_count();

  const Settings settings{shape[1], shape[2], max_contexts, static_cast<float>(rate), static_cast<float>(joint_rate),
                          static_cast<float>(upper_rate), static_cast<float>(epsilon)};
  Model model(arrays, settings);
  float* nats = (*rets.get<ffi::AnyBuffer>(0))->typed_data<float>();
  float* drawn = (*rets.get<ffi::AnyBuffer>(1))->typed_data<float>();
  std::copy_n(images.typed_data<float>(), images.element_count(), drawn);
  const float* uniforms = draws ? args.get<ffi::AnyBuffer>(1)->typed_data<float>() : nullptr;
  const float* known = draws ? args.get<ffi::AnyBuffer>(2)->typed_data<float>() : nullptr;
  for (int64_t b = 0; b < shape[0]; ++b) {
    const auto of_stages = model.Walk(drawn + b * shape[1] * shape[2], learns, uniforms, known);
    for (int s = 0; s < kStages; ++s) nats[s * shape[0] + b] = of_stages[s];
  }
  return ffi::Error::Success();
}

XLA_FFI_DEFINE_HANDLER(kRun, Run,
                       ffi::Ffi::Bind()
                           .RemainingArgs()
                           .RemainingRets()
                           .Attr<int64_t>("max_contexts")
                           .Attr<double>("rate")
                           .Attr<double>("joint_rate")
                           .Attr<double>("upper_rate")
                           .Attr<double>("epsilon")
                           .Attr<bool>("learns")
                           .Attr<bool>("draws"));

// shapes(height, width, coarse, fine, max_contexts) -> counters, inputs of the layers (3), rows of the tables (5)
PyObject* Shapes(PyObject*, PyObject* args) {
  long height, width, coarse, fine, max_contexts;
  if (!PyArg_ParseTuple(args, "lllll", &height, &width, &coarse, &fine, &max_contexts)) return nullptr;
  const Contexts gates = GateSizes(height, width, coarse, fine, max_contexts);
  int64_t rows = 0, second = 0, third = 0;
  for (size_t g = 1; g < gates.sizes.size(); ++g) rows += gates.sizes[g];
  for (int gate : kSecond) second += gates.sizes[gate];
  for (int gate : kThird) third += gates.sizes[gate];
  return Py_BuildValue("l(lll)(lllll)", long{kCounters}, long{kInputs}, static_cast<long>(SecondInputs(gates.sizes.size())),
                       long{kLanes}, 1L, static_cast<long>(rows), static_cast<long>(rows), static_cast<long>(second),
                       static_cast<long>(third));
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
