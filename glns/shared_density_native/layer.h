// Gated neurons with a Newton step.
//
// Neuron j is z_j = parent + w_j[c_j] . x and learns from its own log loss, w_j[c_j] += rate (target - p) M x /
// (S + damping + x' M x): M is the inverse of the inputs' mean curvature, S the sum of p (1 - p) in that context. So it
// is a step of Newton's method, if the curvature has one shape in all contexts. A joint neuron adds the rows of all
// gates to one logit, and has one error.
#pragma once

#include <vector>

#include "cpu.h"

namespace shared_density {

constexpr float kRidge = 1e-3f, kLogitBound = 14;

// The inputs of a layer and their curvature.
class Inputs {
 public:
  Inputs(float* curvature, float* inverse, float* total, int64_t size)
      : x(size), step(size), curvature_(curvature), inverse_(inverse), total_(total) {}

  int64_t size() const { return x.size(); }
  void Add(float value) { x[filled_++] = value; }
  void Begin() { filled_ = 0; }
  void Prepare() {  // step = M x, norm = x' M x
    Cpu().multiply(inverse_, x.data(), step.data(), size());
    norm = Cpu().dot(x.data(), step.data(), size());
  }
  void Accumulate(float weight) {
    *total_ += weight;
    for (int64_t i = 0; i < size(); ++i) {
      if (x[i] != 0) Cpu().add(weight * x[i], x.data(), curvature_ + i * size(), size());
    }
  }
  void Refit();

  std::vector<float> x, step;
  float norm = 0;

 private:
  float *curvature_, *inverse_, *total_;  // [size, size], [size, size], []
  int64_t filled_ = 0;
};

// M = (curvature / total + ridge)^-1 by Cholesky's method; what the curvature was counts half from now on.
inline void Inputs::Refit() {
  const int64_t n = size();
  if (*total_ <= 0) return;
  std::vector<double> L(n * n), column(n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double sum = curvature_[i * n + j] / *total_ + (i == j ? kRidge : 0);
      for (int64_t k = 0; k < j; ++k) sum -= L[i * n + k] * L[j * n + k];
      L[i * n + j] = i == j ? std::sqrt(std::max(sum, 1e-9)) : sum / L[j * n + j];
    }
  }
  for (int64_t c = 0; c < n; ++c) {
    for (int64_t i = 0; i < n; ++i) {
      double sum = i == c;
      for (int64_t k = c; k < i; ++k) sum -= L[i * n + k] * column[k];
      column[i] = i < c ? 0 : sum / L[i * n + i];
    }
    for (int64_t i = n; i-- > 0;) {
      double sum = column[i];
      for (int64_t k = i + 1; k < n; ++k) sum -= L[k * n + i] * column[k];
      column[i] = sum / L[i * n + i];
      inverse_[i * n + c] = column[i];
    }
  }
  for (int64_t i = 0; i < n * n; ++i) curvature_[i] /= 2;
  *total_ /= 2;
}

class Layer {
 public:
  Layer(float* weights, float* evidence, Inputs& inputs, bool joint)
      : weights_(weights), evidence_(evidence), inputs_(inputs), joint_(joint) {}

  // rows: of each gate, in the table. -> logits, one a gate, or one if joint.
  const std::vector<float>& Predict(const std::vector<int64_t>& rows, float parent) {
    rows_ = &rows;
    logits.assign(joint_ ? 1 : rows.size(), parent);
    for (size_t j = 0; j < rows.size(); ++j) {
      logits[joint_ ? 0 : j] += Cpu().dot(weights_ + rows[j] * inputs_.size(), inputs_.x.data(), inputs_.size());
    }
    for (float& logit : logits) logit = Clip(logit, kLogitBound);
    return logits;
  }
  void Prefetch(const std::vector<int64_t>& rows) const {
    for (int64_t row : rows) {
      for (int64_t i = 0; i < inputs_.size(); i += kLanes) __builtin_prefetch(weights_ + row * inputs_.size() + i, 1);
    }
  }
  void Learn(bool target, float rate, float damping) {
    const float share = joint_ ? rate / rows_->size() : rate;
    for (size_t j = 0; j < rows_->size(); ++j) {
      const float p = Sigmoid(logits[joint_ ? 0 : j]);
      float& evidence = evidence_[(*rows_)[j]];
      const float scale = share * (target - p) / (evidence + damping + inputs_.norm);
      Cpu().add(scale, inputs_.step.data(), weights_ + (*rows_)[j] * inputs_.size(), inputs_.size());
      evidence += p * (1 - p);
    }
  }
  float Mean() const {
    float sum = 0;
    for (float logit : logits) sum += logit;
    return sum / logits.size();
  }

  std::vector<float> logits;

 private:
  float *weights_, *evidence_;  // [rows, inputs], [rows]
  Inputs& inputs_;
  bool joint_;
  const std::vector<int64_t>* rows_ = nullptr;
};

}  // namespace shared_density
