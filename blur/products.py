"""The products over neurons, with hand-written gradients: fewer products and copies than automatic ones.

Each product takes mixed states (see `mix`) and a bias, a neuron whose states are all 1. For the bias only the gradient
of its transform is needed: a sum, not a row of a product. Inputs have one state; the gradient of their gain reuses the
product that the gradient of the synapses needs.

Letters: B batch, C channels of a synapse (K, or 1 where synapses have a single state), K states, M destinations,
N sources.
"""

import jax
import jax.numpy as jnp


@jax.custom_vjp
def mix(transform: jax.Array, states: jax.Array) -> jax.Array:
    """Σ_d transform^{cd} a^d: transform [C, K], states [K, B, N] -> [C, B, N].

    A loop over states, and one product for its gradient: XLA takes ten times as long for products of few rows.
    """
    if transform.shape[1] != len(states):
        raise ValueError(f"a transform of {transform.shape[1]} states cannot mix {len(states)}")
    mixed = transform[:, 0, None, None] * states[None, 0]
    for d in range(1, len(states)):
        mixed += transform[:, d, None, None] * states[None, d]
    return mixed


def _mix_backward(residuals, mixed):
    transform, states = residuals
    products = jnp.matmul(mixed.reshape(len(mixed), -1), states.reshape(len(states), -1).T)
    return products, mix(transform.T, mixed)


mix.defvjp(lambda transform, states: (mix(transform, states), (transform, states)), _mix_backward)


def _with_bias(states, bias):
    """[C, B, N], [C] -> [C, B, N + 1]."""
    return jnp.concatenate([states, jnp.broadcast_to(bias[:, None, None], (*states.shape[:2], 1))], axis=-1)


@jax.custom_vjp
def drive(states: jax.Array, bias: jax.Array, weights: jax.Array) -> jax.Array:
    """Sums over synapses. Mixed states [C, B, N], bias [C], weights [C, N + 1, M] -> [C, B, M]."""
    return jnp.matmul(_with_bias(states, bias), weights)


def _drive_backward(residuals, drives):
    states, bias, weights = residuals
    of_bias = jnp.sum(drives.sum(1) * weights[:, -1], axis=1)
    of_weights = jnp.matmul(_with_bias(states, bias).swapaxes(1, 2), drives)
    return jnp.matmul(drives, weights[:, :-1].swapaxes(1, 2)), of_bias, of_weights


drive.defvjp(lambda *args: (drive(*args), args), _drive_backward)


@jax.custom_vjp
def change(states: jax.Array, bias: jax.Array, post: jax.Array) -> jax.Array:
    """Sums over the batch. Mixed states [C, B, N], bias [C], post [C, B, M] -> [C, N + 1, M]."""
    return jnp.matmul(_with_bias(states, bias).swapaxes(1, 2), post)


def _change_backward(residuals, changes):
    states, bias, post = residuals
    of_bias = jnp.sum(post.sum(1) * changes[:, -1], axis=1)
    of_post = jnp.matmul(_with_bias(states, bias), changes)
    return jnp.matmul(post, changes[:, :-1].swapaxes(1, 2)), of_bias, of_post


change.defvjp(lambda *args: (change(*args), args), _change_backward)


def _with_ones(inputs, num_channels):
    """[1, B, N] -> [C, B, N + 1]."""
    return jnp.broadcast_to(
        jnp.concatenate([inputs, jnp.ones_like(inputs[..., :1])], axis=-1),
        (num_channels, inputs.shape[1], inputs.shape[2] + 1),
    )


def _gains(gain, bias, width):
    """[C], [C] -> [C, 1, N + 1]."""
    return jnp.concatenate([jnp.broadcast_to(gain[:, None, None], (len(gain), 1, width)), bias[:, None, None]], axis=-1)


@jax.custom_vjp
def input_drive(gain: jax.Array, bias: jax.Array, inputs: jax.Array, weights: jax.Array) -> jax.Array:
    """`drive` for inputs [1, B, N], which have one state, mixed by gain [C]. -> [C, B, M]."""
    ones = _with_ones(inputs, len(weights))
    return jnp.matmul(jnp.broadcast_to(_gains(gain, bias, inputs.shape[2]), ones.shape) * ones, weights)


def _input_drive_backward(residuals, drives):
    gain, bias, inputs, weights = residuals
    products = jnp.matmul(_with_ones(inputs, len(weights)).swapaxes(1, 2), drives)
    of_gain = jnp.sum(products * weights, axis=2)
    of_weights = _gains(gain, bias, inputs.shape[2]).swapaxes(1, 2) * products
    of_inputs = jnp.sum(jnp.matmul(gain[:, None, None] * drives, weights[:, :-1].swapaxes(1, 2)), axis=0, keepdims=True)
    return of_gain[:, :-1].sum(1), of_gain[:, -1], of_inputs, of_weights


input_drive.defvjp(lambda *args: (input_drive(*args), args), _input_drive_backward)


@jax.custom_vjp
def input_change(gain: jax.Array, bias: jax.Array, inputs: jax.Array, post: jax.Array) -> jax.Array:
    """`change` for inputs [1, B, N], which have one state, mixed by gain [C]. -> [C, N + 1, M]."""
    products = jnp.matmul(_with_ones(inputs, len(post)).swapaxes(1, 2), post)
    return _gains(gain, bias, inputs.shape[2]).swapaxes(1, 2) * products


def _input_change_backward(residuals, changes):
    gain, bias, inputs, post = residuals
    spread = jnp.broadcast_to(inputs, (len(post), *inputs.shape[1:]))
    products, of_bias = jnp.matmul(spread, changes[:, :-1]), changes[:, -1:]
    of_post = gain[:, None, None] * products + bias[:, None, None] * of_bias
    of_inputs = jnp.sum(jnp.matmul(gain[:, None, None] * post, changes[:, :-1].swapaxes(1, 2)), axis=0, keepdims=True)
    return jnp.sum(products * post, axis=(1, 2)), jnp.sum(post.sum(1) * of_bias[:, 0], axis=1), of_inputs, of_post


input_change.defvjp(lambda *args: (input_change(*args), args), _input_change_backward)
