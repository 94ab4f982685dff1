"""A config becomes Learners in a World, and what is measured of them; all of it is tried before anything runs.

The config ends here: below are plain arguments, above is a `Plan`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

import bootstrap
from experiments import evaluation, grid, records, registry, settings
from experiments.data import kinds
from experiments.evals import View


class Experiment(NamedTuple):
    """What a config means in one cell of its grid."""

    learner: bootstrap.Learner  # with its baselines beside it
    world: bootstrap.World
    views: Callable  # (run, world data, test, anew=True: see View) -> View by baseline, "" for the learner itself


class Stage(NamedTuple):
    """A part of a run. Its cells differ in numbers alone, so one program computes them all."""

    from_step: int
    numbers: dict[str, np.ndarray]  # [cells * runs] each, by their keys in the config
    experiment: Callable  # (numbers of one cell, which may be traced, divide=..: see `_experiment`) -> Experiment


class Plan(NamedTuple):
    """What a config means."""

    cells: tuple[str, ...]  # ("",) without a grid
    baselines: tuple[str, ...]
    stages: tuple[Stage, ...]
    evals: tuple[evaluation.Eval, ...]
    test: Any  # the data's test part
    per_seed: bool  # all data have a leading axis of seeds


def plan(config: Mapping, data_dir: str | None = None) -> Plan:
    """Builds what the config says, and tries its shapes on each other.

    Raises ValueError, with what to do, where the config cannot be built.
    """
    return plan_together([config], data_dir)


def plan_together(configs: Sequence[Mapping], data_dir: str | None = None) -> Plan:
    """As `plan`, of several runs as one program.

    Their configs differ in their seed, and as cells do: in numbers, which the stages have by cell, then by run.
    """
    config = configs[0]
    for one in configs:
        _check_keys(one)
        _check_members(one)
        for key in one.keys() | config.keys():
            if key not in ("seed", *grid.VARYING) and one.get(key) != config.get(key):
                raise ValueError(
                    f"runs that are computed together may differ in their seed and in numbers below "
                    f"{', '.join(grid.VARYING)}; {key} is {config.get(key)!r} in one and {one.get(key)!r} in another"
                )
    cells, overrides = config.get("grid") or {"": {}}, config.get("stages") or ()
    bases = [{key: one[key] for key in one if key not in ("grid", "stages", "seed")} for one in configs]
    base = bases[0]
    data = kinds.as_kind(registry.build("data", base["data"], data_dir))
    kinds.check(data)
    if data.per_seed and len(cells) * len(configs) > 1:
        advice = "run the cells of the grid one by one" if len(cells) > 1 else "each run is a program"
        raise ValueError(f"this data set has a split for each seed: {advice}")
    stages = []
    for i, stage in enumerate(({"from_step": 0}, *overrides)):
        if others := sorted(stage.keys() - {"from_step", *grid.VARYING}):
            raise ValueError(f"stages may change {', '.join(grid.VARYING)}, not {', '.join(others)}")
        bases = [grid.merged({"from_step": 0, **one}, stage, f"stages.{i}") for one in bases]
        members = {
            (cell, run): grid.merged(of_run, changes, f"grid.{cell}")
            for cell, changes in cells.items()
            for run, of_run in enumerate(bases)
        }
        numbers, first = grid.varying(members), next(iter(members.values()))
        of_first = None
        for of_member in members.values():
            one = _experiment(of_member, data, {})
            of_first = of_first or one
            _check_rows(one, of_member, base["world"].get("batch_size"))
            _check_arrays(one.world, of_first.world)
        stages.append(Stage(bases[0]["from_step"], numbers, partial(_experiment, first, data)))
    starts = [stage.from_step for stage in stages]
    if sorted(set(starts)) != starts:
        raise ValueError(f"stages: each must have a later from_step than the one before, from 1 on; got {starts[1:]}")
    baselines, test = tuple(base.get("baselines") or ()), tuple(data.test._replace(x=kinds.as_numbers(data.test.x)))
    evals = evaluation.of_config(base, cells, baselines)
    made = Plan(tuple(cells), baselines, tuple(stages), evals, test, data.per_seed)
    _check_labels(made, data)
    return made


_KEYS = (
    *("seed", "num_seeds", "num_steps", "log_every", "eval_every", "evals_per_decade", "checkpoint_every"),
    *("data", "world", "learner", "baselines", "grid", "stages", "execution", "prefetch"),
    *("evals", "analyses", "log_metrics", "artifacts", "figures"),
)


def _check_keys(config: Mapping) -> None:
    """Raises ValueError for keys that nothing reads, for those that are missing, and for values of another kind."""
    settings.check_plain(config)
    for key in config:
        if key not in _KEYS:
            hint = settings.near(key, _KEYS)
            raise ValueError(f"config.{key}: no such key{hint}; there are {', '.join(_KEYS)}")
    if missing := [key for key in ("data", "world", "learner") if key not in config]:
        raise ValueError(f"the config lacks {', '.join(missing)}")
    for key in ("baselines", "evals"):
        registry.settings_by_label(config.get(key), f"config.{key}")
    for key in ("analyses", "artifacts", "figures"):
        registry.build_all(key, config.get(key))
    names = config.get("log_metrics")
    if not isinstance(names, tuple | list | None) or not all(isinstance(name, str) for name in names or ()):
        raise ValueError(f"config.log_metrics must be a tuple of names; got {names!r}")
    grid.check(config)


def _check_members(config: Mapping) -> None:
    """Raises ValueError where two members would have one name."""
    everyone = records.members(config.get("grid") or ("",), config.get("baselines") or ())
    if twice := sorted({name for name in everyone if everyone.count(name) > 1}):
        raise ValueError(f"a cell of the grid and a baseline are both called {', '.join(map(repr, twice))}; rename one")


def _experiment(config: Mapping, data: Any, numbers: Mapping, divide: Callable | None = None) -> Experiment:
    """The config with these numbers in it; [] each, and they may be traced.

    divide: (who) -> the function by which that learner, or the world, names its parallel axes. None: one device.
    """
    config = grid.with_values(config, numbers)
    learner = learner_of(registry.build("learner", config["learner"], divide=divide), "learner")
    made = registry.build_all("baselines", config.get("baselines"), divide=divide)
    baselines = {name: learner_of(functions, f"baselines.{name}") for name, functions in made.items()}
    built = registry.build("world", config["world"], data, divide=divide)
    world = named_parts(bootstrap.World, built, "world", "(data, init, draw)")
    everyone = bootstrap.beside(learner, baselines) if baselines else learner
    return Experiment(everyone, world, partial(views, {"": learner, **baselines}, world))


def first(of_plan: Plan, divide: Callable | None = None) -> Experiment:
    """The experiment of the first cell. divide: see `_experiment`."""
    stage = of_plan.stages[0]
    return stage.experiment({key: values[0] for key, values in stage.numbers.items()}, divide)


def learner_of(made: Any, where: str) -> bootstrap.Learner:
    """What a function returned, as a Learner whose update says what it cannot. Raises ValueError where it is none."""
    learner = named_parts(bootstrap.Learner, made, where, "(init, update, predict)")

    def update(key, state, batch):
        with settings.explained(f"{where} cannot learn from this world's batches"):
            state, metrics = learner.update(key, state, batch)
        return state, evaluation.as_numbers(metrics, where)

    return learner._replace(update=update)


def named_parts(kind: Callable, made: Any, where: str, parts: str) -> Any:
    """What a function returned, with its parts named. Raises ValueError where it is something else."""
    try:
        return kind(*made)
    except TypeError as error:
        raise ValueError(f"{where}: its function must return {parts}; got {type(made).__name__} ({error})") from error


def views(
    learners: Mapping, world: bootstrap.World, run: bootstrap.Run, data: Any, test: tuple, anew: Any = True
) -> dict[str, View]:
    """What evals see of a run: a View of each learner. learners: by baseline, "" for the learner itself."""
    train = world.first_samples(data, run.world, len(test[0])) if world.first_samples else None
    test = world.as_test(test) if world.as_test else test
    states = states_of(run, len(learners) > 1)
    return {
        name: View(partial(learner.predict, states[name]), test, train, run.world, states[name], anew)
        for name, learner in learners.items()
    }


def states_of(run: bootstrap.Run, has_baselines: bool) -> dict[str, Any]:
    """The learners' states in a run, by baseline, "" for the learner itself."""
    return {"": run.learner.learner, **run.learner.baselines} if has_baselines else {"": run.learner}


