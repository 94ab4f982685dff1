"""The density of binary images: one GLN a pixel predicts it from the pixels before it (Veness 2017, §6; 2019, §5).

log p(image) is the sum over pixels in raster order of log p(x_i | x_<i). The lowest predictions are skip-grams: of each
of M small patterns of pixels nearby, how often the pixel was on where the pattern looked the same. A GLN mixes them.

Letters: B batch, H height, W width, P = H W pixels, M skip-grams, R contexts, S bits at a pixel (`pixels.bits`).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from glns import bernoulli, counting, network, pixels

_BLOCK = 16  # images predicted at once


class State(NamedTuple):
    """All that a density model has learned. Every pixel has its own counts and weights; all share their contexts."""

    count: jax.Array  # [] int32, images seen
    patterns: jax.Array  # [M, S], gates of the skip-grams
    counts: jax.Array  # [P, M, 2**pattern_bits, 2] int32
    layers: tuple[network.Layer, ...]  # weights [P, K, R, F], gates without P


def density(
    sizes: Sequence[int],
    *,
    num_patterns: int = 60,
    pattern_bits: int = 8,
    context_bits: int = 4,
    spread: float = 20.0,
    learning_rate: float = 0.005,
    learning_rate_decay: float = 25.0,
    epsilon: float = 1e-4,
    weight_bound: float = 200.0,
    clip_rule: str = "margin",
) -> tuple[Callable, Callable, Callable]:
    """An autoregressive GLN, online: (init, update, predict) of a Learner; predict gives log-likelihoods.

    Images [B, H, W] hold zeros and ones. A batch is (images, ..), of which only the images are looked at. Its images
    are learned one after the other, so its size changes the speed and nothing else; the metric is prequential.

    sizes: neurons a layer, the last 1, which mixes the layer below. The papers' last layer has 70 neurons and they do
    not say how these become one. Theirs are 35-60-35-70. num_patterns, pattern_bits: M skip-grams of so many pixels
    (the papers: up to 600, of unknown sizes). context_bits, spread: see `pixels.gate`. learning_rate,
    learning_rate_decay: the rate of image t = 1, 2, .. is min(learning_rate, learning_rate_decay / t) (the papers:
    0.005 and 25). epsilon, weight_bound, clip_rule: see `bernoulli.Rule`; each pixel costs at least epsilon nats.
    """
    network.check_sizes(sizes)
    if min(num_patterns, learning_rate, learning_rate_decay) <= 0:
        raise ValueError("num_patterns, learning_rate and learning_rate_decay must be positive")
    rule = bernoulli.Rule(epsilon, weight_bound, clip_rule)
    pattern = pixels.gate(pattern_bits, kinds=("skip_gram",), spread=spread)
    net = {"neuron": bernoulli.neuron(rule), "gate": pixels.gate(context_bits, spread=spread)}
    axes = (network.Layer(0, None),) * len(sizes)  # of the pixels, in every layer

    def init(key, example):
        images, *_ = example
        _, height, width = images.shape
        k_patterns, k_layers = jax.random.split(key)
        patterns = jax.vmap(lambda k: pattern.draw(k, pixels.NUM_BITS))(jax.random.split(k_patterns, num_patterns))
        draw = partial(network.init, sizes=sizes, input_dim=num_patterns, side_dim=pixels.NUM_BITS, **net)
        of_pixels = jax.vmap(draw, in_axes=None, out_axes=axes, axis_size=height * width)
        counts = jnp.zeros((height * width, num_patterns, pattern.num_contexts, 2), jnp.int32)
        return State(jnp.zeros((), jnp.int32), patterns, counts, of_pixels(k_layers))

    def update(key, state, batch):
        del key
        images, *_ = batch
        rates = jnp.minimum(learning_rate, learning_rate_decay / (state.count + 1 + jnp.arange(len(images))))
        side, targets = jax.vmap(pixels.bits, out_axes=1)(images), images.reshape(len(images), -1).T
        # One pixel after the other: the counts of one stay in a cache.
        counts, inputs = jax.lax.map(partial(_count, state.patterns), (state.counts, side, targets))
        learn = jax.vmap(partial(network.learn, **net), in_axes=(axes, 0, 0, 0, None), out_axes=(axes, 0))
        layers, logits = learn(state.layers, inputs, side, targets, rates)
        nats = -_log_likelihood(logits[-1][..., 0], targets, rule).sum(0).mean()
        return State(state.count + len(images), state.patterns, counts, layers), {"nats": nats}

    def predict(state, images):
        """images [B, H, W] -> log-likelihoods [B], in nats."""
        of_pixels = jax.vmap(partial(_predict, state.patterns, rule=rule), in_axes=(0, axes, 0))

        def one(image):
            logits = of_pixels(state.counts, state.layers, pixels.bits(image))
            return _log_likelihood(logits, image.reshape(-1), rule).sum()

        return jax.lax.map(one, images, batch_size=_BLOCK)

    return init, update, predict


def sample(key: jax.Array, state: State, shape: tuple[int, int], *, epsilon: float = 1e-4) -> jax.Array:
    """Draws an image, pixel by pixel. -> [H, W] of zeros and ones. The key is consumed; epsilon: as in `density`."""
    return inpaint(key, state, jnp.zeros(shape), jnp.zeros(shape, bool), epsilon=epsilon)


def inpaint(key: jax.Array, state: State, image: jax.Array, known: jax.Array, *, epsilon: float = 1e-4) -> jax.Array:
    """Draws the unknown pixels in raster order, each given all before it. What comes after does not inform it.

    image [H, W], known [H, W] bool -> [H, W], equal to `image` where known. The key is consumed.
    """
    rule, uniforms = bernoulli.Rule(epsilon), jax.random.uniform(key, (image.size,))

    def step(drawn, example):
        pixel, uniform, is_known = example
        layers = [network.Layer(layer.weights[pixel], layer.gates) for layer in state.layers]
        side = pixels.bits(drawn.reshape(image.shape))[pixel]
        logit = bernoulli.clip(_predict(state.patterns, state.counts[pixel], layers, side, rule=rule), rule)
        value = jnp.where(is_known, drawn[pixel], uniform < jax.nn.sigmoid(logit))
        return drawn.at[pixel].set(value), None

    first = jnp.where(known, image, 0.0).reshape(-1)
    drawn, _ = jax.lax.scan(step, first, (jnp.arange(image.size), uniforms, known.reshape(-1)))
    return drawn.reshape(image.shape)


def _contexts(patterns: jax.Array, side: jax.Array) -> jax.Array:
    """The context of every skip-gram. patterns [M, S], side [T, S] -> [M, T]."""
    return jax.vmap(jax.vmap(pixels.context, in_axes=(None, 0)), in_axes=(0, None))(patterns, side)


def _count(patterns: jax.Array, stream: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
    """Learns the skip-grams of one pixel: counts [M, 2**C, 2], side [T, S], targets [T] -> counts, logits [T, M]."""
    counts, side, targets = stream
    learn = jax.vmap(counting.learn, in_axes=(0, 0, None), out_axes=(0, 1))
    return learn(counts, _contexts(patterns, side), targets)


def _predict(
    patterns: jax.Array, counts: jax.Array, layers: Sequence[network.Layer], side: jax.Array, *, rule: bernoulli.Rule
) -> jax.Array:
    """One pixel of one image: counts [M, 2**C, 2], weights [K, R, F] a layer, side [S] -> logit []."""
    side = side[None]
    inputs = jax.vmap(counting.predict)(counts, _contexts(patterns, side)[:, 0])
    net = {"neuron": bernoulli.neuron(rule), "gate": pixels.gate(0)}  # a drawn gate knows its own number of bits
    return network.predict(layers, inputs[None], side, **net)[-1][0, 0]


def _log_likelihood(logits: jax.Array, targets: jax.Array, rule: bernoulli.Rule) -> jax.Array:
    """log p of each pixel under the clipped prediction (Veness 2019, Algorithm 1), in nats. [..], [..] -> [..]."""
    return jax.nn.log_sigmoid(bernoulli.clip(logits, rule) * (2 * targets - 1))
