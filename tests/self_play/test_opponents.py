"""Past versions: which are kept, and who plays."""

import jax
import jax.numpy as jnp
import numpy as np

from self_play import opponents


def test_the_oldest_gives_way_to_the_newest():
    """One update in two is kept, in three places."""
    kept = opponents.init_pool({"w": jnp.full((2, 1), -1.0)}, 3)
    keep = jax.jit(opponents.push, static_argnums=3)
    seen, chosen = [], set()
    for i in range(12):
        kept = keep(jax.random.key(i), kept, {"w": jnp.array([[i], [100 + i]], jnp.float32)}, 2)
        seen.append(np.array(kept.versions["w"])[:, :, 0].tolist())
        chosen.add(int(kept.chosen))
        assert opponents.chosen_version(kept)["w"].tolist() == kept.versions["w"][kept.chosen].tolist()
    first = [-1.0, -1.0]
    assert seen[0] == seen[1] == [[0.0, 100.0], first, first]
    assert seen[2] == [[0.0, 100.0], [2.0, 102.0], first]
    assert seen[5] == [[0.0, 100.0], [2.0, 102.0], [4.0, 104.0]]
    assert seen[6] == [[6.0, 106.0], [2.0, 102.0], [4.0, 104.0]]
    assert chosen == {0, 1, 2}
    versions, updates = opponents.in_order(kept, 2)
    assert updates == [7, 9, 11]
    assert versions["w"][:, 0, 0].tolist() == [6.0, 8.0, 10.0]  # the values count from 0


def test_fewer_than_there_are_places_for():
    kept = opponents.init_pool({"w": jnp.zeros((2, 1))}, 3)
    assert opponents.in_order(kept, 2)[1] == []
    for i in range(3):
        kept = opponents.push(jax.random.key(i), kept, {"w": jnp.full((2, 1), i, jnp.float32)}, 2)
    versions, updates = opponents.in_order(kept, 2)
    assert updates == [1, 3]
    assert versions["w"][:, 1, 0].tolist() == [0.0, 2.0]
