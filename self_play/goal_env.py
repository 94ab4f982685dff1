"""Bob's side of the table as an environment of Gymnasium, with goals, for the algorithms of other libraries.

    pip install -e '.[gym]'
    from self_play.goal_env import GoalEnv
    env = GoalEnv("push_1")

An observation has Gymnasium-Robotics' three parts: observation, achieved_goal, desired_goal; so hindsight relabelling
works. Rewards are 0 where the goal is reached and -1 elsewhere. For one game at a time: to train on many at once, the
functions of a Tabletop under `vmap` are far quicker.

Letters: A dimensions of an action, N slots of objects.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces

from self_play import holdouts
from self_play.goals import Poses, in_slots
from self_play.holdouts import Holdout
from self_play.settings import check_counts
from self_play.tabletop import NUM_BINS


class GoalEnv(gymnasium.Env):
    """One game of Bob's: he brings objects to their goals, each within `max_steps` control steps.

    task: a name of HOLDOUTS, or a Holdout of your own. settings: of its scene. An action is in -1 to 1 [A], and rounded
    to a bin. observation: what Bob sees of the gripper and of all objects, flat. achieved_goal and desired_goal: the
    objects' positions and rotations [7 N], flat; an absent object is at its goal. An episode ends with success.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012, as Gymnasium has it

    def __init__(self, task: str | Holdout = "push_1", *, max_steps: int = 100, **settings: Any):
        if isinstance(task, str) and task not in holdouts.HOLDOUTS:
            raise ValueError(f"no holdout task {task!r}; there are {', '.join(holdouts.HOLDOUTS)}")
        check_counts(max_steps=max_steps)
        of_task: Any = holdouts.HOLDOUTS[task] if isinstance(task, str) else task
        table = holdouts.table_of(of_task, **settings)
        self._max_steps, self._count = max_steps, 0
        self._state: Any = None
        self._goal: Any = None
        self._reset = jax.jit(lambda seed: _begin(table, of_task, jax.random.key(seed)))
        self._step = jax.jit(lambda state, action: (state := table.step(state, action), _see(table, state)))
        every = jnp.ones(table.scene.num_slots, bool)

        def reached(achieved, desired):
            return jnp.all(table.reached(_poses(achieved), _poses(desired), every))

        self._reached = jax.jit(jax.vmap(reached))
        shapes = jax.eval_shape(self._reset, 0)[2]
        box = {name: spaces.Box(-np.inf, np.inf, shape.shape, np.float32) for name, shape in shapes.items()}
        self.observation_space = spaces.Dict({**box, "desired_goal": box["achieved_goal"]})
        self.action_space = spaces.Box(-1.0, 1.0, (table.scene.num_dimensions,), np.float32)

    def reset(self, *, seed: int | None = None, options: Mapping | None = None) -> tuple[dict, dict]:
        """-> (observation, {}). The same seed begins the same episode."""
        del options
        super().reset(seed=seed)
        self._count = 0
        self._state, self._goal, seen = self._reset(int(self.np_random.integers(2**31)))
        return self._observation(seen), {}

    def step(self, action: np.ndarray) -> tuple[dict, float, bool, bool, dict]:
        """-> (observation, reward, whether the goal is reached, whether the time is over, {"is_success": ..})."""
        bins = np.round((np.clip(action, -1, 1) + 1) / 2 * (NUM_BINS - 1)).astype(np.int32)
        self._state, seen = self._step(self._state, bins)
        self._count += 1
        observation = self._observation(seen)
        reward = float(self.compute_reward(observation["achieved_goal"], observation["desired_goal"], {}))
        success = reward == 0
        return observation, reward, success, self._count >= self._max_steps, {"is_success": success}

    def compute_reward(self, achieved_goal: np.ndarray, desired_goal: np.ndarray, info: Any) -> np.ndarray:
        """0 where a goal is reached, else -1: [7 N] -> [], or [B, 7 N] -> [B]. As HER asks for it."""
        del info
        rows = (np.atleast_2d(np.asarray(goal, np.float32)) for goal in (achieved_goal, desired_goal))
        reward = np.asarray(self._reached(*rows), np.float32) - 1
        return reward if np.ndim(achieved_goal) > 1 else reward[0]

    def _observation(self, seen):
        seen = {name: np.asarray(part) for name, part in seen.items()}
        here = np.asarray(self._state.mask)[:, None]
        achieved = seen["achieved_goal"].reshape(-1, 7)
        desired = np.where(here, np.concatenate(self._goal, axis=-1), achieved).astype(np.float32)
        return {**seen, "desired_goal": desired.ravel()}


def _begin(table, task, key):
    k_reset, k_goal = jax.random.split(key)
    state = table.reset(k_reset)
    goal = task.goal(k_goal, table.scene, table.poses(state), state.mask)
    return state, in_slots(goal, table.scene.num_slots), _see(table, state)


def _see(table, state):
    seen = table.observe(state)
    flat = jnp.concatenate([seen.gripper, seen.objects.ravel()])
    return {"observation": flat, "achieved_goal": jnp.concatenate(table.poses(state), axis=-1).ravel()}


def _poses(flat):
    rows = flat.reshape(-1, 7)
    return Poses(rows[:, :3], rows[:, 3:])
