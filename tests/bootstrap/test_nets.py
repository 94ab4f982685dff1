"""Bodies: by hand, against NumPy, and as large as those of the published code."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.extend.core import jaxprs_in_params

from bootstrap import nets, sgd
from bootstrap.nets import random_cells, vit
from bootstrap.nets.cnn import convolve, max_pool_2x2

RNG = np.random.default_rng(0)
IMAGES = jnp.array(RNG.normal(size=(4, 8, 8, 3)), jnp.float32)


def size(net, shape=(2, 32, 32, 3)):
    """-> how many numbers the net learns."""
    variables = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros(shape))
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


# D-CONV's channels and the sides of its images, of Nakkiran 2021's code; the first are the image's.
D_CHANNELS, D_SIDES = (32, 64, 64, 128, 128, 256, 256, 512), (32, 32, 16, 16, 8, 8, 4, 4, 2)
D_PAIRS = list(zip((3, *D_CHANNELS), D_CHANNELS, D_SIDES, D_SIDES[1:], strict=False))
D_HEAD = 2 * 2 * 512 * 2048 + 2 * 2048 + 2049 * 10
D_CONV = sum(9 * old * new for old, new, _, _ in D_PAIRS) + D_HEAD
D_LOCAL = sum(9 * old * new * side**2 for old, new, _, side in D_PAIRS) + D_HEAD
D_FULL = sum(old * before**2 * new * side**2 for old, new, before, side in D_PAIRS) + D_HEAD
D_UNITS = sum(2 * new * side**2 for _, new, _, side in D_PAIRS)


def test_mlp_by_hand():
    # Inputs (1, 2): hidden (1 - 2, 1 + 2 + 3) = (-1, 6), after ReLU (0, 6); logits (6 + 1, 0 - 6).
    hidden = {"kernel": jnp.array([[1.0, 1.0], [-1.0, 1.0]]), "bias": jnp.array([0.0, 3.0])}
    output = {"kernel": jnp.array([[5.0, 2.0], [1.0, -1.0]]), "bias": jnp.array([1.0, 0.0])}
    params = {"params": {"Dense_0": hidden, "Dense_1": output}}
    np.testing.assert_allclose(nets.MLP((2,), 2).apply(params, jnp.array([[[1.0], [2.0]]])), [[7, -6]])


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        # Counted by hand from the layers of the published code; the dossier's 14.7, 0.43, 1.56 and 11.17 million.
        (nets.MLP((2048,) * 3, 10, batch_norm=True), 14_718_986),
        (nets.MLP((128,) * 3, 10, batch_norm=True), 428_426),
        (nets.CNN(10), 1_558_026),
        (nets.ResNet18(10), 11_171_146),
        # ViT-B without its patches, places and head has 12 blocks of 7,087,872 numbers, 2304 of them biases left out.
        # 12 * (7_087_872 - 2304) + 49 * 768 + 768 + 65 * 768 + 2 * 768 + 769 * 3072 + 3073 * 10
        (nets.ViT(10), 87_509_770),
        (nets.VGG11(10), 9_231_114),
        (nets.AlexNet(10), 2_472_266),
        (nets.DenseNet(10, growth=12), 1_059_298),
        (nets.DenseNet(10, growth=32), 7_426_378),
        # Each 9 C F of a convolution and 2 F of its normalisation; then 2 x 2 pixels of 512 channels.
        (nets.DConv(10, "conv"), D_CONV + 2 * sum(D_CHANNELS)),
        (nets.DConv(10, "local"), D_LOCAL + D_UNITS),
        (nets.DConv(10, "full"), D_FULL + D_UNITS),
    ],
    ids=str,
)
def test_sizes(net, expected):
    assert size(net) == expected


@pytest.mark.parametrize("cell_seed", range(3))
@pytest.mark.parametrize(("num_cells", "width"), [(1, 16), (5, 64)])
def test_sizes_of_random_cells(cell_seed, num_cells, width):
    """Stem and last layer, two residual blocks, and of each cell its convolutions; two numbers a normalised channel."""
    edges = [edge for node in random_cells.cell(cell_seed) for edge in node]
    ones, nines = edges.count("conv_1x1"), edges.count("conv_3x3")
    expected = 27 * width + 2 * width + 2 * 4 * width + (4 * width + 1) * 10
    for channels in (width, 2 * width, 4 * width):
        expected += num_cells * (ones * (channels**2 + 2 * channels) + nines * (9 * channels**2 + 2 * channels))
    for channels in (width, 2 * width):
        expected += (18 + 36 + 2) * channels**2 + 2 * 2 * 2 * channels
    assert size(nets.RandomCells(10, cell_seed, num_cells, width), (1, 8, 8, 3)) == expected


def test_batch_norm_stands_before_the_relu():
    """In training a hidden unit has mean 0 and variance 1 over the batch: half of it is cut off."""
    net, x = nets.MLP((50,), 3, batch_norm=True), jnp.array(RNG.normal(size=(64, 5)) + 7, jnp.float32)
    variables = net.init(jax.random.key(0), x)
    params = variables["params"]
    logits, kept = net.apply(variables, x, train=True, mutable=["batch_stats"])
    hidden = np.array(x, np.float64) @ np.array(params["Dense_0"]["kernel"], np.float64)
    standard = (hidden - hidden.mean(0)) / np.sqrt(hidden.var(0) + 1e-5)
    np.testing.assert_allclose(logits, np.maximum(standard, 0) @ params["Dense_1"]["kernel"], atol=1e-3)
    np.testing.assert_allclose(kept["batch_stats"]["BatchNorm_0"]["mean"], 0.1 * hidden.mean(0), rtol=1e-3)


def test_dropout_leaves_out_hidden_units_in_training():
    """Of a unit each, whose output is 1: what is kept counts double, and a prediction takes all."""
    net = nets.MLP((1000,), 1, dropout=0.5)
    params = {"params": {"Dense_0": {"kernel": jnp.ones((1, 1000)), "bias": jnp.zeros(1000)}}}
    params["params"]["Dense_1"] = {"kernel": jnp.ones((1000, 1)), "bias": jnp.zeros(1)}
    np.testing.assert_allclose(net.apply(params, jnp.ones((1, 1))), [[1000]])
    kept = net.apply(params, jnp.ones((2, 1)), train=True, rngs={"dropout": jax.random.key(0)})
    assert kept[0] != kept[1]
    np.testing.assert_allclose(kept, 1000, atol=150)
    assert np.all(kept != 1000)


@pytest.mark.parametrize("form", ["conv", "product"])
@pytest.mark.parametrize(("kernel", "stride", "height"), [(3, 1, 6), (3, 2, 6), (3, 2, 5), (1, 2, 5)])
def test_convolution_by_definition(form, kernel, stride, height):
    x, weights = RNG.normal(size=(2, height, 4, 3)), RNG.normal(size=(kernel, kernel, 3, 5))
    edge = kernel // 2
    padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    expected = np.array(
        [
            [
                [np.tensordot(image[i : i + kernel, j : j + kernel], weights, 3) for j in range(0, x.shape[2], stride)]
                for i in range(0, height, stride)
            ]
            for image in padded
        ]
    )
    found = convolve(jnp.array(x, jnp.float32), jnp.array(weights, jnp.float32), stride, form)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_another_form_is_refused():
    with pytest.raises(ValueError, match="form must be conv or product, got 'fft'"):
        convolve(jnp.zeros((1, 4, 4, 1)), jnp.zeros((3, 3, 1, 1)), 1, "fft")


def test_max_pool_is_the_maximum_of_four():
    x = RNG.normal(size=(2, 5, 6, 3)).astype(np.float32)
    expected = [[x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max((1, 2)) for j in range(3)] for i in range(2)]
    np.testing.assert_array_equal(max_pool_2x2(jnp.array(x)), np.moveaxis(expected, 2, 0))


def test_the_gradient_of_max_pool_goes_to_one_of_equal_maxima():
    x, gradient = (RNG.normal(size=(2, *sides, 3)).astype(np.float32) for sides in ((5, 6), (2, 3)))
    x[0] = 1.0  # all are equal: the first, as in `nn.max_pool`
    expected = np.zeros_like(x)
    for image, i, j, channel in np.ndindex(2, 2, 3, 3):
        square = x[image, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, channel]
        row, column = np.unravel_index(square.argmax(), (2, 2))
        expected[image, 2 * i + row, 2 * j + column, channel] = gradient[image, i, j, channel]
    np.testing.assert_array_equal(jax.vjp(max_pool_2x2, jnp.array(x))[1](jnp.array(gradient))[0], expected)


SMALL = {
    "cnn": nets.CNN(3, width=4),
    "cnn-plain": nets.CNN(3, width=4, batch_norm=False),
    "resnet18": nets.ResNet18(3, width=4),
    "vit": nets.ViT(3, patch=4, width=16, depth=2, num_heads=2, mlp_width=32),
    "densenet": nets.DenseNet(3, growth=4, depth=7),
}


@functools.cache
def variables_of(name):
    return jax.jit(SMALL[name].init)(jax.random.key(0), IMAGES)


def test_both_forms_are_one_function():
    variables = variables_of("cnn")
    logits = [jax.jit(SMALL["cnn"].clone(form=form).apply)(variables, IMAGES) for form in ("conv", "product")]
    np.testing.assert_allclose(*logits, rtol=1e-4, atol=1e-4)
    assert np.abs(logits[0]).max() > 0.1


@pytest.mark.parametrize(
    "net",
    [SMALL["resnet18"], SMALL["densenet"], nets.VGG11(3, width=1), nets.DConv(3, width=1), nets.RandomCells(3, 0)],
    ids=lambda net: type(net).__name__,
)
def test_the_form_is_that_of_all_convolutions(net):
    x = jnp.zeros((1, 32, 32, 3))
    for form, there in (("conv", True), ("product", False)):
        program = jax.make_jaxpr(net.clone(form=form).init)(jax.random.key(0), x)
        assert ("conv_general_dilated" in {one.primitive.name for one in products(program.jaxpr)}) == there


@pytest.mark.parametrize("name", ["cnn", "vit"])
def test_bodies_learn_a_batch(name):
    """Sixteen noisy images, their class the channel that is brightest."""
    x = RNG.normal(size=(16, 8, 8, 3)).astype(np.float32)
    y = np.arange(16) % 3
    x[np.arange(16), :, :, y] += 1
    _, update, predict = map(jax.jit, sgd.learner(SMALL[name], tx := optax.adam(0.01)))
    collections = dict(variables_of(name))
    params = collections.pop("params")
    state = sgd.State(params, collections, tx.init(params))
    for i in range(40):
        state, metrics = update(jax.random.fold_in(jax.random.key(1), i), state, (x, y))
    assert metrics["loss"] < 0.2
    if name == "cnn":
        assert np.mean(predict(state, x).argmax(-1) == y) > 0.8  # with the running statistics


def test_convolutions_are_as_deep_and_pooled_as_asked():
    net = nets.CNN(10, width=16, depth=2, num_unpooled=0, batch_norm=False)
    x = jnp.zeros((3, 28, 28))
    variables = net.init(jax.random.key(0), x)
    seen = net.apply(variables, x, capture_intermediates=True)[1]["intermediates"]
    assert [seen[f"Conv_{i}"]["__call__"][0].shape for i in range(2)] == [(3, 28, 28, 16), (3, 14, 14, 32)]
    assert variables["params"].keys() == {"Conv_0", "Conv_1", "Dense_0"}


@pytest.mark.parametrize("name", [*SMALL, "mlp"])
def test_a_net_in_half_precision_learns_in_single(name):
    """All products of a step but the last layer's three are of bfloat16; what is learned and the loss are float32."""
    net = SMALL.get(name, nets.MLP((4, 4), 5)).clone(dtype="bfloat16")
    init, update, _ = sgd.learner(net, optax.sgd(0.1, momentum=0.9))
    batch = jnp.zeros((4, 8, 8, 3)), jnp.zeros(4, jnp.int32)
    state = jax.eval_shape(init, jax.random.key(0), batch)
    program, (after, metrics) = jax.make_jaxpr(update, return_shape=True)(jax.random.key(0), state, batch)
    kinds = [leaf.dtype.name for product in products(program.jaxpr) for leaf in product.invars for leaf in [leaf.aval]]
    assert kinds.count("float32") == 2 * 3
    assert set(kinds) == {"float32", "bfloat16"}
    chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
    assert {leaf.dtype.name for leaf in jax.tree.leaves((state.params, metrics))} == {"float32"}


