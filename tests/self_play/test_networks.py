"""The networks: what they do not look at, and what they remember."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from self_play.networks import Inputs, Player, over_rows

RNG = np.random.default_rng(0)
NUM_ROWS, LSTM = 7, 3
MASK = np.array([True, True, False, True])


def rows():
    """Inputs of seven rows, four slots."""
    shapes = (5,), (4, 3), (4, 2)
    return Inputs(
        *(jnp.array(RNG.normal(size=(NUM_ROWS, *shape)), jnp.float32) for shape in shapes), jnp.tile(MASK, (7, 1))
    )


@functools.cache
def player(lstm):
    """-> (Player, params, apply of all rows)."""
    built = Player(2, 8, (6,), lstm)
    inputs = rows()
    params = built.init(jax.random.key(0), inputs, jnp.zeros((NUM_ROWS, 4 * lstm)))
    return built, params, jax.jit(built.apply)


INPUTS, MEMORY = rows(), jnp.array(RNG.normal(size=(NUM_ROWS, 4 * LSTM)), jnp.float32)


def answers(inputs, memory=MEMORY, lstm=LSTM):
    _, params, apply = player(lstm)
    return [np.array(leaf) for leaf in apply(params, inputs, memory)]


def test_the_order_of_the_objects_does_not_count():
    order = np.array([3, 2, 0, 1])
    swapped = Inputs(INPUTS.gripper, *(leaf[:, order] for leaf in INPUTS[1:]))
    for a, b in zip(answers(INPUTS), answers(swapped), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    mixed = INPUTS._replace(goal=INPUTS.goal[:, order])  # another's goal does count
    assert np.abs(answers(INPUTS)[1] - answers(mixed)[1]).max() > 1e-3


def test_empty_slots_do_not_count():
    for value in (0.0, 1e3, -1e3):
        filled = INPUTS._replace(objects=INPUTS.objects.at[:, 2].set(value), goal=INPUTS.goal.at[:, 2].set(value))
        for a, b in zip(answers(INPUTS), answers(filled), strict=True):
            np.testing.assert_array_equal(a, b)
    nothing = INPUTS._replace(mask=jnp.zeros_like(INPUTS.mask))
    assert all(np.all(np.isfinite(leaf)) for leaf in answers(nothing))


def test_a_new_policy_is_nearly_uniform():
    logits, _, _ = answers(INPUTS)
    assert logits.shape == (NUM_ROWS, 2, 11)
    assert 0 < np.abs(logits).max() < 0.1


@pytest.mark.parametrize("lstm", [0, LSTM])
def test_policy_and_value_share_nothing(lstm):
    built, params, _ = player(lstm)
    memory = MEMORY[:, : 4 * lstm]
    of_policy, of_value = (
        jax.grad(lambda params, i=i: jnp.sum(built.apply(params, INPUTS, memory)[i] ** 2))(params)["params"]
        for i in (0, 1)
    )
    for name, mine, other in (("policy", of_policy, of_value), ("value", of_value, of_policy)):
        assert any(np.any(leaf) for leaf in jax.tree.leaves(mine[name]))
        assert not any(np.any(leaf) for leaf in jax.tree.leaves(other[name]))


def test_memory_along_a_sequence():
    """Own rows 0, 3, 4, 6: memory passes over the others, a copy follows them, and it is taken up again at row 4."""
    own = np.array([1, 0, 0, 1, 1, 0, 1], bool)
    restarts = np.array([0, 0, 0, 0, 1, 0, 0], bool)
    built, params, apply = player(LSTM)
    logits, values = jax.jit(functools.partial(over_rows, built))(params, INPUTS, MEMORY, restarts, own)
    source = {0: None, 1: 0, 2: 1, 3: 0, 4: None, 5: 4, 6: 4}  # whose memory after it each row takes up
    after = {}
    for t, before in source.items():
        memory = MEMORY[t] if before is None else after[before]
        row = jax.tree.map(lambda leaf: leaf[t][None], INPUTS)  # noqa: B023
        expected_logits, expected_value, remembered = apply(params, row, memory[None])
        after[t] = remembered[0]
        np.testing.assert_allclose(logits[t], expected_logits[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(values[t], expected_value[0], rtol=1e-4, atol=1e-6)


def test_without_memory_rows_are_apart():
    built, params, _ = player(0)
    flags = np.zeros(NUM_ROWS, bool)
    logits, values = over_rows(built, params, INPUTS, MEMORY[:, :0], flags, flags)
    expected = answers(INPUTS, MEMORY[:, :0], 0)
    np.testing.assert_allclose(logits, expected[0], rtol=1e-5)
    np.testing.assert_allclose(values, expected[1], rtol=1e-5)
