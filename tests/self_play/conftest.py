import pytest

from self_play import c_mujoco, tabletop


@pytest.fixture(autouse=True, scope="module")
def quick_physics():
    """C steps the tables whose physics is left to the rule: MJX compiles for half a minute. -> the rule."""
    rule = tabletop.physics_of
    with pytest.MonkeyPatch.context() as patch:
        if c_mujoco.available():
            patch.setattr(tabletop, "physics_of", lambda scene: "c" if scene.physics == "auto" else rule(scene))
        yield rule
