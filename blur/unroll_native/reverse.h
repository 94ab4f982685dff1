// The reverse of a step: from the gradients of its synapses and logits to those before it, and of its genes.
//
// What the step left is on the tape; what it mixed is mixed again. Gradients of the inputs and targets are not made.
#pragma once

#include "workspace.h"

namespace blur {

class Reverse {
 public:
  explicit Reverse(const Shape& shape)
      : work_(shape), memory_(3 * work_.Room() + layout_.size + kLine * work_.B), post_(memory_.Take(work_.Room())),
        of_mixed_(memory_.Take(work_.Room())), of_post_(memory_.Take(work_.Room())),
        of_states_(memory_.Take(layout_.size)) {}  // a turn reads whole lines of rows, also past the last

  // genes, synapses, states: of the step. of_synapses: the gradient, of those after the step, then of those before.
  // of_logits [B, M]. of_genes: is added to.
  void Run(const float* genes, const float* synapses, const float* states, const float* inputs, const float* targets,
           const float* of_logits, float* of_synapses, float* of_genes) {
    const int64_t last = shape_.num_layers();
    work_.TurnInputs(inputs);
    std::fill_n(of_states_, layout_.size, 0.f);
    states_ = states;
    for (int64_t i = 1; i <= last; ++i) {
      Learn(i, {genes, shape_, i}, synapses, of_synapses, {of_genes, shape_, i});
    }
    for (int64_t i = 1; i < last; ++i) {
      Backward(i, {genes, shape_, i}, synapses, of_synapses, {of_genes, shape_, i});
    }
    FeedBack(targets, of_logits);
    for (int64_t i = last; i; --i) Forward(i, {genes, shape_, i}, synapses, of_synapses, {of_genes, shape_, i});
  }

 private:
  using LayerGenes = Genes<const float>;
  using Pass = StateLayout::Pass;

  // An `End` that knows the place of its gradient, null for inputs.
  struct GradientEnd {
    End end;
    float* gradient;
  };
  GradientEnd EndOf(const Pass& pass, int64_t layer, bool bias = false) const {
    if (!layer) return {{0, work_.inputs, bias}, nullptr};
    return {{layer, states_ + pass.states[layer], bias}, of_states_ + pass.states[layer]};
  }

  // The reverse of Workspace::MixStates: of_mixed [channels, rows, B] -> gradients of the transform and of the states.
  void Unmix(const float* transform, int64_t channels, const GradientEnd& place, const float* of_mixed,
             float* of_transform) const {
    const int64_t n = shape_.width(place.end.layer) * work_.B, size = work_.Rows(place.end) * work_.B;
    const int64_t K = shape_.states, states = shape_.states_of(place.end.layer);
    const Extent extent{shape_.width(place.end.layer), shape_.batch, work_.B}, one{1, shape_.batch, work_.B};
    for (int64_t c = 0; c < channels; ++c) {
      const float of_bias = place.end.bias ? Cpu().total(of_mixed + c * size + n, one) : 0;
      for (int64_t d = 0; d < K; ++d) {
        of_transform[c * K + d] += of_bias;
        if (d < states) of_transform[c * K + d] += Cpu().dot(of_mixed + c * size, place.end.states + d * n, 0, extent);
      }
    }
    Cpu().mix({K, channels, n, transform, 1, K, of_mixed, size, place.gradient, n, true});
  }

  void Learn(int64_t i, const LayerGenes& genes, const float* synapses, float* of_synapses, const Genes<float>& of) {
    const Pass& below = layout_.below(shape_);
    const int64_t up = work_.synapses.up[i], down = work_.synapses.down[i];
    Change(genes, EndOf(below, i - 1, true), EndOf(layout_.after, i), synapses + up, of_synapses + up, of);
    if (shape_.has_down(i)) {
      Change(genes, EndOf(layout_.after, i), EndOf(below, i - 1), synapses + down, of_synapses + down, of);
    }
  }

