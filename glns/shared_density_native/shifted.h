// The parts of a mixture as templates that may be shifted: the posterior of part and shift given the last rows, and its
// prediction. After every second row the posterior becomes its square root, so that it forgets the rows before: another
// template may fit the next. Nothing is learned here: the means are the mixture's.
#pragma once

#include <vector>

#include "canvas.h"
#include "mixture.h"

namespace shared_density {

constexpr int kShift = 1;                                     // rows and columns, in either direction
constexpr int kShifts = (2 * kShift + 1) * (2 * kShift + 1);  // row by row; the one in the middle is none
constexpr float kMoves = 0.5f;                                // the prior weight of all shifts but none, together
constexpr int kRows = 2;                                      // after so many the posterior becomes its square root

class Shifted {
 public:
  Shifted(const float* means, const float* mass, int64_t parts, int64_t height, int64_t width)
      : means_(means), mass_(mass), parts_(parts), height_(height), width_(width), weights_(kShifts * parts),
        roots_(weights_.size()), outside_(parts, kLeast) {}

  void Begin() {
    float total = 0;
    for (int64_t k = 0; k < parts_; ++k) total += mass_[k] + 1e-6f;
    for (int s = 0; s < kShifts; ++s) {
      const float prior = (s == kShifts / 2 ? 1 - kMoves : kMoves / (kShifts - 1)) / total;
      for (int64_t k = 0; k < parts_; ++k) weights_[s * parts_ + k] = prior * (mass_[k] + 1e-6f);
    }
    total_ = 1;
  }
  float Predict(const Canvas& canvas) const { return Mean(canvas, weights_) / total_; }
  // By the square roots of the posterior, as Mixture::PredictSoftly.
  float PredictSoftly(const Canvas& canvas) {
    const float total = Cpu().roots(weights_.data(), roots_.data(), weights_.size());
    return Mean(canvas, roots_) / total;
  }
  // The likeliest: its shift times parts, plus the part.
  int64_t Best() const {
    const float greatest = Cpu().greatest(weights_.data(), weights_.size());
    return std::find(weights_.begin(), weights_.end(), greatest) - weights_.begin();
  }
  void Observe(const Canvas& canvas, bool value) {
    total_ = 0;
    for (int s = 0; s < kShifts; ++s) {
      total_ += Cpu().reweigh(weights_.data() + s * parts_, MeansAt(canvas, s), value, kFaintest, parts_);
    }
    if (canvas.column() + 1 == width_ && canvas.row() % kRows == kRows - 1) {
      total_ = Cpu().roots(weights_.data(), weights_.data(), weights_.size());
    }
    if (total_ < 1e-8f) {
      Cpu().rescale(weights_.data(), 1 / total_, weights_.size());
      total_ = 1;
    }
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
  std::vector<float> weights_, roots_, outside_;  // the posterior times total_ [shifts, parts], the same, [parts]
  float total_ = 1;
};

}  // namespace shared_density
