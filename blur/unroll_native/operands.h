// The operands of the calls, as programs give them: checked, and taken apart by network.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "native/operands.h"
#include "packing.h"

namespace blur {

namespace ffi = xla::ffi;

// A call: operands, then results, and attributes, in the order of native.py.
struct Call {
  std::vector<ffi::AnyBuffer> buffers;
  ffi::Span<const int64_t> widths, numbers, normalise;
};

// -> the shape, or none where attributes do not fit one another.
inline std::optional<Shape> ShapeOf(const ffi::AnyBuffer::Dimensions& logits, const Call& call) {
  const auto widths = call.widths, numbers = call.numbers, normalise = call.normalise;
  if (logits.size() < 3 || widths.size() < 2 || normalise.size() != widths.size() - 1 || numbers.size() != 8) {
    return std::nullopt;
  }
  for (int64_t width : widths) {
    if (width < 1) return std::nullopt;
  }
  Shape shape;
  shape.widths.assign(widths.begin(), widths.end());
  shape.batch = logits[logits.size() - 2];
  shape.states = numbers[0], shape.channels = numbers[1];
  shape.symmetric = numbers[2], shape.forward_below = numbers[3];
  for (int i = 4; i < 7; ++i) {
    if (numbers[i] < kLinear || numbers[i] > kTanh) return std::nullopt;
  }
  shape.activation = static_cast<Activation>(numbers[4]);
  shape.backward_activation = static_cast<Activation>(numbers[5]);
  shape.last_activation = static_cast<Activation>(numbers[6]);
  shape.feedback = static_cast<Feedback>(numbers[7]);
  for (int64_t passes : normalise) {
    shape.normalise_forward.push_back(passes & 1);
    shape.normalise_backward.push_back(passes & 2);
  }
  const bool fits = shape.batch > 0 && shape.states > 1 && (shape.channels == 1 || shape.channels == shape.states) &&
                    shape.feedback >= kLabel && shape.feedback <= kCrossEntropy;
  return fits ? std::optional(shape) : std::nullopt;
}

// What all operands of a call have in common: the leading axes, then S steps.
class Batch {
 public:
  Batch(const ffi::AnyBuffer::Dimensions& logits) : axes_(logits), rank_(logits.size() - 3) {}

  int64_t steps() const { return axes_[rank_]; }
  int64_t size() const {
    int64_t count = 1;
    for (size_t i = 0; i < rank_; ++i) count *= axes_[i];
    return count;
  }
  bool Fits(const ffi::AnyBuffer& buffer, ffi::DataType type, const std::vector<int64_t>& own, bool shared) const {
    return ::Fits(buffer, type, axes_, rank_, own, shared);
  }
  // The part of a network, so many numbers.
  template <typename Number>
  Number* Of(ffi::AnyBuffer buffer, int64_t index, int64_t count) const {
    return buffer.typed_data<Number>() + Offset(buffer.dimensions(), axes_, rank_, index, count);
  }
  int64_t StepsOf(const ffi::AnyBuffer& horizon, int64_t index) const {
    return std::min<int64_t>(std::max(*Of<int32_t>(horizon, index, 1), 0), steps());
  }

 private:
  const ffi::AnyBuffer::Dimensions axes_;
  const size_t rank_;
};

// Sizes of operands for one network.
struct Sizes {
  explicit Sizes(const Shape& shape)
      : genes(shape.num_layers() * Genes<float>::Count(shape)), synapses(Packing(shape).size()),
        inputs(shape.batch * shape.widths.front()), targets(shape.batch * shape.widths.back()),
        tape(SynapseLayout(shape).size + StateLayout(shape).size) {}
  int64_t genes, synapses, inputs, targets, tape;  // the last three of a step
};

// An operand or result with its name and own axes. Results are not shared.
struct Named {
  const char* name;
  const ffi::AnyBuffer& buffer;
  std::vector<int64_t> own;
  bool shared = true;
};

// An error that names an operand whose type or shape does not fit.
inline ffi::Error Check(const Batch& batch, const ffi::AnyBuffer& horizon, const std::vector<Named>& operands) {
  auto error = [](const char* name, const ffi::AnyBuffer& buffer) {
    return ffi::Error::InvalidArgument("blur: " + std::string(name) + " " + Described(buffer) +
                                       " do not fit the network and the logits");
  };
  for (const Named& one : operands) {
    if (!batch.Fits(one.buffer, ffi::F32, one.own, one.shared)) return error(one.name, one.buffer);
  }
  return batch.Fits(horizon, ffi::S32, {}, true) ? ffi::Error::Success() : error("horizon", horizon);
}

}  // namespace blur
