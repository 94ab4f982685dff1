// What the network sees at a pixel: inputs, and the contexts of gates.
#pragma once

#include "clusters.h"
#include "counters.h"
#include "layer.h"
#include "shifted.h"

namespace shared_density {

constexpr int kLogits = 24;  // of earlier pixels

// What gates and inputs are made of.
struct View {
  const Canvas& canvas;
  float counters[kCounters];
  float coarse, fine, soft;        // logits of the small and the large mixture, and of the latter by a softer posterior
  int64_t coarse_part, fine_part;  // their likeliest parts
  float shifted, shifted_soft;     // logits of the large mixture with shifts, and by a softer posterior
  int64_t shifted_part, shift;     // the likeliest part with its shift
  int64_t cluster;                 // of the window
};

class Contexts {
 public:
  void Add(int64_t context, int64_t size) {
    contexts.push_back(context);
    sizes.push_back(size);
  }
  std::vector<int64_t> contexts, sizes;
};

// The gates. The first has one context: its neuron is the parent of the others.
inline void AddContexts(const View& view, int64_t coarse_parts, int64_t fine_parts, Contexts& gates) {
  const Canvas& canvas = view.canvas;
  const int height = canvas.height(), width = canvas.width(), row = canvas.row(), column = canvas.column();
  const int64_t pixels = height * width, position = row * width + column;
  const int64_t pairs = (height + 1) / 2 * ((width + 1) / 2), pair = row / 2 * ((width + 1) / 2) + column / 2;
  const int64_t blocks = (height + 3) / 4 * ((width + 3) / 4), block = row / 4 * ((width + 3) / 4) + column / 4;
  const auto nearest = [&](int count) { return canvas.Bits(0, count); };
  const float counted = view.counters[6];  // 16 pixels

  gates.Add(0, 1);
  gates.Add(position, pixels);
  gates.Add(pair << 4 | nearest(4), pairs << 4);
  gates.Add(nearest(12), 1 << 12);
  gates.Add(canvas.Bits(4, 12), 1 << 12);
  gates.Add(canvas.Bits(12, 12), 1 << 12);
  gates.Add(row << 6 | nearest(6), height << 6);
  gates.Add(column << 6 | nearest(6), width << 6);
  gates.Add(view.coarse_part * pairs + pair, coarse_parts * pairs);
  gates.Add(view.coarse_part << 8 | nearest(8), coarse_parts << 8);
  gates.Add(view.fine_part << 4 | nearest(4), fine_parts << 4);
  gates.Add(view.fine_part * 14 + row * 14 / height, fine_parts * 14);
  gates.Add(Part(counted, -6, 6, 16) * blocks + block, 16 * blocks);
  gates.Add((Part(view.fine, -6, 6, 16) * 12 + Part(counted, -6, 6, 12)) << 4 | nearest(4), 16 * 12 << 4);
  gates.Add(Part(canvas.thickness(), 1, 5, 12) << 8 | nearest(8), 12 << 8);
  gates.Add((Part(canvas.slant(), -1, 1, 12) * 12 + Part(canvas.from_mean(), -8, 8, 12)) << 4 | nearest(4), 144 << 4);
  gates.Add((Part(canvas.from_left(), -3, 15, 18) * 18 + Part(canvas.from_right(), -14, 4, 18)) << 4 | nearest(4),
            324 << 4);
  gates.Add((Part(canvas.from_first(), 0, 20, 20) * 12 + Part(canvas.from_mean(), -8, 8, 12)) << 4 | nearest(4),
            240 << 4);
  gates.Add((Part(canvas.surprise(), -10, 20, 10) * 10 + Part(canvas.thickness(), 1, 4, 10)) << 6 | nearest(6),
            100 << 6);
  gates.Add((Part(canvas.ink(), 0, 160, 16) * 28 + row * 28 / height) << 3 | nearest(3), 16 * 28 << 3);
  gates.Add(((canvas.Distance(0, -1, 7) * 8 + canvas.Distance(-1, 0, 7)) * 8 + canvas.Distance(-1, -1, 7)) * 8 +
                canvas.Distance(-1, 1, 7),
            1 << 12);
  int64_t bits = 0;
  for (int k = 0; k < 12; ++k) bits = 2 * bits + canvas.Pixel(8 + 6 * k);
  gates.Add(bits, 1 << 12);
  bits = 0;
  for (int k = 0; k < 12; ++k) bits = 2 * bits + canvas.Pixel(k < 4 ? k : 5 + 8 * (k - 3));
  gates.Add(bits, 1 << 12);
  int64_t above = 0;  // the row of pixels above, and the next two
  for (int k = -4; k <= 5; ++k) above = 2 * above + canvas.PixelAt(-1, k);
  gates.Add(above << 2 | canvas.PixelAt(0, -1) << 1 | canvas.PixelAt(0, -2), 1 << 12);
  gates.Add((Part(canvas.LogitOf(0), -6, 6, 8) * 8 + Part(canvas.LogitOf(1), -6, 6, 8)) << 4 | nearest(4), 64 << 4);
  gates.Add((row * 14 / height * 16 + Part(view.fine, -6, 6, 16)) << 5 | nearest(5), 14 * 16 << 5);
  gates.Add((view.coarse_part * 7 + row * 7 / height) << 5 | nearest(5), coarse_parts * 7 << 5);
  gates.Add((Part(view.coarse, -6, 6, 12) * 12 + Part(view.counters[3], -6, 6, 12)) << 5 | nearest(5), 144 << 5);
  gates.Add(Part(view.counters[9], -6, 6, 16) << 8 | Part(view.counters[2], -6, 6, 16) << 4 | Part(view.counters[17], -6, 6, 16), 1 << 12);
  gates.Add(Part(canvas.slant(), -1, 1, 16) << 8 | nearest(8), 16 << 8);
  gates.Add((Part(canvas.from_first(), 0, 20, 10) * 8 + Part(canvas.thickness(), 1, 4, 8)) << 5 | nearest(5), 80 << 5);
  gates.Add(canvas.Bits(24, 12), 1 << 12);
  gates.Add((Part(canvas.LogitOf(2), -6, 6, 10) * 10 + Part(canvas.LogitOf(3), -6, 6, 10)) << 5 | nearest(5), 100 << 5);
  gates.Add(pair * 16 + Part(view.counters[8], -6, 6, 16), pairs * 16);
  gates.Add(view.fine_part * 16 + Part(view.counters[5], -6, 6, 16), fine_parts * 16);
  gates.Add((Part(view.shifted, -6, 6, 16) * kShifts + view.shift) << 4 | nearest(4), 16 * kShifts << 4);
  gates.Add(view.shifted_part << 4 | nearest(4), fine_parts << 4);
  gates.Add(view.cluster << 4 | nearest(4), kClusters << 4);
}

inline void AddInputs(const View& view, Inputs& inputs) {
  const Canvas& canvas = view.canvas;
  inputs.Begin();
  inputs.Add(1);
  for (float logit : view.counters) inputs.Add(logit);
  for (float logit : {view.coarse, view.fine, view.soft}) inputs.Add(logit);
  for (float statistic : {canvas.thickness() / 4, canvas.ink() / 50, canvas.surprise() / 10, canvas.from_first() / 10,
                          canvas.from_left() / 10, canvas.from_right() / 10, canvas.slant(), canvas.from_mean() / 5,
                          std::abs(canvas.from_mean()) / 5, canvas.row() * 1.f / canvas.height(),
                          canvas.column() * 1.f / canvas.width()}) {
    inputs.Add(statistic);
  }
  for (int k = 0; k < kLogits; ++k) inputs.Add(canvas.LogitOf(k));
  for (int k = 0; k < kWindow; ++k) inputs.Add(canvas.Pixel(k));
  for (float logit : {view.shifted, view.shifted_soft}) inputs.Add(logit);
}
constexpr int64_t kInputs = (1 + kCounters + 3 + 11 + kLogits + kWindow + 2 + kLanes - 1) / kLanes * kLanes;

}  // namespace shared_density