def products(program):
    for equation in program.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from products(inner)


@pytest.mark.parametrize("name", ["cnn", "vit"])
def test_half_precision_is_close_and_its_logits_are_not_half(name):
    variables, x = variables_of(name), IMAGES
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    dtypes = (jnp.float32, jnp.bfloat16)
    whole, half = jax.jit(lambda x: [SMALL[name].clone(dtype=dtype).apply(variables, x) for dtype in dtypes])(x)
    assert half.dtype == jnp.float32
    assert 0 < np.abs(whole - half).max() < 0.1 * np.abs(whole).max() + 0.02


def test_images_without_channels_have_one():
    for net in (*SMALL.values(), nets.DConv(3, width=1), nets.RandomCells(3, 0, width=1)):
        shapes = [jax.eval_shape(net.init, jax.random.key(0), jnp.zeros(shape)) for shape in ((2, 8, 8), (2, 8, 8, 1))]
        chex.assert_trees_all_equal_shapes(*shapes)


def test_attention_is_that_of_the_published_code():
    """softmax(q k / sqrt(width)) v of each head, in NumPy; the layers after it leave all as it is or are 0."""
    block, x = vit.Block(num_heads=2, mlp_width=3, dtype=jnp.float32), RNG.normal(size=(1, 3, 4))
    params = jax.tree.map(np.zeros_like, jax.jit(block.init)(jax.random.key(0), x)["params"])
    qkv, norm = RNG.normal(size=(4, 12)), (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    params["LayerNorm_0"]["scale"] += 1
    params["Dense_0"]["kernel"], params["Dense_1"]["kernel"] = qkv, np.eye(4)
    query, key, value = (norm[0] @ qkv).reshape(3, 3, 2, 2).transpose(1, 2, 0, 3)  # [heads, places, 2] each
    weights = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(4))
    attended = weights / weights.sum(-1, keepdims=True) @ value
    expected = x[0] + attended.transpose(1, 0, 2).reshape(3, 4)
    np.testing.assert_allclose(block.apply({"params": params}, x)[0], expected, rtol=1e-4)


def test_the_patches_of_a_vit_are_patches():
    """Patches exchanged together with their places leave the logits as they are."""
    net, x = SMALL["vit"], jnp.array(RNG.normal(size=(1, 8, 8, 3)), jnp.float32)
    params = variables_of("vit")["params"]
    places = params["pos_embedding"][:, jnp.array([0, 3, 2, 1, 4])]  # patches 0 and 2: the upper and lower left
    params = params | {"token": params["token"] + 1}
    moved = {**params, "pos_embedding": places}
    exchanged = jnp.concatenate([jnp.concatenate([x[:, 4:, :4], x[:, :4, :4]], axis=1), x[:, :, 4:]], axis=2)
    apply = jax.jit(net.apply)
    before, after, without = (
        apply({"params": p}, image) for p, image in ((params, x), (moved, exchanged), (params, exchanged))
    )
    np.testing.assert_allclose(after, before, atol=1e-5)
    assert np.abs(without - before).max() > 1e-4
