// Memory for a step, and what both directions do in it.
#pragma once

#include <vector>

#include "layout.h"

namespace blur {

// Arrays at the beginning of cache lines, all 0.
class Memory {
 public:
  explicit Memory(int64_t size) : numbers_(size + kLine) {
    const uintptr_t begin = reinterpret_cast<uintptr_t>(numbers_.data());
    next_ = reinterpret_cast<float*>((begin + 63) / 64 * 64);
  }
  float* Take(int64_t count) { return std::exchange(next_, next_ + count); }

 private:
  std::vector<float> numbers_;
  float* next_;
};

// The states of a layer, as the synapses of one direction see them; with `bias` one more neuron, of 1.
struct End {
  int64_t layer;
  const float* states;  // [K, N, B]; of layer 0 [1, N, B]
  bool bias = false;
};

class Workspace {
 public:
  explicit Workspace(const Shape& shape)
      : shape(shape), synapses(shape), states(shape), B(shape.stride()), memory_(3 * Room()),
        inputs(memory_.Take(Room())), mixed(memory_.Take(Room())), turned(memory_.Take(Room())) {}

  // Room for the states of any layer with a bias, or for the synapses between two.
  int64_t Room() const { return shape.states * Padded(shape.widest() + 1) * std::max(B, Padded(shape.widest())); }

  // [B, D] -> inputs [D + 1, B], the last row 1.
  void TurnInputs(const float* from) {
    const int64_t D = shape.width(0), stride = Padded(D);
    for (int64_t b = 0; b < shape.batch; ++b) std::copy_n(from + b * D, D, mixed + b * stride);
    Cpu().transpose(mixed, shape.batch, D, stride, inputs, B);
    std::fill_n(inputs + D * B, B, 1.f);
  }

  int64_t Rows(const End& end) const { return shape.width(end.layer) + end.bias; }

  // What a channel takes from the bias: the sum of its row of the transform.
  float BiasOf(const float* transform, int64_t c) const {
    float sum = 0;
    for (int64_t d = 0; d < shape.states; ++d) sum += transform[c * shape.states + d];
    return sum;
  }

  // to [channels, rows, B] = transform [channels, K] of the states.
  void MixStates(const float* transform, int64_t channels, const End& end, float* to) const {
    const int64_t n = shape.width(end.layer) * B, size = Rows(end) * B, K = shape.states;
    Cpu().mix({channels, shape.states_of(end.layer), n, transform, K, 1, end.states, n, to, size});
    for (int64_t c = 0; end.bias && c < channels; ++c) std::fill_n(to + c * size + n, B, BiasOf(transform, c));
  }

  // from [channels, rows, B] -> turned [channels, B, rows padded].
  void Turn(const float* from, int64_t channels, int64_t rows) const {
    for (int64_t c = 0; c < channels; ++c) {
      Cpu().transpose(from + c * rows * B, rows, B, B, turned + c * B * Padded(rows), Padded(rows));
    }
  }

  const Shape& shape;
  const SynapseLayout synapses;
  const StateLayout states;
  const int64_t B;  // padded

 private:
  Memory memory_;

 public:
  float *const inputs, *const mixed, *const turned;
};

}  // namespace blur
