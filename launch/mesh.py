"""The mesh: which device computes what. Learners and worlds name their parallel axes, and here they are placed.

They name them by `divide`, see `bootstrap.undivided`. What a world draws is divided along its leading axis, unless it
takes `divide` and does so itself. The devices lie along `member`, as members (cells times seeds) do, and within a
member along parts of prime sizes. Each of a learner's axes gets those parts with which a device has least to do.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, groupby, product

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

import bootstrap
from glns.partition import apart

MEMBER = "member"
BATCH = "batch"

_SPEAKING = Fraction(1, 10)  # of the work, for each further device of a member; a guess, not measured

Axes = Mapping[str, int]  # the axes that somebody names, the outermost first: how long each is


def noting(axes: dict[str, dict[str, int]]) -> Callable:
    """(who) -> a `divide` that notes the axes that this one names: how long each is at most. Nothing is divided."""

    def divide_of(who):
        of_one = axes.setdefault(who, {})

        def divide(what, axis):
            if axis is not None and not callable(what):
                of_one[axis] = max(of_one.get(axis, 0), *(len(leaf) for leaf in jax.tree.leaves(what)))
            return what

        return divide

    return divide_of


def shape(num_devices: int, num_members: int, learners: Sequence[Axes] = ()) -> tuple[int, list[int]]:
    """How many devices lie along the members, and the parts of a member: those that leave a device the least to do.

    What a device does for a member is the mean over the learners that live side by side, a tenth more for each further
    device that shares a member: they speak to each other at every step. Members that do not fill the devices are
    computed beside copies of the last one. Of equals the mesh has the fewest copies, and then the most devices along
    members.
    """

    def cost(along_members):
        parts = _primes(num_devices // along_members)
        turns, shares, sharing = -(-num_members // along_members), [], 1
        for axes in learners:
            places = assigned(axes, parts)
            shares.append(Fraction(_work(axes, places, parts), math.prod(axes.values())))
            sharing = max(sharing, math.prod(_number(of, parts) for of in places.values()))
        work = turns * sum(shares, Fraction(not shares)) * (1 + (sharing - 1) * _SPEAKING)
        return work, turns * along_members - num_members, -along_members

    along_members = min((d for d in range(1, num_devices + 1) if num_devices % d == 0), key=cost)
    return along_members, _primes(num_devices // along_members)


def make(num_members: int, learners: Sequence[Axes] = ()) -> Mesh:
    """All devices, in the `shape` for so many members with these learners."""
    along_members, parts = shape(jax.device_count(), num_members, learners)
    names = (MEMBER, *(f"part{i}" for i in range(len(parts))))
    devices = jax.make_mesh((along_members, math.prod(parts)), (MEMBER, BATCH)).devices
    return Mesh(devices.reshape(along_members, *parts), names, axis_types=(AxisType.Auto,) * len(names))


def dividing(mesh: Mesh, axes: Axes) -> Callable:
    """The `divide` of one who names these axes."""
    parts = [mesh.shape[name] for name in mesh.axis_names[1:]]
    places = {axis: tuple(mesh.axis_names[1 + i] for i in of) for axis, of in assigned(axes, parts).items()}

    def divide(what, axis):
        if callable(what):
            return apart(what)
        if axis is None:
            return jax.lax.with_sharding_constraint(what, replicated(mesh))
        place = places.get(axis, ())
        return jax.tree.map(lambda leaf: along(leaf, mesh, place if len(leaf) > 1 else ()), what)

    return divide


def along(array: jax.Array, mesh: Mesh, place: str | tuple[str, ...]) -> jax.Array:
    """The array, its leading axis spread over there; the compiler chooses for the others."""
    spec = PartitionSpec(place, *(PartitionSpec.UNCONSTRAINED,) * (array.ndim - 1))
    return jax.lax.with_sharding_constraint(array, NamedSharding(mesh, spec))


def divide_batches(world: bootstrap.World, divide: Callable) -> bootstrap.World:
    """The same World, its batches spread along their leading axis."""

    def draw(key, data, state, act):
        state, batch = world.draw(key, data, state, act)
        return state, jax.tree.map(lambda leaf: divide(leaf, BATCH) if leaf.ndim else leaf, batch)

    return world._replace(draw=draw)


def member_sharding(mesh: Mesh) -> NamedSharding:
    """The leading axis of every array is that of the members."""
    return NamedSharding(mesh, PartitionSpec(MEMBER))


def replicated(mesh: Mesh) -> NamedSharding:
    """Whole on every device."""
    return NamedSharding(mesh, PartitionSpec())


def per_device(mesh: Mesh, over: Callable, *, alone: bool = False) -> Callable:
    """`over`, (function, in_axes) -> the function of many members, of the members that each device of the mesh has.

    alone: devices that have the same members do not divide what is inside a member.
    """
    if mesh.shape[MEMBER] == 1:
        return over

    def over_all(function, in_axes):
        specs = tuple(PartitionSpec() if axis is None else PartitionSpec(MEMBER) for axis in in_axes)
        return jax.shard_map(
            over(function, in_axes),
            mesh=mesh,
            in_specs=specs,
            out_specs=PartitionSpec(MEMBER),
            axis_names=set(mesh.axis_names) if alone else {MEMBER},
            check_vma=False,
        )

    return over_all


def filled(mesh: Mesh, num_members: int) -> np.ndarray:
    """The members that the mesh computes: each once, and the last again until they fill it. -> indices [M']."""
    whole = -(-num_members // mesh.shape[MEMBER]) * mesh.shape[MEMBER]
    return np.minimum(np.arange(whole), num_members - 1)


def assigned(axes: Axes, parts: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Which parts, by their indices, each axis lies along, so that a device has least to do.

    Of equals the one with the fewest devices, and then the one with the most of them along the first axis.
    """

    def cost(places):
        numbers = [_number(of, parts) for of in places.values()]
        return _work(axes, places, parts), math.prod(numbers), *(-number for number in numbers)

    return min(_assignments(tuple(axes), parts), key=cost)


def _assignments(names: Sequence[str], parts: Sequence[int]) -> Iterator[dict[str, tuple[int, ...]]]:
    """All ways to share parts out among names or nobody; parts of one size are alike."""
    sizes = [len(list(group)) for _, group in groupby(parts)]
    for owners in product(*(combinations_with_replacement((*names, None), size) for size in sizes)):
        of_parts = [owner for group in owners for owner in group]
        yield {name: tuple(i for i, owner in enumerate(of_parts) if owner == name) for name in names}


def _work(axes: Axes, places: Mapping[str, Sequence[int]], parts: Sequence[int]) -> int:
    """How many of all that the axes count a device has, at most."""
    return math.prod(-(-length // _number(places[name], parts)) for name, length in axes.items())


def _number(place: Sequence[int], parts: Sequence[int]) -> int:
    """How many devices lie along these parts."""
    return math.prod(parts[i] for i in place)


def _primes(number: int) -> list[int]:
    """8 -> [2, 2, 2]."""
    for divisor in range(2, number + 1):
        if number % divisor == 0:
            return [divisor, *_primes(number // divisor)]
    return []
