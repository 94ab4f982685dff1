"""What must not change a result: the unit, dtype and layout of inputs, the type of labels, how a stream is cut.

Each test is a family over a table. A unit that is a power of two changes no digit of a float, so results are equal to
the bit; units of 1e-12 to 1e12 round, and stated tolerances hold. Where something cannot be the same it is refused, or
under `jit` NaN. The order of seeds is in test_contract.py, the cuts of learners' streams in each paper's tests.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris

import bootstrap
import glns
from bootstrap import augment, distributions, images
from glns.estimator import Classifier, Regressor

pytestmark = pytest.mark.usefixtures("one_size_of_calls")
RNG = np.random.default_rng(0)
KEY = partial(jax.random.key, 0)
BYTES = RNG.integers(0, 100, size=(12, 8)).astype(np.uint8)  # exact in every dtype below
UNITS = (2.0**-40, 2.0**40, 1e-12, 1e-9, 1e9, 1e12)
LAYOUTS = {
    **{name: partial(np.asarray, dtype=name) for name in ("int8", "uint8", "int16", "int32", "int64")},
    **{name: partial(np.asarray, dtype=name) for name in ("float16", "float32", "float64")},
    "fortran": lambda x: np.asfortranarray(x, np.float32),
    "jax": jnp.asarray,
    "list": lambda x: x.tolist(),
    "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
}


def equal(one, other):
    """The same trees of arrays, to the bit and the dtype."""
    jax.tree.map(np.testing.assert_array_equal, one, other)
    assert jax.tree.map(jnp.result_type, one) == jax.tree.map(jnp.result_type, other)


# Functions of an image that are proportional to it.
OF_IMAGES = {
    "oriented_gradients": images.oriented_gradients,
    "deskew": images.deskew,
    "warp": partial(images.warp, coordinates=images.grid(12, 8) + 0.3),
    "warp_by_gather": lambda image: jax.vmap(partial(images.warp_by_gather, image))(
        *jnp.moveaxis(images.grid(12, 8)[None] + 0.3, -1, 0)
    ),
    "deformed": lambda image: images.deformed(KEY(), ([image, image], [0, 1]))[0],
    "digits": lambda image: distributions.digits(np.stack([image]), np.zeros(1), size=6).sampler(KEY(), ([image], [0]))[
        0
    ],
    "crop": lambda image: augment.crop(KEY(), image),
    "cutout": lambda image: augment.cutout(KEY(), image, size=3),
    "flip": lambda image: augment.flip(KEY(), image),
    "shift": lambda image: augment.shift(KEY(), image, max_shift=0.2),
}
SPACES = glns.context.init_half_spaces(jax.random.key(1), 8, num_half_spaces=3)
OF_ARRAYS = OF_IMAGES | {
    "black": lambda image: augment.crop(KEY(), image, value=-1.0),
    "noise": lambda image: augment.noise(KEY(), image, std=0.1),
    "chain": lambda image: augment.chain(augment.flip, augment.crop)(KEY(), image),
    "bits": glns.pixels.bits,
    "standardise": lambda x: glns.standardise.learn(glns.standardise.init(8), x, 0.1),
    "applied": lambda x: glns.standardise.apply(glns.standardise.init(8), x, 0.1),
    "raw": lambda x: glns.standardise.features(0.1, standardised=False).apply(None, x),
    "sensitivity": lambda x: glns.explain.sensitivity(lambda swept: swept, x, (0, 0), jnp.array([0.5])),
    "contexts": lambda x: jax.vmap(partial(glns.context.half_space_context, SPACES))(jnp.asarray(x)),
    "branches": lambda x: jax.vmap(partial(glns.context.branch_gates, SPACES))(jnp.asarray(x)),
}


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_images_of_any_dtype_are_their_float32_copy(name):
    expected = OF_ARRAYS[name](jnp.asarray(BYTES, jnp.float32))
    for convert in LAYOUTS.values():
        equal(OF_ARRAYS[name](convert(BYTES)), expected)
    black_and_white = BYTES > 50
    equal(OF_ARRAYS[name](black_and_white), OF_ARRAYS[name](jnp.asarray(black_and_white, jnp.float32)))


@pytest.mark.parametrize("name", OF_IMAGES)
def test_the_unit_of_an_image_is_that_of_the_result(name):
    image = BYTES.astype(np.float32)
    expected = np.asarray(OF_IMAGES[name](image))
    for unit in UNITS:
        np.testing.assert_allclose(OF_IMAGES[name](np.float32(unit) * image) / unit, expected, rtol=1e-5, atol=1e-4)


X = RNG.integers(0, 5, size=(6, 3)).astype(np.float32)
LABELS, TARGETS, ARMS = np.array([0, 1, 2, 1, 0, 2]), X[:, :1] - X[:, 1:2] ** 2, np.array([0, 1, 1, 0, 0, 1])
MLP = bootstrap.nets.MLP((4,), 3)
SMALL = {"sizes": (2, 1), "num_half_spaces": 1, "feature_epsilon": 0.0}
LEARNERS = {  # name -> init, update, predict; the arrays of a batch
    "glns": (glns.learner(3, **SMALL), (X, LABELS)),
    "glns_regressor": (glns.regressor(**SMALL), (X, TARGETS)),
    "glns_bandit": (glns.bandit(2, **SMALL), (X, ARMS, X[:, 0] / 4)),
    "glns_density": (
        glns.density((2, 1), num_patterns=2, pattern_bits=1, context_bits=1),
        (1.0 * (X[:, None] > 2), LABELS),
    ),
    "sgd": (bootstrap.sgd.learner(MLP, optax.sgd(0.1)), (X, LABELS)),
    "ewc": (bootstrap.ewc.learner(MLP, optax.sgd(0.1), strength=1.0, consolidate_every=2), (X, LABELS)),
    "sgd_regressor": (bootstrap.regression.learner(bootstrap.nets.MLP((4,), 1), optax.sgd(0.1)), (X, TARGETS)),
    "linear_bandit": (bootstrap.bandits.linear(2, exploration=0.1, ridge=1.0), (X, ARMS, X[:, 0])),
    "neural_bandit": (
        bootstrap.bandits.neural(bootstrap.nets.MLP((4,), 2), optax.sgd(0.1), epsilon=0.1),
        (X, ARMS, X[:, 0]),
    ),
}
FUNCTIONS = {name: tuple(map(jax.jit, functions)) for name, (functions, _) in LEARNERS.items()}
CHOICES = tuple(name for name in LEARNERS if "regressor" not in name and "density" not in name)  # the second is a class


def learned(name, batch):
    """What a learner says of the inputs [B, ..] of its first batch after it has learned it, and its metrics."""
    init, update, predict = FUNCTIONS[name]
    state, metrics = update(jax.random.key(1), init(KEY(), LEARNERS[name][1]), batch)
    return predict(state, batch[0]), metrics


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_takes_bytes_as_numbers(name):
    x, y, *rest = LEARNERS[name][1]
    wide, narrow = (np.int32, np.int8) if name in CHOICES else (np.float32, np.float64)
    expected = learned(name, (jnp.asarray(x, jnp.float32), y.astype(wide), *rest))
    equal(learned(name, (x.astype(np.uint8), y.astype(narrow), *rest)), expected)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", ["glns", "glns_bandit", "glns_regressor", "sgd_regressor"])
def test_the_units_of_features_and_targets_do_not_matter(name, unit):
    x, y, *rest = LEARNERS[name][1]
    plain, metrics = learned(name, (x, y, *rest))
    same = learned(name, (np.float32(unit) * x, y, *rest))
    for one, other in zip(jax.tree.leaves(same), jax.tree.leaves((plain, metrics)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    if "regressor" in name:
        (mean, variance), _ = learned(name, (x, np.float32(unit) * y))
        np.testing.assert_allclose(mean / unit, plain.mean, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(np.sqrt(variance) / unit, np.sqrt(plain.variance), rtol=1e-3)


@pytest.mark.parametrize("wrong", [-1, 7])
@pytest.mark.parametrize("name", CHOICES)
def test_a_class_that_does_not_exist_is_refused_and_nan_under_jit(name, wrong):
    update, (x, y, *rest) = LEARNERS[name][0][1], LEARNERS[name][1]
    floats, y = 1.0 * y, np.array([wrong, *y[1:]])
    state = FUNCTIONS[name][0](KEY(), (x, y, *rest))
    with pytest.raises(ValueError, match=f"(labels|arms) must be 0 to [12], got {wrong}"):
        update(jax.random.key(1), state, (x, y, *rest))
    with pytest.raises(ValueError, match=r"(labels|arms) must be whole numbers, got float"):
        update(jax.random.key(1), state, (x, floats, *rest))
    _, metrics = FUNCTIONS[name][1](jax.random.key(1), state, (x, y, *rest))
    assert np.isnan(metrics["loss" if "loss" in metrics else "squared_error"])


def test_images_that_are_not_binary_are_refused_and_nan_under_jit():
    (_, update, predict), (images, labels) = LEARNERS["glns_density"]
    state = FUNCTIONS["glns_density"][0](KEY(), (images, labels))
    for call in (lambda: update(KEY(), state, (255 * images, labels)), lambda: predict(state, 0.5 * images)):
        with pytest.raises(ValueError, match=r"images must be of zeros and ones, got 0\.0 to"):
            call()
    assert np.isnan(FUNCTIONS["glns_density"][1](KEY(), state, (255 * images, labels))[1]["nats"])


LOG_PROBABILITIES = np.log(RNG.dirichlet(np.ones(3), size=6)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint32", "int64"])
def test_scores_take_labels_of_any_type_and_weights_in_any_unit(dtype):
    weights = np.arange(1.0, 7.0, dtype=np.float32)
    expected = bootstrap.scores(LOG_PROBABILITIES, LABELS, weights)
    equal(bootstrap.scores(LOG_PROBABILITIES.tolist(), LABELS.astype(dtype), weights), expected)
    for unit in UNITS:
        same = bootstrap.scores(LOG_PROBABILITIES, LABELS, np.float32(unit) * weights)
        for name, score in expected.items():
            np.testing.assert_allclose(same[name], score, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("wrong", [-1, 3, 2**31, 2**40])
def test_scores_of_a_class_that_does_not_exist(wrong):
    labels = np.array([wrong, *LABELS[1:]])
    with pytest.raises(ValueError, match=f"labels must be 0 to 2, got {wrong}"):
        bootstrap.scores(LOG_PROBABILITIES, labels)
    with jax.enable_x64(True):
        assert np.isnan(jax.jit(bootstrap.scores)(LOG_PROBABILITIES, labels)["loss"])


def test_the_unit_of_time_is_that_of_the_stopping_time():
    steps, curve = np.array([0, 10, 20]), np.array([[0.5, 0.02, 0.0]])
    expected = bootstrap.gap.stopping_time(steps, curve)
    for unit in UNITS:
        np.testing.assert_allclose(bootstrap.gap.stopping_time(unit * steps, curve) / unit, expected, rtol=1e-12)


IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = np.round(10 * IRIS)  # in whole millimetres, exact in every dtype
LENGTH = IRIS[:, 0] - IRIS[:, 2]
settings = {"sizes": (8, 1), "num_half_spaces": 2, "random_state": 0}


@pytest.fixture(scope="module")
def classifier():
    return Classifier(**settings).fit(IRIS, SPECIES)


@pytest.fixture(scope="module")
def regressor():
    return Regressor(**settings).fit(IRIS, LENGTH)


@pytest.mark.parametrize("unit", UNITS)
def test_estimators_in_any_unit(classifier, regressor, unit):
    """Equal at powers of two; else 1 % of the labels, or of the variance, may differ."""
    same = Classifier(**settings).fit(unit * IRIS, SPECIES).predict_proba(unit * IRIS)
    of_features, of_targets = (
        Regressor(**settings).fit(unit * IRIS, LENGTH).predict(unit * IRIS),
        Regressor(**settings).fit(IRIS, unit * LENGTH).predict(IRIS) / unit,
    )
    if np.log2(unit).is_integer():
        np.testing.assert_array_equal(same, classifier.predict_proba(IRIS))
        np.testing.assert_array_equal(of_features, regressor.predict(IRIS))
        np.testing.assert_array_equal(of_targets, regressor.predict(IRIS))
    assert np.mean(same.argmax(-1) != classifier.predict(IRIS)) <= 0.01
    for mean in (of_features, of_targets):
        assert np.mean((mean - regressor.predict(IRIS)) ** 2) < 0.01 * np.var(LENGTH)


def test_estimators_in_units_whose_squares_float32_has_not(classifier, regressor):
    """Each feature in a unit of its own, far from 0, in calls that begin with rows of nearly nothing."""
    units = 2.0 ** np.array([-400, -90, 90, 400])
    same = Classifier(**settings).fit(units * IRIS, SPECIES).predict_proba(units * IRIS)
    np.testing.assert_array_equal(same, classifier.predict_proba(IRIS))
    far = Regressor(**settings).fit(units * (IRIS + 2**20), LENGTH * 2.0**400).predict(units * (IRIS + 2**20))
    np.testing.assert_array_equal(far / 2.0**400, regressor.predict(IRIS))
    for model, y in ((classifier, SPECIES), (regressor, LENGTH)):
        late = clone(model).partial_fit(1e-30 * IRIS[::50], y[::50]).partial_fit(IRIS, y)
        assert late.score(IRIS, y) > clone(model).set_params(shuffle=False).fit(IRIS, y).score(IRIS, y) - 0.1
    np.testing.assert_array_equal(np.isfinite(regressor.predict(1e200 * IRIS)), True)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "jax"])
def test_estimators_take_any_dtype(classifier, regressor, layout):
    x, y = LAYOUTS[layout](IRIS), LAYOUTS[layout](LENGTH)
    same, of_x = (model(**settings).fit(x, y) for model, y in ((Classifier, SPECIES), (Regressor, y)))
    np.testing.assert_array_equal(same.predict_proba(x), classifier.predict_proba(IRIS))
    np.testing.assert_array_equal(of_x.predict(x), regressor.predict(IRIS))


@pytest.mark.parametrize(
    "names",
    [np.array([0, 1, 2], dtype) for dtype in ("int8", "uint8", "int16", "int32", "int64", "float64")]
    + [np.array(["ant", "bee", "cat"]), np.array(["ant", "bee", "cat"], object), np.array([-7, 0, 10**12])],
    ids=str,
)
def test_classes_of_any_type(classifier, names):
    same = Classifier(**settings).fit(IRIS, names[SPECIES])
    np.testing.assert_array_equal(same.predict_proba(IRIS), classifier.predict_proba(IRIS))
    np.testing.assert_array_equal(same.predict(IRIS), names[classifier.predict(IRIS)])


def test_estimators_in_64_bits(classifier, regressor):
    """They draw other gates, so they are as good; and a model fitted in 32 bits predicts in 64."""
    before = classifier.predict(IRIS)
    with jax.enable_x64(True):
        for model, y in ((classifier, SPECIES), (regressor, LENGTH)):
            wide = type(model)(**settings).fit(IRIS, y)
            assert wide.state_.layers[0].weights.dtype == np.float64
            assert abs(wide.score(IRIS, y) - model.score(IRIS, y)) < 0.1  # random states differ by as much
        assert np.mean(classifier.predict(IRIS) != before) <= 0.01


def test_two_classes_may_be_true_and_false():
    of_bools, of_numbers = (Classifier(**settings).fit(IRIS, (SPECIES == 1).astype(dtype)) for dtype in (bool, int))
    np.testing.assert_array_equal(of_bools.predict_proba(IRIS), of_numbers.predict_proba(IRIS))
    np.testing.assert_array_equal(of_bools.predict(IRIS), of_numbers.predict(IRIS) == 1)


@pytest.mark.parametrize("cuts", [range(1, 150), (1, 3, 130, 131)], ids=["one by one", "ragged"])
def test_a_stream_may_be_cut_anywhere(cuts):
    """Tolerance: chunks of 128 and single examples are programs that round differently."""
    whole = Classifier(**settings).partial_fit(IRIS, SPECIES, classes=[0, 1, 2]).predict_proba(IRIS)
    parts = Classifier(**settings)
    for x, y in zip(np.split(IRIS, cuts), np.split(SPECIES, cuts), strict=True):
        parts.partial_fit(x, y, classes=[0, 1, 2])
    np.testing.assert_allclose(parts.predict_proba(IRIS), whole, atol=1e-3)
