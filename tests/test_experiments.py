"""A config's rivals are probed beside its learner; data that nothing can learn from are refused in one line."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

import bootstrap
import experiments
from experiments.data import Data, Part

NUM_CLASSES = 3


def linear(learning_rate, num_classes=NUM_CLASSES):
    net = {"name": "mlp", "features": (), "num_classes": num_classes}
    return {"name": "sgd", "net": net, "tx": {"name": "sgd", "learning_rate": learning_rate}}


def config(**changes):
    return ConfigDict(
        {
            "data": {"name": "small"},
            "world": {"name": "real", "batch_size": 4},
            "probes": ("classification",),
            "learner": linear(0.1),
            "rivals": {"slow": linear(0.01), "fast": linear(1.0)},
            **changes,
        }
    )


def small():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 5)).astype(np.float32)
    y = x[:, :NUM_CLASSES].argmax(-1).astype(np.int32)
    return Data(Part(x[:12], y[:12]), Part(x[12:], y[12:]))


@pytest.fixture
def data(monkeypatch):
    """Makes `small` the data set of the config: -> a function that gives it a part's other arrays."""

    def give(part="train", **arrays):
        changed = small()
        changed = changed._replace(**{part: getattr(changed, part)._replace(**arrays)})
        monkeypatch.setitem(experiments.DATA, "small", lambda data_dir: changed)

    give()
    return give


@pytest.mark.usefixtures("data")
def test_rivals_are_probed_under_their_names():
    experiment = experiments.build(config())
    key = jax.random.key(0)
    run = jax.jit(lambda: bootstrap.begin(key, experiment.learner, experiment.world))()
    advance = jax.jit(lambda run: bootstrap.advance(key, experiment.learner, experiment.world, run, 5))
    run, trained = advance(run)
    probed = jax.jit(experiment.probe)(run, experiment.world.data, experiment.probe_data)
    names = {"test_error", "test_soft_error", "test_loss", "test_calibration_error"}
    assert probed.keys() == {f"{whose}{name}" for whose in ("", "slow/", "fast/") for name in names}
    assert {"loss", "slow/loss", "fast/loss"} <= trained.keys()
    x, y = small().test
    for name, state in {"": run.learner.learner, **run.learner.rivals}.items():
        layer = state.params["Dense_0"]
        logits = x @ np.array(layer["kernel"]) + np.array(layer["bias"])
        loss = np.log(np.exp(logits).sum(-1)) - logits[np.arange(len(y)), y]
        np.testing.assert_allclose(probed[f"{name}/test_loss".lstrip("/")], loss.mean(), rtol=1e-5)


@pytest.mark.usefixtures("data")
def test_a_rival_that_there_is_not_is_named():
    with pytest.raises(ValueError, match=r"no rivals\.odd named 'nope'; there are .*glns"):
        experiments.build(config(rivals={"odd": {"name": "nope"}}))


@pytest.mark.usefixtures("data")
def test_a_rival_with_too_few_classes_is_named():
    with pytest.raises(ValueError, match=r"labels 0 to 2 but rivals\.few num_classes=2"):
        experiments.build(config(rivals={"few": linear(0.1, num_classes=2)}))


X, Y = np.zeros((4, 5), np.float32), np.zeros(4, np.int32)


@pytest.mark.parametrize(
    ("part", "arrays", "message"),
    [
        ("train", {"x": X[:0], "y": Y[:0]}, "the train part of the data is empty"),
        ("test", {"x": X[:0], "y": Y[:0]}, "the test part of the data is empty"),
        ("train", {"x": X}, "the train part of the data has 4 inputs but 12 targets"),
        (
            "train",
            {"x": X + np.array([0, np.nan, 0, np.inf, 0], np.float32), "y": Y},
            "the train part of the data has NaN or infinite x in 4 of 4 samples",
        ),
        (
            "test",
            {"x": X, "y": np.float32([0, np.nan, 0, 0])},
            "the test part of the data has NaN or infinite y in 1 of 4 samples",
        ),
        ("test", {"x": X[:, :4], "y": Y}, r"train inputs have shape \(5,\) but test inputs \(4,\)"),
        ("train", {"x": X, "y": Y - 1}, "the train part of the data has the label -1; labels count from 0"),
        ("test", {"x": X, "y": Y + 3}, "labels 0 to 3 but learner num_classes=3"),
    ],
)
def test_data_that_nothing_can_learn_from_are_refused(data, part, arrays, message):
    data(part, **arrays)
    with pytest.raises(ValueError, match=message):
        experiments.build(config())


CURVES = ["probe/real/test_soft_error", "probe/real/train_soft_error", "probe/ideal/test_soft_error"]


def test_ends_that_can_be_reached_pass():
    experiments.check_ends(config(conclusions={"gap": {}}, figures={"pair": {}}, files=("genome",)), CURVES)


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ({"conclusions": {"nope": {}}}, "no conclusions named 'nope'; there are gap"),
        ({"conclusions": {"gap": {"threshold": 2.0}}}, "threshold is a soft error"),
        (
            {"conclusions": {"gap": {"pairs": {"": ("real", "nope")}}}},
            "the run has no metric 'probe/nope/test_soft_error'",
        ),
        ({"figures": {"nope": {}}}, "no figures named 'nope'; there are .*fan"),
        ({"files": ("nope",)}, "no files named 'nope'; there are .*genome"),
    ],
)
def test_ends_that_cannot_be_reached_are_refused(ends, message):
    with pytest.raises(ValueError, match=message):
        experiments.check_ends(config(**ends), CURVES)


@pytest.mark.usefixtures("data")
def test_a_share_of_wrong_labels_is_checked_in_every_cell():
    noises = {name: {"world": {"label_noise": noise}} for name, noise in {"a": 0.0, "b": 2.0}.items()}
    with pytest.raises(ValueError, match=r"label_noise is a fraction, from 0 to 1; got 2\.0"):
        experiments.plan(
            config(world={"name": "paired", "batch_size": 4, "num_samples": 12, "label_noise": 0.0}, cells=noises)
        )
