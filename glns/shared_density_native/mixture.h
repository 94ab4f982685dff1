// An online mixture of K products of Bernoullis: the posterior of its parts given the image so far, and its prediction.
#pragma once

#include <vector>

#include "posterior.h"

namespace shared_density {

constexpr float kLeast = 0.004f;   // of a part's probability of a pixel
constexpr int64_t kSeedEvery = 3;  // image k kSeedEvery begins part k
constexpr float kSeedMass = 1.5f;

class Mixture {
 public:
  Mixture(float* means, float* mass, int64_t parts) : means_(means), mass_(mass), parts_(parts), posterior_(parts) {}

  void Begin() { posterior_.Begin(mass_, 1 / TotalOf(mass_, parts_)); }
  float Predict(int64_t pixel) const { return posterior_.Sum(means_ + pixel * parts_); }
  // By the square roots of the posterior, which is too sure: pixels of a part depend on each other.
  float PredictSoftly(int64_t pixel) {
    float total = 0;
    const float sum = posterior_.SumByRoots(means_ + pixel * parts_, total);
    return sum / total;
  }
  int64_t Best() const { return posterior_.Best(); }
  void Observe(int64_t pixel, bool value) {
    posterior_.Rescale(1 / posterior_.Reweigh(means_ + pixel * parts_, value));
  }
  // One step of online expectation maximisation: a part's mean moves by its share of the image over its mass.
  void Learn(const float* image, int64_t pixels, int64_t count) {
    std::vector<float>& weights = posterior_.weights;
    if (count % kSeedEvery == 0 && count / kSeedEvery < parts_) {
      std::fill(weights.begin(), weights.end(), 0.f);
      mass_[count / kSeedEvery] = 0;
      weights[count / kSeedEvery] = kSeedMass;
    }
    std::vector<float> rates(parts_);
    for (int64_t k = 0; k < parts_; ++k) {
      mass_[k] += weights[k];
      rates[k] = weights[k] / (mass_[k] + 0.5f);
    }
    for (int64_t i = 0; i < pixels; ++i) Cpu().approach(means_ + i * parts_, rates.data(), image[i], kLeast, parts_);
  }

 private:
  float *means_, *mass_;  // [pixels, parts], [parts]
  int64_t parts_;
  Posterior posterior_;
};

}  // namespace shared_density
