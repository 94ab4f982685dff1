"""One layer's share of a step: eq. 5 to 8 (Sandler 2021, §3.2), between the neurons of two layers.

Every synapse goes from a source to a destination. The forward ones go up, and have a bias source; the backward ones go
down. Sums over synapses are matrix products over neurons, one a channel, after the K x K transform of the states.
Inputs have one state, the others being 0: they come as [1, B, N].

Letters: B batch, C channels of a synapse (K, or 1 where they are single-state), K states, M destinations, N sources.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from blur import products
from blur.genome import Neuron, Norm, Synapse

_NORM_EPSILON = 1e-9  # the published code's, of synapse normalisation; ours too of activation normalisation

ACTIVATIONS = {  # states [K, B, N] -> states; of synapses, weights -> weights
    "linear": lambda states: states,
    "relu": jax.nn.relu,
    "relu_tanh": lambda states: jax.nn.relu(jnp.tanh(states)),  # the published code's default
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
}

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

OJA_FORMS = {  # (weights [C, N, M], post [C, B, M], change [C, N, M], rate []) -> what, summed over N, shrinks w_ij
    "activations": lambda weights, post, change, rate: rate * post**2,  # noqa: ARG005  Oja's own; the published default
    # The terms of eq. 8. Of its first, which the paper found to dominate, the factor is the published code's, |η̃|, so
    # that it always shrinks: eq. 8 has 1 - f̃, which is 0 at f̃ = 1.
    "synapses": lambda weights, post, change, rate: rate * weights**2,  # noqa: ARG005
    "hebbian": lambda weights, post, change, rate: weights * change,  # noqa: ARG005  change is η̃ Σ (ν̃ a) (μ̃ a)
}

SYNAPSE_NORMS = ("none", "read", "stored")


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


FEEDBACKS = {"label": label_feedback, "cross_entropy": cross_entropy_feedback, "mse": mse_feedback}


def with_slope(activation: Callable, states: jax.Array) -> jax.Array:
    """φ(x, y) = (σ(x), σ'(y)), of the two states of eq. 4; σ of further states."""
    values, slopes = jax.jvp(activation, (states,), (jnp.ones_like(states),))
    return values.at[1].set(slopes[1])


ACTIVATIONS |= {f"{name}_slope": partial(with_slope, activation) for name, activation in ACTIVATIONS.items()}


class Rule(NamedTuple):
    """What of an update rule is no number: the options of §3 and §4.5.

    A function has a name in its table, or stands there itself: names and flags alone make a JSON object.

    activation, backward_activation, last_activation: of ACTIVATIONS, states [K, B, N] -> states, of hidden layers in
      either pass, and of the last layer in the forward pass.
    backward_update: of BACKWARD_UPDATES.
    keep_neurons: a step finds the neurons as the last one left them (eq. 5's f a), not at 0.
    symmetric: the backward synapses are the forward ones. single_state: every channel of a synapse is the first one.
    synapse_norm: "read": synapses are read as if each destination's had norm 1 (App. C.6), those stored are not
      changed; "stored": those are, before they are updated (the published code's); "none".
    forward_below: synapses are updated by the layer below as the forward pass left it (the published code's).
    synapse_activation: of ACTIVATIONS, of each synapse after its update.
    saturation: of SATURATIONS, where the genome saturates. oja: of OJA_FORMS, where the genome has Oja's term.
    feedback: of FEEDBACKS, (last [K, B, M], targets [B, M]) -> last, between the passes.
    """

    activation: str | Callable = "tanh"
    backward_activation: str | Callable = "tanh"
    last_activation: str | Callable = "tanh"
    backward_update: str | Callable = "additive"
    keep_neurons: bool = False
    symmetric: bool = False
    single_state: bool = False
    synapse_norm: str = "none"
    forward_below: bool = False
    synapse_activation: str | Callable = "linear"
    saturation: str | Callable = "exp"
    oja: str | Callable = "activations"
    feedback: str | Callable = "label"


_CHOICES = {
    "activation": ACTIVATIONS,
    "backward_activation": ACTIVATIONS,
    "last_activation": ACTIVATIONS,
    "backward_update": BACKWARD_UPDATES,
    "synapse_norm": SYNAPSE_NORMS,
    "synapse_activation": ACTIVATIONS,
    "saturation": SATURATIONS,
    "oja": OJA_FORMS,
    "feedback": FEEDBACKS,
}


def check(rule: Rule) -> None:
    """Raises ValueError where a field has no meaning."""
    for name, table in _CHOICES.items():
        choice = getattr(rule, name)
        if not callable(choice) and choice not in table:
            raise ValueError(f"{name} must be one of {', '.join(table)}; got {choice!r}")
    if rule.symmetric and rule.synapse_norm == "stored":
        raise ValueError("symmetric synapses cannot be stored normalised: either direction has norms of its own")


def named(table: dict[str, Callable], choice: str | Callable) -> Callable:
    """The function that a field of a Rule names or is."""
    return table[choice] if isinstance(choice, str) else choice


def backprop_rule(activation: str | Callable, loss: str = "cross_entropy") -> Rule:
    """The conditions under which a step of `backprop_genome` is a step of SGD on the loss, a mean over the batch.

    activation: σ, elementwise. loss: "cross_entropy" of linear outputs, or "mse", ½ |σ(z) - targets|².
    The paper names the genome, the multiplicative update of the second state and φ = (σ, σ'); symmetric single-state
    synapses, no non-linearity in the backward pass and the loss's gradient in place of the label are needed as well.
    """
    if loss not in ("cross_entropy", "mse"):
        raise ValueError(f"loss must be cross_entropy or mse, got {loss!r}")
    sloped = f"{activation}_slope" if isinstance(activation, str) else partial(with_slope, activation)
    return Rule(
        activation=sloped,
        backward_activation="linear",
        last_activation=sloped if loss == "mse" else "linear_slope",
        backward_update="multiplicative_second_state",
        symmetric=True,
        single_state=True,
        feedback=loss,
    )


def read(weights: jax.Array, synapse: Synapse, rule: Rule) -> jax.Array:
    """The synapses as a pass sees them (App. C.6): w_ij / sqrt(Σ_r w_rj²) if normalised. weights [C, N, M]."""
    if rule.synapse_norm == "none":
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


def forward(
    neuron: Neuron, states: jax.Array | None, below: jax.Array, weights: jax.Array, activation: str | Callable
) -> jax.Array:
    """The layer above in the forward pass (eq. 5). below [K, B, N], weights [C, N + 1, M] -> [K, B, M].

    states: [K, B, M] before it; None is 0, as in the published code, where a step starts with all neurons at 0.
    """
    transform = neuron.update * neuron.forward
    weights = jnp.broadcast_to(weights, (len(transform), *weights.shape[1:]))
    if len(below) == 1:
        drive = products.input_drive(transform[:, 0], transform.sum(1), below, weights)
    else:
        drive = products.drive(products.mix(transform, below), transform.sum(1), weights)
    updated = drive if states is None else neuron.keep * states + drive
    return named(ACTIVATIONS, activation)(normalise(updated, neuron.forward_norm))


def backward(neuron: Neuron, states: jax.Array, above: jax.Array, weights: jax.Array, rule: Rule) -> jax.Array:
    """A hidden layer in the backward pass (eq. 6): states [K, B, M], above [K, B, N], weights [C, N, M] -> states."""
    drive = jnp.matmul(products.mix(neuron.backward, above), weights)
    updated = named(BACKWARD_UPDATES, rule.backward_update)(states, drive, neuron)
    return named(ACTIVATIONS, rule.backward_activation)(normalise(updated, neuron.backward_norm))


def mixed(synapse: Synapse, states: jax.Array, rule: Rule) -> tuple[jax.Array, jax.Array]:
    """What eq. 7 takes of a layer's states [K, B, N]: η̃ ν̃ a of a source, μ̃ a of a destination, both [C, B, N]."""
    channels = 1 if rule.single_state else len(states)
    transform = synapse.update * synapse.pre[:, :channels].T
    return products.mix(transform, states), products.mix(synapse.post[:channels], states)


def learn(
    synapse: Synapse, weights: jax.Array, pre: jax.Array, post: jax.Array, rule: Rule, *, source: str
) -> jax.Array:
    """The synapses after their update: eq. 7, a sum over the batch, and Oja's term.

    weights [C, N, M], pre [C, B, N] of the sources and post [C, B, M] of the destinations, see `mixed` -> [C, N, M].
    source: "above"; "below", where the last of the N is the bias, none of pre; or "inputs", the same, and pre is the
    inputs as they are, [1, B, N].
    """
    if rule.synapse_norm == "stored":
        weights = read(weights, synapse, rule)
    if source == "above":
        change = jnp.matmul(pre.swapaxes(1, 2), post)
    else:
        transform = synapse.update * synapse.pre[:, : len(weights)].T
        if source == "inputs":
            change = products.input_change(transform[:, 0], transform.sum(1), pre, post)
        else:
            change = products.change(pre, transform.sum(1), post)
    learned = synapse.keep * weights + change
    if synapse.oja is not None:
        shrink = named(OJA_FORMS, rule.oja)(weights, post, change, jnp.abs(synapse.update))
        learned -= jnp.abs(synapse.oja) * weights * jnp.sum(shrink, axis=1, keepdims=True)
    if synapse.saturation is not None:
        learned = named(SATURATIONS, rule.saturation)(weights, learned, synapse.saturation)
    return named(ACTIVATIONS, rule.synapse_activation)(learned)
