"""Benchmarks: our rate against a plain baseline's, and against what the machine could do.

    python -m launch.bench --suite=glns|bootstrap|blur|self_play|scaling|streams|tables [--only=SUBSTRING]
        [--repeats=5] [--json=FILE]

A line of the table has

  value, baseline   examples a second, ours and the baseline's: medians over the repeats. Higher is better;
  ratio, spread     median and [least, greatest] of value / baseline, pair by pair: the two are timed in turn;
  floor_fraction    the time that one example must take, over the time it takes us. It must take
                    max(operations / peak rate, bytes / peak bandwidth).

`launch.suites` says which operations and bytes count. The peaks are this machine's, measured when the program starts:
a product of two 4096 x 4096 float32 matrices, 2 * 4096**3 operations at JAX's default precision; and 256 MB of float32
rewritten in place, every byte read once and written once (a copy to fresh memory would time the system's pages). A
state that stays in the cache may beat the bandwidth, and so the floor.

Each program is compiled and warmed up untimed, and a timing lasts until its results are there.

The suite `scaling` compares sizes of one program, see `launch.suites.scaling`. `streams` has how well and how fast
online classifiers learn, see `launch.suites.streams`, and `tables` how well they do after one pass.
"""

import contextlib
import json
import pathlib
import statistics
import sys
from types import ModuleType
from typing import NamedTuple

import jax
import jax.numpy as jnp
from absl import flags

from launch import cli, suites

_SUITE = flags.DEFINE_enum("suite", None, [*suites.SUITES, *suites.MODELS], "Which table to measure.", required=True)
_ONLY = flags.DEFINE_string("only", "", "Measure only the lines whose name contains this.")
_REPEATS = flags.DEFINE_integer("repeats", 5, "How many times ours and the baseline are timed, in turn.", lower_bound=1)
_JSON = flags.DEFINE_string("json", None, "Also write the table to this file, as a JSON list.")


class Peaks(NamedTuple):
    """The best that this machine did."""

    operations: float  # a second
    bytes: float  # a second


def peaks(*, size: int = 4096, length: int = 2**26, repeats: int = 5, seconds: float = 0.2) -> Peaks:
    """Measures the machine: a float32 product of `size` x `size` matrices, and `length` float32 rewritten in place."""
    k_matrix, k_array = jax.random.split(jax.random.key(0))
    matrix, array = jax.random.normal(k_matrix, (size, size)), jax.random.normal(k_array, (length,))
    product = suites.Program(jax.jit(lambda pair: (pair[0], pair[0] @ pair[0])), (matrix, matrix), 2 * size**3)
    rewrite = suites.Program(jax.jit(jnp.negative, donate_argnums=0), array, 2 * array.nbytes)
    clocks = [suites.clock(program, seconds) for program in (product, rewrite)]
    return Peaks(*(max(clock() for _ in range(repeats)) for clock in clocks))


def measure(benchmark: suites.Benchmark, peak: Peaks, *, repeats: int, seconds: float = 1.0) -> dict:
    """One line of the table. Each of the 2 * repeats timings lasts about `seconds`."""
    with contextlib.redirect_stdout(sys.stderr):  # programs say when they compile: not in the table
        comparison = benchmark.build()
        ours, baseline = suites.clock(comparison.ours, seconds), suites.clock(comparison.baseline, seconds)
        pairs = [(ours(), baseline()) for _ in range(repeats)]
    ratios = [a / b for a, b in pairs]
    value = statistics.median(a for a, _ in pairs)
    return {
        "name": benchmark.name,
        "value": value,
        "unit": benchmark.unit,
        "baseline": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
        "floor_fraction": value * max(comparison.operations / peak.operations, comparison.bytes / peak.bytes),
    }


def main(argv: list[str]) -> None:
    """Measures the lines that the flags choose, prints each as it is done, and writes them all at the end."""
    cli.no_arguments(argv)
    models = suites.MODELS.get(_SUITE.value)
    benchmarks = [] if models else list(suites.SUITES[_SUITE.value]())
    names = models.names() if models else [benchmark.name for benchmark in benchmarks]
    chosen = [name for name in names if _ONLY.value in name]
    if not chosen:
        there = ", ".join(dict.fromkeys("/".join(name.split("/")[:2]) for name in names))
        raise cli.UserError(f"no line of suite {_SUITE.value} contains {_ONLY.value!r}; its lines begin with {there}")
    path = pathlib.Path(_JSON.value) if _JSON.value else None
    if path:
        _check_writable(path)
    lines = _scores(models, chosen) if models else _ratios([one for one in benchmarks if one.name in chosen])
    if path:
        path.write_text(json.dumps(lines, indent=1) + "\n")


def _ratios(benchmarks: list[suites.Benchmark]) -> list[dict]:
    """Measures and prints lines that compare two programs."""
    peak = peaks()
    device = jax.devices()[0].device_kind
    print(f"{device}: peak {peak.operations / 1e9:.4g} GFLOP/s (float32 product), {peak.bytes / 1e9:.4g} GB/s")
    width = max(len(benchmark.name) for benchmark in benchmarks)
    print(f"{'name':{width}}  {'value':>12}  {'baseline':>12}  {'unit':10}  {'ratio':>8}  {'spread':>20}  {'floor':>7}")
    lines = []
    for benchmark in benchmarks:
        line = measure(benchmark, peak, repeats=_REPEATS.value)
        lines.append(line)
        spread = "[{:.2f}, {:.2f}]".format(*line["spread"])
        print(
            f"{benchmark.name:{width}}  {line['value']:12,.0f}  {line['baseline']:12,.0f}  {benchmark.unit:10}"
            f"  {line['ratio']:7.2f}x  {spread:>20}  {line['floor_fraction']:7.1%}",
            flush=True,
        )
    return lines


def _scores(suite: ModuleType, chosen: list[str]) -> list[dict]:
    """Measures and prints lines of a suite of models, as far as what they need is here."""
    chosen, lacks = suite.possible(chosen)
    if not chosen:
        raise cli.UserError("; ".join(lacks))
    print(*lacks, sep="\n", end="\n" * bool(lacks))
    width, lines = max(map(len, chosen)), []
    for line in suite.lines(chosen):
        if not lines:
            print(f"{'name':{width}}", *(f"{key:>19}" for key in line if key != "name"))
        lines.append(line)
        numbers = (f"{value:19,.{0 if value > 1000 else 4}f}" for key, value in line.items() if key != "name")
        print(f"{line['name']:{width}}", *numbers, flush=True)
    return lines


def _check_writable(path: pathlib.Path) -> None:
    """Refuses a file that could not be written, before minutes are spent on its contents. Leaves nothing behind."""
    new = not path.exists()
    with cli.user_errors(OSError, saying=f"--json={path} cannot be written: "):
        path.open("a").close()
    if new:
        path.unlink()


if __name__ == "__main__":
    cli.run(main)
