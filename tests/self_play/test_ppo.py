"""PPO's parts, against the reference numbers, numbers by hand, and NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from self_play import ppo


def f32(x):
    return jnp.asarray(x, jnp.float32)


def gae(rewards, values, dones, policy_mask, last_value, discount=0.998, gae_lambda=0.95):
    args = f32(rewards), f32(values), jnp.asarray(dones, bool), jnp.asarray(policy_mask, bool), f32(last_value)
    return np.array(jax.jit(lambda *args: ppo.gae(*args, discount=discount, gae_lambda=gae_lambda))(*args))


def test_gae_by_hand():
    """γ = λ = 1/2. Deltas: 1 + 4/2 - 2 = 1, 0 + 8/2 - 4 = 0, 3 - 8 = -5 (the end), 2 + 6/2 - 1 = 4."""
    got = gae([1, 0, 3, 2], [2, 4, 8, 1], [0, 0, 1, 0], [1, 1, 1, 1], 6, 0.5, 0.5)
    np.testing.assert_allclose(got, [1 + 0 / 4 - 5 / 16, 0 - 5 / 4, -5, 4])


def test_gae_is_that_of_the_reference(reference):
    numbers = reference("self_play", "gae_")
    for i in range(3):
        columns = [numbers[name][:, i] for name in ("rewards", "values", "term")]
        got = gae(*columns, np.ones(12), numbers["bootstrap"][i])
        np.testing.assert_allclose(got, numbers["adv"][:, i], rtol=1e-5, atol=1e-6)


def test_steps_of_the_other_player_are_not_discounted():
    """They are those of the trajectory without the gaps: what comes in one belongs to the step before it."""
    rng = np.random.default_rng(0)
    own, dones = rng.random(40) < 0.4, rng.random(40) < 0.2
    own[0], rewards, values = True, rng.normal(size=40), rng.normal(size=40)
    steps = np.flatnonzero(own)
    joined_rewards, joined_dones = [], []
    for start, end in zip(steps, [*steps[1:], 40], strict=True):
        ends = np.flatnonzero(dones[start:end])
        end = start + ends[0] + 1 if len(ends) else end  # what comes after the end of an episode is not its reward
        joined_rewards.append(rewards[start:end].sum())
        joined_dones.append(len(ends) > 0)
    expected = np.zeros(40)
    expected[steps] = gae(joined_rewards, values[own], joined_dones, np.ones(len(steps)), 0.7)
    assert dones[~own].any()
    np.testing.assert_allclose(gae(rewards, values, dones, own, 0.7), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(
        gae(rewards, np.where(own, values, 100.0), dones, own, 0.7), gae(rewards, values, dones, own, 0.7)
    )


def test_the_surrogate_is_flat_exactly_where_it_is_clipped(reference):
    numbers = reference("self_play", "ppo_")
    new, old, advantage = (f32(numbers[name]) for name in ("logp_new", "logp_old", "adv"))

    def one(new, old, advantage):
        return ppo.clipped_surrogate(new, old, advantage, clip=float(numbers["eps"]))

    losses, gradients = jax.jit(jax.vmap(jax.value_and_grad(one)))(new, old, advantage)
    np.testing.assert_allclose(losses, numbers["loss_per_sample"], rtol=1e-5)
    np.testing.assert_allclose(np.array(gradients) / 16, numbers["grad_logp_new"], rtol=1e-5)
    ratio = np.exp(numbers["logp_new"] - numbers["logp_old"])
    clipped = np.where(numbers["adv"] > 0, ratio > 1.2, ratio < 0.8)
    np.testing.assert_array_equal(np.array(gradients) == 0, clipped)
    assert clipped.any()


def test_joint_actions_are_those_of_the_reference(reference):
    numbers = reference("self_play", "mc_")
    logits, actions = f32(numbers["logits"]), jnp.asarray(numbers["actions"])
    np.testing.assert_allclose(jax.vmap(ppo.log_prob)(logits, actions), numbers["logp"], rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(ppo.entropy)(logits), numbers["entropy"], rtol=1e-5)
    np.testing.assert_allclose(ppo.entropy(jnp.zeros((6, 11))), 6 * np.log(11), rtol=1e-6)


@pytest.mark.parametrize(("value", "value_target", "loss"), [(3.0, 1.0, 2.0), (1.0, 2.0, 0.5)])
def test_the_loss_of_a_value(value, value_target, loss):
    np.testing.assert_allclose(ppo.value_loss(f32(value), f32(value_target)), loss)
