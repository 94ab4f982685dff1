// Where things are: the genes of a layer, and what a step reads and leaves.
//
// States are [K, N, examples]: registers hold examples, however few neurons there are.
// Letters: B batch, C channels of a synapse, K states, M neurons of a layer, N of the layer below.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu.h"

namespace blur {

enum Feedback : int64_t { kLabel, kError, kCrossEntropy };  // as in native.FEEDBACKS

// The rule, and how large the networks are.
struct Shape {
  std::vector<int64_t> widths;  // of the inputs and of every layer
  int64_t batch, states, channels;
  bool symmetric, forward_below;
  Activation activation, backward_activation, last_activation;
  Feedback feedback;
  std::vector<bool> normalise_forward, normalise_backward;  // of every layer

  int64_t num_layers() const { return widths.size() - 1; }
  int64_t stride() const { return Padded(batch); }
  int64_t widest() const { return *std::max_element(widths.begin(), widths.end()); }
  // Layers are counted from 1; layer 0 are the inputs.
  int64_t width(int64_t layer) const { return widths[layer]; }
  int64_t states_of(int64_t layer) const { return layer ? states : 1; }
  bool has_down(int64_t layer) const { return layer > 1 && !symmetric; }
  float error_share() const { return feedback == kCrossEntropy ? 1.f / batch : 1.f; }
  Activation activation_of(int64_t layer) const { return layer == num_layers() ? last_activation : activation; }
};

// The genes of a layer as `native.coefficients` has them: gates and rates are in the transforms.
template <typename Number>
struct Genes {
  Number *forward, *backward, *pre, *post;      // [K, K], [K, K], [C, K], [C, K]
  Number *keep, *synapse_keep;                  // []
  Number *forward_norm, *backward_norm;         // [2, K]: means, deviations

  // Those of a layer in the genes [L, G] of all.
  Genes(Number* genes, const Shape& shape, int64_t layer) {
    const int64_t K = shape.states, C = shape.channels;
    genes += (layer - 1) * Count(shape);
    auto take = [&](int64_t count) { return std::exchange(genes, genes + count); };
    forward = take(K * K), backward = take(K * K), pre = take(C * K), post = take(C * K);
    keep = take(1), synapse_keep = take(1), forward_norm = take(2 * K), backward_norm = take(2 * K);
  }
  static int64_t Count(const Shape& shape) { return 2 * shape.states * (shape.states + shape.channels + 2) + 2; }
};

// Offsets in the synapses of a network, by layer. Rows are padded: `up` is [C, N + 1, M], the bias last, `down` is
// [C, M, N].
struct SynapseLayout {
  std::vector<int64_t> up{0}, down{0};
  int64_t size = 0;

  explicit SynapseLayout(const Shape& shape) {
    for (int64_t i = 1; i <= shape.num_layers(); ++i) {
      const int64_t N = shape.widths[i - 1], M = shape.widths[i];
      up.push_back(size);
      size += shape.channels * (N + 1) * Padded(M);
      down.push_back(size);
      if (shape.has_down(i)) size += shape.channels * M * Padded(N);
    }
  }
};

// The synapses from a layer to the one below, wherever they are: the next one of a neuron below, and of one above.
struct Down {
  int64_t offset, of_below, of_above;
};
inline Down DownOf(const Shape& shape, const SynapseLayout& layout, int64_t layer, int64_t channel) {
  const int64_t N = shape.width(layer - 1), M = shape.width(layer);
  if (shape.symmetric) return {layout.up[layer] + channel * (N + 1) * Padded(M), Padded(M), 1};
  return {layout.down[layer] + channel * M * Padded(N), 1, Padded(N)};
}

// Offsets in the states of a step, by layer: after the forward pass, and after feedback and the backward pass; and of
// passes that normalise, the standardised states and the reciprocals [K] of their deviations.
struct StateLayout {
  struct Pass {
    std::vector<int64_t> states{0}, standard{0}, reciprocals{0};
  };
  Pass forward, after;
  int64_t size = 0;

  // What an update of synapses takes for the states below them.
  const Pass& below(const Shape& shape) const { return shape.forward_below ? forward : after; }

  explicit StateLayout(const Shape& shape) {
    for (int64_t i = 1; i <= shape.num_layers(); ++i) {
      const int64_t count = shape.states * shape.widths[i] * shape.stride();
      Add(forward, count, shape.normalise_forward[i - 1], shape.states);
      Add(after, count, i < shape.num_layers() && shape.normalise_backward[i - 1], shape.states);
    }
  }

 private:
  void Add(Pass& pass, int64_t count, bool normalise, int64_t num_states) {
    auto take = [&](int64_t numbers) { return std::exchange(size, size + numbers); };
    pass.states.push_back(take(count));
    pass.standard.push_back(normalise ? take(count) : -1);
    pass.reciprocals.push_back(normalise ? take(Padded(num_states)) : -1);
  }
};

}  // namespace blur
