"""What `launch.check_device` checks and measures: in the order of their weight, each with its own limit of time."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from launch.checks import rates, runs
from launch.checks.precision import precision


class Part(NamedTuple):
    """One part. It runs in a process of its own, so what hangs or dies takes no other with it."""

    seconds: int  # it may take, at most
    lines: Callable[[bool], Iterator[tuple[str, float | str, str]]]  # (small) -> name, value, unit of each line


PARTS: dict[str, Part] = {
    "precision": Part(60, precision),
    "papers": Part(240, runs.papers),
    "glns": Part(180, rates.glns_forms),
    "physics": Part(420, rates.physics),
    "repeats": Part(240, runs.repeats),
    "nets": Part(120, rates.resnets),
    "self_play": Part(150, rates.self_play_update),
    "stop": Part(120, runs.stop),
    "draws": Part(40, rates.draws),
    "density": Part(40, rates.density_step),
}
