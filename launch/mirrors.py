"""Mirrors of metrics.jsonl in programs that draw: TensorBoard, and Weights & Biases where it is asked for.

A mirror has write(step, numbers) and close(). It is opened by each launch of a run, which first writes all records that
are kept: a process that is killed takes with it what it had not written there.
"""

import importlib
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter

from launch import cli, documents, folder

_FLUSH_SECONDS = 5  # until what is recorded can be seen in TensorBoard


class TensorBoard:
    """The folder tb of the run, begun anew."""

    def __init__(self, workdir: Path):
        mirror = workdir / "tb"
        for events in mirror.glob("events.*"):
            events.unlink()
        self._writer = SummaryWriter(str(mirror), flush_secs=_FLUSH_SECONDS)

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Adds the numbers of a step."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Writes all that is not written yet."""
        self._writer.close()


class WeightsAndBiases:
    """A run in a project of Weights & Biases, the same one at every launch. Its files are in the folder wandb.

    The service takes no step twice, and needs none twice: a run that goes on from a checkpoint repeats its numbers.
    Offline (WANDB_MODE=offline) each launch leaves a whole copy and removes the last one's; `wandb sync` uploads it.
    Raises UserError where the package is not installed or refuses.
    """

    def __init__(self, workdir: Path, project: str):
        files = workdir / "wandb"
        files.mkdir(exist_ok=True)
        if not (files / "id").exists():
            folder.replace_file(files / "id", secrets.token_hex(4))
        for copy in files.glob("offline-run-*"):
            shutil.rmtree(copy)
        with cli.user_errors(Exception, saying=f"--wandb={project}: "):  # whatever its service or its login raises
            wandb = importlib.import_module("wandb")
            self._run = wandb.init(
                project=project,
                name=workdir.resolve().name,
                id=(files / "id").read_text(),
                config=documents.read_config(workdir),
                dir=str(workdir),
                resume="allow",
                reinit="create_new",  # runs of one program are several at a time
                settings=wandb.Settings(console="off", silent=True),
            )

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Adds the numbers of a step, unless the service has it."""
        if step >= self._run.step:
            self._run.log(dict(numbers), step=step, commit=True)

    def close(self) -> None:
        """Returns when all is uploaded."""
        self._run.finish()
