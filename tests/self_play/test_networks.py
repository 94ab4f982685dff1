"""The networks: what they do not look at, and what they remember."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from self_play.networks import Inputs, Player, memory_size, unroll

RNG = np.random.default_rng(0)
NUM_STEPS, LSTM = 7, 3
MASK = np.array([True, True, False, True])


def steps():
    """Inputs of seven steps, four slots."""
    shapes = (5,), (4, 3), (4, 2)
    arrays = [jnp.array(RNG.normal(size=(NUM_STEPS, *shape)), jnp.float32) for shape in (*shapes, (2,), (4, 2), (2,))]
    return Inputs(*arrays[:3], jnp.tile(MASK, (7, 1)), *arrays[3:])


@functools.cache
def player(lstm_size):
    """-> (Player, params, apply of all rows)."""
    built = Player(2, 8, (6,), lstm_size)
    inputs = steps()
    params = built.init(jax.random.key(0), inputs, jnp.zeros((NUM_STEPS, memory_size(lstm_size))))
    return built, params, jax.jit(built.apply)


INPUTS, MEMORY = steps(), jnp.array(RNG.normal(size=(NUM_STEPS, memory_size(LSTM))), jnp.float32)

ORDER = np.array([3, 2, 0, 1])  # of the objects
SWAPPED = INPUTS._replace(
    **{name: getattr(INPUTS, name)[:, ORDER] for name in ("objects", "goal", "mask", "value_goal")}
)


def outputs(inputs, memory=MEMORY, lstm_size=LSTM):
    _, params, apply = player(lstm_size)
    return [np.array(leaf) for leaf in apply(params, inputs, memory)]


def test_the_order_of_the_objects_does_not_count():
    for a, b in zip(outputs(INPUTS), outputs(SWAPPED), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    mixed = INPUTS._replace(goal=INPUTS.goal[:, ORDER])  # another's goal does count
    assert np.abs(outputs(INPUTS)[1] - outputs(mixed)[1]).max() > 1e-3


def test_empty_slots_do_not_count():
    for value in (0.0, 1e3, -1e3):
        filled = INPUTS._replace(objects=INPUTS.objects.at[:, 2].set(value), goal=INPUTS.goal.at[:, 2].set(value))
        for a, b in zip(outputs(INPUTS), outputs(filled), strict=True):
            np.testing.assert_array_equal(a, b)
    nothing = INPUTS._replace(mask=jnp.zeros_like(INPUTS.mask))
    assert all(np.all(np.isfinite(leaf)) for leaf in outputs(nothing))


def test_a_new_policy_is_nearly_uniform():
    logits, _, _ = outputs(INPUTS)
    assert logits.shape == (NUM_STEPS, 2, 11)
    assert 0 < np.abs(logits).max() < 0.1


@pytest.mark.parametrize("lstm_size", [0, LSTM])
def test_policy_and_value_share_nothing(lstm_size):
    built, params, _ = player(lstm_size)
    memory = MEMORY[:, : memory_size(lstm_size)]
    of_policy, of_value = (
        jax.grad(lambda params, i=i: jnp.sum(built.apply(params, INPUTS, memory)[i] ** 2))(params)["params"]
        for i in (0, 1)
    )
    for name, mine, other in (("policy", of_policy, of_value), ("value", of_value, of_policy)):
        assert any(np.any(leaf) for leaf in jax.tree.leaves(mine[name]))
        assert not any(np.any(leaf) for leaf in jax.tree.leaves(other[name]))


def test_a_memory_of_none_is_one_of_zeros():
    for none, zeros in zip(outputs(INPUTS, None), outputs(INPUTS, jnp.zeros_like(MEMORY)), strict=True):
        np.testing.assert_array_equal(none, zeros)
    assert outputs(INPUTS, None)[2].shape == MEMORY.shape


def test_memory_along_a_sequence():
    """Own steps 0, 2, 4, 6: memory passes over the others, a scratch copy follows those; steps 1 and 4 restart."""
    policy_mask = np.array([1, 0, 1, 0, 1, 0, 1], bool)
    restarts = np.array([0, 1, 0, 0, 1, 0, 0], bool)
    built, params, apply = player(LSTM)
    one = jax.tree.map(lambda leaf: leaf[None], (INPUTS, MEMORY[:2], restarts, policy_mask))
    (logits,), (values,) = jax.jit(functools.partial(unroll, built))(params, *one)
    stored = {0: MEMORY[0], 1: MEMORY[1], 4: jnp.zeros_like(MEMORY[0])}
    source = {2: None, 3: 2, 5: 4, 6: 4}  # after which step each other step goes on
    after = {None: MEMORY[1]}  # Bob's own, which a demonstration does not change
    for t in range(NUM_STEPS):
        memory = stored[t] if t in stored else after[source[t]]
        step = jax.tree.map(lambda leaf: leaf[t][None], INPUTS)  # noqa: B023
        expected_logits, expected_value, remembered = apply(params, step, memory[None])
        after[t] = remembered[0]
        np.testing.assert_allclose(logits[t], expected_logits[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(values[t], expected_value[0], rtol=1e-4, atol=1e-6)


def test_without_memory_steps_are_apart():
    built, params, _ = player(0)
    flags = np.zeros(NUM_STEPS, bool)
    two = jax.tree.map(lambda leaf: np.stack([leaf, leaf[::-1]]), (INPUTS, flags))
    logits, values = unroll(built, params, two[0], np.zeros((2, 2, 0), np.float32), two[1], two[1])
    expected = outputs(INPUTS, MEMORY[:, :0], 0)
    for i, order in enumerate((slice(None), slice(None, None, -1))):
        np.testing.assert_allclose(logits[i], expected[0][order], rtol=1e-5)
        np.testing.assert_allclose(values[i], expected[1][order], rtol=1e-5)


def test_gradients_are_those_of_the_plain_equations():
    """A player of one layer: a maximum over the objects that are there, of linear functions of each."""
    built = Player(2, 8, ())
    params = built.init(jax.random.key(0), INPUTS, None)
    flags, inputs = np.zeros((1, NUM_STEPS), bool), jax.tree.map(lambda leaf: leaf[None], INPUTS)

    def at_once(params):
        logits, values = unroll(built, params, inputs, np.zeros((1, 2, 0), np.float32), flags, flags)
        return jnp.sum(jnp.sin(logits)) + jnp.sum(jnp.sin(values))

    def plain(params):
        total = 0.0
        for step in range(NUM_STEPS):
            each = jnp.concatenate([INPUTS.objects[step], INPUTS.goal[step]], axis=-1)[MASK]
            for net in ("policy", "value"):
                of_objects, of_gripper, head = (
                    params["params"][net][name] for name in ("Dense_0", "Dense_1", "answer")
                )
                pooled = jnp.max(each @ of_objects["kernel"], axis=0) + of_objects["bias"]
                own = INPUTS.gripper[step] @ of_gripper["kernel"] + of_gripper["bias"]
                x = jnp.maximum(jnp.concatenate([pooled, own]), 0.0)
                total += jnp.sum(jnp.sin(x @ head["kernel"] + head["bias"]))
        return total

    for a, b in zip(
        jax.jit(jax.value_and_grad(at_once))(params), jax.jit(jax.value_and_grad(plain))(params), strict=True
    ):
        chex.assert_trees_all_close(a, b, rtol=1e-4, atol=1e-5)


def test_time_is_seen_by_the_policy_and_by_the_value_apart_and_only_if_asked():
    blind, seeing = (Player(2, 8, (6,), sees_time=sees) for sees in (False, True))
    later = [INPUTS._replace(time=INPUTS.time.at[:, i].add(1.0)) for i in range(2)]
    for built, differs in ((blind, [(False, False)] * 2), (seeing, [(True, False), (False, True)])):
        params = built.init(jax.random.key(0), INPUTS, None)
        before = built.apply(params, INPUTS, None)[:2]
        for inputs, which in zip(later, differs, strict=True):
            after = built.apply(params, inputs, None)[:2]
            changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
            assert tuple(changed) == which


def attending(**settings):
    """A player with attention whose score and scene are no longer zero. -> (params, apply)."""
    built = Player(2, 8, (6,), attention=True, **settings)
    params = built.init(jax.random.key(0), INPUTS, None)
    noise = iter(np.random.default_rng(1).normal(size=(99, 4096)))
    params = jax.tree.map(lambda leaf: leaf + jnp.float32(next(noise)[: leaf.size].reshape(leaf.shape)), params)
    return params, jax.jit(lambda params, inputs: built.apply(params, inputs, None)[:2])


def test_attention_looks_at_all_objects_that_are_there_in_any_order():
    params, apply = attending()
    filled = INPUTS._replace(objects=INPUTS.objects.at[:, 2].set(1e3), goal=INPUTS.goal.at[:, 2].set(-1e3))
    expected = apply(params, INPUTS)
    for inputs in (SWAPPED, filled):
        for a, b in zip(apply(params, inputs), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    mixed = INPUTS._replace(goal=INPUTS.goal[:, ORDER])
    assert np.abs(apply(params, mixed)[1] - expected[1]).max() > 1e-3
    assert np.all(np.isfinite(apply(params, INPUTS._replace(mask=jnp.zeros_like(INPUTS.mask)))[1]))


def test_with_one_object_attention_begins_as_without():
    one = INPUTS._replace(mask=INPUTS.mask.at[:, 1:].set(False))
    plain, attends = Player(2, 8, (6,)), Player(2, 8, (6,), attention=True)
    params = attends.init(jax.random.key(0), INPUTS, None)
    fewer = {
        net: {name: leaf for name, leaf in of.items() if name not in ("seen", "score", "scene")}
        for net, of in params["params"].items()
    }
    for a, b in zip(attends.apply(params, one, None)[:2], plain.apply({"params": fewer}, one, None)[:2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_what_the_privileged_critic_sees():
    """Its value changes with the value's goal and with the episode; the policy's logits do not, nor does another's."""
    told = [INPUTS._replace(value_goal=INPUTS.value_goal + 1), INPUTS._replace(episode=INPUTS.episode + 1)]
    for privileged in (False, True):
        built = Player(2, 8, (6,), privileged_critic=privileged)
        params = built.init(jax.random.key(0), INPUTS, None)
        logits, value, _ = built.apply(params, INPUTS, None)
        for inputs in told:
            after = built.apply(params, inputs, None)
            np.testing.assert_array_equal(after[0], logits)
            assert np.array_equal(after[1], value) != privileged
