"""The optax transformation: it is the rule in a network of flax; other parameters; it learns in a loop of optax."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import blur
from blur import network

X = jnp.array(np.random.default_rng(0).normal(size=(9, 5)), jnp.float32)
Y = jnp.arange(9) % 3


class Net(nn.Module):
    hidden: tuple[int, ...] = (7,)

    @nn.compact
    def __call__(self, x):
        for width in self.hidden:
            x = nn.relu(nn.Dense(width)(x))
        return nn.Dense(3)(x)


def loss(params, net=Net()):  # noqa: B008
    return optax.softmax_cross_entropy_with_integer_labels(net.apply(params, X), Y).mean()


@pytest.mark.parametrize(
    ("hidden", "size"), [((7,), None), ((7,), (0.1, 0.5)), ((7, 11), (0.1, 0.5)), ((), (0.1, 0.5))]
)
def test_it_is_the_rule_in_somebodys_network(hidden, size):
    """Four steps of the genome made by hand, without its norms, and with a gate that forgets."""
    genome, rule = blur.optimisers.lasting()
    genome = genome._replace(
        neuron=genome.neuron._replace(forward_norm=None), synapse=genome.synapse._replace(keep=jnp.array(0.9))
    )
    genome = genome if size is None else blur.genome.with_size(genome, *size)
    rule, net = rule._replace(normalise_inputs=False), Net(hidden)
    params = net.init(jax.random.key(1), X)
    layers = [params["params"][f"Dense_{i}"] for i in range(len(hidden) + 1)]
    synapses = [network.Synapses(jnp.vstack([layer["kernel"], layer["bias"]])[None]) for layer in layers]
    synapses = network.with_memory(genome, synapses, rule=rule)
    tx = blur.gradient_transformation(genome, rule, last=f"Dense_{len(hidden)}")

    @jax.jit
    def steps(params, synapses):
        state = tx.init(params)
        for _ in range(4):
            updates, state = tx.update(jax.grad(loss)(params, net), state, params)
            params = optax.apply_updates(params, updates)
            synapses, _, _ = network.step(genome, synapses, X, jax.nn.one_hot(Y, 3), rule=rule)
        return params, synapses

    learned, expected = steps(params, synapses)
    for i, of_layer in enumerate(expected):
        layer = learned["params"][f"Dense_{i}"]
        np.testing.assert_allclose(layer["kernel"], of_layer.forward[0, :-1], atol=1e-5)
        np.testing.assert_allclose(layer["bias"], of_layer.forward[0, -1], atol=1e-5)
    assert loss(learned, net) < 0.9 * loss(params, net)


def test_other_parameters_are_matrices_of_their_own():
    """Kernels of convolutions, vectors, numbers; each receives a change of the length that its destinations get."""
    params = {
        "conv": {"kernel": jnp.ones((2, 2, 3, 4)), "bias": jnp.ones(4)},
        "scale": jnp.ones(5),
        "gain": jnp.ones(()),
    }
    genome, rule = blur.optimisers.lasting(learning_rate=0.1)
    tx = blur.gradient_transformation(genome, rule, last="gain")
    gradient = jax.tree.map(lambda leaf: jnp.cos(jnp.arange(leaf.size, dtype=jnp.float32)).reshape(leaf.shape), params)
    updates, state = tx.update(gradient, tx.init(params), params)
    assert jax.tree.map(jnp.shape, updates) == jax.tree.map(jnp.shape, params)
    assert state.age == 1
    joined = jnp.vstack([updates["conv"]["kernel"].reshape(12, 4), updates["conv"]["bias"]])
    # Newton-Schulz leaves singular values of 0.6 to 1.3
    assert 0.6 < jnp.linalg.svd(joined / 0.1, compute_uv=False)[0] < 1.3
    assert 0.03 < jnp.abs(updates["gain"]) < 0.065  # half the rate: the gene `last`


def test_it_needs_the_parameters():
    tx = blur.gradient_transformation(*blur.optimisers.lasting(), last="w")
    with pytest.raises(ValueError, match="also takes the parameters"):
        tx.update({"w": jnp.ones((2, 2))}, tx.init({"w": jnp.ones((2, 2))}))


def test_it_needs_a_gradient_and_the_name_of_the_last_layer():
    genome, rule = blur.optimisers.lasting()
    with pytest.raises(ValueError, match="no module or parameter is named 'Dense_9'; there are Dense_0, scale"):
        blur.gradient_transformation(genome, rule, last="Dense_9").init(
            {"Dense_0": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}, "scale": jnp.ones(2)}
        )
    nested = {"Block": {"Dense_0": {"kernel": jnp.ones((2, 2))}}, "Dense_0": {"kernel": jnp.ones((2, 2))}}
    for last in ("Dense_0", "params", "kernel"):
        with pytest.raises(
            ValueError, match=f"'{last}' is not one module of them; there are params/Block/Dense_0/kernel,"
        ):
            blur.gradient_transformation(genome, rule, last=last).init({"params": nested})
    path = blur.gradient_transformation(genome, rule, last="params/Dense_0")
    updates, _ = path.update({"params": nested}, path.init({"params": nested}), {"params": nested})
    of_last, other = (part["Dense_0"]["kernel"] for part in (updates["params"], updates["params"]["Block"]))
    np.testing.assert_allclose(of_last, 0.5 * other, rtol=1e-5)
    alone = jnp.ones((2, 2))
    without = blur.gradient_transformation(genome._replace(synapse=genome.synapse._replace(last=None)), rule)
    assert without.update(alone, without.init(alone), alone)[0].shape == (2, 2)
    with pytest.raises(ValueError, match="change_norm must be one of"):
        blur.gradient_transformation(genome, rule._replace(change_norm="nope"), last="w")
    with pytest.raises(ValueError, match="the genome has the gene last: name the module"):
        blur.gradient_transformation(genome, rule)
    with pytest.raises(ValueError, match="for all layers; got tuple"):
        blur.gradient_transformation((genome, genome), rule, last="w")
    with pytest.raises(ValueError, match=r"is no gradient: synapse\.pre is 0\.97 from backprop"):
        blur.gradient_transformation(*blur.pretrained.load("mnist")[:2])


@pytest.mark.parametrize("own", ["kernel", "bias"])
def test_it_may_be_for_some_of_the_parameters(own):
    """As if the others were not there, under both of optax's masks; the module of the logits may be among those."""
    genome, rule = blur.optimisers.lasting()
    params = {f"Dense_{i}": {"kernel": jnp.eye(3), "bias": jnp.ones(3)} for i in range(2)}
    is_kept = {name: {leaf: (name, leaf) == ("Dense_0", own) for leaf in params[name]} for name in params}
    alone = {"Dense_0": {own: params["Dense_0"][own]}}
    without_last = blur.gradient_transformation(genome._replace(synapse=genome.synapse._replace(last=None)), rule)
    expected, _ = without_last.update(alone, without_last.init(alone), alone)
    tx = blur.gradient_transformation(genome, rule, last="Dense_1")
    of_parts = {"True": tx, "False": optax.set_to_zero()}
    for masked in (optax.masked(tx, is_kept), optax.partition(of_parts, jax.tree.map(str, is_kept))):
        updates, _ = masked.update(params, masked.init(params), params)
        np.testing.assert_array_equal(updates["Dense_0"][own], expected["Dense_0"][own])
