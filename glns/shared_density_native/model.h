// The whole model, and its walk over an image pixel by pixel.
#pragma once

#include "features.h"

namespace shared_density {

constexpr float kCertain = 3e-4f;  // a pixel as certain as this by its own counts is not given to the network
constexpr float kGrowth = 1.6f;  // the curvature is fitted again when so many times as many images have been seen,
constexpr int64_t kLastRefit = 20000;  // until there are so many
constexpr float kSeenBound = 6;  // of the logits of earlier pixels, as inputs
constexpr int kStages = 4;

struct Settings {
  int64_t height, width, max_contexts;
  float rate, joint_rate, second_rate, damping, epsilon;
};

// The arrays of a state, in the order of the fields of shared_density.State.
struct Arrays {
  int32_t* count;
  uint16_t *counters, *certain;
  float *coarse_means, *coarse_mass, *fine_means, *fine_mass;
  float* curvatures[2][3];   // of the inputs of each layer: sum, inverse, total
  float* tables[kStages][2]; // of each stage: weights, evidence
  float *centres, *cluster_mass;
  int64_t slots, coarse_parts, fine_parts;
};

inline Contexts GateSizes(int64_t height, int64_t width, int64_t coarse, int64_t fine, int64_t max_contexts) {
  Contexts gates;
  Canvas canvas(height, width);
  AddContexts(View{canvas, {}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, coarse, fine, gates);
  for (int64_t& size : gates.sizes) size = std::min(size, max_contexts);
  return gates;
}
inline int64_t SecondInputs(int64_t gates) { return (gates + 5 + kLanes - 1) / kLanes * kLanes; }

// What the network saw, if asked for: inputs [P, kInputs] and the row of each gate [P, G].
struct Trace {
  float* inputs;
  int32_t* rows;
};

class Model {
 public:
  Model(const Arrays& arrays, const Settings& settings)
      : arrays_(arrays), settings_(settings),
        gates_(GateSizes(settings.height, settings.width, arrays.coarse_parts, arrays.fine_parts,
                         settings.max_contexts)),
        counters_(arrays.counters, arrays.slots),
        coarse_(arrays.coarse_means, arrays.coarse_mass, arrays.coarse_parts),
        fine_(arrays.fine_means, arrays.fine_mass, arrays.fine_parts),
        shifted_(arrays.fine_means, arrays.fine_mass, arrays.fine_parts, settings.height, settings.width),
        clusters_(arrays.centres, arrays.cluster_mass),
        inputs_{MakeInputs(0, kInputs), MakeInputs(1, SecondInputs(gates_.sizes.size()))},
        base_(MakeLayer(0, 0, false)), first_(MakeLayer(1, 0, false)), joint_(MakeLayer(2, 0, true)),
        second_(MakeLayer(3, 1, true)) {}

  // Walks over an image. -> its log loss by each stage in nats, the last that of the model. If `uniforms` are given,
  // pixels that are not `known` are drawn. If `learns`, the model learns after each pixel.
  std::array<double, kStages> Walk(float* image, bool learns, const float* uniforms, const float* known, Trace trace) {
    std::array<double, kStages> nats{};
    const int64_t pixels = settings_.height * settings_.width;
    if (*arrays_.count == 0 && !learns && !uniforms && !trace.inputs) {  // all weights are 0
      nats.fill(pixels * std::log(2.0));
      return nats;
    }
    Canvas canvas(settings_.height, settings_.width);
    coarse_.Begin();
    fine_.Begin();
    shifted_.Begin();
    const float bound = Logit(1 - settings_.epsilon);
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      uint16_t* counts = arrays_.certain + 2 * (pixel << 4 | canvas.Bits(0, 4));
      const float counted = Probability(counts);
      const bool is_certain = std::min(counted, 1 - counted) < kCertain;
      std::array<float, kStages> logits;
      if (is_certain) {
        logits.fill(Logit(counted));
      } else {
        logits = Predict(canvas, pixel);
        if (trace.inputs) Copy(trace, pixel);
      }
      const float p = Sigmoid(Clip(logits.back(), bound));
      if (uniforms && !known[pixel]) image[pixel] = uniforms[pixel] < p;
      const bool value = image[pixel];
      for (int s = 0; s < kStages; ++s) {
        nats[s] += std::log1p(std::exp(static_cast<double>(Clip(logits[s], bound)) * (value ? -1 : 1)));
      }
      if (learns) {
        if (!is_certain) LearnPixel(canvas, pixel, value);
        Count(counts, value);
      }
      const float entropy = -p * std::log(p) - (1 - p) * std::log(1 - p);
      shifted_.Observe(canvas, value);
      canvas.Observe(value, Clip(logits.back(), kSeenBound), -std::log(value ? p : 1 - p) - entropy);
      coarse_.Observe(pixel, value);
      fine_.Observe(pixel, value);
    }
    if (learns) LearnImage(image, pixels);
    return nats;
  }

 private:
  Inputs MakeInputs(int space, int64_t size) {
    float** of = arrays_.curvatures[space];
    return Inputs(of[0], of[1], of[2], size);
  }
  Layer MakeLayer(int table, int space, bool joint) {
    return Layer(arrays_.tables[table][0], arrays_.tables[table][1], inputs_[space], joint);
  }

  std::array<float, kStages> Predict(const Canvas& canvas, int64_t pixel) {
    View view{canvas, {}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    counters_.Predict(canvas, view.counters);
    const auto logit = [](float p) { return Logit(std::min(std::max(p, 5e-4f), 1 - 5e-4f)); };
    view.coarse = logit(coarse_.Predict(pixel));
    view.fine = logit(fine_.Predict(pixel));
    view.soft = logit(fine_.PredictSoftly(pixel));
    view.coarse_part = coarse_.Best();
    view.fine_part = fine_.Best();
    view.shifted = logit(shifted_.Predict(canvas));
    view.shifted_soft = logit(shifted_.PredictSoftly(canvas));
    const int64_t best = shifted_.Best();
    view.shifted_part = best % arrays_.fine_parts;
    view.shift = best / arrays_.fine_parts;
    view.cluster = clusters_.Nearest(canvas);
    Contexts gates;
    AddContexts(view, arrays_.coarse_parts, arrays_.fine_parts, gates);
    FindRows(gates);
    first_.Prefetch(rows_);
    joint_.Prefetch(rows_);
    second_.Prefetch(rows_);
    AddInputs(view, inputs_[0]);
    inputs_[0].Prepare();
    const float base = base_.Predict(base_rows_, 0)[0];
    first_.Predict(rows_, base);
    const float joint = joint_.Predict(rows_, base)[0];
    Inputs& second = inputs_[1];
    second.Begin();
    for (float logit : {1.f, base, joint, view.coarse, view.fine}) second.Add(logit);
    for (float logit : first_.logits) second.Add(logit);
    second.Prepare();
    return {base, first_.Mean(), joint, second_.Predict(rows_, joint)[0]};
  }

  // The rows that the contexts select, of all gates but the first.
  void FindRows(const Contexts& gates) {
    rows_.clear();
    int64_t start = 0;
    for (size_t g = 1; g < gates.contexts.size(); ++g) {
      rows_.push_back(start + gates.contexts[g] % gates_.sizes[g]);
      start += gates_.sizes[g];
    }
  }

  void Copy(Trace trace, int64_t pixel) const {
    std::copy(inputs_[0].x.begin(), inputs_[0].x.end(), trace.inputs + pixel * kInputs);
    std::copy(rows_.begin(), rows_.end(), trace.rows + pixel * rows_.size());
  }

  void LearnPixel(const Canvas& canvas, int64_t pixel, bool value) {
    const int64_t every = std::min<int64_t>(16, 1 + *arrays_.count / 16);
    if (*arrays_.count < kLastRefit && (pixel + 7 * *arrays_.count) % every == 0) {
      const float p = Sigmoid(joint_.logits[0]);
      for (Inputs& inputs : inputs_) inputs.Accumulate(p * (1 - p) + 1e-4f);
    }
    base_.Learn(value, settings_.rate, settings_.damping);
    first_.Learn(value, settings_.rate, settings_.damping);
    joint_.Learn(value, settings_.joint_rate, settings_.damping);
    second_.Learn(value, settings_.second_rate, settings_.damping);
    counters_.Learn(value);
    clusters_.Learn(canvas);
  }

  void LearnImage(const float* image, int64_t pixels) {
    const int64_t count = (*arrays_.count)++;
    coarse_.Learn(image, pixels, count);
    fine_.Learn(image, pixels, count);
    if (count + 1 > kLastRefit) return;
    int64_t due = 2;
    while (due < count + 1) due = std::max<int64_t>(due + 1, due * kGrowth);
    if (due == count + 1) {
      for (Inputs& inputs : inputs_) inputs.Refit();
    }
  }

  Arrays arrays_;
  Settings settings_;
  Contexts gates_;
  Counters counters_;
  Mixture coarse_, fine_;
  Shifted shifted_;
  Clusters clusters_;
  Inputs inputs_[2];
  Layer base_, first_, joint_, second_;
  std::vector<int64_t> base_rows_{0}, rows_;
};

}  // namespace shared_density
