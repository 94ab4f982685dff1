"""The part of a step between two layers of neurons: eq. 5 to 8 (Sandler 2021, §3.2).

Every synapse goes from a source to a destination: forward synapses go up and have a bias source, backward synapses go
down. The K x K transform of the states comes first; sums over synapses are then matrix products over neurons, one for
each channel. Inputs have one state, [1, B, N]: their other states are 0.

Letters: B batch, C channels of a synapse (K, or 1 where synapses have a single state), K states, M destinations,
N sources.
"""

import pkgutil
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from blur import products
from blur.changes import CHANGE_NORMS
from blur.feedbacks import FEEDBACKS
from blur.genome import Neuron, Norm, Synapse

_NORM_EPSILON = 1e-9  # of synapse normalisation, as in the published code; of activation normalisation, ours

ACTIVATIONS = {  # states [K, B, N] -> states, or weights -> weights
    "linear": lambda states: states,
    "relu": jax.nn.relu,
    "relu_tanh": lambda states: jax.nn.relu(jnp.tanh(states)),  # the published code's default
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
}

BACKWARD_UPDATES = {  # (states a [K, B, N], drive z [K, B, N], neuron's genes) -> argument of the non-linearity
    "additive": lambda a, z, neuron: neuron.keep * a + neuron.update * z,
    # The paper gives no gates for these two: they are the published code's.
    "multiplicative": lambda a, z, neuron: neuron.keep * a * z,
    # The paper's second state is every state except the first, as in the published code.
    "multiplicative_second_state": lambda a, z, neuron: neuron.keep * jnp.concatenate([a[:1], a[1:] * z[1:]]),
    "none": lambda a, z, neuron: z,  # noqa: ARG005
}

SATURATIONS = {  # (weights before, weights after, saturation) -> weights
    "exp": lambda before, after, s: before + (after - before) * jnp.exp(-jnp.abs(before * s)),  # the published code's
    "tanh": lambda _, after, s: s * jnp.tanh(after / s),  # §3.4
}

OJA_FORMS = {  # (weights [C, N, M], post [C, B, M], change [C, N, M], rate []) -> terms whose sum over N shrinks w_ij
    "activations": lambda weights, post, change, rate: rate * post**2,  # noqa: ARG005  Oja's own; the published default
    # The terms of eq. 8. The paper found the first to dominate. Its factor in eq. 8 is 1 - f̃, which is 0 at f̃ = 1; ours
    # is the published code's, |η̃|, with which the term always shrinks. Ours sums over the synapses of one direction,
    # the published code also over blocks of its square that no pass uses (9e-3 of difference in its case oja_weights).
    "synapses": lambda weights, post, change, rate: rate * weights**2,  # noqa: ARG005
    "hebbian": lambda weights, post, change, rate: weights * change,  # noqa: ARG005  change is η̃ Σ (ν̃ a) (μ̃ a)
}

SYNAPSE_NORMS = ("none", "read", "stored")


def with_slope(activation: Callable, states: jax.Array) -> jax.Array:
    """φ(x, y) = (σ(x), σ'(y)) for states 0 and 1 (eq. 4); σ for the others."""
    values, slopes = jax.jvp(activation, (states,), (jnp.ones_like(states),))
    return values.at[1].set(slopes[1])


ACTIVATIONS |= {f"{name}_slope": partial(with_slope, activation) for name, activation in ACTIVATIONS.items()}


