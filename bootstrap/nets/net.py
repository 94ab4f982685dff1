"""What a learner accepts as a net: a flax Linen module, or two pure functions of any library or none.

Letters: B batch, D.. input shape.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np


class Net(NamedTuple):
    """A net as two pure functions. Its parameters are any pytree of float arrays; it keeps nothing else.

    init: (key, x) -> params. x [B, D..] has the shape and dtype of the inputs to come. The key is consumed.
    apply: (params, x) -> outputs [B, ..]. It may also take, by name, `train`, a bool, and `key`: for dropout, a key in
      training, None in prediction.
    """

    init: Callable
    apply: Callable


class Begun(NamedTuple):
    """A net that begins otherwise. redraw: (key, params) -> params of the same shapes. The key is consumed."""

    net: Any
    redraw: Callable


class Body(NamedTuple):
    """The one form in which every learner uses its net.

    collections is what a net keeps beside the parameters that descend: a Linen module's batch statistics, or {}.

    init: (key, x) -> (params, collections). The key is consumed.
    train: (params, collections, x, key) -> (outputs, collections).
    predict: (params, collections, x) -> outputs.
    """

    init: Callable
    train: Callable
    predict: Callable


def body(net: nn.Module | Net | Begun) -> Body:
    """The net in the form of a `Body`. Raises ValueError where it is no net.

    net: a Linen module, also `Begun` otherwise; or anything with functions `init` and `apply`, or a pair of them, as
    `Net` describes them. An NNX class becomes a Linen module by `flax.nnx.bridge.to_linen`.
    """
    if isinstance(net, Begun):
        return _begun(body(net.net), net.redraw)
    if isinstance(net, nn.Module):
        return _linen(net)
    pair: Any = Net(*net) if type(net) is tuple and len(net) == 2 else net
    init, apply = getattr(pair, "init", None), getattr(pair, "apply", None)
    if isinstance(net, type) or not callable(init) or not callable(apply):
        what = f"the class {net.__name__}" if isinstance(net, type) else f"a {type(net).__name__}"
        raise ValueError(f"a net must be a flax Linen module or a pair of functions, init and apply; got {what}")
    return _functions(init, apply)


def _begun(inner: Body, redraw: Callable) -> Body:
    def init(key, x):
        k_net, k_redraw = jax.random.split(key)
        params, collections = inner.init(k_net, x)
        return redraw(k_redraw, params), collections

    return inner._replace(init=init)


def _linen(module: nn.Module) -> Body:
    """Its `__call__` is told by `train` which it is, if it has that argument; the stream `dropout` is always there."""
    apply: Any = module.apply
    call = getattr(module, "nnx_class", module).__call__  # a bridged NNX module passes its arguments on
    takes_train = "train" in inspect.signature(call).parameters

    def mode(train: bool) -> dict:
        return {"train": train} if takes_train else {}

    def init(key, x):
        streams = {"params": key, "dropout": jax.random.fold_in(key, 1)}  # an NNX module takes all of them at once
        collections = dict(module.init(streams, x, **mode(False)))
        return collections.pop("params", {}), collections

    def train(params, collections, x, key):
        variables, changing = {"params": params, **collections}, list(collections)
        outputs, changed = apply(variables, x, **mode(True), rngs={"dropout": key}, mutable=changing)
        # The statistics of float64 inputs are float64, whatever the state's.
        return outputs, jax.tree.map(lambda new, old: new.astype(old.dtype), dict(changed), dict(collections))

    def predict(params, collections, x):
        return apply({"params": params, **collections}, x, **mode(False))

    return Body(init, train, predict)


def _functions(init_params: Callable, apply: Callable) -> Body:
    arguments = inspect.signature(apply).parameters

    def call(params, x, **optional):
        return apply(params, x, **{name: value for name, value in optional.items() if name in arguments})

    def init(key, x):
        return jax.tree.map(_float_array, init_params(key, x)), {}

    def train(params, collections, x, key):
        return call(params, x, train=True, key=key), collections

    def predict(params, collections, x):
        del collections
        return call(params, x, train=False, key=None)

    return Body(init, train, predict)


def _float_array(leaf: Any) -> jax.Array:
    is_array = isinstance(leaf, jax.Array | np.ndarray)
    if not is_array or not jnp.issubdtype(leaf.dtype, jnp.floating):
        kind = leaf.dtype if is_array else type(leaf).__name__
        raise ValueError(f"a net's parameters must be a pytree of float arrays; init returned a leaf of type {kind}")
    return jnp.asarray(leaf)
