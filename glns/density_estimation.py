"""The density of binary images: each pixel's GLN predicts it from the pixels before it (Veness 2017, §6; 2019, §5).

log p(image) is the sum over pixels in raster order of log p(x_i | x_<i). The base predictions are skip-grams: each of M
small patterns of nearby pixels counts how often the pixel was 1 for each value of the pattern. A GLN mixes them.

Letters: B batch, H height, W width, P = H W pixels, M skip-grams, R contexts, S bits at a pixel (`pixels.bits`).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from glns import bernoulli, context, counting, network, pixels, settings

_BLOCK = 16  # images predicted at once


class State(NamedTuple):
    """All that a density model has learned. Each pixel has its own counts and weights; all share the contexts."""

    count: jax.Array  # [] int32, images seen
    patterns: jax.Array  # [M, S], gates of the skip-grams
    counts: jax.Array  # [P, M, 2**pattern_bits, 2] int32
    layers: tuple[network.Layer, ...]  # weights [P, K, R, F], gates without P


class Model(NamedTuple):
    """The settings of `density`, as init, update and predict read them."""

    sizes: tuple[int, ...]
    net: dict[str, Any]  # the neuron and the gate: keywords of the functions of `network`
    rule: bernoulli.Rule
    num_patterns: int
    pattern: context.Gate  # of a skip-gram
    learning_rate: float
    learning_rate_decay: float
    divide: Callable


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
    divide: Callable = network.undivided,
) -> tuple[Callable, Callable, Callable]:
    """An autoregressive GLN, online: (init, update, predict) of a Learner.

    A batch is (images [B, H, W] of zeros and ones, ..); the rest of it is ignored. predict gives log-likelihoods [B] in
    nats. The images of a batch are learned one after the other, so the batch size changes the speed and nothing else.
    Another number in an image is a ValueError; if it is traced, the metric and the log-likelihoods are NaN.
    The metric `nats`, an image's mean log loss, is prequential.

    sizes: neurons a layer, the last 1, which mixes the layer below. The papers have 35-60-35-70 and do not say how the
      70 neurons of the last layer become one prediction.
    num_patterns, pattern_bits: M skip-grams of pattern_bits pixels each (the papers: up to 600, of unknown sizes).
    context_bits, spread: see `pixels.gate`.
    learning_rate, learning_rate_decay: the rate of image t = 1, 2, .. is min(learning_rate, learning_rate_decay / t)
      (the papers: 0.005 and 25).
    epsilon, weight_bound, clip_rule: see `bernoulli.Rule`; the loss of a pixel is at least epsilon nats.
    divide: see `network.undivided`. The axis is "pixels".
    """
    network.check_sizes(sizes)
    settings.check_counts(1, num_patterns=num_patterns)
    settings.check_positive(learning_rate=learning_rate, learning_rate_decay=learning_rate_decay)
    rule = bernoulli.Rule(epsilon, weight_bound, clip_rule)
    model = Model(
        sizes=tuple(sizes),
        net={"neuron": bernoulli.neuron(rule), "gate": pixels.gate(context_bits, spread=spread)},
        rule=rule,
        num_patterns=num_patterns,
        pattern=pixels.gate(pattern_bits, kinds=("skip_gram",), spread=spread),
        learning_rate=learning_rate,
        learning_rate_decay=learning_rate_decay,
        divide=divide,
    )
    return partial(_init, model), partial(_update, model), partial(_predict, model)


def sample(key: jax.Array, state: State, shape: tuple[int, int], *, epsilon: float = 1e-4) -> jax.Array:
    """Draws an image, pixel by pixel. -> [H, W] of zeros and ones. The key is consumed; epsilon: as in `density`."""
    return inpaint(key, state, jnp.zeros(shape), jnp.zeros(shape, bool), epsilon=epsilon)


def inpaint(key: jax.Array, state: State, image: jax.Array, known: jax.Array, *, epsilon: float = 1e-4) -> jax.Array:
    """Draws the unknown pixels in raster order, each from the pixels before it; pixels after it have no effect.

    image [H, W], known [H, W] bool -> [H, W], equal to `image` where known. The key is consumed.
    """
    bernoulli.check_rule(bernoulli.Rule(epsilon))
    image, rule = jnp.asarray(image, float), bernoulli.Rule(epsilon)
    uniforms = jax.random.uniform(key, (image.size,))

    def step(drawn, example):
        pixel, uniform, is_known = example
        layers = [network.Layer(layer.weights[pixel], layer.gates) for layer in state.layers]
        side = pixels.bits(drawn.reshape(image.shape))[pixel]
        logit = bernoulli.clip(_predict_pixel(state.patterns, state.counts[pixel], layers, side, rule=rule), rule)
        value = jnp.where(is_known, drawn[pixel], uniform < jax.nn.sigmoid(logit))
        return drawn.at[pixel].set(value), None

    first = jnp.where(known, image, 0.0).reshape(-1)
    drawn, _ = jax.lax.scan(step, first, (jnp.arange(image.size), uniforms, known.reshape(-1)))
    return drawn.reshape(image.shape)


def _init(model, key, example):
    """Draws the skip-grams and the gates. The key is consumed."""
    images, *_ = example
    _, height, width = images.shape
    num_pixels, num_patterns = height * width, model.num_patterns
    k_patterns, k_layers = jax.random.split(key)
    init_pattern = partial(model.pattern.init, side_dim=pixels.NUM_BITS)
    patterns = jax.vmap(init_pattern)(jax.random.split(k_patterns, num_patterns))
    draw = partial(network.init, sizes=model.sizes, input_dim=num_patterns, side_dim=pixels.NUM_BITS, **model.net)
    of_pixels = jax.vmap(draw, in_axes=None, out_axes=_axes(model.sizes), axis_size=num_pixels)
    counts = jnp.zeros((num_pixels, num_patterns, model.pattern.num_contexts, 2), jnp.int32)
    return State(jnp.zeros((), jnp.int32), patterns, *_by_pixel(model, counts, of_pixels(k_layers)))


def _by_pixel(model, counts, layers):
    """The same, spread over the pixels; all share the gates."""
    counts, weights = model.divide((counts, [layer.weights for layer in layers]), "pixels")
    gates = [layer.gates for layer in layers]
    return counts, tuple(map(network.Layer, weights, gates))


def _update(model, key, state, batch):
    """Learns a batch. -> state, metrics."""
    del key
    images, is_binary = check_binary(model.divide(batch[0], None))
    t = state.count + 1 + jnp.arange(len(images))
    rates = jnp.minimum(model.learning_rate, model.learning_rate_decay / t)
    side, targets = jax.vmap(pixels.bits, out_axes=1)(images), images.reshape(len(images), -1).T
    side, targets = model.divide((side, targets), "pixels")
    counts, layers = _by_pixel(model, state.counts, state.layers)
    # On one CPU one pixel after the other, so that its counts stay in a cache. Elsewhere all pixels side by side: every
    # turn of a loop waits for the device, and there would be B P of them, not B.
    count = partial(_count, state.patterns)
    one_by_one = partial(jax.lax.map, count) if model.divide is network.undivided else jax.vmap(count)
    forms = {"cpu": one_by_one, "default": jax.vmap(count)}
    counts, inputs = jax.lax.platform_dependent((counts, side, targets), **forms)
    axes = _axes(model.sizes)
    learn = jax.vmap(partial(network.learn, **model.net), in_axes=(axes, 0, 0, 0, None), out_axes=(axes, 0))
    layers, logits = learn(layers, inputs, side, targets, rates)
    nats = -_log_likelihood(logits[-1][..., 0], targets, model.rule).sum(0).mean()
    metrics = {"nats": jnp.where(is_binary, nats, jnp.nan)}
    return State(state.count + len(images), state.patterns, *_by_pixel(model, counts, layers)), metrics


def check_binary(images: Any) -> tuple[jax.Array, Any]:
    """Images of any dtype as numbers, and whether all are zeros and ones. Raises ValueError if not, unless traced."""
    images = jnp.asarray(images, float)
    is_binary = jnp.all((images == 0) | (images == 1))
    if not isinstance(is_binary, jax.core.Tracer) and not is_binary:
        raise ValueError(f"images must be of zeros and ones, got {images.min()} to {images.max()}")
    return images, is_binary


def _predict(model, state, images):
    """images [B, H, W] -> log-likelihoods [B], in nats."""
    predict = partial(_predict_pixel, state.patterns, rule=model.rule)
    of_pixels = jax.vmap(predict, in_axes=(0, _axes(model.sizes), 0))

    def one(image):
        logits = of_pixels(state.counts, state.layers, pixels.bits(image))
        return _log_likelihood(logits, image.reshape(-1), model.rule).sum()

    images, is_binary = check_binary(images)
    return jnp.where(is_binary, jax.lax.map(one, images, batch_size=_BLOCK), jnp.nan)


def _axes(sizes):
    """The axes of the pixels in the layers: gates are shared."""
    return (network.Layer(0, None),) * len(sizes)


def _contexts(patterns: jax.Array, side: jax.Array) -> jax.Array:
    """The context of every skip-gram. patterns [M, S], side [T, S] -> [M, T]."""
    return jax.vmap(jax.vmap(pixels.context, in_axes=(None, 0)), in_axes=(0, None))(patterns, side)


def _count(patterns: jax.Array, stream: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
    """Learns the skip-grams of one pixel: counts [M, 2**C, 2], side [T, S], targets [T] -> counts, logits [T, M]."""
    counts, side, targets = stream
    learn = jax.vmap(counting.learn, in_axes=(0, 0, None), out_axes=(0, 1))
    return learn(counts, _contexts(patterns, side), targets)


def _predict_pixel(
    patterns: jax.Array, counts: jax.Array, layers: Sequence[network.Layer], side: jax.Array, *, rule: bernoulli.Rule
) -> jax.Array:
    """One pixel of one image: counts [M, 2**C, 2], layers with weights [K, R, F], side [S] -> logit []."""
    side = side[None]
    inputs = jax.vmap(counting.predict)(counts, _contexts(patterns, side)[:, 0])
    net = {"neuron": bernoulli.neuron(rule), "gate": pixels.gate(0)}  # of any number of bits: the gates hold theirs
    return network.predict(layers, inputs[None], side, **net)[-1][0, 0]


def _log_likelihood(logits: jax.Array, targets: jax.Array, rule: bernoulli.Rule) -> jax.Array:
    """log p of each pixel under the clipped prediction (Veness 2019, Algorithm 1), in nats. [..], [..] -> [..]."""
    return jax.nn.log_sigmoid(bernoulli.clip(logits, rule) * (2 * targets - 1))
