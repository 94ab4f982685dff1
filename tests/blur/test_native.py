"""The native kernel computes what the steps in XLA compute, and so does its reverse sweep."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
from blur import inner_run, native, network
from blur.rule import Rule

if not native.available:
    pytest.skip("the native implementation was not built: no C++ compiler", allow_module_level=True)

S, B, D = 3, 19, 5  # B: no whole number of registers
RULES = {
    "one channel": (2, Rule(single_state=True, feedback="cross_entropy", activation="relu", last_activation="linear")),
    "both ways": (
        3,
        Rule(symmetric=True, feedback="error", forward_below=True, activation="sigmoid", normalise_last=False),
    ),
}


def _arrays(num_states, sizes, rule, num_genomes=2):
    """Genomes [G, ..], the synapses of two tasks, and their batches."""
    rng = np.random.default_rng(0)
    inputs = jnp.array(rng.normal(size=(2, S, B, D)), jnp.float32)
    targets = jax.nn.one_hot(jnp.array(rng.integers(0, sizes[-1], size=(2, S, B))), sizes[-1])
    make = partial(blur.random_genome, num_states=num_states, synapse_update=0.003, normalise="both")
    genomes = jax.vmap(make)(jax.random.split(jax.random.key(1), num_genomes))
    genomes = jax.tree.map(lambda gene: 0.8 * gene + 0.1, genomes)  # gates and norms are not 1 and 0
    genomes = genomes._replace(synapse=genomes.synapse._replace(last=jnp.full(num_genomes, 0.5)))
    init = partial(network.init, input_dim=D, sizes=sizes, num_states=num_states, rule=rule)
    return genomes, jax.vmap(init)(jax.random.split(jax.random.key(2), 2)), inputs, targets


@pytest.mark.parametrize("name", RULES)
def test_kernel_is_the_steps_in_xla(name):
    """For every genome and task, with the gradients of genes and synapses, to a horizon."""
    num_states, rule = RULES[name]
    arrays = _arrays(num_states, (18, 7, 3), rule)

    def program(unroll):
        def loss(genome, synapses, inputs, targets):
            learned, logits = unroll(genome, synapses, inputs, targets, rule=rule, horizon=jnp.asarray(2, jnp.int32))
            return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves((learned, logits))), (learned, logits)

        gradient = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
        of_tasks = jax.vmap(gradient, in_axes=(None, 0, 0, 0))
        return jax.jit(jax.vmap(of_tasks, in_axes=(0, None, None, None)))

    ours = program(blur.unroll)
    assert "blur_reverse" in ours.lower(*arrays).as_text()
    jax.tree.map(_assert_close, ours(*arrays), program(inner_run.unroll_in_xla)(*arrays))


def _assert_close(actual, expected):
    """To the rounding of the largest number, of which the small ones are differences."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-4 * np.abs(expected).max())


def test_inputs_have_a_gradient():
    """Which the kernel has not."""
    (genomes, synapses, inputs, targets), rule = _arrays(2, (3,), Rule()), Rule()
    genome, synapses = jax.tree.map(lambda leaf: leaf[0], (genomes, synapses))

    def loss(unroll, inputs):
        return jnp.sum(unroll(genome, synapses, inputs, targets[0], rule=rule)[1] ** 2)

    ours, expected = (jax.grad(partial(loss, run))(inputs[0]) for run in (blur.unroll, inner_run.unroll_in_xla))
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "rule",
    [Rule(keep_neurons=True), Rule(activation=jnp.tanh), Rule(synapse_norm="read"), Rule(change_norm="orthogonal")],
)
def test_other_rules_go_through_xla(rule):
    genomes, synapses, *_ = _arrays(2, (3,), Rule(), num_genomes=1)
    assert native.knows((genomes,), synapses, Rule())
    assert not native.knows((genomes,), synapses, rule)


def test_other_genes_and_types_go_through_xla():
    (genome, synapses, *_), rule = _arrays(2, (3,), Rule(), num_genomes=1), Rule()
    assert not native.knows((blur.genome.with_age(genome, 1.0),), synapses, rule)
    assert not native.knows((genome._replace(forward_synapse=genome.synapse),), synapses, rule)
    with jax.enable_x64(True):
        assert not native.knows((genome,), jax.tree.map(lambda leaf: leaf.astype(jnp.float64), synapses), rule)


MISFITS = {
    "genes F64": {0: np.zeros((1, 26), "float64")},
    "synapses F32 \\[35\\]": {1: np.zeros(35, "float32")},
    "inputs F32 \\[3, 4, 5\\]": {2: np.zeros((3, 4, 5), "float32")},
    "targets F32 \\[2, 19, 3\\]": {3: np.zeros((2, 19, 3), "float32")},
    "horizon S64": {4: np.zeros((), "int64")},
}


@pytest.mark.parametrize(("message", "replaced"), MISFITS.items(), ids=MISFITS)
def test_the_kernel_names_an_operand_that_does_not_fit(message, replaced):
    """Called without `native.unroll`, which casts. 26 genes of 2 states, 36 synapses of 5 inputs and 3 neurons."""
    operands = [np.zeros(shape, "float32") for shape in ((1, 26), (36,), (S, B, D), (S, B, 3))] + [np.int32(1)]
    attributes = {"widths": (D, 3), "numbers": (2, 2, 0, 0, 4, 4, 4, 0), "normalise": (0,)}
    attributes = {name: np.array(value, np.int64) for name, value in attributes.items()}
    results = jax.ShapeDtypeStruct((36,), np.float32), jax.ShapeDtypeStruct((S, B, 3), np.float32)
    with jax.enable_x64(True):
        call = jax.ffi.ffi_call("blur_unroll", results)
        jax.block_until_ready(call(*operands, **attributes))
        given = [replaced.get(i, operand) for i, operand in enumerate(operands)]
        with pytest.raises(jax.errors.JaxRuntimeError, match=f"blur: {message}.* do not fit the network"):
            jax.block_until_ready(call(*given, **attributes))
        with pytest.raises(jax.errors.JaxRuntimeError, match="of no network"):
            jax.block_until_ready(call(*operands, **attributes | {"normalise": np.zeros(2, np.int64)}))
