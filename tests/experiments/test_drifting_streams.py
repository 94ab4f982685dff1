"""Drifting streams: their labels by the published rules, and what drifts."""

import jax
import numpy as np
import pytest

import experiments
from experiments import data
from experiments.configs import glns_streams
from experiments.data import drifting_streams


def test_sea_changes_its_threshold_abruptly():
    x, y = data.drifting(None, stream="sea", num_rows=4000).train
    total = x[:, 0] + x[:, 1]
    for half, threshold in ((slice(0, 2000), 8.0), (slice(2000, 4000), 9.5)):
        assert np.mean((total[half] > threshold) != y[half]) == pytest.approx(0.1, abs=0.02)  # the noise


def test_a_gradual_change_mixes_the_concepts():
    for width, low, high in ((1, 0.0, 0.0), (1000, 0.1, 0.35)):  # of labels of the other concept, near the middle
        x, y = data.drifting(None, stream="mixed", num_rows=4000, width=width).train
        bits, numbers = x[:, :2], x[:, 2:]
        holds = bits.sum(axis=1) + (numbers[:, 1] < 0.5 + 0.3 * np.sin(3 * np.pi * numbers[:, 0])) >= 2
        second = holds != y
        assert second[:500].mean() < 0.01
        assert second[3500:].mean() > 0.99
        assert low <= second[1500:1950].mean() <= high


def test_digits_show_their_segments_and_change_places():
    x, y = data.drifting(None, stream="led", num_rows=4000).train
    for half, places in ((slice(0, 2000), range(7)), (slice(2000, 4000), (7, 8, 9, 10, 4, 5, 6))):
        wrong = x[half][:, list(places)] != drifting_streams._SEGMENTS[y[half]]
        np.testing.assert_allclose(wrong.mean(axis=0), 0.1, atol=0.03)
    wrong = x[2000:, :4] != drifting_streams._SEGMENTS[y[2000:], :4]
    np.testing.assert_allclose(wrong.mean(axis=0), 0.5, atol=0.05)  # where they were are random bits


def test_a_blob_moves_and_stays_in_the_cube():
    x, y = data.drifting(None, stream="rbf", num_rows=8000).train
    assert 0.2 < x.mean() < 0.8
    moves = [np.linalg.norm(x[4000:][y[4000:] == k].mean(0) - x[:4000][y[:4000] == k].mean(0)) for k in range(4)]
    assert max(moves) > 0.1


def test_the_test_part_comes_next_and_a_seed_is_a_stream():
    whole = data.drifting(None, stream="agrawal", num_rows=50, num_test=10, seed=3)
    assert len(whole.train.x) == len(whole.train.y) == 50
    assert whole.test.x.shape == (10, 9)
    again = data.drifting(None, stream="agrawal", num_rows=50, num_test=10, seed=3)
    np.testing.assert_array_equal(whole.train.x, again.train.x)
    assert not np.array_equal(whole.train.x, data.drifting(None, stream="agrawal", num_rows=50, seed=4).train.x)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stream": "rain"}, "data.stream must be one of agrawal, led, mixed, sea, hyperplane, rbf; got 'rain'"),
        ({"stream": "sea", "width": 0}, "data.width must be at least 1, got 0"),
        ({"stream": "sea", "num_rows": 0}, "data.num_rows must be at least 1, got 0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        data.drifting(None, **settings)


def test_the_config_shows_rows_in_the_order_of_time():
    """Also to a second seed: a shuffled stream has no drift."""
    world = experiments.build.first(experiments.plan(glns_streams.get_config("smoke").to_dict())).world
    x, _ = data.drifting(None, **{k: v for k, v in glns_streams.STREAMS["sea"][0].items() if k != "name"}).train
    for seed in (0, 1):
        state = world.init(jax.random.key(seed), world.data)
        state, (first, _) = world.draw(None, world.data, state, None)
        _, (second, _) = world.draw(None, world.data, state, None)
        np.testing.assert_array_equal(np.concatenate([first, second]), x[:64])
