"""Every option of the rule against the equations, written out in NumPy for one example, neuron and state at a time."""

import itertools
import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
from blur import network
from blur.genome import Norm
from blur.rule import Rule

B, WIDTHS, K = 4, (3, 4, 3, 2), 3
LAYERS = range(len(WIDTHS) - 1)


def float64(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def oracle_norm(states, norm):
    """states [B, N, K]: each state has the genome's mean and standard deviation over examples and neurons."""
    if norm is None:
        return states
    result = np.empty_like(states)
    for c in range(K):
        of_state = states[:, :, c]
        result[:, :, c] = norm.mean[c] + norm.deviation[c] * (of_state - of_state.mean()) / of_state.std()
    return result


def oracle_read(w, synapse, rule):
    """w [sources, destinations, K] as the passes read it."""
    if rule.synapse_norm == "none":
        return w
    rescale = 1 if synapse.rescale is None else synapse.rescale
    result = np.empty_like(w)
    for j, c in np.ndindex(w.shape[1:]):
        result[:, j, c] = rescale * w[:, j, c] / np.sqrt(sum(w[r, j, c] ** 2 for r in range(len(w))))
    return result


def oracle_drive(transform, sources, w):
    """Σ_{i,d} w_ij^c transform^{cd} a_i^d: sources [B, N, K], w [N, M, K] -> [B, M, K]."""
    z = np.zeros((len(sources), w.shape[1], K))
    for b, j, c in np.ndindex(z.shape):
        for i, d in itertools.product(range(len(w)), range(K)):
            z[b, j, c] += w[i, j, c] * transform[c, d] * sources[b, i, d]
    return z


def oracle_learn(synapse, w, sources, destinations, rule):
    if rule.synapse_norm == "stored":
        w = oracle_read(w, synapse, rule)
    learned = np.empty_like(w)
    for i, j, c in np.ndindex(w.shape):
        changes, post = np.zeros(len(w)), np.zeros(len(sources))  # of the synapses to j, and of j
        for b in range(len(sources)):
            post[b] = sum(synapse.post[c, d] * destinations[b, j, d] for d in range(K))
            for r in range(len(w)):
                changes[r] += sum(sources[b, r, e] * synapse.pre[e, c] for e in range(K)) * post[b]
        shrink = {
            "activations": abs(synapse.update) * sum(post[b] ** 2 for b in range(len(sources))),
            "synapses": abs(synapse.update) * sum(w[r, j, c] ** 2 for r in range(len(w))),
            "hebbian": synapse.update * sum(w[r, j, c] * changes[r] for r in range(len(w))),
        }
        new = synapse.keep * w[i, j, c] + synapse.update * changes[i]
        if synapse.oja is not None:
            new -= abs(synapse.oja) * w[i, j, c] * shrink[rule.oja]
        if synapse.saturation is not None and rule.saturation == "exp":
            new = w[i, j, c] + (new - w[i, j, c]) * np.exp(-abs(w[i, j, c]) * abs(synapse.saturation))
        elif synapse.saturation is not None:
            new = synapse.saturation * np.tanh(new / synapse.saturation)
        learned[i, j, c] = np.tanh(new) if rule.synapse_activation == "tanh" else new
    if rule.single_state:
        learned[:] = learned[:, :, :1]
    return learned


def oracle_step(genomes, ups, downs, carry, inputs, targets, rule):
    """ups: an [N + 1, M, K] a layer, downs: an [M, N, K], carry: a [B, N, K] -> all after a step, and the logits."""
    neurons = [np.zeros((B, WIDTHS[0], K))]
    neurons[0][:, :, 0] = inputs
    biased = lambda a: np.concatenate([a, np.ones((B, 1, K))], axis=1)  # noqa: E731
    for l in LAYERS:
        genes = genomes[l]
        z = oracle_drive(genes.neuron.forward, biased(neurons[l]), oracle_read(ups[l], genes.synapse, rule))
        a = genes.neuron.update * z + (genes.neuron.keep * carry[l + 1] if rule.keep_neurons else 0)
        neurons.append(np.tanh(oracle_norm(a, genes.neuron.forward_norm)))
    passed, logits = list(neurons), neurons[-1][:, :, 0].copy()
    for l in LAYERS:
        synapse = genomes[l].forward_synapse
        if synapse is not None:
            ups = [*ups[:l], oracle_learn(synapse, ups[l], biased(neurons[l]), neurons[l + 1], rule), *ups[l + 1 :]]
            downs = [*downs[:l], oracle_learn(synapse, downs[l], neurons[l + 1], neurons[l], rule), *downs[l + 1 :]]
    neurons[-1][:, :, 1:] = 0
    neurons[-1][:, :, 1] = np.where(targets == 1, 1, -1)
    for l in reversed(LAYERS[1:]):
        genes, a = genomes[l], neurons[l]
        down = ups[l][:-1].swapaxes(0, 1) if rule.symmetric else downs[l]
        z = oracle_drive(genes.neuron.backward, neurons[l + 1], oracle_read(down, genes.synapse, rule))
        if rule.backward_update == "additive":
            new = genes.neuron.keep * a + genes.neuron.update * z
        elif rule.backward_update == "multiplicative":
            new = genes.neuron.keep * a * z
        elif rule.backward_update == "none":
            new = z
        else:
            new = genes.neuron.keep * np.concatenate([a[:, :, :1], a[:, :, 1:] * z[:, :, 1:]], axis=2)
        neurons[l] = np.tanh(oracle_norm(new, genes.neuron.backward_norm))
    below = passed if rule.forward_below else neurons
    new_ups = [oracle_learn(genomes[l].synapse, ups[l], biased(below[l]), neurons[l + 1], rule) for l in LAYERS]
    new_downs = [oracle_learn(genomes[l].synapse, downs[l], neurons[l + 1], below[l], rule) for l in LAYERS]
    return new_ups, new_downs, neurons, logits


def draw_genome(seed=0, forward_norm=False, backward_norm=False, forward_synapse=False, **of_synapse):
    k_genome, k_other, k_norm = jax.random.split(jax.random.key(seed), 3)
    neuron, synapse, _ = blur.random_genome(k_genome, K)
    means = jax.random.normal(k_norm, (2, K))
    norms = [Norm(mean, jnp.array([0.5, 1.5, 0.8])) for mean in means]
    neuron = neuron._replace(
        keep=jnp.array(0.7),
        update=jnp.array(0.4),
        forward_norm=norms[0] if forward_norm else None,
        backward_norm=norms[1] if backward_norm else None,
    )
    options = {name: jnp.array(value) for name, value in of_synapse.items()}
    synapse = synapse._replace(keep=jnp.array(0.9), update=jnp.array(-0.05), **options)
    other = blur.random_genome(k_other, K, synapse_update=0.03).synapse if forward_synapse else None
    return blur.Genome(neuron, synapse, other)


OPTIONS = {
    "plain": (Rule(), {}),
    "multiplicative": (Rule(backward_update="multiplicative"), {}),
    "multiplicative_second_state": (Rule(backward_update="multiplicative_second_state"), {}),
    "none": (Rule(backward_update="none"), {}),
    "symmetric": (Rule(symmetric=True), {}),
    "single_state": (Rule(single_state=True), {}),
    "symmetric_single_state": (Rule(symmetric=True, single_state=True), {}),
    "synapse_norm": (Rule(synapse_norm="read"), {}),
    "synapse_norm_rescaled": (Rule(synapse_norm="read"), {"rescale": 1.7}),
    "synapse_norm_stored": (Rule(synapse_norm="stored"), {}),
    "synapse_norm_stored_rescaled": (Rule(synapse_norm="stored"), {"rescale": 1.7}),
    "synapse_activation": (Rule(synapse_activation="tanh"), {}),
    "forward_below": (Rule(forward_below=True), {}),
    "keep_neurons": (Rule(keep_neurons=True), {}),
    "oja_activations": (Rule(), {"oja": 0.6}),
    "oja_of_other_sign": (Rule(), {"oja": -0.6}),
    "oja_synapses": (Rule(oja="synapses"), {"oja": 0.6}),
    "oja_hebbian": (Rule(oja="hebbian"), {"oja": 0.6}),
    "saturation_exp": (Rule(), {"saturation": 0.8}),
    "saturation_tanh": (Rule(saturation="tanh"), {"saturation": 0.8}),
    "forward_norm": (Rule(), {"forward_norm": True}),
    "backward_norm": (Rule(), {"backward_norm": True}),
    "both_norms": (Rule(backward_update="multiplicative_second_state"), {"forward_norm": True, "backward_norm": True}),
    "forward_synapse": (Rule(), {"forward_synapse": True}),
    "per_layer": (Rule(), {}),
}


def draw(option):
    rule, settings = OPTIONS[option]
    if option == "per_layer":
        genome = tuple(draw_genome(seed, forward_synapse=seed == 1) for seed in LAYERS)
    else:
        genome = draw_genome(**settings)
    rng = np.random.default_rng(1)
    inputs = jnp.array(rng.normal(size=(B, WIDTHS[0])), jnp.float32)
    targets = jax.nn.one_hot(jnp.array(rng.integers(0, WIDTHS[-1], size=B)), WIDTHS[-1])
    return rule, genome, network.init(jax.random.key(2), WIDTHS[0], WIDTHS[1:], K, rule=rule), inputs, targets


def spread(weights):
    """[C, N, M] -> float64 [N, M, K]."""
    weights = np.moveaxis(np.asarray(weights, np.float64), 0, -1)
    return np.broadcast_to(weights, (*weights.shape[:2], K)).copy()


@pytest.mark.parametrize("option", OPTIONS)
def test_steps(option):
    rule, genome, synapses, inputs, targets = draw(option)
    genomes = [float64(genome[l] if option == "per_layer" else genome) for l in LAYERS]
    ups = first_ups = [spread(up) for up, _ in synapses]
    shapes = [(m, n, K) for n, m in itertools.pairwise(WIDTHS)]
    downs = first_downs = [
        np.ones(shape) if down is None else spread(down) for shape, (_, down) in zip(shapes, synapses, strict=True)
    ]
    of_world = np.asarray(inputs, np.float64), np.asarray(targets)
    step = jax.jit(lambda synapses, carry: network.step(genome, synapses, inputs, targets, rule=rule, carry=carry))
    carry = network.init_carry(synapses, B, K, rule=rule)
    neurons = resting = [np.zeros((B, n, K)) for n in WIDTHS]
    for _ in range(2):
        synapses, logits, carry = step(synapses, carry)
        ups, downs, neurons, expected = oracle_step(genomes, ups, downs, neurons, *of_world, rule)
        np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)
        for of_layer, up, down in zip(synapses, ups, downs, strict=True):
            np.testing.assert_allclose(spread(of_layer.forward), up, rtol=1e-5, atol=1e-5)
            if of_layer.backward is not None:
                np.testing.assert_allclose(spread(of_layer.backward), down, rtol=1e-5, atol=1e-5)
        for states, of_oracle in zip(carry, neurons, strict=rule.keep_neurons):
            np.testing.assert_allclose(np.moveaxis(states, 0, -1), of_oracle[..., : len(states)], rtol=1e-5, atol=1e-5)
    plain = [float64(draw_genome())] * len(LAYERS)
    other = first_ups, first_downs, resting
    for _ in range(2):
        *other, _ = oracle_step(plain, *other, *of_world, Rule())
    differs = max(np.abs(a - b).max() for a, b in zip(ups, other[0], strict=True)) > 1e-3
    assert differs == (option != "plain")  # no option is idle here


