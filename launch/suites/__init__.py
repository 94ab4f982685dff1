"""The benchmark suites: each line compares a program with a plain one that learns the same thing.

`scaling` compares sizes of one program; `streams` and `tables` are of another kind, models and how well they learn.
"""

from collections.abc import Callable, Iterator

from launch.suites import blur, bootstrap, glns, scaling, self_play, streams, tables
from launch.suites.benchmark import Benchmark, Comparison, Program, clock

__all__ = ["MODELS", "SUITES", "Benchmark", "Comparison", "Program", "clock", "streams", "tables"]

SUITES: dict[str, Callable[[], Iterator[Benchmark]]] = {
    "glns": glns.benchmarks,
    "bootstrap": bootstrap.benchmarks,
    "blur": blur.benchmarks,
    "self_play": self_play.benchmarks,
    "scaling": scaling.benchmarks,
}
MODELS = {"streams": streams, "tables": tables}
