"""Nets that contain others, random cells and random features: by hand, and against NumPy."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bootstrap import nets, sgd
from bootstrap.nets import random_cells
from bootstrap.nets.cnn import convolve
from bootstrap.nets.neyshabur import Local

RNG = np.random.default_rng(0)


def test_random_cells_are_many_and_connected():
    """Each operation is as often on an edge as any other, but where nothing would come through."""
    cells = [random_cells.cell(seed) for seed in range(500)]
    assert len(set(cells)) > 400
    edges = [edge for cell in cells for node in cell for edge in node]
    assert {*edges} == {*random_cells.OPERATIONS}
    assert min(map(edges.count, random_cells.OPERATIONS)) > 0.7 * len(edges) / 5
    for first, second, third in cells:
        has = [True, first[0] != "none"]
        has.append(any(there and edge != "none" for there, edge in zip(has, second, strict=True)))
        assert any(there and edge != "none" for there, edge in zip(has, third, strict=True))


def test_a_convolution_is_a_local_layer_whose_pixels_agree():
    """With the kernel of a convolution at every pixel, neighbour by neighbour; and with another at one, there alone."""
    x, kernel = (jnp.array(RNG.normal(size=shape), jnp.float32) for shape in ((2, 5, 6, 3), (3, 3, 3, 4)))
    everywhere = jnp.broadcast_to(kernel.reshape(27, 4), (3, 3, 27, 4))
    expected = convolve(x, kernel, 2, "conv")
    np.testing.assert_allclose(Local(4, 2).apply({"params": {"kernel": everywhere}}, x), expected, atol=1e-5)
    changed = Local(4, 2).apply({"params": {"kernel": everywhere.at[1, 2].multiply(2)}}, x)
    np.testing.assert_allclose(changed, expected.at[:, 1, 2].multiply(2), atol=1e-5)


@pytest.mark.parametrize("kind", ["conv", "local", "full"])
def test_d_conv_and_what_contains_it_differ_in_their_first_layers_alone(kind):
    variables = jax.eval_shape(nets.DConv(3, kind, width=2).init, jax.random.key(0), jnp.zeros((2, 16, 16, 1)))
    params = variables["params"]
    others = {"conv": "Conv", "local": "Local", "full": "Dense"}
    assert [f"{others[kind]}_{i}" in params for i in range(9)] == [True] * 8 + [kind == "full"]
    last = {"conv": ("Dense_0", "Dense_1"), "local": ("Dense_0", "Dense_1"), "full": ("Dense_8", "Dense_9")}[kind]
    assert [params[name]["kernel"].shape for name in last] == [(16 * 2, 64 * 2), (64 * 2, 3)]
    assert sum("BatchNorm" in name for name in params) == 9
    with pytest.raises(ValueError, match="kind must be one of conv, local, full; got 'dense'"):
        nets.DConv(3, "dense")


def test_a_random_cell_by_hand(monkeypatch):
    """Nodes a, b = mean of 3 x 3 of a, c = a, d = b + c: a net without convolutions in its cells."""
    drawn = (("average_3x3",), ("skip", "none"), ("none", "skip", "skip"))
    monkeypatch.setattr(random_cells, "cell", lambda seed: drawn)
    net, x = nets.RandomCells(3, 0, width=2), jnp.array(RNG.normal(size=(2, 4, 4, 1)), jnp.float32)
    variables = net.init(jax.random.key(0), x)
    found = net.apply(variables, x, capture_intermediates=True)[1]["intermediates"]
    stem, halved = found["BatchNorm_0"]["__call__"][0], found["Conv_1"]["__call__"][0]
    padded = jnp.pad(stem, ((0, 0), (1, 1), (1, 1), (0, 0)))
    number = jnp.pad(jnp.ones((4, 4)), 1)
    sums, counts = (
        sum(array[..., i : i + 4, j : j + 4] for i in range(3) for j in range(3))
        for array in (jnp.moveaxis(padded, -1, 1), number)
    )
    expected = jnp.moveaxis(sums / counts[None, None], 1, -1) + stem
    kernel = variables["params"]["Conv_1"]["kernel"]
    np.testing.assert_allclose(halved, convolve(jax.nn.relu(expected), kernel, 2, "conv"), atol=1e-5)


def test_the_fully_connected_net_contains_the_convolutional_one():
    shape = {"channels": (4, 8), "strides": (2, 2), "features": 16}
    x = jnp.array(RNG.normal(size=(3, 7, 8, 2)), jnp.float32)
    conv, full = nets.Convolutional(5, **shape), nets.FullyConnected(5, **shape)
    of_conv, of_full = (net.init(jax.random.key(0), x)["params"] for net in (conv, full))
    images, params = (7, 8, 2), {name: of_conv[name] for name in ("hidden", "output")}
    for i, features in enumerate(shape["channels"]):
        kernel, basis = of_conv[f"Conv_{i}"]["kernel"], jnp.eye(np.prod(images)).reshape(-1, *images)
        of_basis = convolve(basis, kernel, 2, "conv")  # the matrix of the convolution, row by row
        images = of_basis.shape[1:]
        params[f"Dense_{i}"] = {"kernel": of_basis.reshape(len(basis), -1), "bias": jnp.zeros(np.prod(images))}
        assert images[-1] == features
    chex.assert_trees_all_equal_shapes(params, of_full)
    np.testing.assert_allclose(
        full.apply({"params": params}, x), conv.apply({"params": of_conv}, x), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("activation", ["cos", "relu"])
def test_random_features_have_their_kernel(activation):
    """The mean product of two inputs' features: exp(-|x - y|² / 2s²) of Gaussians, the arc-cosine kernel of ReLUs."""
    x = RNG.normal(size=(2, 4))
    net = nets.RandomFeatures(20_000, 1, activation, bandwidth=1.5)
    variables = net.init(jax.random.key(0), jnp.array(x, jnp.float32))
    assert np.all(variables["params"]["Dense_0"]["kernel"] == 0)

    def logit(kernel, x):
        params = {"Dense_0": {"kernel": kernel[:, None], "bias": jnp.zeros(1)}}
        return net.apply({**variables, "params": params}, x[None])[0, 0]

    rows = [jax.grad(logit)(jnp.zeros(20_000), jnp.array(one, jnp.float32)) for one in x]  # linear: its own gradient
    lengths, angle = np.linalg.norm(x, axis=1), np.arccos(x[0] @ x[1] / np.prod(np.linalg.norm(x, axis=1)))
    expected = {
        "cos": np.exp(-((x[0] - x[1]) ** 2).sum() / 2 / 1.5**2),
        "relu": np.prod(lengths) / np.pi * (np.sin(angle) + (np.pi - angle) * np.cos(angle)),
    }
    np.testing.assert_allclose(rows[0] @ rows[1], expected[activation], atol=0.05 * np.prod(lengths))


def test_random_features_stay():
    x, y = jnp.array(RNG.normal(size=(32, 4)), jnp.float32), jnp.arange(32) % 2
    init, update, _ = map(jax.jit, sgd.learner(nets.RandomFeatures(64, 2), optax.sgd(0.5)))
    state = init(jax.random.key(0), (x, y))
    learned, first = update(jax.random.key(0), state, (x, y))
    _, second = update(jax.random.key(0), learned, (x, y))
    chex.assert_trees_all_equal(learned.collections, state.collections)
    np.testing.assert_allclose(first["loss"], np.log(2), rtol=1e-5)
    assert second["loss"] < first["loss"]
    others = init(jax.random.key(1), (x, y))
    assert np.any(others.collections["frozen"]["weights"] != state.collections["frozen"]["weights"])


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="activation must be cos or relu, got 'tanh'"):
        nets.RandomFeatures(4, 2, "tanh").init(jax.random.key(0), jnp.zeros((1, 3)))
