"""Settings outside their bounds are refused in one line that names the setting; traced ones pass."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import bootstrap
from bootstrap import augment, bandits, distributions, ensemble, ewc, gap, images, nets, prefetch, sgd

NOT_POSITIVE = (np.nan, np.inf, 0.0, -1.0, "0.1", None)
NEGATIVE = (np.nan, np.inf, -1.0, "0.1", None)
NO_FRACTION = (np.nan, -0.1, 1.1, None)
NO_COUNT = (0, -1, 1.5, np.nan, "3", None)
NO_WIDTHS = ((0,), (4, -1), (1.5,), 4)
IMAGE, KEY = np.zeros((8, 8)), jax.random.key(0)
NET = nets.MLP((4,), 3)
STRENGTHS = ("rotation", "scale", "shear", "shift", "elastic", "contrast")


def sample(key, index, data):
    return jnp.zeros(2), index


FACTORIES = {  # a factory that has what it needs, and values that it must refuse by setting
    "crop": (partial(augment.crop, KEY, IMAGE), {"padding": (-1, 1.5, np.nan)}),
    "shift": (partial(augment.shift, KEY, IMAGE), {"max_shift": NEGATIVE}),
    "cutout": (partial(augment.cutout, KEY, IMAGE), {"size": (-1, 1.5, np.nan)}),
    "noise": (partial(augment.noise, KEY, IMAGE), {"std": NEGATIVE}),
    "deformed": (
        partial(images.deformed, KEY, (IMAGE[None], [0])),
        dict.fromkeys(("rotation", "stretch", "shift", "elastic"), NEGATIVE),
    ),
    "real": (partial(bootstrap.real, np.eye(3), np.arange(3)), {"batch_size": NO_COUNT}),
    "ideal": (partial(bootstrap.ideal, sample), {"batch_size": NO_COUNT}),
    "paired": (
        partial(bootstrap.paired, sample, batch_size=2),
        {"batch_size": NO_COUNT, "num_samples": (*(one for one in NO_COUNT if one is not None), np.uint64(2**32))},
    ),
    "permuted": (
        partial(bootstrap.permuted, np.eye(3), np.arange(3), [[0, 1, 2]], samples_per_task=2, batch_size=1),
        {"batch_size": NO_COUNT, "samples_per_task": NO_COUNT},
    ),
    "permutations": (
        partial(bootstrap.permuted, np.eye(3), np.arange(3), samples_per_task=2, batch_size=1),
        {"permutations": ([[0, 1, 1]], [[0, 1]], [0, 1, 2], [[1, 2, 3]])},
    ),
    "prefetch": (
        partial(prefetch.advance, KEY, None, None, None, num_steps=1),
        dict.fromkeys(("num_steps", "prefetch", "unroll"), NO_COUNT),
    ),
    "gap": (partial(gap.stopping_time, np.arange(2), np.zeros((1, 2))), {"threshold": NEGATIVE}),
    "cosine": (
        partial(sgd.cosine, learning_rate=0.1, num_steps=3),
        {"learning_rate": NEGATIVE, "num_steps": NO_COUNT, "every": NO_COUNT},
    ),
    "scores": (partial(bootstrap.scores, np.zeros((2, 3)), [0, 1]), {"num_bins": NO_COUNT}),
    "ewc": (
        partial(ewc.learner, NET, optax.sgd(0.1), strength=1.0, consolidate_every=3),
        {"strength": NEGATIVE, "consolidate_every": NO_COUNT, "fisher_decay": (np.nan, 0.0, 1.0)},
    ),
    "ensemble": (partial(ensemble.learner, sgd.learner(NET, optax.sgd(0.1))), {"num_members": NO_COUNT}),
    "linear": (
        partial(bandits.linear, num_arms=2, exploration=0.1, ridge=1.0),
        {"num_arms": NO_COUNT, "exploration": NEGATIVE, "ridge": NOT_POSITIVE},
    ),
    "neural": (partial(bandits.neural, NET, optax.sgd(0.1)), {"epsilon": NO_FRACTION}),
    "noisy labels": (
        lambda label_noise=0.1, num_classes=3: distributions.with_label_noise(sample, num_classes, label_noise),
        {"label_noise": NO_FRACTION, "num_classes": NO_COUNT},
    ),
    "shapes": (
        distributions.shapes,
        {
            "size": NO_COUNT,
            **dict.fromkeys(("min_radius", "max_radius"), NOT_POSITIVE),
            **dict.fromkeys(("shift", "shade", "noise"), NEGATIVE),
        },
    ),
    "digits": (
        partial(distributions.digits, IMAGE[None], [0]),
        {"size": NO_COUNT, **dict.fromkeys(STRENGTHS, NEGATIVE)},
    ),
    "gaussians": (
        partial(distributions.gaussians, num_inputs=2, num_classes=2, separation=1.0),
        {**dict.fromkeys(("num_inputs", "num_classes", "num_components"), NO_COUNT), "separation": NEGATIVE},
    ),
    "teacher": (
        partial(distributions.teacher, num_inputs=2, num_classes=2),
        {**dict.fromkeys(("num_inputs", "num_classes"), NO_COUNT), "features": NO_WIDTHS},
    ),
    "mlp": (
        partial(nets.MLP, (4,), num_classes=3),
        {"num_classes": NO_COUNT, "dropout": NO_FRACTION, "dtype": ("bf16", "int8", "float64", None)},
    ),
    "widths": (partial(nets.MLP, num_classes=3), {"features": NO_WIDTHS}),
    "cnn": (partial(nets.CNN, 3), dict.fromkeys(("width", "depth"), NO_COUNT) | {"num_unpooled": (-1, np.nan)}),
    "conv": (partial(nets.Conv, 3), dict.fromkeys(("kernel", "stride"), (*NO_COUNT, np.inf)) | {"kernel": (0, 2)}),
    "resnet": (partial(nets.ResNet18, 3), {"width": NO_COUNT}),
    "random features": (
        partial(nets.RandomFeatures, num_features=4, num_classes=3),
        {"num_features": NO_COUNT, "num_classes": NO_COUNT, "bandwidth": NOT_POSITIVE},
    ),
    "linear net": (nets.Linear, {"num_classes": NO_COUNT}),
    "d_conv": (partial(nets.DConv, num_classes=3), {"num_classes": NO_COUNT, "kind": ("dense", None)}),
    "random cells": (
        partial(nets.RandomCells, 3, cell_seed=0),
        {"num_cells": NO_COUNT, "width": NO_COUNT, "cell_seed": (-1, 0.5)},
    ),
    "vit": (
        partial(nets.ViT, 3),
        {**dict.fromkeys(("patch", "depth", "num_heads", "mlp_width"), NO_COUNT), "width": (*NO_COUNT, 13)},
    ),
    **{
        net.__name__: (
            partial(net, num_classes=3, channels=(2,), strides=(2,), features=4),
            {"num_classes": NO_COUNT, "features": NO_COUNT, "channels": (*NO_WIDTHS, (2, 2)), "strides": NO_WIDTHS},
        )
        for net in (nets.Convolutional, nets.FullyConnected)
    },
}


@pytest.mark.parametrize("factory", FACTORIES)
def test_settings_outside_their_bounds_are_refused(factory):
    build, wrong = FACTORIES[factory]
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ValueError, match=rf"{name}.* must ") as refusal:
                build(**{name: value})
            assert "\n" not in str(refusal.value)


def test_traced_numbers_pass():
    def draw(number):
        k_shift, k_noise, k_image, k_label = jax.random.split(jax.random.key(0), 4)
        image = augment.noise(k_noise, augment.shift(k_shift, IMAGE, max_shift=number), std=number)
        image, _ = images.deformed(k_image, (image[None], [0]), rotation=number, shift=number)
        noisy = distributions.with_label_noise(lambda key, data: (image, 0), 3, number)
        schedule = sgd.cosine(number, 3)
        ewc.learner(NET, optax.sgd(schedule), strength=number, consolidate_every=3)
        return noisy(k_label, ())[0].sum() + schedule(1)

    assert jax.eval_shape(jax.vmap(draw), jnp.array([0.1, 0.2])).shape == (2,)


@pytest.mark.parametrize(
    "make",
    [
        partial(bootstrap.real, batch_size=1),
        partial(bootstrap.permuted, permutations=[[0, 1, 2]], samples_per_task=1, batch_size=1),
        lambda x, y: distributions.digits(x[:, None], y),
    ],
)
def test_negative_labels_are_refused(make):
    make(np.eye(3), np.array([0, 2, 1]))
    for labels in (np.array([0, -1, 2]), jnp.array([0, 1, -1], jnp.int8)):
        with pytest.raises(ValueError, match=r"a label must be at least 0, got .*-1"):
            make(np.eye(3), labels)


def test_noise_makes_no_class_of_a_label_that_is_none():
    noisy = distributions.with_label_noise(lambda key, label: (0.0, label), 3, 1.0)
    labels = jax.vmap(noisy, in_axes=(None, 0))(KEY, jnp.array([-1, 3, 1]))[1]
    np.testing.assert_array_equal(labels[:2], [-1, 3])
    assert labels[2] in (0, 2)


def test_an_image_without_a_cell_is_refused():
    with pytest.raises(ValueError, match="width must be at least 4, got 3"):
        images.oriented_gradients(np.zeros((4, 3)))


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nets.CNN(3, width=2, depth=4), "image must be at least 8 x 8, got 7 x 8"),
        (nets.ViT(3, patch=2, width=4, num_heads=2), "sides must be multiples of patch=2, got 7 x 8"),
    ],
)
def test_images_that_a_net_cannot_take_are_refused(net, message):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(nets.body(net).init, jax.random.key(0), jnp.zeros((1, 7, 8)))