def test_a_step_without_supervision_keeps_the_neurons_of_its_forward_pass():
    _, genome, synapses, inputs, targets = draw("keep_neurons")
    rule, resting = Rule(keep_neurons=True), network.init_carry(synapses, B, K, rule=Rule(keep_neurons=True))
    args = genome, synapses, inputs, targets
    learned, logits, carry = network.step(*args, rule=rule, supervised=jnp.array(False), carry=resting)
    chex.assert_trees_all_equal(learned, synapses)
    chex.assert_trees_all_equal(carry, network.forward(genome, synapses, inputs, rule=rule, carry=resting))
    assert jnp.abs(logits - network.step(*args, rule=rule, carry=carry)[1]).max() > 1e-2


@pytest.mark.parametrize("name", blur.rule.ACTIVATIONS)
def test_activations(name):
    """Elementwise, and as φ = (σ, σ') of two states: the slope is a central difference's."""
    functions = {
        "linear": lambda a: a,
        "relu": lambda a: np.maximum(a, 0),
        "relu_tanh": lambda a: np.maximum(np.tanh(a), 0),
        "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
        "tanh": np.tanh,
    }
    states = np.random.default_rng(0).normal(size=(2, 4, 3))
    function = functions[name.removesuffix("_slope")]
    expected = function(states)
    if name.endswith("_slope"):
        expected[1] = (function(states[1] + 1e-6) - function(states[1] - 1e-6)) / 2e-6
    actual = blur.rule.ACTIVATIONS[name](jnp.array(states, jnp.float32))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_a_rule_of_names_is_json():
    rule = blur.backprop_rule("tanh", "mse")
    assert Rule(**json.loads(json.dumps(rule._asdict()))) == rule
    blur.rule.check(rule)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "gelu"}, "activation must be one of linear, relu, relu_tanh, sigmoid, tanh, .*; got 'gelu'"),
        ({"backward_activation": None}, "backward_activation must be one of linear, .*; got None"),
        ({"last_activation": "x"}, "last_activation must be one of linear, .*; got 'x'"),
        ({"backward_update": "plus"}, "backward_update must be one of additive, .*; got 'plus'"),
        ({"synapse_norm": True}, "synapse_norm must be one of none, read, stored; got True"),
        ({"synapse_activation": "x"}, "synapse_activation must be one of linear, .*; got 'x'"),
        ({"saturation": "relu"}, "saturation must be one of exp, tanh; got 'relu'"),
        ({"oja": "rows"}, "oja must be one of activations, synapses, hebbian; got 'rows'"),
        ({"feedback": "hinge"}, "feedback must be one of label, error, cross_entropy, mse; got 'hinge'"),
        ({"symmetric": True, "synapse_norm": "stored"}, "symmetric synapses cannot be stored normalised"),
        ({"activation": "math:pi"}, "activation: math:pi is no function, but of type float"),
        ({"feedback": "math:"}, "feedback: math: is no function, but of type module"),
        ({"activation": ["tanh"]}, r"activation must be one of linear, .*; got \['tanh'\]"),
        ({"synapse_norm": abs}, "synapse_norm must be one of none, read, stored; got <built-in"),
        ({"change_norm": abs}, "change_norm must be one of none, layer, .*; got <built-in"),
        ({"symmetric": "yes"}, "symmetric must be True or False, got 'yes'"),
        ({"normalise_inputs": None}, "normalise_inputs must be True or False, got None"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValueError, match=message):
        blur.rule.check(Rule(**settings))


