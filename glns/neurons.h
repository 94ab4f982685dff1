// Bernoulli neurons that walk through their stretch of a stream, on a CPU. native.cc shares them out and calls them.
//
// A neuron walks through its whole stretch before the next group comes: its weight table stays in the cache, and only
// the rows that contexts select are touched. The neurons of a group read the same inputs, which are loaded once for all
// of them. A row begins anywhere in a cache line, and a register that crosses lines takes twice the time: so inputs are
// copied to rows that begin with a line, and so are tables whose rows are used often. Of other tables the next rows are
// called into the cache ahead of time.
//
// Letters: F fan-in, R contexts, T time.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "native/this_cpu.h"

namespace {

enum ClipRule : int64_t { kMargin, kAlways, kDeadZone };  // as in bernoulli.CLIP_RULES

struct Rule {
  double epsilon, weight_bound;
  int64_t clip_rule;
};

// What one neuron learns from: a slice of every operand.
template <typename Real>
struct Neuron {
  Real* weights;            // [R, F]
  const int32_t* contexts;  // [T]
  const Real* inputs;       // [T, F]
  const Real* targets;      // [T]
  const Real* rates;        // [T]
  Real* logits;             // [T]
};

constexpr int kGroup = 4;    // neurons that walk together
constexpr int kLine = 64;    // bytes of a cache line
constexpr int kVisits = 16;  // a table is copied if its rows are used as often as this, on average

template <typename Real>
constexpr int64_t kLanes = kLine / sizeof(Real);

// The logit of a context that is no row of the table.
template <typename Real>
constexpr Real kNoRow = std::numeric_limits<Real>::quiet_NaN();

// A row in memory: `whole` numbers in whole lines, and at `last` its last kLanes numbers. These overlap, and the inputs
// are 0 where they do, so that everything counts once.
struct Layout {
  int64_t stride, whole, last;
};

// What the neurons of a call have in common.
struct Stretch {
  int64_t T, F, R;
  Layout of_rows, of_inputs;
  bool near;  // the tables are copies that stay in the cache
};

inline __attribute__((always_inline)) bool Known(int32_t context, const Stretch& stretch) {
  return 0 <= context && context < stretch.R;
}

// The row that example t selects; where the context is no row, one that may be read.
template <typename Real>
inline __attribute__((always_inline)) Real* RowOf(const Neuron<Real>& neuron, int64_t t, const Stretch& stretch) {
  return neuron.weights + (Known(neuron.contexts[t], stretch) ? neuron.contexts[t] : 0) * stretch.of_rows.stride;
}

// d loss / d logit: bernoulli.error.
template <typename Real>
inline __attribute__((always_inline)) Real Error(Real logit, Real target, const Rule& rule) {
  const Real p = 1 / (1 + std::exp(-logit));
  const Real epsilon = static_cast<Real>(rule.epsilon);
  const Real clipped = std::min(std::max(p, epsilon), 1 - epsilon);
  switch (rule.clip_rule) {
    case kAlways:
      return clipped - target;
    case kDeadZone:
      return p == clipped ? p - target : 0;
    default:
      return std::abs(target - p) > epsilon ? clipped - target : 0;
  }
}

// Algorithm 1 of Veness 2019 for one neuron of less than a line, number by number. Without `targets` it only predicts.
template <typename Real>
void WalkNarrow(const Neuron<Real>& neuron, const Stretch& stretch, const Rule& rule) {
  const Real bound = static_cast<Real>(rule.weight_bound);
  const int64_t F = stretch.F;
  for (int64_t t = 0; t < stretch.T; ++t) {
    const Real* x = neuron.inputs + t * F;
    const bool known = Known(neuron.contexts[t], stretch);
    Real* row = RowOf(neuron, t, stretch);
    neuron.logits[t] = known ? std::inner_product(x, x + F, row, Real{0}) : kNoRow<Real>;
    if (!neuron.targets || !known) continue;
    const Real step = neuron.rates[t] * Error(neuron.logits[t], neuron.targets[t], rule);
    for (int64_t i = 0; i < F; ++i) row[i] = std::min(std::max(row[i] - step * x[i], -bound), bound);
  }
}

// walk.h for the kind of CPU that this is.
template <typename Real>
struct Walks {
  void (*one)(const Neuron<Real>*, const Stretch&, const Rule&);
  void (*group)(const Neuron<Real>*, const Stretch&, const Rule&);
};

#define CODE "glns/walk.h"
#include "native/for_each_cpu.h"

// `count` numbers at the beginning of a line of `memory`; they are not set.
template <typename Real>
Real* Lines(std::vector<Real>& memory, int64_t count) {
  if (memory.size() < static_cast<size_t>(count + kLanes<Real>)) memory.resize(count + kLanes<Real>);
  const uintptr_t begin = reinterpret_cast<uintptr_t>(memory.data());
  return reinterpret_cast<Real*>((begin + kLine - 1) / kLine * kLine);
}

// Copies a table of so many rows from one layout to another.
template <typename Real>
void CopyTable(const Real* from, const Layout& of_from, Real* to, const Layout& of_to, int64_t num_rows) {
  for (; num_rows-- > 0; from += of_from.stride, to += of_to.stride) {
    std::copy_n(from + of_from.last, kLanes<Real>, to + of_to.last);  // first: its overlap may be out of date
    std::copy_n(from, of_from.whole, to);
  }
}

// Up to kGroup neurons with the same inputs walk.
template <typename Real>
void WalkAll(Neuron<Real>* neurons, int64_t count, Stretch stretch, const Rule& rule) {
  static const Walks<Real> walks = {OF_THIS_CPU(WalkOne<Real>), OF_THIS_CPU(WalkGroup<Real>)};
  if (stretch.F < kLanes<Real>) {
    for (int64_t k = 0; k < count; ++k) WalkNarrow(neurons[k], stretch, rule);
    return;
  }
  const Layout bare = stretch.of_rows, padded = stretch.of_inputs;
  Real* tables[kGroup];
  if (stretch.R * kVisits <= stretch.T) {
    thread_local std::vector<Real> memory;
    const int64_t size = stretch.R * padded.stride;
    Real* copy = Lines(memory, count * size);
    for (int64_t k = 0; k < count; ++k, copy += size) {
      tables[k] = std::exchange(neurons[k].weights, copy);
      CopyTable(tables[k], bare, copy, padded, stretch.R);
    }
    stretch.of_rows = padded;
    stretch.near = true;
  }
  if (count == kGroup) {
    walks.group(neurons, stretch, rule);
  } else {
    for (int64_t k = 0; k < count; ++k) walks.one(neurons + k, stretch, rule);
  }
  if (!stretch.near || !neurons[0].targets) return;
  for (int64_t k = 0; k < count; ++k) CopyTable(neurons[k].weights, padded, tables[k], bare, stretch.R);
}

}  // namespace
