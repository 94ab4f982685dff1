// C MuJoCo on a CPU: one control step of any number of games at once, called from within a compiled program.
//
// A game is its numbers (q, qd, warm start, controls, factors) and nothing else: a thread loads them into a model and
// data of its own, steps, and stores them. So a game's next state does not depend on who else plays, on which thread,
// or in what order.
// The text of a scene names it: the program has no pointer in it, and may be kept in a cache of compiled programs.

#include <Python.h>
#include <mujoco/mujoco.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "native/threads.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

using Floats = ffi::Buffer<ffi::F32>;

// A thread's own: a copy of the model, whose masses and frictions are those of the game at hand, and its data.
struct Worker {
  mjModel* model = nullptr;
  mjData* data = nullptr;
};

// A model as it was compiled, and the workers that no thread uses at the moment: as many as threads ever were in it.
struct Model {
  mjModel* model = nullptr;
  std::string error;
  std::mutex mutex;
  std::vector<Worker> idle;
};

// Messages come with the first warning of a kind, and would go to a file in the folder of the process: there was one.
void Silence(mjData* data) {
  for (auto& warning : data->warning) warning.number = 1;
}

Worker Take(Model& model) {
  {
    std::lock_guard<std::mutex> lock(model.mutex);
    if (!model.idle.empty()) {
      Worker worker = model.idle.back();
      model.idle.pop_back();
      return worker;
    }
  }
  Worker worker{mj_copyModel(nullptr, model.model), mj_makeData(model.model)};
  if (worker.data) Silence(worker.data);
  return worker;
}

void Return(Model& model, Worker worker) {
  std::lock_guard<std::mutex> lock(model.mutex);
  model.idle.push_back(worker);
}

// The model of a text, compiled once in the life of the process.
Model& ModelOf(std::string_view text) {
  static std::mutex mutex;
  static auto& models = *new std::map<std::string, std::unique_ptr<Model>>();
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<Model>& model = models[std::string(text)];
  if (!model) {
    model = std::make_unique<Model>();
    char message[1000] = "";
    mjSpec* spec = mj_parseXMLString(std::string(text).c_str(), nullptr, message, sizeof(message));
    model->model = spec ? mj_compile(spec, nullptr) : nullptr;
    model->error = spec && !model->model ? mjs_getError(spec) : message;
    if (spec) mj_deleteSpec(spec);
    if (model->model) model->model->opt.disableflags |= mjDSBL_AUTORESET;  // a game that breaks is seen to be broken
  }
  return *model;
}

// Whether all numbers are finite and below MuJoCo's own bound.
bool Sound(const mjtNum* numbers, int count) {
  return std::all_of(numbers, numbers + count, [](mjtNum number) { return std::abs(number) <= mjMAXVAL; });
}

bool Sound(const mjModel* model, const mjData* data) {
  return Sound(data->qpos, model->nq) && Sound(data->qvel, model->nv) && Sound(data->qacc_warmstart, model->nv);
}

// One game before and after: its parts of the operands and the results.
struct Game {
  const float *q, *qd, *warm_start, *controls, *factors;
  float *q_after, *qd_after, *warm_start_after;
  bool* touch;  // [objects, links]
};

struct Rules {
  int64_t substeps;
  ffi::Span<const int64_t> objects, links;  // bodies
};

void Touch(const mjModel* model, const mjData* data, const Rules& rules, bool* touch) {
  const size_t O = rules.objects.size(), L = rules.links.size();
  std::fill_n(touch, O * L, false);
  for (int c = 0; c < data->ncon; ++c) {
    const mjContact& contact = data->contact[c];
    if (contact.dist >= 0 || contact.geom[0] < 0 || contact.geom[1] < 0) continue;
    const int64_t a = model->geom_bodyid[contact.geom[0]], b = model->geom_bodyid[contact.geom[1]];
    for (size_t o = 0; o < O; ++o) {
      for (size_t l = 0; l < L; ++l) {
        const int64_t object = rules.objects[o], link = rules.links[l];
        if ((a == object && b == link) || (a == link && b == object)) touch[o * L + l] = true;
      }
    }
  }
}

// Gives the model the masses and frictions of a game: those of `base`, times its factors. The first are of the objects'
// masses, and all that follows from these; the last is of all sliding friction, and of the objects' drag.
void Vary(const mjModel* base, const Rules& rules, const float* factors, mjModel* model) {
  const mjtNum friction = factors[rules.objects.size()];
  for (size_t o = 0; o < rules.objects.size(); ++o) {
    const int64_t body = rules.objects[o];
    const mjtNum mass = factors[o];
    model->body_mass[body] = mass * base->body_mass[body];
    model->body_subtreemass[body] = mass * base->body_subtreemass[body];
    for (int i = 0; i < 3; ++i) model->body_inertia[3 * body + i] = mass * base->body_inertia[3 * body + i];
    for (int i = 0; i < 2; ++i) model->body_invweight0[2 * body + i] = base->body_invweight0[2 * body + i] / mass;
    for (int i = 0; i < base->body_dofnum[body]; ++i) {
      const int dof = base->body_dofadr[body] + i;
      model->dof_M0[dof] = mass * base->dof_M0[dof];
      model->dof_invweight0[dof] = base->dof_invweight0[dof] / mass;
      model->dof_damping[dof] = friction * base->dof_damping[dof];
    }
  }
  for (int geom = 0; geom < base->ngeom; ++geom) {
    model->geom_friction[3 * geom] = friction * base->geom_friction[3 * geom];
  }
}

