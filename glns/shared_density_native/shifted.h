// The parts of a mixture as templates that may be shifted: the posterior of part and shift given the image so far, and
// its prediction. Nothing is learned here: the means are the mixture's.
#pragma once

#include <vector>

#include "canvas.h"
#include "mixture.h"

namespace shared_density {

constexpr int kShift = 1;                                     // rows and columns, in either direction
constexpr int kShifts = (2 * kShift + 1) * (2 * kShift + 1);  // row by row; the one in the middle is none
constexpr float kMoves = 0.5f;                                // the prior weight of all shifts but none, together

class Shifted {
 public:
  Shifted(const float* means, const float* mass, int64_t parts, int64_t height, int64_t width)
      : means_(means), mass_(mass), parts_(parts), height_(height), width_(width), posterior_(kShifts * parts),
        roots_(posterior_.size()), outside_(parts, kLeast) {}

  void Begin() {
    float total = 0;
    for (int64_t k = 0; k < parts_; ++k) total += mass_[k] + 1e-6f;
    for (int s = 0; s < kShifts; ++s) {
      const float prior = (s == kShifts / 2 ? 1 - kMoves : kMoves / (kShifts - 1)) / total;
      for (int64_t k = 0; k < parts_; ++k) posterior_[s * parts_ + k] = prior * (mass_[k] + 1e-6f);
    }
  }
  float Predict(const Canvas& canvas) const { return Mean(canvas, posterior_); }
  // By the square roots of the posterior, as Mixture::PredictSoftly.
  float PredictSoftly(const Canvas& canvas) {
    const float total = Cpu().roots(posterior_.data(), roots_.data(), posterior_.size());
    return Mean(canvas, roots_) / total;
  }
  // The likeliest: its shift times parts, plus the part.
  int64_t Best() const {
    const float greatest = Cpu().greatest(posterior_.data(), posterior_.size());
    return std::find(posterior_.begin(), posterior_.end(), greatest) - posterior_.begin();
  }
  void Observe(const Canvas& canvas, bool value) {
    float total = 0;
    for (int s = 0; s < kShifts; ++s) {
      total += Cpu().reweigh(posterior_.data() + s * parts_, MeansAt(canvas, s), value, parts_);
    }
    Cpu().rescale(posterior_.data(), 1 / total, 1e-30f, posterior_.size());
  }

 private:
  float Mean(const Canvas& canvas, const std::vector<float>& weights) const {
    float sum = 0;
    for (int s = 0; s < kShifts; ++s) sum += Cpu().dot(weights.data() + s * parts_, MeansAt(canvas, s), parts_);
    return sum;
  }
  // What the parts, shifted, have at the present pixel.
  const float* MeansAt(const Canvas& canvas, int shift) const {
    const int64_t row = canvas.row() + shift / (2 * kShift + 1) - kShift;
    const int64_t column = canvas.column() + shift % (2 * kShift + 1) - kShift;
    const bool is_inside = 0 <= row && row < height_ && 0 <= column && column < width_;
    return is_inside ? means_ + (row * width_ + column) * parts_ : outside_.data();
  }

  const float *means_, *mass_;  // [pixels, parts], [parts]
  int64_t parts_, height_, width_;
  std::vector<float> posterior_, roots_, outside_;  // [shifts, parts], the same, [parts]
};

}  // namespace shared_density
