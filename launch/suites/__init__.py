"""What the benchmarks compare: each line pits a program against a plain one that learns the same thing."""

from collections.abc import Callable, Iterator

from launch.suites import blur, bootstrap, glns, self_play
from launch.suites.match import Case as Case
from launch.suites.match import Match as Match
from launch.suites.match import Side as Side

SUITES: dict[str, Callable[[], Iterator[Case]]] = {
    "glns": glns.cases,
    "bootstrap": bootstrap.cases,
    "blur": blur.cases,
    "self_play": self_play.cases,
}