void Step(const mjModel* base, const Worker& worker, const Rules& rules, const Game& game) {
  mjModel* model = worker.model;
  mjData* data = worker.data;
  Vary(base, rules, game.factors, model);
  const int nq = model->nq, nv = model->nv, nu = model->nu;
  std::copy_n(game.q, nq, data->qpos);
  std::copy_n(game.qd, nv, data->qvel);
  std::copy_n(game.warm_start, nv, data->qacc_warmstart);
  std::copy_n(game.controls, nu, data->ctrl);
  data->time = 0;
  bool sound = Sound(model, data) && Sound(data->ctrl, nu);
  for (int64_t i = 0; sound && i < rules.substeps; ++i) {
    mj_step(model, data);
    sound = Sound(model, data);
  }
  if (sound) {
    std::copy_n(data->qpos, nq, game.q_after);
    std::copy_n(data->qvel, nv, game.qd_after);
    std::copy_n(data->qacc_warmstart, nv, game.warm_start_after);
    Touch(model, data, rules, game.touch);
    return;
  }
  const float nothing = std::numeric_limits<float>::quiet_NaN();
  std::fill_n(game.q_after, nq, nothing);
  std::fill_n(game.qd_after, nv, nothing);
  std::fill_n(game.warm_start_after, nv, nothing);
  std::fill_n(game.touch, rules.objects.size() * rules.links.size(), false);
  mj_resetData(model, data);  // nothing of a broken game stays for the next one
  Silence(data);
}

ffi::Error Advance(ffi::ThreadPool pool, Floats q, Floats qd, Floats warm_start, Floats controls, Floats factors,
                   ffi::Result<Floats> q_after, ffi::Result<Floats> qd_after, ffi::Result<Floats> warm_start_after,
                   ffi::Result<ffi::Buffer<ffi::PRED>> touch, std::string_view mjcf, int64_t substeps,
                   ffi::Span<const int64_t> objects, ffi::Span<const int64_t> links) {
  Model& model = ModelOf(mjcf);
  if (!model.model) return ffi::Error::InvalidArgument("self_play: MuJoCo refuses the scene: " + model.error);
  const int64_t nq = model.model->nq, nv = model.model->nv, nu = model.model->nu, count = q.element_count() / nq;
  const int64_t num_touch = objects.size() * links.size(), num_factors = objects.size() + 1;
  auto fits = [count](const auto& buffer, int64_t size) {
    return static_cast<int64_t>(buffer.element_count()) == count * size;
  };
  if (!fits(q, nq) || !fits(qd, nv) || !fits(warm_start, nv) || !fits(controls, nu) || !fits(factors, num_factors) ||
      !fits(*q_after, nq) || !fits(*qd_after, nv) || !fits(*warm_start_after, nv) || !fits(*touch, num_touch) ||
      !std::all_of(objects.begin(), objects.end(), [&](int64_t b) { return 0 <= b && b < model.model->nbody; })) {
    return ffi::Error::InvalidArgument("self_play: the operands do not fit the scene, or not one another");
  }
  const Rules rules{substeps, objects, links};
  const int64_t threads = std::max<int64_t>(1, pool.num_threads());
  const int64_t size = std::clamp<int64_t>(count / (4 * threads), 1, 16), tasks = (count + size - 1) / size;
  std::atomic<bool> out_of_memory{false};
  ForEach(pool, tasks, [&](int64_t task) {
    const Worker worker = Take(model);
    if (!worker.model || !worker.data) return out_of_memory.store(true);
    for (int64_t i = task * size; i < std::min(count, (task + 1) * size); ++i) {
      Step(model.model, worker, rules,
           {q.typed_data() + i * nq, qd.typed_data() + i * nv, warm_start.typed_data() + i * nv,
            controls.typed_data() + i * nu, factors.typed_data() + i * num_factors, q_after->typed_data() + i * nq,
            qd_after->typed_data() + i * nv, warm_start_after->typed_data() + i * nv,
            touch->typed_data() + i * num_touch});
    }
    Return(model, worker);
  });
  if (out_of_memory) return ffi::Error(ffi::ErrorCode::kResourceExhausted, "self_play: no memory for a game");
  return ffi::Error::Success();
}

XLA_FFI_DEFINE_HANDLER(kAdvance, Advance,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<Floats>()
                           .Arg<Floats>()
                           .Arg<Floats>()
                           .Arg<Floats>()
                           .Arg<Floats>()
                           .Ret<Floats>()
                           .Ret<Floats>()
                           .Ret<Floats>()
                           .Ret<ffi::Buffer<ffi::PRED>>()
                           .Attr<std::string_view>("mjcf")
                           .Attr<int64_t>("substeps")
                           .Attr<ffi::Span<const int64_t>>("objects")
                           .Attr<ffi::Span<const int64_t>>("links"));

PyModuleDef module = {PyModuleDef_HEAD_INIT, "self_play._physics", "An XLA FFI handler: C MuJoCo.", -1};

}  // namespace

// The Python module: the handler as a capsule for jax.ffi.register_ffi_target. It must have met the MuJoCo that it was
// compiled for.
PyMODINIT_FUNC PyInit__physics() {
  if (mj_version() != mjVERSION_HEADER) {
    return PyErr_Format(PyExc_ImportError, "compiled for MuJoCo %d, not %d", mjVERSION_HEADER, mj_version());
  }
  PyObject* self = PyModule_Create(&module);
  if (!self) return nullptr;
  PyModule_AddObject(self, "advance",
                     PyCapsule_New(reinterpret_cast<void*>(kAdvance), "xla._CUSTOM_CALL_TARGET", nullptr));
  return self;
}
