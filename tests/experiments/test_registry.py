"""What configs say of BLUR's learners beyond numbers."""

import jax
import jax.numpy as jnp
import numpy as np

from experiments import data
from experiments.registry import LEARNERS, WORLDS


def test_the_rate_of_a_meta_learner_may_fall():
    """To nothing after one step: the second changes no gene."""
    rate = {"name": "cosine", "learning_rate": 0.1, "num_steps": 1}
    begin = {"name": "random", "num_states": 2}
    init, update, _ = LEARNERS["blur_meta"](genome=begin, sizes=(2,), population=1, learning_rate=rate)
    world = WORLDS["tasks"](data.nothing(None), families=("xor",), unroll=1, batch_size=4)
    _, tasks = world.draw(jax.random.key(0), world.data, world.init(jax.random.key(0), world.data), None)
    states, update = [init(jax.random.key(1), tasks)], jax.jit(update)
    for i in range(2):
        states.append(update(jax.random.key(i), states[-1], tasks)[0])
    first, second, third = (np.array(state.genomes.synapse.update) for state in states)
    assert first != second == third
    assert second.dtype == jnp.float32
