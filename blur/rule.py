"""One layer's share of a step: eq. 5 to 8 (Sandler 2021, §3.2), between the neurons of two layers.

Every synapse goes from a source to a destination. The forward ones go up, and have a bias source; the backward ones go
down. Sums over synapses are matrix products over neurons, one a channel, after the K x K transform of the states.

Letters: B batch, C channels of a synapse (K, or 1 where they are single-state), K states, M destinations, N sources.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from blur.genome import Neuron, Norm, Synapse

_NORM_EPSILON = 1e-9  # the published code's, of synapse normalisation; ours too of activation normalisation

BACKWARD_UPDATES = {  # (states a [K, B, N], drive z [K, B, N], genome) -> what the non-linearity takes
    "additive": lambda a, z, neuron: neuron.keep * a + neuron.update * z,
    # The gates of these two are the published code's; the paper gives none.
    "multiplicative": lambda a, z, neuron: neuron.keep * a * z,
    # The paper's second state is every state but the first, as in the published code.
    "multiplicative_second_state": lambda a, z, neuron: neuron.keep * jnp.concatenate([a[:1], a[1:] * z[1:]]),
    "none": lambda a, z, neuron: z,  # noqa: ARG005
}

SATURATIONS = {  # (weights before, weights after, saturation) -> weights
    "exp": lambda before, after, s: before + (after - before) * jnp.exp(-jnp.abs(before * s)),  # the published code's
    "tanh": lambda _, after, s: s * jnp.tanh(after / s),  # §3.4
}

OJA_FORMS = {  # (weights [C, N, M], post [C, B, M]) -> squares that shrink w_ij, the same for all i
    "activations": lambda _, post: post**2,  # Oja's own, of the destination; the published code's default
    "synapses": lambda weights, _: weights**2,  # the first term of eq. 8, which the paper found to dominate
}


def label_feedback(last: jax.Array, targets: jax.Array) -> jax.Array:
    """State 1 of the last layer becomes +1 or -1, the label; further states become 0 (§3.3). No loss, no gradient.

    last [K, B, M], targets [B, M] in {0, 1} -> [K, B, M].
    """
    return jnp.concatenate([last[:1], 2 * targets[None] - 1, jnp.zeros_like(last[2:])])


def cross_entropy_feedback(last: jax.Array, targets: jax.Array) -> jax.Array:
    """State 1 becomes the gradient of the batch's mean cross-entropy with respect to the logits, state 0. K = 2."""
    return jnp.stack([last[0], (jax.nn.softmax(last[0]) - targets) / len(targets)])


def mse_feedback(last: jax.Array, targets: jax.Array) -> jax.Array:
    """State 1, the non-linearity's slope, becomes the gradient of the batch's mean of ½ |state 0 - targets|². K = 2."""
    return jnp.stack([last[0], (last[0] - targets) * last[1] / len(targets)])


class Rule(NamedTuple):
    """What of an update rule is no number: the options of §3 and §4.5.

    activation, backward_activation, last_activation: states [K, B, N] -> states, of hidden layers in either pass, and
      of the last layer in the forward pass.
    backward_update: a name of BACKWARD_UPDATES.
    symmetric: the backward synapses are the forward ones. single_state: every channel of a synapse is the first one.
    synapse_norm: synapses are read as if each destination's had norm 1 (App. C.6); those stored are not changed.
    synapse_activation: of each synapse after its update. saturation: a name of SATURATIONS, where the genome saturates.
    oja: a name of OJA_FORMS, where the genome has Oja's term.
    feedback: (last [K, B, M], targets [B, M]) -> last, between the passes.
    """

    activation: Callable = jnp.tanh
    backward_activation: Callable = jnp.tanh
    last_activation: Callable = jnp.tanh
    backward_update: str = "additive"
    symmetric: bool = False
    single_state: bool = False
    synapse_norm: bool = False
    synapse_activation: Callable = lambda weights: weights
    saturation: str = "exp"
    oja: str = "activations"
    feedback: Callable = label_feedback


