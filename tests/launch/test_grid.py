"""Grids, stages and executions: one program for a grid, which computes what its cells alone would."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

import bootstrap
import experiments
from launch import cli, devices, execution
from launch.clock import Clock
from launch.programs import programs
from launch.train import train

in_threads = execution.in_threads
RATES = {"slow": 0.01, "fast": 0.1}


def make_config(**changes):
    net = {"name": "mlp", "features": (8,), "num_classes": 3}
    return ConfigDict(
        {
            "seed": 3,
            "num_seeds": 2,
            "num_steps": 6,
            "log_every": 2,
            "eval_every": 2,
            "checkpoint_every": 6,
            "log_metrics": (),
            "evals": ("classification", "training"),
            "data": {"name": "gaussians", "num_inputs": 4, "num_classes": 3, "separation": 2.0, "num_test": 40},
            "world": {"name": "paired", "batch_size": 4, "num_samples": 10},
            "learner": {"name": "sgd", "net": net, "tx": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}},
            **changes,
        }
    )


CELLS = {
    f"{name}/{world}": {"learner": {"tx": {"learning_rate": rate}}, "world": {"num_samples": n}}
    for name, rate in RATES.items()
    for world, n in {"real": 10, "ideal": bootstrap.UNLIMITED}.items()
}


def plan_of(config):
    return experiments.plan(config.to_dict())


def compute(config, num_steps=6, **execution):
    """-> the run at the end, and its metrics, by name [num_seeds]."""
    compiled = programs(
        plan_of(config), config.seed, config.num_seeds, Clock(), **{"form": "vmap", "prefetch": 1} | execution
    )
    run, metrics, finite = compiled.advance(0, compiled.begin(), num_steps)
    measured, of_evals = compiled.evaluate(num_steps - 1, run)
    assert np.all(finite & of_evals)
    return jax.device_get(run), jax.device_get(metrics | measured)


@pytest.fixture(scope="module")
def grid():
    return compute(make_config(grid=CELLS))


def test_a_cell_is_the_run_that_it_would_be_alone(grid):
    run, metrics = grid
    cells = plan_of(make_config(grid=CELLS)).cells
    for cell in ("slow/ideal", "fast/real"):
        i, overrides = cells.index(cell), CELLS[cell]
        config = make_config()
        config.learner.tx.learning_rate = overrides["learner"]["tx"]["learning_rate"]
        config.world.num_samples = overrides["world"]["num_samples"]
        alone, of_alone = compute(config)
        for name, values in of_alone.items():
            kind, rest = name.split("/", 1)
            np.testing.assert_allclose(metrics[f"{kind}/{cell}/{rest}"], values, rtol=1e-4, atol=1e-6, err_msg=name)
        for leaf, expected in zip(jax.tree.leaves(run), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(leaf[2 * i : 2 * i + 2], expected, rtol=1e-4, atol=1e-6)
    assert len(metrics) == len(cells) * len(of_alone)


def test_the_cells_of_a_seed_are_paired(grid):
    """Same start and same first 10 samples; after the third batch the real world has shown one twice."""
    early, late = compute(make_config(grid=CELLS), num_steps=2)[1], grid[1]
    for rate in RATES:
        names = [f"eval/{rate}/{world}/test_loss" for world in ("real", "ideal")]
        np.testing.assert_array_equal(early[names[0]], early[names[1]])
        assert np.all(late[names[0]] != late[names[1]])


@pytest.mark.parametrize("form", ["vmap", "sequential"])
def test_members_of_different_cells_are_measured_together(form):
    """Two worlds of a seed are one until the real world shows a sample twice, in its third batch."""
    together = {"agreement": {"members": ("slow/real", "slow/ideal")}}
    config = make_config(grid=CELLS, evals={"classification": {}, **together})
    early, late = (compute(config, num_steps, form=form)[1] for num_steps in (2, 60))
    np.testing.assert_array_equal(early["eval/agreement"], [1, 1])
    np.testing.assert_allclose(early["eval/kl"], 0, atol=1e-6)
    assert np.all(late["eval/kl"] > 1e-4)
    assert late["eval/kl"].shape == (2,)


@pytest.mark.parametrize(("form", "prefetch"), [("sequential", 1), ("vmap:3", 6), ("unrolled", 1), ("vmap", 4)])
def test_every_execution_computes_the_same(grid, form, prefetch):
    run, metrics = compute(make_config(grid=CELLS), form=form, prefetch=prefetch)
    for leaf, expected in zip(jax.tree.leaves(run), jax.tree.leaves(grid[0]), strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=1e-4, atol=1e-6)
    assert metrics.keys() == grid[1].keys()
    for name, values in metrics.items():
        np.testing.assert_allclose(values, grid[1][name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_grid_is_one_program(monkeypatch):
    """All members begin, advance and are measured in one program each; three more are of threads."""
    compiled, timing = [], Clock.timing
    monkeypatch.setattr(Clock, "timing", lambda self, name: compiled.append(name) or timing(self, name))
    compiled_run = programs(plan_of(make_config(grid=CELLS)), 0, 2, Clock())
    run = compiled_run.begin()
    for step in (0, 2, 4):
        run, _, _ = compiled_run.advance(step, run, 2)
        compiled_run.evaluate(step, run)
    assert len(compiled) <= 6


@pytest.mark.parametrize("form", ["vmap", "unrolled"])
def test_threads_share_the_members(monkeypatch, grid, form):
    monkeypatch.setattr(devices, "num_cores", lambda: 4)
    shared = []
    monkeypatch.setattr(execution, "in_threads", lambda *args: shared.append(args[1]) or in_threads(*args))
    run, metrics = compute(make_config(grid=CELLS), form=form)
    assert shared == [4]  # of 8 members
    for leaf, expected in zip(jax.tree.leaves(run), jax.tree.leaves(grid[0]), strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=1e-4, atol=1e-6)
    for name, values in metrics.items():
        np.testing.assert_allclose(values, grid[1][name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("num_members", "num_cores", "shards"),
    [(1, 2, 1), (3, 2, 3), (4, 2, 2), (16, 2, 2), (6, 4, 3), (8, 4, 4), (3, 0, 1)],
)
def test_members_are_shared_out_so_that_the_last_thread_is_done_soonest(num_members, num_cores, shards):
    assert execution.num_shards(num_members, num_cores) == shards


def test_a_setting_that_decides_what_is_computed_cannot_differ():
    sizes = {"small": {"world": {"batch_size": 4}}, "large": {"world": {"batch_size": 8}}}
    with pytest.raises(ValueError, match=r"grid: one of world\.batch_size decides what is computed"):
        compute(make_config(grid=sizes))


def test_a_stage_changes_settings_and_goes_on():
    """Two steps at one rate and four at another are a run of the first and then of the second."""
    stages = ({"from_step": 2, "learner": {"tx": {"learning_rate": 0.01}}},)
    plan = plan_of(make_config(stages=stages))
    compiled_run = programs(plan, 3, 2, Clock())
    run, _, _ = compiled_run.advance(0, compiled_run.begin(), 2)
    run, _, _ = compiled_run.advance(2, run, 4)
    slow = make_config()
    slow.learner.tx.learning_rate = 0.01
    parts = [programs(plan_of(config), 3, 2, Clock()) for config in (make_config(), slow)]
    expected, _, _ = parts[0].advance(0, parts[0].begin(), 2)
    expected, _, _ = parts[1].advance(2, expected, 4)
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(run), jax.device_get(expected))


def test_each_stage_changes_the_one_before():
    stages = (
        {"from_step": 2, "learner": {"tx": {"learning_rate": 0.01}}},
        {"from_step": 4, "learner": {"tx": {"momentum": 0.5}}},
    )
    of_last = plan_of(make_config(stages=stages)).stages[-1].experiment.args[0]
    assert of_last["learner"]["tx"] == {"name": "sgd", "learning_rate": 0.01, "momentum": 0.5}


def test_a_stage_that_changes_the_state_is_refused():
    stages = ({"from_step": 2, "learner": {"net": {"features": (9,)}}},)
    with pytest.raises(ValueError, match="stages: from step 2 on the run's state would have other shapes"):
        programs(plan_of(make_config(stages=stages)), 3, 2, Clock())


@pytest.mark.parametrize("starts", [(0,), (4, 4), (4, 2)])
def test_stages_out_of_order_are_refused(starts):
    stages = tuple({"from_step": start} for start in starts)
    with pytest.raises(ValueError, match="stages: each must have a later from_step than the one before"):
        plan_of(make_config(stages=stages))


@pytest.mark.parametrize("changes", [{"num_steps": 3}, {"data": {"num_test": 5}}])
def test_a_stage_changes_nothing_but_who_learns_and_where(changes):
    with pytest.raises(ValueError, match=f"stages may change world, learner, baselines, not {next(iter(changes))}"):
        plan_of(make_config(stages=({"from_step": 2, **changes},)))


def test_label_noise_is_in_the_test_as_well():
    noise = {name: {"world": {"label_noise": share}} for name, share in {"none": 0.0, "half": 0.5}.items()}
    config = make_config(grid=noise)
    config.world.label_noise = 0.0
    config.learner.tx.learning_rate = 0.0
    clean = np.asarray(plan_of(config).test[1])
    _, metrics = compute(config)
    assert np.all(metrics["eval/none/test_error"] != metrics["eval/half/test_error"])
    assert len(np.unique(clean)) == 3


def test_a_run_analyses_draws_and_evaluates_by_decades(tmp_path):
    config = make_config(
        grid={name.split("/")[1]: overrides for name, overrides in CELLS.items() if name.startswith("fast")},
        analyses={"gap": {}},
        evals_per_decade=2,
        num_steps=30,
        log_every=1,
    )
    train(config.lock(), tmp_path / "run")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    measured = [record["step"] for record in records if "eval/real/test_error" in record]
    assert measured == [0, 1, 4, 10, 30]
    difference = summary["eval/real/test_soft_error"] - summary["eval/ideal/test_soft_error"]
    assert summary["analysis/bootstrap_error_end"] == pytest.approx(difference, abs=1e-6)


def product(size):
    """A step of small operations and one product of matrices, inside a loop."""
    x = jnp.ones((size, size))
    return lambda: jax.lax.fori_loop(0, 3, lambda _, y: jnp.tanh(y @ x), x)


@pytest.mark.parametrize(("size", "form"), [(8, "vmap"), (127, "vmap"), (128, "sequential")])
def test_large_products_are_computed_one_member_after_the_other(size, form):
    """2 * 128 ** 3 operations are as many as make it worth while."""
    assert execution.suitable_form(jax.make_jaxpr(product(size))(), "cpu") == form


@pytest.mark.parametrize(("platform", "form"), [("cpu", "unrolled"), ("gpu", "sequential"), ("tpu", "sequential")])
def test_members_with_convolutions_are_never_side_by_side(platform, form):
    images, kernel = jnp.ones((1, 1, 8, 8)), jnp.ones((1, 1, 3, 3))
    step = jax.jit(lambda: jax.lax.conv(images, kernel, (1, 1), "SAME"))
    assert execution.suitable_form(jax.make_jaxpr(step)(), platform) == form
    assert execution.suitable_form(jax.make_jaxpr(product(128))(), "gpu") == "vmap"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"execution": "fast"}, "must be one of vmap, vmap:N, sequential, unrolled, N from 1 on; got 'fast'"),
        ({"execution": "vmap:0"}, "N from 1 on; got 'vmap:0'"),
        ({"prefetch": 0}, "prefetch must be 1 to"),
    ],
)
def test_an_execution_that_there_is_not_is_refused(tmp_path, settings, message):
    with pytest.raises(cli.UserError, match=message):
        train(make_config(**settings).lock(), tmp_path / "run")


def anew(view):
    return {"chance": jnp.where(view.anew, 0.25, 0.0), "also_chance": jnp.where(view.anew, 1.0, 2.0)}


anew.constant = lambda: ("chance",)


def test_what_no_learning_changes_is_measured_once():
    """By its name: a metric that only ends so is another one."""
    config = make_config(evals=(f"{__name__}:anew",), grid=CELLS)
    compiled = programs(plan_of(config), config.seed, config.num_seeds, Clock(), form="vmap", prefetch=1)
    run = compiled.begin()
    first, again = (jax.device_get(compiled.evaluate(step, run)[0]) for step in (0, 1))
    for cell in CELLS:
        np.testing.assert_array_equal([first[f"eval/{cell}/chance"], again[f"eval/{cell}/chance"]], 0.25)
        np.testing.assert_array_equal(first[f"eval/{cell}/also_chance"], 1.0)
        np.testing.assert_array_equal(again[f"eval/{cell}/also_chance"], 2.0)
