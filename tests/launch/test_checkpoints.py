"""What is saved of a run comes back, whatever its arrays and wherever it lies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from launch import checkpoints
from launch.cli import UserError

RUN = {"memory": np.zeros((3, 2, 0), np.float32), "step": np.array([1, 2], np.int32), "none": np.zeros((0,), bool)}


@pytest.fixture
def run():
    return jax.tree.map(jnp.asarray, RUN)


@pytest.fixture
def like(run):
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), run)


@pytest.mark.parametrize("name", ["plain", "features=[8, 1]", "a**b", "*", "[!x]", "q?", "{a}", "~ü x", "100%#1"])
def test_a_run_comes_back_from_any_folder(run, like, tmp_path, name):
    folder = tmp_path / name / "checkpoints"
    with checkpoints.open_folder(folder) as manager:
        checkpoints.save(manager, 4, run, {"note": 5})
        checkpoints.check(manager, 4, like)
    assert (folder / "4").is_dir()
    with checkpoints.open_folder(folder) as manager:
        restored, notes = checkpoints.newest(manager, like, lambda step: True)
    jax.tree.map(lambda leaf, other: np.testing.assert_array_equal(leaf, other, strict=True), restored, run)
    assert notes["note"] == 5


def test_a_save_that_cannot_be_read_back_is_noticed(run, like, tmp_path):
    with checkpoints.open_folder(tmp_path) as manager:
        checkpoints.save(manager, 0, run, {})
        other = {**like, "step": jax.ShapeDtypeStruct((2,), jnp.uint32, sharding=like["step"].sharding)}
        checkpoints.check(manager, 0, other)  # the same bits
        for path in (tmp_path / "0" / "run").rglob("*"):
            if path.is_file():
                path.unlink()
        with pytest.raises(UserError, match=rf"what is saved in {tmp_path} cannot be read back"):
            checkpoints.check(manager, 0, like)


@pytest.mark.parametrize("what", ["a number", "a name", "not JSON", "another step"])
def test_damaged_notes_fall_back_to_the_checkpoint_before(run, like, tmp_path, what):
    with checkpoints.open_folder(tmp_path) as manager:
        for step in (2, 4):
            checkpoints.save(manager, step, run, {"seconds": {"wall": 123.5}})
    (notes,) = (tmp_path / "4").glob("notes/metadata")
    if what == "another step":
        (tmp_path / "4").rename(tmp_path / "5")
    else:
        old, new = {"a number": ("123.5", "173.5"), "a name": ("seconds", "sekonds"), "not JSON": ("{", "(")}[what]
        assert old in notes.read_text()
        notes.write_text(notes.read_text().replace(old, new))
    with checkpoints.open_folder(tmp_path) as manager:
        _, found = checkpoints.newest(manager, like, lambda step: True)
    assert (found["step"], found["seconds"]) == (2, {"wall": 123.5})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", f"{5 if what == 'another step' else 4}.damaged"]


def test_a_reader_changes_nothing(run, like, tmp_path):
    """Neither what is being saved meanwhile, nor a damaged checkpoint."""
    with checkpoints.open_folder(tmp_path) as manager:
        for step in (2, 4):
            checkpoints.save(manager, step, run, {})
    (tmp_path / "6.orbax-checkpoint-tmp").mkdir()
    next(tmp_path.glob("4/notes/metadata")).write_text("{")
    before = sorted(tmp_path.rglob("*"))
    _, notes = checkpoints.read_newest(tmp_path, like)
    assert notes["step"] == 2
    assert sorted(tmp_path.rglob("*")) == before
    assert checkpoints.read_newest(tmp_path / "none", like) is None
