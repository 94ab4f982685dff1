"""What a run leaves at its end, beside its records: summary, artifacts, figures. They are tried at its beginning."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax

from bootstrap import Run
from experiments import Plan, records
from experiments import outputs as made
from experiments.artifacts import Artifact
from launch import cli, documents, folder, plots
from launch.programs import Programs


class Outputs(NamedTuple):
    """What is to be left. The summary has the numbers of the config's analyses."""

    config: Mapping
    artifacts: tuple[tuple[str, Sequence[Artifact]], ...]  # of each member: the prefix of its files, what it leaves

    def missing(self, workdir: Path) -> bool:
        """Whether a finished run lacks something that its config, which may have changed, asks for."""
        summary, lines = documents.read_summary(workdir), documents.read_records(workdir)
        found = {name: value for name, value in summary.items() if name.startswith("analysis/")}
        files = [path for prefix, of_one in self.artifacts for one in of_one for path in _files(workdir, prefix, one)]
        pictures = [plots.picture(workdir / "figures", name) for name in _pictures(self.config)]
        if not lines or lines[-1]["step"] != summary["steps"]:
            there = f"ends at step {lines[-1]['step']}" if lines else "is empty or missing"
            raise cli.UserError(
                f"{workdir} finished at step {summary['steps']} but its metrics.jsonl {there}; "
                "put a whole copy of it back, or give another --workdir"
            )
        if summary.get("missing") or not all(path.exists() for path in files + pictures):
            return True
        return found != made.analyse(self.config, records.of_config(self.config, lines))

    def write(
        self, workdir: Path, summary: dict, lines: Sequence[Mapping], run: Run | None, missing_only: bool
    ) -> dict:
        """Writes the summary first, then the rest, and returns it. Raises UserError at the end where something failed.

        Until all is there, the summary says what is `missing`. run: with an axis of members, where there are artifacts.
        """
        problems: list[str] = []
        kept = [name for name in summary if name != "missing" and not name.startswith("analysis/")]
        summary = {name: summary[name] for name in kept}
        with _noting(problems, "analyses"):
            summary |= made.analyse(self.config, records.of_config(self.config, lines))
        names = [name for _, of_one in self.artifacts for one in of_one for name in one.files]
        wanted = [*dict.fromkeys(names), *(f"figure {name}" for name in _pictures(self.config))]
        folder.write_json(workdir / "summary.json", summary | {"missing": wanted})
        for i, (prefix, of_one) in enumerate(self.artifacts):
            of_member = jax.tree.map(lambda leaf: leaf[i], run)  # noqa: B023
            for artifact in of_one:
                paths = _files(workdir, prefix, artifact)
                if missing_only and all(path.exists() for path in paths):
                    continue
                with _noting(problems, ", ".join(artifact.files)):
                    contents = artifact.write(of_member)
                    for name, path in zip(artifact.files, paths, strict=True):
                        folder.replace_file(path, contents[name])
                        print(f"artifact: {path}")
        for name in _pictures(self.config):
            if not (missing_only and plots.picture(workdir / "figures", name).exists()):
                with _noting(problems, f"figure {name}"):
                    draw = plots.curves if name in self.config["log_metrics"] else plots.figures
                    (drawn,) = draw(plots.read([workdir]), workdir / "figures", [name])
                    print(f"figure: {drawn}")
        folder.write_json(workdir / "summary.json", summary | ({"missing": problems} if problems else {}))
        if problems:
            raise cli.UserError(
                f"{workdir} is finished, but without {'; '.join(problems)}; the same command tries again", status=1
            )
        return summary


@contextlib.contextmanager
def _noting(problems: list[str], what: str) -> Iterator[None]:
    """Inside, an exception is a line in `problems`, and the program goes on."""
    try:
        yield
    except Exception as error:  # a user's function may raise any
        problems.append(f"{what} ({cli.one_line(error)})")


def prepare(config: Mapping, plan: Plan, compute: Programs, command: str) -> Outputs:
    """Binds all that the run will leave to its settings and its shapes.

    Raises ValueError where something could not be made, before hours are spent on it.
    """
    _check_logged(config, compute)
    artifacts = made.artifacts(config, plan, compute.abstract_member, command)
    files = [name for of_one in artifacts.values() for artifact in of_one for name in artifact.files]
    made.check_outputs(config, tuple(compute.metrics), files)
    seeds = range(config["seed"], config["seed"] + config["num_seeds"])
    members = [(cell, seed) for cell in plan.cells for seed in seeds] if artifacts else []
    return Outputs(
        config,
        tuple((_prefix(cell, seed if len(seeds) > 1 else None), artifacts[cell]) for cell, seed in members),
    )


def _prefix(cell: str, seed: int | None) -> str:
    parts = [*([plots.file_name(cell)] if cell else []), *([] if seed is None else [str(seed)])]
    return "".join(f"{part}-" for part in parts)


def _files(workdir: Path, prefix: str, artifact: Artifact) -> list[Path]:
    return [workdir / f"{prefix}{name}" for name in artifact.files]


def _pictures(config: Mapping) -> list[str]:
    return [*made.recorded(config, config["log_metrics"]), *made.figures(config)]


def _check_logged(config: Mapping, compute: Programs) -> None:
    unknown = sorted(set(config["log_metrics"]) - set(compute.metrics))
    if unknown:
        there = ", ".join(compute.metrics)
        raise ValueError(f"log_metrics: no metric {', '.join(unknown)}; there are {there}")
