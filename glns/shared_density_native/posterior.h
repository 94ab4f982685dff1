// The posterior of the parts of a mixture given the image so far. Lines of parts that have become all but impossible
// are left out of the rest of the image: late in an image that is nearly all of them.
#pragma once

#include <vector>

#include "cpu.h"

namespace shared_density {

constexpr float kForgotten = 1e-12f;  // lines of parts that are all below this become 0;
constexpr float kFaintest = 1e-30f;   // in other lines no part is less than this

class Posterior {
 public:
  explicit Posterior(int64_t parts) : weights(parts), roots_(parts) {}

  void Begin(const float* mass, float scale) {  // scale (mass + 1e-6)
    lines_.clear();
    for (int64_t k = 0; k < parts(); ++k) weights[k] = scale * (mass[k] + 1e-6f);
    for (int64_t k = 0; k < parts(); k += kLanes) lines_.push_back(k);
  }
  // The weighted sum of values [parts].
  float Sum(const float* values) const {
    return Cpu().dot_of_lines(weights.data(), values, lines_.data(), lines_.size());
  }
  // The same by the square roots of the weights, and their own sum.
  float SumByRoots(const float* values, float& total) {
    total += Cpu().roots_of_lines(weights.data(), roots_.data(), lines_.data(), lines_.size());
    return Cpu().dot_of_lines(roots_.data(), values, lines_.data(), lines_.size());
  }
  int64_t Best() const { return Cpu().greatest_of_lines(weights.data(), lines_.data(), lines_.size()); }
  // After a pixel for which the parts had these probabilities. -> the sum of weights
  float Reweigh(const float* values, bool one) {
    return Cpu().reweigh_lines(weights.data(), values, one, lines_.data(), lines_.size());
  }
  void Rescale(float scale) {
    lines_.resize(
        Cpu().rescale_lines(weights.data(), scale, kFaintest, kForgotten, lines_.data(), lines_.size()));
  }

  std::vector<float> weights;  // [parts]

 private:
  int64_t parts() const { return weights.size(); }

  std::vector<float> roots_;    // [parts]
  std::vector<int32_t> lines_;  // where those that are not left out begin
};

inline float TotalOf(const float* mass, int64_t parts) {
  float total = 0;
  for (int64_t k = 0; k < parts; ++k) total += mass[k] + 1e-6f;
  return total;
}

}  // namespace shared_density