def with_states(run: bootstrap.Run, states: Mapping[str, Any]) -> bootstrap.Run:
    """The run with these states in the place of its learners': the inverse of `states_of`."""
    first, others = states[""], {name: state for name, state in states.items() if name}
    return run._replace(learner=bootstrap.baselines.State(first, others) if others else first)


_MAX_READ = 2 * 10**9  # bytes of the samples of one call, of data read as they are needed; so are those of the next


def _check_rows(experiment: Experiment, config: Mapping, batch_size: int | None) -> None:
    """Data read as they are needed must have the rows of the last step, and memory room for those of one call.

    batch_size: of the first step, which tells the rows of every other.
    """
    world, num_steps = experiment.world, config.get("num_steps", 1)
    if world.read_rows is None:
        return
    if config["world"].get("batch_size") != batch_size:
        raise ValueError("stages: of data that are read as they are needed world.batch_size stays what it is")
    try:
        of_step = world.read_rows(world.data, max(0, num_steps - 1), 1).present
    except ValueError as error:
        raise ValueError(f"{num_steps} steps are too many to be fresh: {error}") from error
    most = _MAX_READ // sum(leaf.nbytes for leaf in of_step)
    if config.get("log_every", 1) > most:
        raise ValueError(f"log_every must be at most {most}: the samples of that many steps are in memory at once")


