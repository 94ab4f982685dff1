"""Domain randomisation: what of a game's physics is drawn at its reset (Tobin et al. 2017; Peng et al. 2018).

A player who does well on all of it relies on nothing that differs. Nobody observes what was drawn; both copies of the
table have the same. A scene sets the ranges:

  mass_range      of a factor of each object's mass
  friction_range  of a factor of all sliding friction, and of the drag of pucks
  max_delay       in control steps, of the time from an action until the gripper's motors are told of it

Factors are uniform in their logarithm. With ranges of 1 and without a delay there is no Domain.

Letters: A dimensions of an action, D greatest delay, N objects.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play.scene import Scene


class Domain(NamedTuple):
    """How one game's physics differs from the scene's."""

    mass: jax.Array  # [N] factors
    friction: jax.Array  # [] a factor
    delay: jax.Array  # [] int32, control steps
    sent: jax.Array  # [D, A] the latest targets of the gripper, newest first


def nominal(scene: Scene, joints: jax.Array) -> Domain | None:
    """No difference. joints [A]: where the gripper is, and has been told to be."""
    if not scene.is_varied:
        return None
    sent = jnp.tile(joints[None], (scene.max_delay, 1))
    return Domain(jnp.ones(scene.num_objects, jnp.float32), jnp.ones((), jnp.float32), jnp.int32(0), sent)


def draw(scene: Scene, key: jax.Array, joints: jax.Array) -> Domain:
    """A random one, of a scene that is varied. joints: see `nominal`. The key is consumed."""
    k_mass, k_friction, k_delay = jax.random.split(key, 3)
    return Domain(
        mass=_factors(k_mass, (scene.num_objects,), scene.mass_range),
        friction=_factors(k_friction, (), scene.friction_range),
        delay=jax.random.randint(k_delay, (), 0, scene.max_delay + 1, jnp.int32),
        sent=jnp.tile(joints[None], (scene.max_delay, 1)),
    )


def _factors(key, shape, bounds):
    low, high = (jnp.log(jnp.float32(bound)) for bound in bounds)
    return jnp.exp(low + (high - low) * jax.random.uniform(key, shape, jnp.float32))


def at_rest(domain: Domain | None, joints: jax.Array) -> Domain | None:
    """The same physics, of a gripper that has been at `joints` [A] for long."""
    return domain if domain is None else domain._replace(sent=jnp.broadcast_to(joints[None], domain.sent.shape))


def send(domain: Domain | None, target: jax.Array) -> tuple[jax.Array, Domain | None]:
    """Sends the gripper a target [A]. -> (the target that arrives in this step, the Domain after it)."""
    if domain is None:
        return target, None
    on_the_way = jnp.concatenate([target[None], domain.sent])
    return on_the_way[domain.delay], domain._replace(sent=on_the_way[:-1])


def factors(domain: Domain | None) -> jax.Array | None:
    """What physics multiplies by: the objects' masses, then friction [N + 1]; None: nothing differs."""
    return None if domain is None else jnp.append(domain.mass, domain.friction)