def backprop_rule(activation: Callable, loss: str = "cross_entropy") -> Rule:
    """The conditions under which a step of `backprop_genome` is a step of SGD on the loss, a mean over the batch.

    activation: σ, elementwise. loss: "cross_entropy" of linear outputs, or "mse", ½ |σ(z) - targets|².
    The paper names the genome, the multiplicative update of the second state and φ = (σ, σ'); symmetric single-state
    synapses, no non-linearity in the backward pass and the loss's gradient in place of the label are needed as well.
    """

    def with_slope(activation, states):
        _, slope = jax.jvp(activation, (states[1],), (jnp.ones_like(states[1]),))
        return jnp.stack([activation(states[0]), slope])

    def identity(states):
        return states

    if loss not in ("cross_entropy", "mse"):
        raise ValueError(f"loss must be cross_entropy or mse, got {loss!r}")
    return Rule(
        activation=partial(with_slope, activation),
        backward_activation=identity,
        last_activation=partial(with_slope, activation if loss == "mse" else identity),
        backward_update="multiplicative_second_state",
        symmetric=True,
        single_state=True,
        feedback=mse_feedback if loss == "mse" else cross_entropy_feedback,
    )


def with_bias(states: jax.Array) -> jax.Array:
    """Appends the bias, a neuron whose every state is 1: [K, B, N] -> [K, B, N + 1]."""
    return jnp.concatenate([states, jnp.ones_like(states[:, :, :1])], axis=-1)


def read(weights: jax.Array, synapse: Synapse, rule: Rule) -> jax.Array:
    """The synapses as a pass sees them (App. C.6): w_ij / sqrt(Σ_r w_rj²) if normalised. weights [C, N, M]."""
    if not rule.synapse_norm:
        return weights
    norm = jnp.sqrt(jnp.sum(weights**2, axis=1, keepdims=True) + _NORM_EPSILON)
    return weights / norm * (1.0 if synapse.rescale is None else synapse.rescale)


def normalise(states: jax.Array, norm: Norm | None) -> jax.Array:
    """Gives each state the genome's mean and deviation (§3.4). states [K, B, N].

    The paper does not say over what: here over the examples of the batch and the neurons of the layer, so that the
    genome knows no width and the neurons of a layer, classes too, keep their differences. Every layer whose genome has
    a norm is normalised, the last one too: genomes by layer can leave it out.
    """
    if norm is None:
        return states
    mean, variance = states.mean((1, 2), keepdims=True), states.var((1, 2), keepdims=True)
    standard = (states - mean) / jnp.sqrt(variance + _NORM_EPSILON)
    return norm.mean[:, None, None] + norm.deviation[:, None, None] * standard


def _drive(transform, sources, weights):
    """Σ_i Σ_d w_ij^c transform^{cd} a_i^d. transform [K, K], sources [K, B, N], weights [C, N, M] -> [K, B, M]."""
    return jnp.matmul(jnp.einsum("cd,dbn->cbn", transform, sources), weights)


def forward(neuron: Neuron, below: jax.Array, weights: jax.Array, activation: Callable) -> jax.Array:
    """The layer above in the forward pass (eq. 5). below [K, B, N], weights [C, N + 1, M] -> [K, B, M].

    A step starts with all neurons at 0, as in the published code, so eq. 5's f a is 0.
    """
    drive = _drive(neuron.forward, with_bias(below), weights)
    return activation(normalise(neuron.update * drive, neuron.forward_norm))


def backward(neuron: Neuron, states: jax.Array, above: jax.Array, weights: jax.Array, rule: Rule) -> jax.Array:
    """A hidden layer in the backward pass (eq. 6): states [K, B, M], above [K, B, N], weights [C, N, M] -> states."""
    drive = _drive(neuron.backward, above, weights)
    updated = BACKWARD_UPDATES[rule.backward_update](states, drive, neuron)
    return rule.backward_activation(normalise(updated, neuron.backward_norm))


def learn(synapse: Synapse, weights: jax.Array, sources: jax.Array, destinations: jax.Array, rule: Rule) -> jax.Array:
    """The synapses after their update: eq. 7, a sum over the batch, and Oja's term.

    weights [C, N, M], sources [K, B, N], destinations [K, B, M] -> [C, N, M].
    """
    channels = len(weights)
    pre = jnp.einsum("ec,ebn->cbn", synapse.pre[:, :channels], sources)
    post = jnp.einsum("cd,dbm->cbm", synapse.post[:channels], destinations)
    change = synapse.update * jnp.matmul(pre.swapaxes(1, 2), post)
    if synapse.oja is not None:
        decay = weights * jnp.sum(OJA_FORMS[rule.oja](weights, post), axis=1, keepdims=True)
        # The published code's factor, so that the term always shrinks; eq. 8 has 1 - f̃, which is 0 at f̃ = 1.
        change -= jnp.abs(synapse.update * synapse.oja) * decay
    learned = synapse.keep * weights + change
    if synapse.saturation is not None:
        learned = SATURATIONS[rule.saturation](weights, learned, synapse.saturation)
    return rule.synapse_activation(learned)
