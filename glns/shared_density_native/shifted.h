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
      : means_(means), mass_(mass), parts_(parts), height_(height), width_(width), outside_(parts, kLeast),
        posteriors_(kShifts, Posterior(parts)) {}

  void Begin() {
    const float total = TotalOf(mass_, parts_);
    for (int s = 0; s < kShifts; ++s) {
      posteriors_[s].Begin(mass_, (s == kShifts / 2 ? 1 - kMoves : kMoves / (kShifts - 1)) / total);
    }
  }
  float Predict(const Canvas& canvas) const {
    float sum = 0;
    for (int s = 0; s < kShifts; ++s) sum += posteriors_[s].Sum(MeansAt(canvas, s));
    return sum;
  }
  // By the square roots of the posterior, as Mixture::PredictSoftly.
  float PredictSoftly(const Canvas& canvas) {
    float sum = 0, total = 0;
    for (int s = 0; s < kShifts; ++s) sum += posteriors_[s].SumByRoots(MeansAt(canvas, s), total);
    return sum / total;
  }
  // The likeliest: its shift times parts, plus the part.
  int64_t Best() const {
    int64_t best = 0;
    float most = 0;
    for (int s = 0; s < kShifts; ++s) {
      const int64_t part = posteriors_[s].Best();
      const float weight = posteriors_[s].weights[part];
      if (weight > most) best = s * parts_ + part, most = weight;
    }
    return best;
  }
  void Observe(const Canvas& canvas, bool value) {
    float total = 0;
    for (int s = 0; s < kShifts; ++s) total += posteriors_[s].Reweigh(MeansAt(canvas, s), value);
    for (Posterior& posterior : posteriors_) posterior.Rescale(1 / total);
  }

 private:
  // What the parts, shifted, have at the present pixel.
  const float* MeansAt(const Canvas& canvas, int shift) const {
    const int64_t row = canvas.row() + shift / (2 * kShift + 1) - kShift;
    const int64_t column = canvas.column() + shift % (2 * kShift + 1) - kShift;
    const bool is_inside = 0 <= row && row < height_ && 0 <= column && column < width_;
    return is_inside ? means_ + (row * width_ + column) * parts_ : outside_.data();
  }

  const float *means_, *mass_;  // [pixels, parts], [parts]
  int64_t parts_, height_, width_;
  std::vector<float> outside_;  // [parts]
  std::vector<Posterior> posteriors_;
};

}  // namespace shared_density
