"""The suite of streams: its scores by their plain definitions, and a line from end to end."""

import importlib.util
from functools import partial

import jax
import numpy as np
import pytest

import glns
from experiments import data
from glns import estimator, river
from launch.suites import prequential, streams


def test_scores_by_their_plain_definitions():
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(3, size=40), rng.integers(1, 4, size=40))
    n = len(labels)
    probabilities = rng.dirichlet(np.ones(3), size=n)
    probabilities[0] = np.eye(3)[(labels[0] + 1) % 3]  # the label has probability 0
    guesses = probabilities.argmax(axis=1)
    right = sum(guess == label for guess, label in zip(guesses, labels, strict=True)) / n
    chance = sum(np.mean(guesses == k) * np.mean(labels == k) for k in range(3))
    repeated = sum(labels[t] == labels[t - 1] for t in range(1, n)) / n
    loss = -sum(np.log(max(0.001, p[label])) for p, label in zip(probabilities, labels, strict=True)) / n
    scores = prequential.scores(probabilities, labels)
    assert scores["accuracy"] == pytest.approx(right)
    assert scores["kappa"] == pytest.approx((right - chance) / (1 - chance))
    assert scores["kappa_temporal"] == pytest.approx((right - repeated) / (1 - repeated))
    assert scores["loss"] == pytest.approx(loss)


def test_a_gln_predicts_each_row_before_it_learns_it(monkeypatch):
    """In chunks as row by row by `glns.learner`: a stream with a remainder."""
    small = glns.ROBUST | {"sizes": (3, 1), "num_half_spaces": 1}
    monkeypatch.setattr(glns, "ROBUST", small)
    monkeypatch.setattr(streams, "_CHUNK", 16)
    x, y = data.drifting(None, stream="sea", num_rows=37, num_test=1).train
    probabilities, seconds, num_bytes = streams.gln(x, y, 2)
    init, update, _ = glns.learner(2, **small)
    state = jax.jit(init)(jax.random.key(0), (x[:1], y[:1]))
    learn = jax.jit(partial(update, None))
    losses = []
    for t in range(37):
        state, metrics = learn(state, (x[t : t + 1], y[t : t + 1]))
        losses.append(metrics["loss"])
    np.testing.assert_allclose(-np.log(probabilities[np.arange(37), y]), losses, rtol=1e-4)
    assert seconds > 0
    assert num_bytes == sum(leaf.nbytes for leaf in jax.tree.leaves(state))


@pytest.mark.parametrize(("model", "late"), [("estimator_chunks", 64), ("estimator_rows", 41)])
def test_an_estimator_predicts_rows_before_it_learns_them(model, late, monkeypatch):
    """Another label of row 40 changes predictions from row `late` on, and none before."""
    small = {"sizes": (3, 1), "num_half_spaces": 1}
    monkeypatch.setattr(streams, "Classifier", partial(estimator.Classifier, **small))
    monkeypatch.setattr(streams, "OneByOne", partial(river.Classifier, estimator.Classifier(**small)))
    x, y = data.drifting(None, stream="sea", num_rows=70, num_test=1).train
    other = np.where(np.arange(70) == 40, 1 - y, y)
    (one, _, num_bytes), (changed, _, _) = (streams.MODELS[model](x, labels, 2) for labels in (y, other))
    np.testing.assert_array_equal(one[:late], changed[:late])
    assert np.all(one[late:] != changed[late:])
    assert num_bytes > 0


def test_a_line_is_left_out_for_want_of_what_it_needs(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delenv("COLLAGE_DATA", raising=False)
    chosen, lacks = streams.possible(["streams/sea/gln", "streams/sea/mondrian_forest", "streams/electricity/gln"])
    assert chosen == ["streams/sea/gln"]
    assert [reason.split(":")[0] for reason in lacks] == [
        "1 lines are left out, for want of river",
        "1 lines are left out, for want of elec.csv",
    ]


@pytest.mark.skipif(importlib.util.find_spec("river") is None, reason="river, which is optional, is not installed")
@pytest.mark.parametrize("model", [name for name in streams.MODELS if name not in streams._OURS])
def test_rivers_models_are_measured(model):
    x, y = data.drifting(None, stream="led", num_rows=300, num_test=1).train
    line = streams.measure(streams.MODELS[model], x, y, 10)
    assert line["accuracy"] > 0.2  # of ten classes
    assert line["rows_per_cpu_second"] > 0
    assert line["megabytes"] > 0