def _check_arrays(world: bootstrap.World, of_first: bootstrap.World) -> None:
    """Raises ValueError where a world has other arrays than that of the first cell, which all cells are shown."""
    arrays, others = jax.tree.leaves(world.data), jax.tree.leaves(of_first.data)
    if not all(a is b or np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays, others, strict=True)):
        raise ValueError(
            "grid: a number decides which samples a world is made of, so it must be the same in every cell"
        )


def _check_labels(of_plan: Plan, data: Any) -> None:
    """Where batches are (x, y), every learner must have an output for each class or, of numbers, for each target."""
    if data.per_seed or len(data.test.y) < 2:  # no data, in a world that needs none
        return
    learner, world, views_of = first(of_plan)
    key = jax.random.key(0)

    def batch(data):
        k_init, k_draw = jax.random.split(key)
        return world.draw(k_draw, data, world.init(k_init, data), None)[1]

    def outputs(data, test):
        run = bootstrap.begin(key, learner, world._replace(data=data))
        return {name: view.predict(view.test[0]) for name, view in views_of(run, data, test).items()}

    with settings.explained("this world cannot show these data"):
        drawn = jax.eval_shape(batch, world.data)
    if type(drawn) is not tuple or len(drawn) != 2:
        return
    are_classes = [np.issubdtype(y.dtype, np.integer) for y in (drawn[1], data.test.y)]
    if are_classes[0] != are_classes[1] or (are_classes[0] and drawn[1].ndim != 1):
        return
    with settings.explained("a learner cannot begin in this world"):
        predicted = jax.eval_shape(outputs, world.data, of_plan.test)
    for name, output in predicted.items():
        if getattr(output, "ndim", 0) == 2:
            who = f"baselines.{name}" if name else "learner"
            if len(output) != len(data.test.y):
                raise ValueError(f"{who}: predict gives {len(output)} rows for {len(data.test.y)} samples")
            _check_width(who, output.shape[-1], data, are_classes[0])


def _check_width(who: str, width: int, data: Any, are_classes: bool) -> None:
    """Raises ValueError where outputs of this width cannot be those for the data's targets."""
    num_classes = kinds.num_classes(data) if are_classes else 0
    if width < num_classes:
        raise ValueError(f"the data has labels 0 to {num_classes - 1} but {who} num_classes={width}")
    num_targets = int(np.prod(data.test.y.shape[1:]))
    if not are_classes and width != num_targets:
        raise ValueError(
            f"the data has {num_targets} targets that are numbers, not classes, but {who} predicts {width}; take a "
            "learner for regression, such as glns_regressor"
        )