@pytest.mark.parametrize("field", ["activation", "backward_activation", "last_activation", "synapse_activation"])
def test_an_activation_that_loses_states_is_refused(field):
    _, genome, synapses, inputs, targets = draw("plain")
    with pytest.raises(ValueError, match=r"an activation keeps the shape of what it is given; .* made "):
        network.step(genome, synapses, inputs, targets, rule=Rule(**{field: lambda states: states[:1]}))


def test_only_what_is_read_is_stored():
    for option, channels in {"plain": K, "single_state": 1, "symmetric": K}.items():
        _, _, synapses, _, _ = draw(option)
        assert [of_layer.forward.shape for of_layer in synapses] == [
            (channels, 4, 4),
            (channels, 5, 3),
            (channels, 4, 2),
        ]
        down = [None if of_layer.backward is None else of_layer.backward.shape for of_layer in synapses]
        assert down == [None, *([None] * 2 if option == "symmetric" else [(channels, 3, 4), (channels, 2, 3)])]


def test_one_step_by_hand():
    # Input 2 is the state (2, 0), the bias (1, 1). Forward, channel by channel: z⁰ = 0.5·(1·2) + 0.1·(1 + 2) = 1.3 and
    # z¹ = 0.25·(3·2) + 0·(3 + 4) = 1.5. The label +1 makes it (1.3, 1). Update: channel 0 is source state 0 times
    # destination state 1, (2, 1)·1; channel 1 is source state 1 times destination state 0, (0, 1)·1.3.
    gate = jnp.ones(())
    neuron = blur.genome.Neuron(jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.eye(2), gate, gate)
    synapse = blur.genome.Synapse(jnp.eye(2), jnp.array([[0.0, 1.0], [1.0, 0.0]]), jnp.array(0.5), jnp.array(0.1))
    synapses = (network.Synapses(jnp.array([[[0.5], [0.1]], [[0.25], [0.0]]])),)
    linear = Rule(last_activation="linear")
    arguments = blur.Genome(neuron, synapse), synapses, jnp.array([[2.0]]), jnp.array([[1.0]])
    (learned,), logits, _ = network.step(*arguments, rule=linear)
    np.testing.assert_allclose(logits, [[1.3]], rtol=1e-6)
    np.testing.assert_allclose(learned.forward[:, :, 0], [[0.45, 0.15], [0.125, 0.13]], rtol=1e-6)
