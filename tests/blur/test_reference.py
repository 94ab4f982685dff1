"""Conformance: the published code's own numbers, case by case (see the README beside them)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from blur import network
from blur.genome import Genome, Neuron, Synapse
from blur.rule import Rule, backprop_rule


def sum_cross_entropy(last, targets):
    return jnp.stack([last[0], jax.nn.softmax(last[0]) - targets])


def sum_mse(last, targets):
    return jnp.stack([last[0], (last[0] - (2 * targets - 1)) * last[1]])


CASES = {
    "default_k2": Rule(activation="relu_tanh", backward_activation="relu_tanh"),
    "tanh_k3_gates": Rule(),
    "backprop_mse": backprop_rule("sigmoid", "mse")._replace(feedback=sum_mse),
    "backprop_xent": backprop_rule("sigmoid")._replace(feedback=sum_cross_entropy),
    "sym_inout_only": Rule(symmetric=True),
    "sym_states_only": Rule(single_state=True),
    "bwd_multiplicative": Rule(backward_update="multiplicative"),
    "bwd_mult_second": Rule(backward_update="multiplicative_second_state"),
    "oja_act": Rule(),
    "saturation_exp": Rule(),
    "norm_in_act": Rule(synapse_norm="read"),
    "fwd_synapse_update": Rule(),
    "per_layer_genome": Rule(),
    "supervised_every2": Rule(),
}
META_GRADIENTS = ("default_k2", "tanh_k3_gates", "oja_act", "saturation_exp")


@pytest.fixture(params=CASES)
def case(request, reference):
    return request.param, reference("blur", f"case/{request.param}/")


def of_synapse(arrays, name, case, pick):
    gate = {key: pick(arrays[f"{name}/{key}"]) for key in ("keep", "update")}
    pre, post = (pick(arrays[f"{name}/transform/{key}"], 2) for key in ("pre", "post"))
    oja = pick(arrays[f"{name}/transform/ojas_multiplier"]) if case == "oja_act" else None
    # The case adds an epsilon, 0.1, to the genome's number; ours is the sum.
    saturation = 0.1 + pick(arrays[f"{name}/saturation"]) if case == "saturation_exp" else None
    return Synapse(pre, post, **gate, oja=oja, saturation=saturation)


def of_genome(arrays, case, layer=None):
    """The published genome: one matrix [sources above and below, destinations] for both transforms of the neurons."""

    def pick(array, rank=0):
        array = jnp.asarray(array if layer is None else array[layer])
        return array.reshape(array.shape[array.ndim - rank :])

    transform = pick(arrays["genome/neuron/transform"], 2)
    k = len(transform) // 2
    gates = [pick(arrays[f"genome/neuron/{key}"]) for key in ("keep", "update")]
    neuron = Neuron(transform[:k, k:].T, transform[k:, :k].T, *gates)
    forward_synapse = of_synapse(arrays, "genome/forward_synapse", case, pick) if case == "fwd_synapse_update" else None
    return Genome(neuron, of_synapse(arrays, "genome/synapse", case, pick), forward_synapse)


def genome_of(arrays, case):
    if case == "per_layer_genome":
        return tuple(of_genome(arrays, case, layer) for layer in range(len(arrays["sizes"]) - 1))
    return of_genome(arrays, case)


def synapses_of(arrays, suffix, rule, prefix=""):
    """The blocks that are read of the square matrices over [inputs, bias, outputs]."""
    channels = slice(0, 1) if rule.single_state else slice(None)
    synapses = []
    for i, n in enumerate(arrays["sizes"][:-1]):
        square = jnp.moveaxis(jnp.asarray(arrays[f"{prefix}synapse{i}{suffix}"][0, 0]), -1, 0)[channels]
        down = None if rule.symmetric or i == 0 else square[:, n + 1 :, :n]
        synapses.append(network.Synapses(square[:, : n + 1, n + 1 :], down))
    return tuple(synapses)


def batch_of(arrays, t, case):
    x, y = (jnp.asarray(arrays[key][t, 0, 0]) for key in "xy")
    return x, y if case == "backprop_xent" else (y + 1) / 2  # labels are -1 and 1 there


def assert_neurons(actual, arrays, prefix):
    for i, states in enumerate(actual):
        expected = np.moveaxis(arrays[f"{prefix}/layer{i}"][0, 0], -1, 0)
        assert i > 0 or not expected[len(states) :].any()  # of inputs, only state 0 is not 0
        expected = expected[: len(states)]
        np.testing.assert_allclose(states, expected, rtol=5e-6, atol=5e-6, err_msg=f"{prefix}/layer{i}")


def assert_synapses(actual, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=5e-6, atol=5e-6), actual, expected)


def test_steps(case):
    case, arrays = case
    rule, genome = CASES[case], genome_of(arrays, case)
    synapses = synapses_of(arrays, "/init", rule)
    forward = jax.jit(lambda synapses, x: network.forward(genome, synapses, x, rule=rule))
    backward = jax.jit(lambda *args: network.backward(genome, *args, rule=rule))
    step = jax.jit(lambda *args: network.step(genome, *args[:3], rule=rule, supervised=args[3]))
    num_steps = len(arrays["x"]) - 1
    for t in range(num_steps):
        x, y = batch_of(arrays, t, case)
        supervised = case != "supervised_every2" or t % 2 == 0
        neurons = forward(synapses, x)
        assert_neurons(neurons, arrays, f"step{t}/fwd")
        between = synapses
        if case == "fwd_synapse_update":
            between = network.learn(genome, synapses, neurons, neurons, rule=rule, after="forward")
            assert_synapses(between, synapses_of(arrays, "", rule, f"step{t}/fwd/"))
        if supervised:
            assert_neurons(backward(between, neurons, y), arrays, f"step{t}/bwd")
        synapses, _, _ = step(synapses, x, y, jnp.array(supervised))
        assert_synapses(synapses, synapses_of(arrays, "", rule, f"step{t}/"))
    assert_neurons(forward(synapses, batch_of(arrays, num_steps, case)[0]), arrays, "query")


@pytest.mark.parametrize("case", META_GRADIENTS)
def test_meta_gradients(case, reference):
    """The genome's gradient through all steps, of the squared error on the next batch."""
    arrays = reference("blur", f"case/{case}/")
    rule = CASES[case]

    def loss(genome):
        synapses = synapses_of(arrays, "/init", rule)
        for t in range(len(arrays["x"]) - 1):
            synapses, _, _ = network.step(genome, synapses, *batch_of(arrays, t, case), rule=rule)
        x, y = batch_of(arrays, -1, case)
        return jnp.mean((network.forward(genome, synapses, x, rule=rule)[-1][0] - (2 * y - 1)) ** 2)

    value, gradient = jax.jit(jax.value_and_grad(loss))(of_genome(arrays, case))
    np.testing.assert_allclose(value, arrays["query/l2_loss_per_species"][0], rtol=5e-6)
    k = len(gradient.neuron.forward)
    transform, synapse = arrays["metagrad/neuron/transform"][0], "metagrad/synapse/"
    expected = {
        "forward": (gradient.neuron.forward, transform[:k, k:].T),
        "backward": (gradient.neuron.backward, transform[k:, :k].T),
        "keep": (gradient.neuron.keep, arrays["metagrad/neuron/keep"]),
        "update": (gradient.neuron.update, arrays["metagrad/neuron/update"]),
        "pre": (gradient.synapse.pre, arrays[synapse + "transform/pre"][0]),
        "post": (gradient.synapse.post, arrays[synapse + "transform/post"][0]),
        "synapse_keep": (gradient.synapse.keep, arrays[synapse + "keep"]),
        "synapse_update": (gradient.synapse.update, arrays[synapse + "update"]),
    }
    for name, (actual, of_reference) in expected.items():
        np.testing.assert_allclose(actual, of_reference, rtol=1e-4, atol=1e-4, err_msg=name)
