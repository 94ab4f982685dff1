"""Probes: what is measured on a learner from outside, between chunks of training. Pure: (predict, data) -> metrics."""

import jax
import jax.numpy as jnp

import blur
import bootstrap
from self_play import holdouts


def adaptation(predict, data, *, groups, unroll, batch_size, num_draws):
    """The accuracy on the held-out batch of networks that have learned so many batches, for groups of tasks.

    predict: `blur.Tasks` -> log-probabilities [T, B, M]. groups: group -> name -> family of tasks, all of inputs of one
    width. Each family has the same num_draws tasks in every probe: NAME_accuracy is their mean, and GROUP_accuracy
    that of the group.
    """
    families = {name: family for group in groups.values() for name, family in group.items()}
    _, init, draw = blur.tasks(
        list(families.values()), unroll=unroll, batch_size=batch_size, num_tasks=num_draws * len(families)
    )
    key = jax.random.key(jax.lax.optimization_barrier(jnp.uint32(0)))  # a plain 0, and XLA draws while it compiles
    _, tasks = draw(key, data, init(key, data), None)
    right = (predict(tasks).argmax(-1) == tasks.labels[:, -1]).mean(axis=1)
    of_family = dict(zip(families, right.reshape(num_draws, len(families)).mean(axis=0), strict=True))
    accuracies = {f"{name}_accuracy": accuracy for name, accuracy in of_family.items()}
    for group, members in groups.items():
        accuracies[f"{group}_accuracy"] = jnp.stack([of_family[name] for name in members]).mean()
    return accuracies


def classification(predict, data, *, batch_size=None):
    """What a classifier is worth on the test samples: see `bootstrap.scores`.

    predict: inputs [B, D..] -> log-probabilities [B, K]. data: x [B, D..], y [B]. batch_size: so many are predicted at
    a time, where all at once would not fit into memory.
    """
    x, y = data
    return {f"test_{name}": value for name, value in bootstrap.scores(_in_batches(predict, x, batch_size), y).items()}


def training(predict, data, *, batch_size=None):
    """As `classification`, on the samples that a paired world showed first. data: x, y and weights [B]."""
    x, y, weights = data
    log_probabilities = _in_batches(predict, x, batch_size)
    return {f"train_{name}": value for name, value in bootstrap.scores(log_probabilities, y, weights).items()}


def _in_batches(predict, x, batch_size):
    if batch_size is None or batch_size >= len(x):
        return predict(x)
    if len(x) % batch_size:
        raise ValueError(f"a probe's batch_size must divide the number of its samples, {len(x)}; got {batch_size}")
    outputs = jax.lax.map(predict, x.reshape(-1, batch_size, *x.shape[1:]))
    return outputs.reshape(len(x), *outputs.shape[2:])


def density(predict, data):
    """The mean log loss of an image in nats, with frozen weights. predict: images [B, ..] -> log-likelihoods [B]."""
    images, _ = data
    return {"nats": -predict(images).mean()}


def holdout(predict, data, *, tasks, num_games, bob_steps, **settings):
    """The share of the goals of holdout tasks that Bob solves, who never trained on them, and that chance solves.

    predict: as of the learner of `self_play`. tasks: names of self_play's HOLDOUTS. bob_steps: for each object.
    settings: of the tasks' scenes. holdout_success is the mean of the tasks; of several, TASK_success is of one. Every
    probe has the same first goals.
    """
    del data
    unknown = [task for task in tasks if task not in holdouts.HOLDOUTS]
    if unknown or not tasks:
        which = f"no holdout task {unknown[0]!r}" if unknown else "name some tasks"
        raise ValueError(f"{which}; there are {', '.join(holdouts.HOLDOUTS)}")

    def rates(task):
        of_task = holdouts.HOLDOUTS[task]
        table = holdouts.table_of(of_task, **settings)
        key = jax.random.key(jax.lax.optimization_barrier(jnp.uint32(0)))  # as in `adaptation`

        def rate(sharpness):
            def act(seen):
                logits, memory = predict(seen)
                return sharpness * logits, memory

            limits = {"num_games": num_games, "bob_steps": bob_steps}
            return holdouts.success_rate(table, of_task, act, key, **limits)

        return jax.vmap(rate)(jnp.array([1.0, 0.0]))

    of_tasks = {task: rates(task) for task in tasks}
    learned, random = jnp.stack(list(of_tasks.values())).mean(0)
    each = {f"{task}_success": rate for task, (rate, _) in of_tasks.items()} if len(tasks) > 1 else {}
    return {"holdout_success": learned, "holdout_success_random": random, **each}


def regret(play):
    """The cumulative regret of a bandit's player. play: the state of `bootstrap.bandits.world`."""
    return {"regret": play.regret}


def retention(predict, data):
    """What is left of every task: its test error, and the mean accuracy over all tasks, those to come included.

    predict: inputs [B, D] -> log-probabilities [B, N]. data: x [B, D], y [B], permutations [K, D], one a task.
    """
    x, y, permutations = data
    errors = jax.lax.map(lambda permutation: (predict(x[:, permutation]).argmax(-1) != y).mean(), permutations)
    of_tasks = {f"task_{k}/test_error": error for k, error in enumerate(errors, 1)}
    return {"retention": 1 - errors.mean(), **of_tasks}


def regression(predict, data):
    """The errors of Gaussian predictions.

    rmse: over all targets, in their units. mse: in the variances of the targets, the mean over the targets. nats: the
    log loss of an example, the sum over its targets.

    predict: inputs [B, D..] -> mean and variance, [B, d] each. data: x [B, D..], y [B, d].
    """
    x, y = data
    output = predict(x)
    square = (y - output.mean) ** 2
    nats = 0.5 * (jnp.log(2 * jnp.pi * output.variance) + square / output.variance)
    return {
        "rmse": jnp.sqrt(square.mean()),
        "mse": (square.mean(axis=0) / y.var(axis=0)).mean(),
        "nats": nats.sum(axis=-1).mean(),
    }