  // of_synapses: the gradient of keep before + change, then of what `keep` takes of it.
  void Change(const LayerGenes& genes, const GradientEnd& source, const GradientEnd& destination,
              const float* synapses, float* of_synapses, const Genes<float>& of) {
    const int64_t C = shape_.channels, B = work_.B, N = work_.Rows(source.end), M = work_.Rows(destination.end);
    const int64_t stride = Padded(M), size = N * stride;
    work_.MixStates(genes.post, C, destination.end, post_);
    if (source.gradient) {
      work_.MixStates(genes.pre, C, source.end, work_.mixed);
      for (int64_t c = 0; c < C; ++c) {
        const float* change = of_synapses + c * size;
        Cpu().multiply({N, B, M, change, stride, 1, post_ + c * M * B, B, of_mixed_ + c * N * B, B});
        Cpu().multiply({M, B, N, change, 1, stride, work_.mixed + c * N * B, B, of_post_ + c * M * B, B});
      }
      Unmix(genes.pre, C, source, of_mixed_, of.pre);
    } else {
      ChangeOfInputs(genes, M, of_synapses, of);
    }
    Unmix(genes.post, C, destination, of_post_, of.post);
    *of.synapse_keep += Cpu().dot(of_synapses, synapses, 0, {C * N, M, stride});
    Cpu().scale(of_synapses, *genes.synapse_keep, 0, C * size);
  }

  // Inputs have one state, of which only the gain has a gradient: no product is needed for theirs.
  void ChangeOfInputs(const LayerGenes& genes, int64_t M, const float* of_synapses, const Genes<float>& of) {
    const int64_t B = work_.B, K = shape_.states, N = shape_.width(0), stride = Padded(M);
    const Extent extent{M, shape_.batch, B}, one{1, shape_.batch, B};
    for (int64_t c = 0; c < shape_.channels; ++c) {
      const float *change = of_synapses + c * (N + 1) * stride, *of_biases = change + N * stride;
      const float *post = post_ + c * M * B, bias = work_.BiasOf(genes.pre, c);
      float *of_post = of_post_ + c * M * B, of_bias = 0;
      Cpu().multiply({M, B, N, change, 1, stride, work_.inputs, B, of_post, B});
      of.pre[c * K] += Cpu().dot(of_post, post, 0, extent);
      for (int64_t m = 0; m < M; ++m) {
        of_bias += of_biases[m] * Cpu().total(post + m * B, one);
        Cpu().scale(of_post + m * B, genes.pre[c * K], bias * of_biases[m], B);
      }
      for (int64_t d = 0; d < K; ++d) of.pre[c * K + d] += of_bias;
    }
  }

  // The gradient of a layer after its activation -> before it, and before its norm.
  void Deactivate(Activation activation, const Pass& pass, const float* norm, int64_t i, float* of_norm) {
    const int64_t n = shape_.width(i) * work_.B, K = shape_.states;
    const Extent extent{shape_.width(i), shape_.batch, work_.B};
    const float count = static_cast<float>(extent.rows * extent.examples);
    float* gradient = of_states_ + pass.states[i];
    Cpu().deactivate(activation, states_ + pass.states[i], gradient, K * n);
    if (pass.standard[i] < 0) return;
    for (int64_t k = 0; k < K; ++k, gradient += n) {
      const float* standard = states_ + pass.standard[i] + k * n;
      const float total = Cpu().total(gradient, extent), along = Cpu().dot(gradient, standard, 0, extent);
      const float scale = norm[K + k] * states_[pass.reciprocals[i] + k], turn = -scale * along / count;
      of_norm[k] += total;
      of_norm[K + k] += along;
      Cpu().scale(gradient, scale, -scale * total / count, n);
      Cpu().mix({1, 1, n, &turn, 1, 1, standard, n, gradient, n, true});
    }
  }

  void Backward(int64_t i, const LayerGenes& genes, const float* synapses, float* of_synapses,
                const Genes<float>& of) {
    const GradientEnd above = EndOf(layout_.after, i + 1);
    const int64_t N = shape_.width(i), M = shape_.width(i + 1), B = work_.B, K = shape_.states;
    const float* gradient = of_states_ + layout_.after.states[i];
    Deactivate(shape_.backward_activation, layout_.after, genes.backward_norm, i, of.backward_norm);

    const int64_t before = layout_.forward.states[i];
    *of.keep += Cpu().dot(gradient, states_ + before, 0, {K * N, shape_.batch, B});
    Cpu().mix({1, 1, K * N * B, genes.keep, 1, 1, gradient, 0, of_states_ + before, 0, true});

    work_.MixStates(genes.backward, K, above.end, work_.mixed);
    shape_.symmetric ? work_.Turn(work_.mixed, K, M) : work_.Turn(gradient, K, N);
    for (int64_t k = 0; k < K; ++k) {
      const Down down = DownOf(shape_, work_.synapses, i + 1, k % shape_.channels);
      const float *weights = synapses + down.offset, *mixed = work_.mixed + k * M * B, *here = gradient + k * N * B;
      float* of_weights = of_synapses + down.offset;
      Cpu().multiply({M, B, N, weights, down.of_above, down.of_below, here, B, of_mixed_ + k * M * B, B});
      const int64_t rows = shape_.symmetric ? N : M, stride = Padded(shape_.symmetric ? M : N);
      Cpu().multiply({rows, stride, shape_.batch, shape_.symmetric ? here : mixed, B, 1,
                      work_.turned + k * B * stride, stride, of_weights, stride, of_weights, 1});
    }
    Unmix(genes.backward, K, above, of_mixed_, of.backward);
  }

