"""Draft."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from glns import settings
from glns.density_estimation import _binary

try:
    from glns import _shared_density as native  # pyrefly: ignore[missing-module-attribute]
except ImportError:
    native = None
else:
    jax.ffi.register_ffi_target("glns_shared_density", native.run, platform="cpu")


class Mixture(NamedTuple):
    means: jax.Array
    mass: jax.Array


class Curvature(NamedTuple):
    sum: jax.Array
    inverse: jax.Array
    total: jax.Array


class Table(NamedTuple):
    weights: jax.Array
    evidence: jax.Array


class State(NamedTuple):
    count: jax.Array
    counters: jax.Array
    easy: jax.Array
    mixtures: tuple
    curvatures: tuple
    tables: tuple


def shared_density(*, max_contexts=8192, counter_slots=1 << 20, parts=(32, 512), rate=1.0, joint_rate=2.0, upper_rate=1.0, epsilon=1e-5):
    rule = {"max_contexts": max_contexts, "rate": rate, "joint_rate": joint_rate, "upper_rate": upper_rate, "epsilon": epsilon}
    return partial(_init, counter_slots, parts, max_contexts), partial(_update, rule), partial(_predict, rule)


def _init(slots, parts, max_contexts, key, example):
    images, *_ = example
    _, H, W = images.shape
    counters, inputs, rows = native.shapes(H, W, *parts, max_contexts)
    keys = jax.random.split(key, len(parts))
    zeros = partial(jnp.zeros, dtype=jnp.float32)
    return State(
        jnp.zeros((), jnp.int32),
        jnp.zeros((counters, slots, 2), jnp.uint16),
        jnp.zeros((H * W * 16, 2), jnp.uint16),
        tuple(Mixture(jax.random.uniform(k, (H * W, n), minval=0.1, maxval=0.3), zeros(n)) for k, n in zip(keys, parts)),
        tuple(Curvature(zeros((n, n)), jnp.eye(n, dtype=jnp.float32), zeros(())) for n in inputs),
        tuple(Table(zeros((r, n)), zeros(r)) for r, n in zip(rows, [inputs[0]] * 3 + list(inputs[1:]))),
    )


def _call(rule, state, images, uniforms=None, known=None, *, learns=False):
    leaves, tree = jax.tree.flatten(state)
    B, H, W = images.shape
    draws = uniforms is not None
    if not draws:
        uniforms = known = jnp.zeros((1, 1))
    results = [jax.ShapeDtypeStruct((5, B), jnp.float32), jax.ShapeDtypeStruct(images.shape, jnp.float32)]
    alias = {}
    if learns:
        results += [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in leaves]
        alias = {3 + i: 2 + i for i in range(len(leaves))}
    f = jax.ffi.ffi_call("glns_shared_density", results, input_output_aliases=alias, vmap_method="sequential")
    nats, drawn, *leaves = f(images, uniforms, known, *leaves, learns=learns, draws=draws, **rule)
    return nats, drawn, tree.unflatten(leaves) if learns else None


def _update(rule, key, state, batch):
    images, ok = _binary(batch[0])
    nats, _, state = _call(rule, state, images, learns=True)
    return state, {"nats": jnp.where(ok, nats[-1].mean(), jnp.nan), **{f"nats_{i}": n.mean() for i, n in enumerate(nats)}}


def _predict(rule, state, images):
    images, ok = _binary(images)
    return jnp.where(ok, -_call(rule, state, images)[0][-1], jnp.nan)
