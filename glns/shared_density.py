"""The density of binary images by one network for all pixels, online: native code (`shared_density_native`), on a CPU.

As in `density_estimation`, log p(image) is the sum over pixels in raster order of log p(x_i | x_<i), and neurons with
context gates, each with its own log loss, mix base predictions (Veness 2019). It departs from the papers where that
took many nats; LOG.md has the numbers:

- one network for all pixels, in place of one a pixel: the position is one gate among many;
- a neuron adds its row's product to the logit of its parent, z_j = z_parent + w_j[c_j] . x, in place of weights that
  start at 1 / F;
- the step is Newton's: w_j[c_j] += rate (target - p) M x / (S + damping + x' M x), M the inverse of the mean curvature
  p (1 - p) x x' of the layer's inputs, S the sum of p (1 - p) in that context; no weight is clipped;
- a joint neuron adds the rows of all gates to one logit; the last neuron is such a one, on the outputs of the others;
- inputs are counters of templates (Veness 2017, section 6), shared by all pixels, and also the raw pixels nearby, the
  logits of earlier pixels, statistics of the image so far, and the predictions of two online mixtures of products of
  Bernoullis, of the large one also with its parts shifted by a pixel and weighed by the last rows. Gates are functions
  of these, and clusters of the raw pixels nearby, in place of half-spaces;
- a pixel that is nearly certain by its own counts is not given to the network.

Letters: B batch, H height, W width, P = H W pixels, F inputs, R rows of weights, N stages.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from glns import settings
from glns.density_estimation import check_binary

try:
    from glns import _shared_density as native  # pyrefly: ignore[missing-module-attribute]
except ImportError:
    native: Any = None
else:
    jax.ffi.register_ffi_target("glns_shared_density", native.run, platform="cpu")

STAGES = (
    "ungated",
    "first",
    "joint",
    "second",
)  # a neuron without a gate, gated neurons, the joint one, a second layer


class Mixture(NamedTuple):
    """An online mixture of K products of Bernoullis."""

    means: jax.Array  # [P, K]
    mass: jax.Array  # [K], images a part


class Curvature(NamedTuple):
    """Of the inputs of a layer."""

    sum: jax.Array  # [F, F], of p (1 - p) x x'
    inverse: jax.Array  # [F, F], M
    total: jax.Array  # [], of p (1 - p)


class Table(NamedTuple):
    """The rows of weights of all gates of a layer."""

    weights: jax.Array  # [R, F]
    evidence: jax.Array  # [R], the sum of p (1 - p)


class Clusters(NamedTuple):
    """Online k-means of the V pixels around, of K centres."""

    centres: jax.Array  # [V, K]
    mass: jax.Array  # [K], windows a centre


class State(NamedTuple):
    """All that a shared density has learned. The native code reads its arrays in this order."""

    count: jax.Array  # [] int32, images seen
    counters: jax.Array  # [counters, slots, 2] uint16
    certain: jax.Array  # [16 P, 2] uint16, counts of each pixel by its 4 nearest
    mixtures: tuple[Mixture, ...]  # a small and a large one
    curvatures: tuple[Curvature, ...]  # of the inputs of both layers
    tables: tuple[Table, ...]  # of each stage
    clusters: Clusters


def learner(
    *,
    rate: float = 1.0,
    joint_rate: float = 2.0,
    second_rate: float = 1.5,
    damping: float = 100.0,
    parts: tuple[int, int] = (32, 1024),
    num_slots: int = 1 << 20,
    max_contexts: int = 8192,
    epsilon: float = 1e-5,
) -> tuple[Callable, Callable, Callable]:
    """An autoregressive network shared by all pixels, online: (init, update, predict) of a Learner.

    A batch is (images [B, H, W] of zeros and ones, ..); the rest of it is ignored. predict gives log-likelihoods [B] in
    nats. The images of a batch are learned one after the other, so the batch size changes nothing. Another number in an
    image is a ValueError; if it is traced, the metrics and the log-likelihoods are NaN. The metric `nats`, an image's
    mean log loss, is prequential, and so are `nats_STAGE` of the stages before the last.

    rate, joint_rate, second_rate: 1 is Newton's step; those of the joint neurons, the last two, are
      divided by the number of gates.
    damping: of the step, in the unit of the sum of p (1 - p).
    parts: of the two mixtures, multiples of 16.
    num_slots: of a counter, which templates share by a hash.
    max_contexts: of a gate; contexts from there on share the rows of others.
    epsilon: probabilities are kept within [epsilon, 1 - epsilon].
    Raises ValueError where the native code was not built, or the default device is not a CPU.
    """
    _check_native()
    settings.check_positive(rate=rate, joint_rate=joint_rate, second_rate=second_rate, damping=damping)
    settings.check_counts(1, 1 << 24, num_slots=num_slots)
    settings.check_counts(1, 1 << 16, max_contexts=max_contexts)
    settings.check_between(0, 0.5, epsilon=epsilon)
    if len(parts) != 2 or not all(settings.is_count(number, 16, 4096) and number % 16 == 0 for number in parts):
        raise ValueError(f"parts must be two multiples of 16 from 16 to 4096, got {parts!r}")
    rates = {"rate": rate, "joint_rate": joint_rate, "second_rate": second_rate, "damping": damping}
    walk = partial(_walk, rule={**rates, "epsilon": epsilon, "max_contexts": max_contexts})
    return partial(_init, tuple(parts), num_slots, max_contexts), partial(_update, walk), partial(_predict, walk)


def stages(state: State, images: jax.Array, **given: Any) -> jax.Array:
    """The log-likelihood of images under each of STAGES, in nats. images [B, H, W] -> [N, B].

    given: epsilon and max_contexts, as in `learner`.
    """
    return -_walk(state, check_binary(images)[0], rule=_frozen(**given))[0]


def sample(key: jax.Array, state: State, shape: tuple[int, int], **given: Any) -> jax.Array:
    """Draws an image, pixel by pixel. -> [H, W] of zeros and ones. The key is consumed; given: as in `stages`."""
    return inpaint(key, state, jnp.zeros(shape), jnp.zeros(shape, bool), **given)


def inpaint(key: jax.Array, state: State, image: jax.Array, known: jax.Array, **given: Any) -> jax.Array:
    """Draws the unknown pixels in raster order, each from the pixels before it; pixels after it have no effect.

    image [H, W], known [H, W] bool -> [H, W], equal to `image` where known. The key is consumed; given: as in `stages`.
    """
    image = jnp.asarray(image, jnp.float32)
    drawing = (jax.random.uniform(key, image.shape), jnp.asarray(known, jnp.float32))
    return _walk(state, image[None], drawing, rule=_frozen(**given))[1][0]


def _frozen(*, epsilon: float = 1e-5, max_contexts: int = 8192):
    """The settings of a walk that does not learn."""
    unused = dict.fromkeys(("rate", "joint_rate", "second_rate", "damping"), 1.0)
    return {**unused, "epsilon": epsilon, "max_contexts": max_contexts}


def _init(parts, num_slots, max_contexts, key, example):
    """All weights and counts are 0; the mixtures' means are drawn. The key is consumed."""
    _check_native()
    _, height, width = example[0].shape
    num_counters, inputs, _, num_rows, (window, num_clusters) = native.shapes(height, width, *parts, max_contexts)
    zeros, num_pixels = partial(jnp.zeros, dtype=jnp.float32), height * width
    means = (
        jax.random.uniform(k_means, (num_pixels, number), jnp.float32, 0.1, 0.3)
        for k_means, number in zip(jax.random.split(key, 2), parts, strict=True)
    )
    first, second = inputs
    return State(
        count=jnp.zeros((), jnp.int32),
        counters=jnp.zeros((num_counters, num_slots, 2), jnp.uint16),
        certain=jnp.zeros((16 * num_pixels, 2), jnp.uint16),
        mixtures=tuple(Mixture(mean, zeros(mean.shape[1])) for mean in means),
        curvatures=tuple(Curvature(zeros((dim, dim)), jnp.eye(dim, dtype=jnp.float32), zeros(())) for dim in inputs),
        tables=tuple(
            Table(zeros((number, dim)), zeros(number))
            for number, dim in zip((1, *3 * [num_rows]), (first, first, first, second), strict=True)
        ),
        clusters=Clusters(zeros((window, num_clusters)), zeros(num_clusters)),
    )


