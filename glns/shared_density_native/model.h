// The whole model, and its walk over an image pixel by pixel.
#pragma once

#include "features.h"

namespace shared_density {

constexpr float kEasy = 3e-4f;  // a pixel that is as sure as this by its own counts is not given to the network
constexpr float kGrowth = 1.6f;
constexpr int64_t kLastRefit = 20000;
constexpr int kStages = 5;
constexpr std::array<int, 8> kSecond = {1, 3, 7, 8, 13, 15, 18, 20};
constexpr std::array<int, 3> kThird = {0, 2, 14};

struct Settings {
  int64_t height, width, max_contexts;
  float rate, joint_rate, upper_rate, epsilon;
};

// The arrays of a state, in the order of the fields of shared_density.State.
struct Arrays {
  int32_t* count;
  uint16_t *counters, *easy;
  float *coarse_means, *coarse_mass, *fine_means, *fine_mass;
  float* curvature[3][3];  // of the inputs of each layer: curvature, inverse, total
  float* tables[5][2];     // of base, first, joint, second, third: weights, evidence
  int64_t slots, coarse_parts, fine_parts;
};

inline Contexts GateSizes(int64_t height, int64_t width, int64_t coarse, int64_t fine, int64_t max_contexts) {
  Contexts gates;
  Canvas canvas(height, width);
  AddContexts(View{canvas, {}, 0, 0, 0, 0}, coarse, fine, gates);
  for (int64_t& size : gates.sizes) size = std::min(size, max_contexts);
  return gates;
}
inline int64_t SecondInputs(int64_t gates) { return (gates + 5 + kLanes - 1) / kLanes * kLanes; }

class Model {
 public:
  Model(const Arrays& arrays, const Settings& settings)
      : arrays_(arrays), settings_(settings),
        gates_(GateSizes(settings.height, settings.width, arrays.coarse_parts, arrays.fine_parts,
                         settings.max_contexts)),
        counters_(arrays.counters, arrays.slots),
        coarse_(arrays.coarse_means, arrays.coarse_mass, arrays.coarse_parts),
        fine_(arrays.fine_means, arrays.fine_mass, arrays.fine_parts),
        inputs_{MakeInputs(0, kInputs), MakeInputs(1, SecondInputs(gates_.sizes.size())), MakeInputs(2, kLanes)},
        base_(MakeLayer(0, 0, false)), first_(MakeLayer(1, 0, false)), joint_(MakeLayer(2, 0, true)),
        second_(MakeLayer(3, 1, false)), third_(MakeLayer(4, 2, false)) {}

  // Walks over an image. -> its log loss by every stage in nats, the last that of the model. If `uniforms` are given,
  // pixels that are not `known` are drawn. If `learn`, the model learns after each pixel.
  std::array<double, kStages> Walk(float* image, bool learn, const float* uniforms, const float* known) {
    std::array<double, kStages> nats{};
    Canvas canvas(settings_.height, settings_.width);
    coarse_.Begin();
    fine_.Begin();
    const int64_t pixels = settings_.height * settings_.width;
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      uint16_t* easy = arrays_.easy + 2 * (pixel << 4 | canvas.Bits(0, 4));
      const float sure = Probability(easy);
      const bool is_easy = std::min(sure, 1 - sure) < kEasy;
      std::array<float, kStages> logits;
      if (is_easy) {
        logits.fill(Logit(sure));
      } else {
        logits = Predict(canvas, pixel);
      }
      const float bound = Logit(1 - settings_.epsilon), p = Sigmoid(Clip(logits.back(), bound));
      if (uniforms && !known[pixel]) image[pixel] = uniforms[pixel] < p;
      const bool value = image[pixel];
      for (int s = 0; s < kStages; ++s) {
        nats[s] += std::log1p(std::exp(static_cast<double>(Clip(logits[s], bound)) * (value ? -1 : 1)));
      }
      if (learn) {
        if (!is_easy) LearnPixel(pixel, value);
        Count(easy, value);
      }
      const float entropy = -p * std::log(p) - (1 - p) * std::log(1 - p);
      canvas.Observe(value, Clip(logits.back(), 6), -std::log(value ? p : 1 - p) - entropy);
      coarse_.Observe(pixel, value);
      fine_.Observe(pixel, value);
    }
    if (learn) LearnImage(image, pixels);
    return nats;
  }

