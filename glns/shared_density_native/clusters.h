// Online k-means of the window around a pixel (MacQueen 1967).
#pragma once

#include <limits>
#include <vector>

#include "canvas.h"

namespace shared_density {

constexpr int64_t kClusters = 256;
constexpr int64_t kWindowsApart = 101;  // windows from the beginning of one cluster to that of the next

class Clusters {
 public:
  Clusters(float* centres, float* mass)
      : centres_(centres), mass_(mass), norms_(kClusters, std::numeric_limits<float>::infinity()), scores_(kClusters) {
    for (int64_t k = 0; k < kClusters; ++k) {
      seen_ += mass_[k];
      if (mass_[k] > 0) begun_ = k + 1, norms_[k] = Norm(k);
    }
  }

  // The nearest centre: the greatest x . c - |c|^2 / 2.
  int64_t Nearest(const Canvas& canvas) {
    for (int64_t k = 0; k < kClusters; ++k) scores_[k] = -norms_[k];
    for (int64_t i = 0; i < kWindow; ++i) {
      if (canvas.Pixel(i)) Cpu().add(1, centres_ + i * kClusters, scores_.data(), kClusters);
    }
    return nearest_ = std::max_element(scores_.begin(), scores_.end()) - scores_.begin();
  }

  // The nearest centre moves towards the window, to the mean of all windows that it was nearest to.
  void Learn(const Canvas& canvas) {
    if (begun_ < kClusters && seen_ >= begun_ * kWindowsApart) nearest_ = begun_++;
    ++seen_;
    const float rate = 1 / ++mass_[nearest_];
    for (int64_t i = 0; i < kWindow; ++i) {
      float& centre = centres_[i * kClusters + nearest_];
      centre += rate * (canvas.Pixel(i) - centre);
    }
    norms_[nearest_] = Norm(nearest_);
  }

 private:
  float Norm(int64_t k) const {
    float sum = 0;
    for (int64_t i = 0; i < kWindow; ++i) sum += centres_[i * kClusters + k] * centres_[i * kClusters + k];
    return sum / 2;
  }

  float *centres_, *mass_;  // [window, clusters], [clusters]
  std::vector<float> norms_, scores_;
  int64_t nearest_ = 0, begun_ = 0;
  double seen_ = 0;
};

}  // namespace shared_density