class Rule(NamedTuple):
    """The options of an update rule, as opposed to its numbers, the genome (§3 and §4.5).

    A field that chooses a function holds a name of the function's table, "package.module:function", or the function
    itself, but for `synapse_norm` and `change_norm`, which hold names. A rule of names and flags alone is a JSON
    object.

    activation, backward_activation, last_activation: from ACTIVATIONS. For the hidden layers in the forward and in the
      backward pass, and for the last layer in the forward pass.
    backward_update: from BACKWARD_UPDATES.
    keep_neurons: neurons start a step with the states of the previous step (f a in eq. 5), not with 0.
    symmetric: the backward synapses are the forward synapses. single_state: all channels of a synapse are one.
    synapse_norm: "read": the synapses of each destination are normalised to 1 when read, the stored ones stay as they
      are (App. C.6); "stored": the stored ones are normalised before each update (the published code); "none".
    forward_below: updates take the layer below from the forward pass (the published code), not from the backward pass.
    synapse_activation: from ACTIVATIONS. Applied to each synapse after its update.
    saturation: from SATURATIONS. Used if the genome has the gene.
    oja: from OJA_FORMS. Used if the genome has the gene.
    feedback: from FEEDBACKS, (last [K, B, M], targets [B, M]) -> last. Applied between the passes.
    change_norm: from `changes.CHANGE_NORMS`. What of the sum in eq. 7 a synapse receives.
    normalise_inputs: a batch of inputs is given the mean 0 and the deviation 1, over examples and inputs together.
    normalise_last: if the genome normalises, so is the last layer, in the forward pass.
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
    change_norm: str = "none"
    normalise_inputs: bool = False
    normalise_last: bool = True


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
    "change_norm": CHANGE_NORMS,
}
_NAMES_ONLY = ("synapse_norm", "change_norm")


def check(rule: Rule) -> None:
    """Raises ValueError for an unknown name, for what is no function, and for fields that exclude each other."""
    for name, choice in rule._asdict().items():
        if name not in _CHOICES:
            if not isinstance(choice, bool):
                raise ValueError(f"{name} must be True or False, got {choice!r}")
            continue
        table = _CHOICES[name]
        if (isinstance(choice, str) and choice in table) or (callable(choice) and name not in _NAMES_ONLY):
            continue
        if name in _NAMES_ONLY or not isinstance(choice, str) or ":" not in choice:
            raise ValueError(f"{name} must be one of {', '.join(table)}; got {choice!r}")
        try:
            named = pkgutil.resolve_name(choice)
        except (ImportError, AttributeError, ValueError) as error:
            raise ValueError(f"{name}: no {choice} ({error})") from error
        if not callable(named):
            raise ValueError(f"{name}: {choice} is no function, but of type {type(named).__name__}")
    if rule.symmetric and rule.synapse_norm == "stored":
        raise ValueError("symmetric synapses cannot be stored normalised: each direction has norms of its own")


def resolve(table: dict[str, Callable], choice: str | Callable) -> Callable:
    """The function for a field of a `Rule`: its name in `table`, "package.module:function", or the function itself."""
    if not isinstance(choice, str):
        return choice
    return table[choice] if choice in table else pkgutil.resolve_name(choice)


def backprop_rule(activation: str | Callable, loss: str = "cross_entropy") -> Rule:
    """The conditions under which a step of `backprop_genome` is a step of SGD on the loss, a mean over the batch.

    activation: σ, elementwise. loss: "cross_entropy" of linear outputs, or "mse", ½ |σ(z) - targets|².
    The paper states three conditions: the genome, the multiplicative update of the second state, and φ = (σ, σ').
    Three more are needed: symmetric single-state synapses, a linear backward pass, and the gradient of the loss in
    place of the label.
    Raises ValueError for another loss, and for a "package.module:function", whose slope has no name.
    """
    if isinstance(activation, str) and ":" in activation:
        raise ValueError(f"activation: pass the function itself in place of {activation!r}; its slope has no name")
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
    """The synapses that a pass uses: w_ij, or w_ij / sqrt(Σ_r w_rj²) if normalised (App. C.6). weights [C, N, M]."""
    if rule.synapse_norm == "none":
        return weights
    norm = jnp.sqrt(jnp.sum(weights**2, axis=1, keepdims=True) + _NORM_EPSILON)
    return weights / norm * (1.0 if synapse.rescale is None else synapse.rescale)


def normalise(states: jax.Array, norm: Norm | None) -> jax.Array:
    """Gives each state the mean and the standard deviation of the genome (§3.4). states [K, B, N] -> [K, B, N].

    Statistics are over the examples of the batch and the neurons of the layer; the paper does not say. So the genome
    fits any width, and the neurons of a layer, also of the last one, keep their differences. The last layer is
    normalised too, unless it has a genome of its own without a norm, or `Rule.normalise_last` is False.
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

    states: [K, B, M] before the pass. None: 0, as in the published code, where every step starts with neurons at 0.
    """
    transform = neuron.update * neuron.forward
    weights = jnp.broadcast_to(weights, (len(transform), *weights.shape[1:]))
    if len(below) == 1:
        drive = products.input_drive(transform[:, 0], transform.sum(1), below, weights)
    else:
        drive = products.drive(products.mix(transform, below), transform.sum(1), weights)
    updated = drive if states is None else neuron.keep * states + drive
    return _activated(activation, normalise(updated, neuron.forward_norm))


def backward(neuron: Neuron, states: jax.Array, above: jax.Array, weights: jax.Array, rule: Rule) -> jax.Array:
    """A hidden layer in the backward pass (eq. 6). states [K, B, M], above [K, B, N], weights [C, N, M] -> states."""
    drive = jnp.matmul(products.mix(neuron.backward, above), weights)
    updated = resolve(BACKWARD_UPDATES, rule.backward_update)(states, drive, neuron)
    return _activated(rule.backward_activation, normalise(updated, neuron.backward_norm))


def _activated(activation, states):
    """The states after the non-linearity, which keeps their shape."""
    after = resolve(ACTIVATIONS, activation)(states)
    if after.shape != states.shape:
        raise ValueError(
            f"an activation keeps the shape of what it is given; {activation} made {after.shape} of {states.shape}"
        )
    return after


def mixed(synapse: Synapse, states: jax.Array, rule: Rule) -> tuple[jax.Array, jax.Array]:
    """The two factors of eq. 7: states a [K, B, N] -> η̃ ν̃ a for sources, μ̃ a for destinations, both [C, B, N]."""
    channels = 1 if rule.single_state else len(states)
    transform = synapse.update * synapse.pre[:, :channels].T
    return products.mix(transform, states), products.mix(synapse.post[:channels], states)


def change(synapse: Synapse, pre: jax.Array, post: jax.Array, *, source: str) -> jax.Array:
    """η̃ Σ (ν̃ a) (μ̃ a), the sum of eq. 7, also over the batch. -> [C, N, M].

    pre [C, B, N], post [C, B, M]: sources and destinations, from `mixed`.
    source: "above"; "below": the result has one more row than pre, the bias; "inputs": likewise, and pre is the inputs
      themselves, [1, B, N].
    """
    if source == "above":
        return jnp.matmul(pre.swapaxes(1, 2), post)
    transform = synapse.update * synapse.pre[:, : len(post)].T
    if source == "inputs":
        return products.input_change(transform[:, 0], transform.sum(1), pre, post)
    return products.change(pre, transform.sum(1), post)


def learn(synapse: Synapse, weights: jax.Array, post: jax.Array, change: jax.Array, rule: Rule) -> jax.Array:
    """The synapses after their update: eq. 7, then Oja's term, saturation and activation.

    weights [C, N, M], post [C, B, M], change [C, N, M] -> [C, N, M].
    """
    if rule.synapse_norm == "stored":
        weights = read(weights, synapse, rule)
    learned = synapse.keep * weights + change
    if synapse.oja is not None:
        shrink = resolve(OJA_FORMS, rule.oja)(weights, post, change, jnp.abs(synapse.update))
        learned -= jnp.abs(synapse.oja) * weights * jnp.sum(shrink, axis=1, keepdims=True)
    if synapse.saturation is not None:
        learned = resolve(SATURATIONS, rule.saturation)(weights, learned, synapse.saturation)
    return _activated(rule.synapse_activation, learned)
