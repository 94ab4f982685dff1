"""The forms of the loop over steps and members (cells times seeds). They compute the same up to rounding.

A device computes its own members in any of them; `suitable_form` is the rule that chooses. On a CPU small networks
learn faster side by side, larger ones one after the other; the steps of a convolution are many times as fast written
out, a few a call, as inside a loop. Elsewhere side by side fills the device, but convolutions whose kernels differ
become one grouped convolution, whose gradient is a slow path of GPUs. XLA's CPU backend computes a product of this size
on one core alone, so threads, each with an equal shard of the members, use the other cores of a lone CPU. LOG.md has
the measurements; `launch.check_device` measures the forms on a device.
"""

import functools
import math
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import jaxprs_in_params

_STEPS_PER_CALL = 4  # of "unrolled"
_LARGE_PRODUCT = 2**22  # floating-point operations, from which on members are computed one after the other


class Execution(NamedTuple):
    """How each device computes its members.

    form: "vmap": side by side. "vmap:N": N side by side, block after block. "sequential": one after the other inside
      the program. "unrolled": one after the other, in calls of a few steps that are written out.
    prefetch: how many batches are drawn at once (`bootstrap.prefetch`).
    """

    form: str = "vmap"
    prefetch: int = 1


def suitable_form(step: Any, platform: str) -> str:
    """The form that suits a program on a platform: "cpu", "gpu" or "tpu". step: the jaxpr of one step of one member."""
    products, on_cpu = list(_products(step)), platform == "cpu"
    if any(name == "conv_general_dilated" for name, _ in products):
        return "unrolled" if on_cpu else "sequential"
    large = any(operations >= _LARGE_PRODUCT for _, operations in products)
    return "sequential" if on_cpu and large else "vmap"


def check(form: str) -> None:
    """Raises ValueError where it is not the form of an `Execution`."""
    if not re.fullmatch(r"vmap(:[1-9]\d{0,8})?|sequential|unrolled", str(form)):
        raise ValueError(f"execution must be one of vmap, vmap:N, sequential, unrolled, N from 1 on; got {form!r}")


def mapped(form: str) -> Callable:
    """What computes members in a form, inside one program: (function, in_axes) -> the function of all, as jax.vmap."""
    name, _, at_once = form.partition(":")
    if name != "vmap":
        return one_by_one
    return functools.partial(one_by_one, at_once=int(at_once)) if at_once else jax.vmap


def _products(jaxpr: Any) -> Iterator[tuple[str, int]]:
    """Every product of a jaxpr and of those inside it: its name, and its operations where it is one of matrices."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            yield equation.primitive.name, _operations(equation)
        for inner in jaxprs_in_params(equation.params):
            yield from _products(inner)


def _operations(equation: Any) -> int:
    """A multiplication and an addition for each term of each entry; 0 for a convolution."""
    if equation.primitive.name != "dot_general":
        return 0
    (contracted, _), _ = equation.params["dimension_numbers"]
    return 2 * math.prod(equation.invars[0].aval.shape[axis] for axis in contracted) * equation.outvars[0].aval.size


def one_by_one(function: Callable, in_axes: tuple[int | None, ...], at_once: int | None = None) -> Callable:
    """As jax.vmap, but one after the other, or so many at once. in_axes: 0 or None each."""

    def over(*args):
        mapped = {i: args[i] for i, axis in enumerate(in_axes) if axis == 0}

        def one(slices):
            return function(*(slices.get(i, arg) for i, arg in enumerate(args)))

        return jax.lax.map(one, mapped, batch_size=at_once)

    return over


def in_calls(advance_one: Callable, data_axis: int | None, per_device: Callable, call: Callable) -> Callable:
    """(stage, num_steps, members, data, run) -> (run, mean metrics), one member after the other, a few steps a call.

    Each device computes one of its members in a call. per_device: `mesh.per_device` of the mesh.
    """

    @functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=4)
    def several(stage, num_steps, member, data, run):
        def one(member, data, run):
            run, metrics = advance_one(stage, num_steps, member, data, run)
            return run, jax.tree.map(lambda values: values.sum(axis=0), metrics)

        return per_device(_lone)(one, in_axes=(0, data_axis, 0))(member, data, run)

    def advance(stage, num_steps, members, data, run):
        sizes = [min(_STEPS_PER_CALL, num_steps - start) for start in range(0, num_steps, _STEPS_PER_CALL)]
        ended = []
        for member, own, of_member in call(each, (), (members, None if data_axis is None else data, run)):
            totals = []
            for size in sizes:
                of_member, metrics = call(several, (stage, size), member, data if own is None else own, of_member)
                totals.append(metrics)
            ended.append((of_member, totals))
        return call(means, (num_steps,), ended)

    each = jax.jit(per_device(_as_it_is)(_each, in_axes=(0,)))
    means = jax.jit(
        lambda num_steps, ended: per_device(_as_it_is)(functools.partial(_means, num_steps), in_axes=(0,))(ended),
        static_argnums=0,
    )
    return advance


def _lone(function, in_axes):
    """As jax.vmap, of one member: without an axis, at which convolutions would be slow."""

    def over(*args):
        pairs = zip(args, in_axes, strict=True)
        args = [arg if axis is None else jax.tree.map(lambda leaf: leaf[0], arg) for arg, axis in pairs]
        return jax.tree.map(lambda leaf: leaf[None], function(*args))

    return over


def _as_it_is(function, in_axes):
    del in_axes
    return function


def in_threads(advance: Callable, num_shards: int, num_cores: int, call: Callable) -> Callable:
    """The same `advance` of equal shards of the members, in a thread for each core."""
    pool = ThreadPoolExecutor(num_cores)

    def over(stage, num_steps, members, data, run):
        def one(shard):
            return jax.block_until_ready(advance(stage, num_steps, shard[0], data, shard[1]))

        return call(_joined, (), list(pool.map(one, call(_shards, (num_shards,), (members, run)))))

    return over


def num_shards(num_members: int, num_cores: int) -> int:
    """The number of equal shards, a divisor of num_members so that one program serves all, that are done soonest.

    So 4 members are 2 shards for 2 cores, and 3 members 3, of which one core computes two. 1 where there are no cores.
    """
    divisors = [number for number in range(1, num_members + 1) if num_members % number == 0]
    return min(divisors, key=lambda n: num_members // n * math.ceil(n / num_cores)) if num_cores else 1


def _each(tree):
    return [jax.tree.map(lambda leaf: leaf[i : i + 1], tree) for i in range(len(jax.tree.leaves(tree)[0]))]  # noqa: B023


@functools.partial(jax.jit, static_argnums=0)
def _shards(number, tree):
    parts = jax.tree.map(lambda leaf: jnp.split(leaf, number), tree)
    return [jax.tree.map(lambda _, part: part[i], tree, parts) for i in range(number)]  # noqa: B023


@jax.jit
def _joined(shards: list) -> Any:
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *shards)


def _means(num_steps, ended):
    run = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *(of_member for of_member, _ in ended))
    totals = [jax.tree.map(lambda *values: sum(values) / num_steps, *totals) for _, totals in ended]
    return run, jax.tree.map(lambda *values: jnp.concatenate(values), *totals)