  // of_logits [B, M].
  void FeedBack(const float* targets, const float* of_logits) {
    const int64_t last = shape_.num_layers(), M = shape_.width(last), B = work_.B;
    const float* errors = states_ + layout_.after.states[last] + M * B;
    const float* of_after = of_states_ + layout_.after.states[last];
    float* of_last = of_states_ + layout_.forward.states[last];
    for (int64_t b = 0; b < shape_.batch; ++b, targets += M, of_logits += M) {
      auto of_error = [&](int64_t m) { return of_after[(M + m) * B + b] * shape_.error_share(); };
      auto p = [&](int64_t m) { return errors[m * B + b] / shape_.error_share() + targets[m]; };
      float mean = 0;
      for (int64_t m = 0; m < M && shape_.feedback != kLabel; ++m) mean += p(m) * of_error(m);
      for (int64_t m = 0; m < M; ++m) {
        float& sum = of_last[m * B + b];
        sum += of_after[m * B + b] + of_logits[m];
        if (shape_.feedback != kLabel) sum += p(m) * (of_error(m) - mean);
      }
    }
  }

  void Forward(int64_t i, const LayerGenes& genes, const float* synapses, float* of_synapses,
               const Genes<float>& of) {
    const GradientEnd below = EndOf(layout_.forward, i - 1, true);
    const int64_t M = shape_.width(i), N = work_.Rows(below.end), B = work_.B, K = shape_.states, stride = Padded(M);
    const float* gradient = of_states_ + layout_.forward.states[i];
    Deactivate(shape_.activation_of(i), layout_.forward, genes.forward_norm, i, of.forward_norm);
    work_.Turn(gradient, K, M);
    if (below.gradient) work_.MixStates(genes.forward, K, below.end, work_.mixed);
    for (int64_t k = 0; k < K; ++k) {
      const int64_t offset = work_.synapses.up[i] + k % shape_.channels * N * stride;
      const float *weights = synapses + offset, *turned = work_.turned + k * B * stride;
      float* of_weights = of_synapses + offset;
      if (!below.gradient) {
        ForwardOfInputs(genes, k, weights, turned, of_weights, of);
        continue;
      }
      Cpu().multiply({N, B, M, weights, stride, 1, gradient + k * M * B, B, of_mixed_ + k * N * B, B});
      Cpu().multiply({N, stride, shape_.batch, work_.mixed + k * N * B, B, 1, turned, stride, of_weights, stride,
                      of_weights, 1});
    }
    if (below.gradient) Unmix(genes.forward, K, below, of_mixed_, of.forward);
  }

  // As `ChangeOfInputs`: the gradient of the gain reuses the product that the synapses need.
  void ForwardOfInputs(const LayerGenes& genes, int64_t k, const float* weights, const float* turned,
                       float* of_weights, const Genes<float>& of) {
    const int64_t N = shape_.width(0), M = shape_.width(1), stride = Padded(M), K = shape_.states;
    const float gain = genes.forward[k * K], bias = work_.BiasOf(genes.forward, k);
    float* product = of_mixed_;
    Cpu().multiply({N + 1, stride, shape_.batch, work_.inputs, work_.B, 1, turned, stride, product, stride});
    of.forward[k * K] += Cpu().dot(product, weights, 0, {N, M, stride});
    const float of_bias = Cpu().dot(product + N * stride, weights + N * stride, 0, {1, M, stride});
    for (int64_t d = 0; d < K; ++d) of.forward[k * K + d] += of_bias;
    Cpu().mix({1, 1, N * stride, &gain, 1, 1, product, 0, of_weights, 0, true});
    Cpu().mix({1, 1, stride, &bias, 1, 1, product + N * stride, 0, of_weights + N * stride, 0, true});
  }

  Workspace work_;
  const Shape& shape_ = work_.shape;
  const StateLayout& layout_ = work_.states;
  Memory memory_;
  float *const post_, *const of_mixed_, *const of_post_, *const of_states_;  // of_states_: as StateLayout
  const float* states_ = nullptr;
};

}  // namespace blur
