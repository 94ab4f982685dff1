"""What the native kernel is given: operands of other dtypes are cast, others that do not fit are named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from glns import bernoulli, native
from glns.bernoulli import Rule

if not native.available:
    pytest.skip("the native implementation was not built: no C++ compiler", allow_module_level=True)

R, RULE = 4, Rule(epsilon=0.1, weight_bound=0.7)


def test_native_casts_its_operands():
    """The kernel reads all operands by the weights' dtype: narrower ones would be read past their end."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        weights, inputs = jnp.array(rng.uniform(size=(R, 6))), jnp.array(rng.integers(-3, 4, (64, 6)), float)
        contexts, targets, rates = jnp.array(rng.integers(0, R, 64)), jnp.array(rng.random(64) < 0.5), jnp.full(64, 0.1)
        learn, predict = bernoulli.neuron(RULE, "native").learn, bernoulli.neuron(RULE, "native").predict
        expected = learn(weights, contexts, inputs, targets, rates)
        for dtype in (jnp.uint8, jnp.int64):
            mixed = learn(weights, contexts.astype(dtype), inputs.astype(jnp.float32), targets.astype(dtype), rates)
            jax.tree.map(np.testing.assert_array_equal, mixed, expected)
            one = predict(weights, contexts[0].astype(dtype), inputs[0].astype(jnp.int8))
            np.testing.assert_allclose(one, expected[1][0], rtol=1e-12)
        with pytest.raises(ValueError, match="native implementation takes float32 or float64 weights, got float16"):
            learn(weights.astype(jnp.float16), contexts, inputs, targets, rates)


MISFITS = {
    "inputs F64": {2: np.zeros((2, 8, 17), "float64")},
    "contexts S64": {1: np.zeros((2, 8), "int64")},
    "targets F32 \\[2, 7\\]": {3: np.zeros((2, 7), "float32")},
    "rates F32 \\[8\\]": {4: np.zeros(8, "float32")},
    "inputs F32 \\[2, 8, 16\\]": {2: np.zeros((2, 8, 16), "float32")},
    "contexts S32 \\[3, 8\\]": {1: np.zeros((3, 8), "int32")},
}


@pytest.mark.parametrize(("message", "replaced"), MISFITS.items(), ids=MISFITS)
def test_the_kernel_names_an_operand_that_does_not_fit(message, replaced):
    """Called without `glns.native`, which casts."""
    shapes = [(2, R, 17), (2, 8), (2, 8, 17), (2, 8), (2, 8)]
    types = [np.float32, np.int32, np.float32, np.float32, np.float32]
    with jax.enable_x64(True):
        operands = [replaced.get(i, np.zeros(shape, types[i])) for i, shape in enumerate(shapes)]
        logits = jax.ShapeDtypeStruct((2, 8), np.float32)
        learned = jax.ShapeDtypeStruct(shapes[0], np.float32)
        call = jax.ffi.ffi_call("glns_learn", (learned, logits), input_output_aliases={0: 0})
        with pytest.raises(jax.errors.JaxRuntimeError, match=f"glns: {message}.* do not fit the weights F32"):
            jax.block_until_ready(call(*operands, epsilon=0.1, weight_bound=1.0, clip_rule=0))
        if min(replaced) < 3:
            with pytest.raises(jax.errors.JaxRuntimeError, match=f"glns: {message}"):
                jax.block_until_ready(jax.ffi.ffi_call("glns_predict", logits)(*operands[:3]))
