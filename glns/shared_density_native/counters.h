// How often the pixel was 0 and 1 for each value of a template of earlier pixels (Veness 2017, section 6).
#pragma once

#include <array>

#include "canvas.h"

namespace shared_density {

constexpr float kPrior = 0.4f;  // of either value; 0.5 is Krichevsky and Trofimov's
constexpr std::array<int, 13> kNested = {4, 6, 8, 10, 12, 14, 16, 18, 21, 24, 28, 32, 36};
constexpr std::array<std::array<int, 2>, 12> kSkips = {{// nearest pixels first, .. of each skip-gram, in steps
    {2, 3}, {5, 2}, {6, 3}, {9, 4}, {11, 5}, {14, 3}, {17, 4}, {20, 5}, {3, 6}, {8, 7}, {1, 8}, {0, 9}}};
constexpr int kSkipBits = 11, kCounters = kNested.size() + kSkips.size();

inline float Probability(const uint16_t* counts) {
  return (counts[1] + kPrior) / (counts[0] + counts[1] + 2 * kPrior);
}

inline void Count(uint16_t* counts, bool value) {
  if (++counts[value] == 65535) counts[0] /= 2, counts[1] /= 2;
}

class Counters {
 public:
  Counters(uint16_t* table, int64_t slots) : table_(table), slots_(slots) {}

  // Looks up all counters. -> their logits
  void Predict(const Canvas& canvas, float* logits) {
    uint64_t hash = 0;
    int k = 0, counter = 0;
    for (int size : kNested) {
      for (; k < size; ++k) hash = 2 * hash + canvas.Pixel(k);
      Find(counter++, hash);
    }
    for (auto [first, step] : kSkips) {
      hash = 1;
      for (int i = 0; i < kSkipBits; ++i) hash = 2 * hash + canvas.Pixel(first + i * step);
      Find(counter++, hash);
    }
    for (int i = 0; i < kCounters; ++i) logits[i] = Logit(Probability(found_[i]));
  }

  void Learn(bool value) {
    for (uint16_t* counts : found_) Count(counts, value);
  }

 private:
  void Find(int counter, uint64_t hash) {
    const uint64_t mixed = (hash + 1) * 0x9E3779B97F4A7C15u;
    found_[counter] = table_ + 2 * (counter * slots_ + (mixed ^ mixed >> 29) % slots_);
    __builtin_prefetch(found_[counter]);
  }

  uint16_t* table_;  // [kCounters, slots, 2]
  int64_t slots_;
  std::array<uint16_t*, kCounters> found_;
};

}  // namespace shared_density
