// The image so far: its pixels before the present one, in raster order, all others 0, and statistics of them. What
// later pixels are cannot matter, because nothing has drawn them.
#pragma once

#include <cstdlib>
#include <vector>

#include "cpu.h"

namespace shared_density {

struct Place {
  int row, column;
};

// All earlier pixels within reach rows and columns, relative to the present one, the nearest first.
inline std::vector<Place> Neighbours(int reach) {
  std::vector<Place> places;
  for (int row = -reach; row <= 0; ++row) {
    for (int column = -reach; column <= (row ? reach : -1); ++column) places.push_back({row, column});
  }
  std::stable_sort(places.begin(), places.end(), [](Place a, Place b) {
    return a.row * a.row + a.column * a.column < b.row * b.row + b.column * b.column;
  });
  return places;
}

constexpr int kReach = 7;                     // 112 pixels: seven rows of fifteen, and seven to the left
constexpr int kWindow = kReach * (2 * kReach + 2);

class Canvas {
 public:
  Canvas(int height, int width)
      : height_(height), width_(width), stride_(width + 2 * kReach), pixels_((height + kReach) * stride_),
        logits_(pixels_.size()) {
    for (Place place : Neighbours(kReach)) offsets_.push_back(place.row * stride_ + place.column);
  }

  // The k-th nearest earlier pixel, and the logit that it had; 0 outside the image.
  bool Pixel(int k) const { return pixels_[At() + offsets_[k]]; }
  float LogitOf(int k) const { return logits_[At() + offsets_[k]]; }
  bool PixelAt(int row, int column) const { return pixels_[At() + row * stride_ + column]; }

  // The pixels first, .., first + count - 1 of the nearest as a number.
  int64_t Bits(int first, int count) const {
    int64_t bits = 0;
    for (int k = first; k < first + count; ++k) bits = 2 * bits + Pixel(k);
    return bits;
  }
  // How many steps there are to the nearest pixel of ink in a direction; `most` if that is as far or farther.
  int64_t Distance(int row, int column, int most) const {
    int steps = 0;
    while (steps < most && !PixelAt((steps + 1) * row, (steps + 1) * column)) ++steps;
    return steps;
  }

  // The present pixel is `value`; go on to the next.
  void Observe(bool value, float logit, float surprise) {
    logits_[At()] = logit;
    pixels_[At()] = value;
    surprise_ += surprise;
    if (value) {
      runs_ += !PixelAt(0, -1);
      const float row = row_, column = column_;
      if (!ink_) first_row_ = row_, left_ = right_ = column_;
      left_ = std::min(left_, column_);
      right_ = std::max(right_, column_);
      ++ink_;
      rows_ += row, columns_ += column, squares_ += row * row, products_ += row * column;
    }
    if (++column_ == width_) column_ = 0, ++row_;
  }

  int row() const { return row_; }
  int column() const { return column_; }
  int height() const { return height_; }
  int width() const { return width_; }
  float ink() const { return ink_; }
  float thickness() const { return ink_ / (runs_ + 1.f); }  // ones in a run
  float surprise() const { return surprise_; }             // nats less those expected
  float from_first() const { return ink_ ? row_ - first_row_ : 0; }
  float from_left() const { return ink_ ? column_ - left_ : 0; }
  float from_right() const { return ink_ ? column_ - right_ : 0; }
  float slant() const {  // columns a row, by least squares
    if (ink_ < 4) return 0;
    const float variance = squares_ - rows_ * rows_ / ink_ + ink_;
    return (products_ - rows_ * columns_ / ink_) / variance;
  }
  float from_mean() const { return ink_ ? column_ - columns_ / ink_ : 0; }

 private:
  int64_t At() const { return (row_ + kReach) * stride_ + column_ + kReach; }

  int height_, width_, stride_, row_ = 0, column_ = 0;
  std::vector<uint8_t> pixels_;
  std::vector<float> logits_;
  std::vector<int64_t> offsets_;
  float ink_ = 0, runs_ = 0, rows_ = 0, columns_ = 0, squares_ = 0, products_ = 0, surprise_ = 0;
  int first_row_ = 0, left_ = 0, right_ = 0;
};

}  // namespace shared_density