 private:
  Inputs MakeInputs(int space, int64_t size) {
    float** curvature = arrays_.curvature[space];
    return Inputs(curvature[0], curvature[1], curvature[2], size);
  }
  Layer MakeLayer(int table, int space, bool joint) {
    return Layer(arrays_.tables[table][0], arrays_.tables[table][1], inputs_[space], joint);
  }

  std::array<float, kStages> Predict(const Canvas& canvas, int64_t pixel) {
    View view{canvas, {}, 0, 0, 0, 0};
    counters_.Predict(canvas, view.counters);
    view.coarse = Logit(Clip(coarse_.Predict(pixel) - 0.5f, 0.4995f) + 0.5f);
    view.fine = Logit(Clip(fine_.Predict(pixel) - 0.5f, 0.4995f) + 0.5f);
    view.coarse_part = coarse_.Best();
    view.fine_part = fine_.Best();
    Contexts gates;
    AddContexts(view, arrays_.coarse_parts, arrays_.fine_parts, gates);
    rows_.clear();
    second_rows_.clear();
    third_rows_.clear();
    int64_t start = 0;
    std::vector<int64_t> within;
    for (size_t g = 0; g < gates.contexts.size(); ++g) {
      within.push_back(gates.contexts[g] % gates_.sizes[g]);
      if (g) rows_.push_back(start + within[g]);
      if (g) start += gates_.sizes[g];
    }
    first_.Prefetch(rows_);
    joint_.Prefetch(rows_);
    Select(kSecond, within, second_rows_);
    Select(kThird, within, third_rows_);
    AddInputs(view, inputs_[0]);
    inputs_[0].Prepare();
    base_.Predict(base_rows_, 0);
    const float base = base_.logits[0];
    first_.Predict(rows_, base);
    joint_.Predict(rows_, base);
    Inputs& second = inputs_[1];
    second.Begin();
    second.Add(1);
    second.Add(base);
    second.Add(joint_.logits[0]);
    second.Add(view.coarse);
    second.Add(view.fine);
    for (float logit : first_.logits) second.Add(logit);
    second.Prepare();
    second_.Predict(second_rows_, joint_.logits[0]);
    Inputs& third = inputs_[2];
    third.Begin();
    third.Add(1);
    third.Add(base);
    third.Add(joint_.logits[0]);
    for (float logit : second_.logits) third.Add(logit);
    third.Prepare();
    third_.Predict(third_rows_, second_.Mean());
    return {base, first_.Mean(), joint_.logits[0], second_.Mean(), third_.Mean()};
  }

  template <size_t N>
  void Select(const std::array<int, N>& chosen, const std::vector<int64_t>& within, std::vector<int64_t>& rows) {
    int64_t start = 0;
    for (int gate : chosen) {
      rows.push_back(start + within[gate]);
      start += gates_.sizes[gate];
    }
  }

  void LearnPixel(int64_t pixel, bool value) {
    const int64_t every = std::min<int64_t>(16, 1 + *arrays_.count / 16);
    if (*arrays_.count < kLastRefit && (pixel + 7 * *arrays_.count) % every == 0) {
      const float means[3] = {joint_.logits[0], joint_.logits[0], second_.Mean()};
      for (int space = 0; space < 3; ++space) {
        const float p = Sigmoid(means[space]);
        inputs_[space].Accumulate(p * (1 - p) + 1e-4f);
      }
    }
    base_.Learn(value, settings_.rate);
    first_.Learn(value, settings_.rate);
    joint_.Learn(value, settings_.joint_rate);
    second_.Learn(value, settings_.upper_rate);
    third_.Learn(value, settings_.upper_rate);
    counters_.Learn(value);
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
  Inputs inputs_[3];
  Layer base_, first_, joint_, second_, third_;
  std::vector<int64_t> base_rows_{0}, rows_, second_rows_, third_rows_;
};

}  // namespace shared_density
