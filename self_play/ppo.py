"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347), written for one trajectory of one player.

Letters: A dimensions of an action, T steps of a game.
"""

import jax
import jax.numpy as jnp


def gae(
    rewards: jax.Array,
    values: jax.Array,
    dones: jax.Array,
    policy_mask: jax.Array,
    last_value: jax.Array,
    *,
    discount: float,
    gae_lambda: float,
) -> jax.Array:
    """Generalised advantage estimation of one player's steps in a game of two -> [T], zero on the opponent's steps.

    Schulman et al. 2016 (1506.02438), eq. 16: the sum over l of (discount * gae_lambda)^l times the l-th step's
    reward + discount * value of the next step - value, up to the end of the episode.

    rewards [T], dones [T] bool: this player's. policy_mask [T] bool: its own steps. Rewards and dones on the
    opponent's steps are credited to the player's previous step; those steps are not discounted. values [T]: those of
    own steps count. last_value []: the value of what the player saw after the last step. discount: the paper's γ;
    gae_lambda: its λ.
    """

    def one(later, step):
        advantage, next_value, rest, ended = later  # of the player's next step; rewards and dones before that step
        reward, value, done, mine = step
        rest, ended = reward + jnp.where(done, 0.0, rest), done | ended
        goes_on = 1.0 - ended
        delta = rest + discount * goes_on * next_value - value
        here = delta + discount * gae_lambda * goes_on * advantage
        carry = (
            jnp.where(mine, here, advantage),
            jnp.where(mine, value, next_value),
            jnp.where(mine, 0.0, rest),
            jnp.where(mine, False, ended),
        )
        return carry, jnp.where(mine, here, 0.0)

    zero = jnp.zeros_like(last_value)
    return jax.lax.scan(one, (zero, last_value, zero, zero > 0), (rewards, values, dones, policy_mask), reverse=True)[1]


def clipped_surrogate(log_prob: jax.Array, old_log_prob: jax.Array, advantage: jax.Array, *, clip: float) -> jax.Array:
    """The loss of one step, -min(r A, clip(r, 1 - clip, 1 + clip) A), r = exp(log_prob - old_log_prob) (eq. 7).

    The probabilities are of the joint action. All []. The loss is flat where r has moved by more than `clip` in the
    direction of A's sign.
    """
    ratio = jnp.exp(log_prob - old_log_prob)
    return -jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * advantage)


def value_loss(value: jax.Array, value_target: jax.Array) -> jax.Array:
    """Half the squared error of one step's value (eq. 9). [] -> []."""
    return 0.5 * (value - value_target) ** 2


def log_prob(logits: jax.Array, action: jax.Array) -> jax.Array:
    """The log-probability of a joint action, whose dimensions are independent. logits [A, bins], action [A] -> []."""
    taken = jnp.arange(logits.shape[-1])[None] == action[:, None]  # a gather's gradient would scatter
    return jnp.sum(jnp.where(taken, jax.nn.log_softmax(logits), 0.0))


def entropy(logits: jax.Array) -> jax.Array:
    """The entropy of the joint action in nats. logits [A, bins] -> []; at most A ln(bins)."""
    log_probs = jax.nn.log_softmax(logits)
    return -jnp.sum(jnp.exp(log_probs) * log_probs)