def _check_native():
    """Raises ValueError where the native code cannot run."""
    if native is None:
        raise ValueError("the shared density needs its native code: install a C++ compiler and then this package again")
    if jax.default_backend() != "cpu":
        raise ValueError(f"the shared density runs on a CPU, not on a {jax.default_backend()}: set JAX_PLATFORMS=cpu")


def _check_state(state, images, max_contexts):
    """Raises ValueError for a state that is not one for such images: the native code reads it by their shape."""
    parts = tuple(len(part.mass) for part in state.mixtures)
    init = partial(_init, parts, state.counters.shape[1], max_contexts)
    expected = jax.tree.leaves(jax.eval_shape(init, jax.random.key(0), (images,)))
    for leaf, right in zip(jax.tree.leaves(state), expected, strict=True):
        if (leaf.shape, leaf.dtype) != (right.shape, right.dtype):
            height, width = images.shape[1:]
            raise ValueError(
                f"the state's {leaf.dtype} {list(leaf.shape)} should be {right.dtype} {list(right.shape)} for images "
                f"of {height} x {width} with max_contexts {max_contexts}; init makes such a state"
            )


def _walk(state, images, drawing=None, *, rule, learns=False, traces=False):
    """The native walk over images [B, H, W]. -> losses [N, B] in nats, images, (inputs, rows), the state if it learns.

    drawing: (uniforms [H, W], known [H, W]): pixels that are not known are drawn.
    traces: whether inputs [B, P, F], what the network saw, and rows [B, P, gates], what they selected, are kept.
    """
    _check_native()
    _check_state(state, images, rule["max_contexts"])
    leaves, tree = jax.tree.flatten(state)
    height, width = images.shape[1:]
    parts = (len(part.mass) for part in state.mixtures)
    _, _, num_gates, *_ = native.shapes(height, width, *parts, rule["max_contexts"])
    traced = (len(images), height * width) if traces else (0, 0)
    uniforms, known = drawing or (jnp.zeros((1, 1)), jnp.zeros((1, 1)))
    results = [
        jax.ShapeDtypeStruct((len(STAGES), len(images)), jnp.float32),
        jax.ShapeDtypeStruct(images.shape, jnp.float32),
        jax.ShapeDtypeStruct((*traced, state.tables[0].weights.shape[1]), jnp.float32),
        jax.ShapeDtypeStruct((*traced, num_gates), jnp.int32),
        *([jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves] if learns else []),
    ]
    aliases = {3 + i: 4 + i for i in range(len(leaves))} if learns else {}
    call = jax.ffi.ffi_call("glns_shared_density", results, input_output_aliases=aliases, vmap_method="sequential")
    stream = (array.astype(jnp.float32) for array in (images, uniforms, known))
    numbers = {name: value if name == "max_contexts" else np.float32(value) for name, value in rule.items()}
    nats, drawn, inputs, rows, *learned = call(*stream, *leaves, learns=learns, draws=drawing is not None, **numbers)
    return nats, drawn, (inputs, rows), tree.unflatten(learned) if learns else None


def _update(walk, key, state, batch):
    """Learns a batch. -> state, metrics."""
    del key
    images, is_binary = check_binary(batch[0])
    nats, _, _, state = walk(state, images, learns=True)
    *earlier, last = jnp.where(is_binary, nats, jnp.nan).mean(axis=1)
    return state, {"nats": last, **{f"nats_{name}": value for name, value in zip(STAGES, earlier, strict=False)}}


def _predict(walk, state, images):
    """images [B, H, W] -> log-likelihoods [B], in nats."""
    images, is_binary = check_binary(images)
    return jnp.where(is_binary, -walk(state, images)[0][-1], jnp.nan)
