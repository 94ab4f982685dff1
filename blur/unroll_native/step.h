// A step of a network: forward, feedback, backward, update of the synapses (Sandler 2021, §3.3; blur.network.step).
#pragma once

#include <cmath>

#include "workspace.h"

namespace blur {

constexpr float kNormEpsilon = 1e-9f;  // as in rule.py

class Step {
 public:
  explicit Step(const Shape& shape) : work_(shape) {}

  // before, after: synapses, which may be the same. states: as StateLayout. inputs [B, D], targets and logits [B, M].
  void Run(const float* genes, const float* before, float* after, float* states, const float* inputs,
           const float* targets, float* logits) {
    const int64_t last = shape_.num_layers(), B = work_.B;
    work_.TurnInputs(inputs);
    for (int64_t i = 1; i <= last; ++i) Forward(i, {genes, shape_, i}, before, states);
    const float* made = states + layout_.forward.states[last];
    for (int64_t b = 0; b < shape_.batch; ++b) {
      for (int64_t m = 0; m < shape_.width(last); ++m) *logits++ = made[m * B + b];
    }
    FeedBack(made, targets, states + layout_.after.states[last]);
    for (int64_t i = last - 1; i; --i) Backward(i, {genes, shape_, i}, before, states);
    for (int64_t i = 1; i <= last; ++i) Learn(i, genes, before, after, states);
  }

 private:
  using LayerGenes = Genes<const float>;

  void Activate(Activation activation, const StateLayout::Pass& pass, const float* norm, int64_t i, float* states) {
    const int64_t n = shape_.width(i) * work_.B, K = shape_.states;
    const Extent extent{shape_.width(i), shape_.batch, work_.B};
    const float count = static_cast<float>(extent.rows * extent.examples);
    for (int64_t k = 0; k < K; ++k) {
      float* here = states + pass.states[i] + k * n;
      if (pass.standard[i] < 0) {
        Cpu().activate(activation, here, 1, 0, here, n);
        continue;
      }
      const float mean = Cpu().total(here, extent) / count;
      const float reciprocal = 1 / std::sqrt(Cpu().dot(here, here, mean, extent) / count + kNormEpsilon);
      float* standard = states + pass.standard[i] + k * n;
      Cpu().activate(kLinear, here, reciprocal, -mean * reciprocal, standard, n);
      Cpu().activate(activation, standard, norm[K + k], norm[k], here, n);
      states[pass.reciprocals[i] + k] = reciprocal;
    }
  }

  void Forward(int64_t i, const LayerGenes& genes, const float* synapses, float* states) {
    const End below{i - 1, i > 1 ? states + layout_.forward.states[i - 1] : work_.inputs, true};
    const int64_t rows = work_.Rows(below), M = shape_.width(i), stride = Padded(M), B = work_.B;
    work_.MixStates(genes.forward, shape_.states, below, work_.mixed);
    float* out = states + layout_.forward.states[i];
    for (int64_t k = 0; k < shape_.states; ++k) {
      const float* weights = synapses + work_.synapses.up[i] + k % shape_.channels * rows * stride;
      Cpu().multiply({M, B, rows, weights, 1, stride, work_.mixed + k * rows * B, B, out + k * M * B, B});
    }
    Activate(shape_.activation_of(i), layout_.forward, genes.forward_norm, i, states);
  }

  // States of the last layer -> with feedback: rule.FEEDBACKS. targets [B, M].
  void FeedBack(const float* last, const float* targets, float* after) const {
    const int64_t M = shape_.width(shape_.num_layers()), B = work_.B;
    std::copy_n(last, M * B, after);
    std::fill_n(after + M * B, (shape_.states - 1) * M * B, 0.f);
    for (int64_t b = 0; b < shape_.batch; ++b, targets += M) {
      const float* logits = last + b;
      float* errors = after + M * B + b;
      if (shape_.feedback == kLabel) {
        for (int64_t m = 0; m < M; ++m) errors[m * B] = 2 * targets[m] - 1;
        continue;
      }
      float most = logits[0], sum = 0;
      for (int64_t m = 1; m < M; ++m) most = std::max(most, logits[m * B]);
      for (int64_t m = 0; m < M; ++m) sum += errors[m * B] = std::exp(logits[m * B] - most);
      for (int64_t m = 0; m < M; ++m) errors[m * B] = (errors[m * B] / sum - targets[m]) * shape_.error_share();
    }
  }

  void Backward(int64_t i, const LayerGenes& genes, const float* synapses, float* states) {
    const End above{i + 1, states + layout_.after.states[i + 1]};
    const int64_t N = shape_.width(i), M = shape_.width(i + 1), B = work_.B;
    work_.MixStates(genes.backward, shape_.states, above, work_.mixed);
    const float* before = states + layout_.forward.states[i];
    float* out = states + layout_.after.states[i];
    for (int64_t k = 0; k < shape_.states; ++k) {
      const Down down = DownOf(shape_, work_.synapses, i + 1, k % shape_.channels);
      Cpu().multiply({N, B, M, synapses + down.offset, down.of_below, down.of_above, work_.mixed + k * M * B, B,
                      out + k * N * B, B, before + k * N * B, *genes.keep});
    }
    Activate(shape_.backward_activation, layout_.after, genes.backward_norm, i, states);
  }

  // The synapses whose destination is this layer, from below and from above: eq. 7.
  void Learn(int64_t i, const float* genes, const float* before, float* after, const float* states) {
    const End here{i, states + layout_.after.states[i]};
    const float* below = i == 1 ? work_.inputs : states + layout_.below(shape_).states[i - 1];
    const LayerGenes own{genes, shape_, i};
    TurnPost(own.post, here);
    Change(own, {i - 1, below, true}, i, before + work_.synapses.up[i], after + work_.synapses.up[i]);
    if (i == shape_.num_layers() || !shape_.has_down(i + 1)) return;

    const LayerGenes next{genes, shape_, i + 1};
    const End seen{i, states + layout_.below(shape_).states[i]};
    if (seen.states != here.states || !std::equal(own.post, own.post + shape_.channels * shape_.states, next.post)) {
      TurnPost(next.post, seen);
    }
    const int64_t down = work_.synapses.down[i + 1];
    Change(next, {i + 1, states + layout_.after.states[i + 1]}, i, before + down, after + down);
  }

  void TurnPost(const float* transform, const End& destination) {
    work_.MixStates(transform, shape_.channels, destination, work_.mixed);
    work_.Turn(work_.mixed, shape_.channels, work_.Rows(destination));
  }

  // after = keep before + the sum over the batch of source times destination, which has been turned. [C, N, M].
  void Change(const LayerGenes& genes, const End& source, int64_t destination, const float* before, float* after) {
    const int64_t B = work_.B, rows = work_.Rows(source), stride = Padded(shape_.width(destination));
    work_.MixStates(genes.pre, shape_.channels, source, work_.mixed);
    for (int64_t c = 0; c < shape_.channels; ++c) {
      const int64_t offset = c * rows * stride;
      Cpu().multiply({rows, stride, shape_.batch, work_.mixed + c * rows * B, B, 1, work_.turned + c * B * stride,
                      stride, after + offset, stride, before + offset, *genes.synapse_keep});
    }
  }

  Workspace work_;
  const Shape& shape_ = work_.shape;
  const StateLayout& layout_ = work_.states;
};

}  // namespace blur
