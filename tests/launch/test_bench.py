import json

import jax
import jax.numpy as jnp
import pytest

from launch import bench, suites


def trivial_case():
    add = jax.jit(lambda total: total + 1)

    def comparison():
        return suites.Comparison(
            suites.Program(add, jnp.zeros(()), 3), suites.Program(add, jnp.ones(()), 2), operations=8.0, bytes=4.0
        )

    return suites.Benchmark("toy/add", "additions/s", comparison)


@pytest.mark.parametrize("repeats", [1, 4])
def test_a_line_holds_the_contract(repeats):
    line = bench.measure(trivial_case(), bench.Peaks(operations=2.0, bytes=8.0), repeats=repeats, seconds=0.002)
    assert list(line) == ["name", "value", "unit", "baseline", "ratio", "spread", "floor_fraction"]
    assert (line["name"], line["unit"]) == ("toy/add", "additions/s")
    assert line["value"] > 0
    assert line["baseline"] > 0
    least, greatest = line["spread"]
    assert 0 < least <= line["ratio"] <= greatest
    if repeats == 1:
        assert line["ratio"] == line["value"] / line["baseline"]
    assert line["floor_fraction"] == pytest.approx(line["value"] * 4.0)  # 8 operations, 2 a second
    assert json.loads(json.dumps(line)) == line


def test_rate_counts_every_call_on_a_clock_of_its_own(monkeypatch):
    seconds = iter([0.0, 9.0, 10.0, 10.5, 20.0, 24.0])  # compiling 9 s, once 0.5 s, then the timing: 4 s
    monkeypatch.setattr(suites.benchmark.time, "perf_counter", lambda: next(seconds))
    calls = []
    program = suites.Program(lambda state: calls.append(state) or state + 1, 0, 5)
    rate = suites.clock(program, seconds=2.0)
    assert rate() == 4 * 5 / 4.0  # four calls of half a second fill two seconds
    assert calls == [0, 1, 2, 3, 4, 5]


def test_peaks_are_positive():
    assert min(bench.peaks(size=8, length=8, repeats=1, seconds=0.0)) > 0


@pytest.mark.parametrize("suite", suites.SUITES)
def test_names_are_paths_below_their_suite(suite):
    names = [benchmark.name for benchmark in suites.SUITES[suite]()]
    assert len(set(names)) == len(names) > 0
    assert all(name.startswith(f"{suite}/") for name in names)


@pytest.mark.parametrize("name", ["glns/digits/16-16-1/c4", "glns/gaussian/50-25-1/c4", "bootstrap/small/one"])
def test_both_programs_learn_the_same(name):
    benchmark = next(benchmark for suite in suites.SUITES.values() for benchmark in suite() if benchmark.name == name)
    comparison = benchmark.build()  # raises where the two disagree
    for program in (comparison.ours, comparison.baseline):
        before = jax.tree.map(jnp.copy, program.state)
        after = program.step(program.state)
        assert any((a != b).any() for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True))


def test_a_baseline_that_learns_something_else_is_refused(monkeypatch):
    plain = suites.glns._plain_gln

    def faster(*args, learning_rate, **settings):
        return plain(*args, learning_rate=1.5 * learning_rate, **settings)

    monkeypatch.setattr(suites.glns, "_plain_gln", faster)
    benchmark = next(benchmark for benchmark in suites.SUITES["glns"]() if "digits" in benchmark.name)
    with pytest.raises(AssertionError, match="tolerance"):
        benchmark.build()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--suite"),
        (["--suite=nothing"], "nothing"),
        (["--suite=glns", "--only=nothing"], "its lines begin with glns/100-100-1, glns/128-128-1, glns/digits"),
        (["--suite=glns", "--json=no/such/folder/table.json"], "no/such/folder/table.json"),
    ],
)
def test_a_mistake_is_one_line_and_status_2_before_anything_is_measured(run, flags, message):
    status, output = run("launch.bench", *flags)
    assert status == 2
    assert message in output
    assert len(output.strip().split("\n")) == 1


def test_the_check_of_the_file_leaves_nothing_behind(tmp_path):
    new, old = tmp_path / "new.json", tmp_path / "old.json"
    old.write_text("[]\n")
    bench._check_writable(new)
    bench._check_writable(old)
    assert not new.exists()
    assert old.read_text() == "[]\n"
