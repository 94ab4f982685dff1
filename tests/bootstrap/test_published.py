"""The beginnings of the published code's nets: bounds and variances, without a draw of the net itself."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from bootstrap import nets

UNIFORM = {
    "mlp": nets.MLP((16,), 10, batch_norm=True),
    "cnn": nets.CNN(10, width=16),
    "resnet18": nets.ResNet18(10, width=8),
    "alexnet": nets.AlexNet(10, width=16),
    "d_conv": nets.DConv(10, width=4),
    "d_full": nets.DConv(10, "full", width=1),
    "vit": nets.ViT(10, width=96, depth=1, mlp_width=48),
}


def published(net):
    """-> its parameters as the published code begins it, by their paths; what is not drawn is 7."""
    params = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((2, 32, 32, 3)))["params"]
    before = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 7.0), params)
    after = nets.published(net).redraw(jax.random.key(0), before)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, before)
    return flatten_dict(after)


@pytest.mark.parametrize("name", UNIFORM)
def test_most_nets_of_the_published_code_begin_as_pytorch_begins_them(name):
    """Kernels and biases are uniform within 1 / sqrt(fan-in), of variance 1 / (3 fan-in); nothing else is touched."""
    params = published(UNIFORM[name])
    kernels = {path: leaf for path, leaf in params.items() if path[-1] == "kernel"}
    for path, kernel in kernels.items():
        fan_in = kernel.size // kernel.shape[-1]
        bias = params.get((*path[:-1], "bias"))
        for leaf in (kernel,) if bias is None else (kernel, bias):
            values = np.array(leaf) * np.sqrt(fan_in)
            assert np.abs(values).max() < 1 + 1e-6
            assert abs(values.var() - 1 / 3) < 5 * np.sqrt(4 / 45 / leaf.size)  # of x ** 2, x uniform
    others = {path for path in params if path[-1] != "kernel" and (*path[:-1], "kernel") not in kernels}
    assert all((params[path] == 7).all() for path in others)
    assert bool(others) == (name != "alexnet")


def test_d_local_begins_as_a_full_matrix_with_a_mask():
    """A unit's inputs are all units of the image before, though it sees nine pixels of it."""
    params = published(nets.DConv(10, "local", width=1))
    inputs = (3 * 32**2, 32**2, 2 * 16**2, 2 * 16**2, 4 * 8**2, 4 * 8**2, 8 * 4**2, 8 * 4**2)
    for number, fan_in in enumerate(inputs):
        values = np.array(params[f"Local_{number}", "kernel"]) * np.sqrt(fan_in)
        assert np.abs(values).max() < 1 + 1e-6
        assert abs(values.var() - 1 / 3) < 0.03


@pytest.mark.parametrize(
    "net", [nets.VGG11(10, width=16), nets.DenseNet(10, growth=16, depth=7)], ids=["vgg11", "densenet"]
)
def test_vgg_and_densenet_begin_with_normal_weights(net):
    params, is_vgg = published(net), isinstance(net, nets.VGG11)
    for path, leaf in params.items():
        is_conv = path[0].startswith("Conv")
        if path[0].startswith("BatchNorm"):
            assert (leaf == 7).all()
        elif path[-1] == "bias":
            assert (leaf == 0).all() == is_vgg
        elif is_conv or is_vgg:
            std = np.sqrt(2 / (np.prod(leaf.shape[:2]) * leaf.shape[-1])) if is_conv else 0.01
            assert abs(np.std(leaf) / std - 1) < 5 / np.sqrt(2 * leaf.size)
            assert np.abs(leaf).max() > 2.5 * std  # which no uniform one of this deviation is
        else:
            assert np.abs(leaf).max() <= len(leaf) ** -0.5


def test_a_published_net_learns_as_the_net_does():
    """The same function of the same parameters, its statistics too; another net has no published beginning."""
    net = nets.CNN(3, width=4, depth=2)
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    ours, theirs = nets.body(net), nets.body(nets.published(net))
    params, collections = jax.jit(theirs.init)(jax.random.key(0), images)
    assert np.abs(params["Conv_1"]["bias"]).max() > 0
    chex.assert_trees_all_equal(
        ours.train(params, collections, images, jax.random.key(0)),
        theirs.train(params, collections, images, jax.random.key(0)),
    )
    with pytest.raises(ValueError, match=r"the published code begins MLP, CNN, .*; got RandomCells"):
        nets.published(nets.RandomCells(3, 0))
