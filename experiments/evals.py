"""Evals: what is measured on a learner from outside, between chunks of training. Pure: (view, *, settings) -> metrics.

An eval may say which of its metrics are the same in every eval of a run, whatever is learned: its attribute `constant`,
(*, settings) -> names. They are measured once, where `View.anew` is True; elsewhere they may be anything finite.

An eval with the setting `members` gets a view of each of these, (view, view, ..), and measures them together: see
`pair_evals`, of both networks of a pair. Its metrics are the run's, those of any other are its member's.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import blur
import bootstrap
from self_play import exams, holdouts


class View(NamedTuple):
    """A learner as an eval sees it. What an eval does not use is not computed."""

    predict: Callable  # inputs -> outputs, by what it has learned so far
    test: Any  # the data's test part, (x, y), as the world would show it
    train: Any  # (x, y, weights), as many samples that the world showed first; None where the world does not tell
    world: Any  # the world's state
    learner: Any  # the learner's state
    anew: Any = True  # [] bool; whether what no learning changes is to be measured as well


def adaptation(
    view: View,
    *,
    families: Mapping[str, Callable],
    groups: Mapping[str, Sequence[str]],
    unroll: int,
    batch_size: int,
    num_draws: int,
) -> dict[str, jax.Array]:
    """The accuracy, on a held-out batch, of networks that have learned `unroll` batches by a genome.

    predict: `blur.Tasks` -> log-probabilities [T, B, M]. families: label -> family of tasks, all of inputs of one
    width. Each family has the same num_draws tasks in every eval: LABEL_accuracy is their mean. groups: name -> labels;
    NAME_accuracy is the mean of these families.
    """
    _, init, draw = blur.tasks(
        families, view.test, unroll=unroll, batch_size=batch_size, num_tasks=num_draws * len(families)
    )
    key = _same_key()
    _, tasks = draw(key, view.test, init(key, view.test), None)
    right = (view.predict(tasks).argmax(-1) == tasks.labels[:, -1]).mean(axis=1)
    of_family = dict(zip(families, right.reshape(num_draws, len(families)).mean(axis=0), strict=True))
    accuracies = {f"{name}_accuracy": accuracy for name, accuracy in of_family.items()}
    for group, members in groups.items():
        if unknown := [name for name in members if name not in of_family]:
            raise ValueError(f"groups.{group}: no family {unknown[0]!r}; there are {', '.join(families)}")
        accuracies[f"{group}_accuracy"] = jnp.stack([of_family[name] for name in members]).mean()
    return accuracies


def endurance(
    view: View,
    *,
    families: Mapping[str, Callable],
    sizes: Sequence[int],
    batch_size: int,
    num_draws: int,
    rule: blur.Rule = blur.Rule(),  # noqa: B008
    scale: float = 1.0,
    steps: Sequence[int] = (10, 20, 50, 100, 200, 500, 1000),
) -> dict[str, jax.Array]:
    """Whether networks go on learning by a genome that is being learned, long after the steps that it is learned on.

    LABEL/accuracy_at_N: on a batch that is not yet learned, after N steps. LABEL/synapses_rms_at_N: the root mean
    square of the synapses as soon as they have learned that batch, too, and LABEL/synapses_rms the last of these; 1e30
    where they have exploded. Neurons that are kept begin anew after each of these batches. Means over num_draws tasks
    of each family, the same in every eval.
    families: label -> family. sizes, rule, scale: of the networks, see `blur.learner`.
    """
    if not steps or min(steps) < 0:
        raise ValueError(f"steps must be some of 0, 1, ..; got {steps}")
    genome, steps = blur.learned_genome(view.learner), sorted(set(steps))
    ends = [step + 1 for step in steps]

    def of_task(family, key):
        k_task, k_synapses = jax.random.split(key)
        inputs, labels = family(k_task, view.test, ends[-1] * batch_size)
        inputs, labels = inputs.reshape(ends[-1], batch_size, -1), labels.reshape(ends[-1], batch_size)
        targets = jax.nn.one_hot(labels, sizes[-1], dtype=jnp.float32)
        synapses, at = blur.network.begin(k_synapses, genome, inputs.shape[-1], sizes, rule=rule, scale=scale), []
        for first, end in pairwise((0, *ends)):
            synapses, logits = blur.unroll(genome, synapses, inputs[first:end], targets[first:end], rule=rule)
            rms = jnp.nan_to_num(_rms(synapses), nan=1e30, posinf=1e30)  # of a genome: the run that learns it is well
            at.append(((logits[-1].argmax(-1) == labels[end - 1]).mean(), rms))
        return at

    metrics = {}
    for label, family in families.items():
        keys = jax.random.split(_same_key(), num_draws)
        for step, (accuracies, rms) in zip(steps, jax.lax.map(partial(of_task, family), keys), strict=True):
            metrics |= {f"{label}/accuracy_at_{step}": accuracies.mean(), f"{label}/synapses_rms_at_{step}": rms.mean()}
        metrics[f"{label}/synapses_rms"] = rms.mean()
    return metrics


def synapses(view: View) -> dict[str, jax.Array]:
    """synapses_rms: the root mean square of all synapses of a network that learns by a genome."""
    if not hasattr(view.learner, "synapses"):
        return {}
    return {"synapses_rms": _rms(view.learner.synapses)}


def _rms(synapses):
    """Of forward and backward synapses alike."""
    weights = [leaf for of_layer in synapses for leaf in of_layer[:2] if leaf is not None]
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in weights) / sum(leaf.size for leaf in weights))


def classification(view: View, *, batch_size: int | None = None) -> dict[str, jax.Array]:
    """What a classifier is worth on the test samples: test_ and the names of `bootstrap.scores`.

    predict: inputs [B, D..] -> log-probabilities [B, K]. test: x [B, D..], y [B]. batch_size: how many are predicted at
    a time, where all at once would not fit into memory.
    """
    x, y = view.test
    scores = bootstrap.scores(in_batches(view.predict, x, batch_size), y)
    return {f"test_{name}": value for name, value in scores.items()}


def training(view: View, *, batch_size: int | None = None) -> dict[str, jax.Array]:
    """As `classification`, train_ in front, on the samples that the world showed first."""
    if view.train is None:
        raise ValueError("this world does not tell what it showed first; 'paired' does")
    x, y, weights = view.train
    scores = bootstrap.scores(in_batches(view.predict, x, batch_size), y, weights)
    return {f"train_{name}": value for name, value in scores.items()}


def in_batches(predict: Callable, x: jax.Array, batch_size: int | None) -> jax.Array:
    """predict(x), with so many rows at a time; None: all at once. Raises ValueError for a size below 1."""
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"an eval's batch_size must be at least 1, got {batch_size}")
    if batch_size is None or batch_size >= len(x):
        return predict(x)
    whole = len(x) // batch_size * batch_size
    outputs = jax.lax.map(predict, x[:whole].reshape(-1, batch_size, *x.shape[1:]))
    outputs = outputs.reshape(whole, *outputs.shape[2:])
    return outputs if whole == len(x) else jnp.concatenate([outputs, predict(x[whole:])])


def density(view: View) -> dict[str, jax.Array]:
    """nats: the mean log loss of an image, with frozen weights. predict: images [B, ..] -> log-likelihoods [B]."""
    images, _ = view.test
    log_likelihoods = view.predict(images)
    if getattr(log_likelihoods, "shape", None) != (len(images),):
        raise ValueError("its learner must predict the log-likelihoods of images, as 'glns_density' does")
    return {"nats": -log_likelihoods.mean()}


def holdout(
    view: View, *, tasks: Sequence[str | holdouts.Holdout], num_games: int, bob_steps: int, **settings: Any
) -> dict[str, jax.Array]:
    """Exams: the goals of holdout tasks, never trained on, that Bob solves, beside what chance and an oracle solve.

    predict: see the learner of `self_play`. tasks: names of self_play's HOLDOUTS, or Holdouts of your own. bob_steps:
    for each object. settings: of the tasks' scenes. holdout_success and holdout_success_random are the means of the
    tasks. Every eval has the same first goals, and chance and oracles are measured once. For each task:

      TASK_success              the fraction of goals that Bob solves
      TASK_low, TASK_high       its 95 % interval (Wilson's; a goal tried counts as one draw)
      TASK_random, TASK_oracle  of a random Bob, and of a script that knows how, where there is one; with _low and _high
      TASK_position             all objects were near their goals at once, however turned; where they turn
      TASK_any_order            equal objects may take one another's goals; where there are equal ones
    """
    unknown = [task for task in tasks if isinstance(task, str) and task not in holdouts.HOLDOUTS]
    if unknown or not tasks:
        which = f"no holdout task {unknown[0]!r}" if unknown else "name some tasks"
        raise ValueError(f"{which}; there are {', '.join(holdouts.HOLDOUTS)}")
    metrics, every = {}, []
    for task in tasks:
        name = _name_of(task)
        of_task = holdouts.HOLDOUTS[task] if isinstance(task, str) else task
        rates = _exam(view, of_task, settings, num_games=num_games, bob_steps=bob_steps)
        every.append((rates["success"], rates["random"]))
        metrics |= {f"{name}_{of}": rate for of, rate in rates.items()}
    learned, random = jnp.stack([jnp.stack(rates) for rates in every]).mean(0)
    return {"holdout_success": learned, "holdout_success_random": random, **metrics}


def _unlearned(*, tasks: Sequence[str | holdouts.Holdout], **settings: Any) -> tuple[str, ...]:
    """The names of the metrics of `holdout` that are the same in every eval: chance and oracles."""
    del settings
    names = [f"{who}{end}" for who in ("random", "oracle") for end in ("", "_low", "_high")]
    return ("holdout_success_random", *(f"{_name_of(task)}_{name}" for task in tasks for name in names))


holdout.constant = _unlearned  # pyrefly: ignore[missing-attribute]


def _name_of(task):
    return task if isinstance(task, str) else getattr(task.goal, "__name__", "own")


def _exam(view, task, settings, **limits):
    table = holdouts.table_of(task, **settings)
    own = {"robot", "step", "leash", "finger_step"} & settings.keys()
    task = task._replace(oracle=None) if own else task  # it knows our robots, and how far they move in a step

    def examine(who, results):
        def act(seen):
            logits, memory = view.predict(seen)
            logits = jnp.where(who == 0, logits, 0.0)
            return logits if task.oracle is None else jnp.where(who == 2, task.oracle(seen), logits), memory

        result = exams.examine(table, task, act, _same_key(), **limits)
        return jax.tree.map(lambda counts, count: counts.at[who].set(count), results, result)

    # One after the other: chance is over sooner.
    everyone = 2 if task.oracle is None else 3
    nothing = exams.Result(*jnp.zeros((len(exams.Result._fields), everyone), jnp.int32))
    result = jax.lax.fori_loop(0, jnp.where(view.anew, everyone, 1), examine, nothing)
    tried, solved, placed, any_order = (counts.astype(jnp.float32) for counts in result)
    rates, tried = {}, jnp.maximum(tried, 1)
    success = solved / tried
    for who, rate, number in zip(("", "random_", "oracle_")[:everyone], success, tried, strict=True):
        low, high = _wilson(rate, number)
        rates |= {who.rstrip("_") or "success": rate, f"{who}low": low, f"{who}high": high}
    rates |= {} if table.scene.planar else {"position": placed[0] / tried[0]}
    return rates | ({"any_order": any_order[0] / tried[0]} if table.scene.has_equal_objects else {})


def _wilson(rate, number):
    """The 95 % interval of a rate that was measured on this number of draws."""
    z = 1.959964
    middle = (rate + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z * jnp.sqrt(rate * (1 - rate) / number + z**2 / (4 * number**2)) / (1 + z**2 / number)
    return jnp.maximum(middle - half, 0.0), jnp.minimum(middle + half, 1.0)


def _same_key() -> jax.Array:
    """The key of every eval. Of a plain 0 XLA would draw while it compiles."""
    return jax.random.key(jax.lax.optimization_barrier(jnp.uint32(0)))


def regret(view: View) -> dict[str, jax.Array]:
    """The cumulative regret of a bandit's player. world: the state of `bootstrap.bandits.world`."""
    if not hasattr(view.world, "regret"):
        raise ValueError("it is of the world 'bandit'; this one has no regret")
    return {"regret": view.world.regret}


def retention(view: View) -> dict[str, jax.Array]:
    """What is left of every task: its test error, and the mean accuracy over all tasks, those to come included.

    predict: inputs [B, D] -> log-probabilities [B, N]. test: x [B, D], y [B], permutations [K, D], one a task.
    """
    if len(view.test) != 3:
        raise ValueError("it is of the data set 'permuted'; this one has no permutations")
    x, y, permutations = view.test

    def error(permutation):
        return (view.predict(x[:, permutation]).argmax(-1) != y).mean()

    errors = jax.lax.map(error, permutations)
    of_tasks = {f"task_{k}/test_error": error for k, error in enumerate(errors, 1)}
    return {"retention": 1 - errors.mean(), **of_tasks}
