// An online mixture of K products of Bernoullis: the posterior of its parts given the image so far, and its prediction.
#pragma once

#include <vector>

#include "cpu.h"

namespace shared_density {

constexpr float kLeast = 0.004f;     // of a part's probability of a pixel
constexpr float kFaintest = 1e-30f;  // of a part's weight
constexpr int64_t kSeedEvery = 3;    // image k kSeedEvery begins part k
constexpr float kSeedMass = 1.5f;

class Mixture {
 public:
  Mixture(float* means, float* mass, int64_t parts)
      : means_(means), mass_(mass), parts_(parts), posterior_(parts), roots_(parts) {}

  void Begin() {
    std::copy_n(mass_, parts_, posterior_.begin());
    float total = 0;
    for (float& weight : posterior_) total += weight += 1e-6f;
    for (float& weight : posterior_) weight /= total;
  }
  float Predict(int64_t pixel) const { return Cpu().dot(posterior_.data(), means_ + pixel * parts_, parts_); }
  // By the square roots of the posterior, which is too sure: pixels of a part depend on each other.
  float PredictSoftly(int64_t pixel) {
    const float total = Cpu().roots(posterior_.data(), roots_.data(), parts_);
    return Cpu().dot(roots_.data(), means_ + pixel * parts_, parts_) / total;
  }
  int64_t Best() const { return std::max_element(posterior_.begin(), posterior_.end()) - posterior_.begin(); }
  void Observe(int64_t pixel, bool value) {
    const float total = Cpu().reweigh(posterior_.data(), means_ + pixel * parts_, value, kFaintest, parts_);
    Cpu().rescale(posterior_.data(), 1 / total, parts_);
  }
  // One step of online expectation maximisation: a part's mean moves by its share of the image over its mass.
  void Learn(const float* image, int64_t pixels, int64_t count) {
    if (count % kSeedEvery == 0 && count / kSeedEvery < parts_) {
      std::fill(posterior_.begin(), posterior_.end(), 0.f);
      mass_[count / kSeedEvery] = 0;
      posterior_[count / kSeedEvery] = kSeedMass;
    }
    std::vector<float> rates(parts_);
    for (int64_t k = 0; k < parts_; ++k) {
      mass_[k] += posterior_[k];
      rates[k] = posterior_[k] / (mass_[k] + 0.5f);
    }
    for (int64_t i = 0; i < pixels; ++i) Cpu().approach(means_ + i * parts_, rates.data(), image[i], kLeast, parts_);
  }

 private:
  float *means_, *mass_;  // [pixels, parts], [parts]
  int64_t parts_;
  std::vector<float> posterior_, roots_;
};

}  // namespace shared_density
