"""Config files: Python files with get_config(variant), wherever they lie. ml_collections reads them and their flags."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_dict
from ml_collections.config_flags import config_flags

import experiments
from experiments import grid, renamed
from launch import cli


def define(values: flags.FlagValues = flags.FLAGS, argv: list[str] | None = None) -> None:
    """Defines --config=FILE.py[:VARIANT] and, once it is parsed, a flag for every key of the config in argv."""
    config_flags.DEFINE_config_file(
        "config", None, "FILE.py[:VARIANT]: what to run.", lock_config=True, flag_values=values, sys_argv=argv
    )
    flags.mark_flag_as_required("config", values)
    values["config"].parser = _Parser("config")


class _Parser(config_flags.ConfigFileFlagParser):
    """Reads a config file whose folder is importable, and whose keys that are None take any value."""

    def parse(self, path: Any) -> Any:
        if not isinstance(path, str):
            return path
        renamed.check(dict.fromkeys(re.findall(r"--config\.(\w+)", " ".join(sys.argv))))
        file, *variant = path.split(":", 1)
        module = load(Path(file))
        if not hasattr(module, "get_config"):
            raise ValueError(f"{path} has no get_config()")
        try:
            config = module.get_config(*variant)
        except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError) as error:
            raise ValueError(f"get_config of {path} failed: {type(error).__name__}: {error}") from error
        if not isinstance(config, ConfigDict):
            raise ValueError(f"get_config of {path} must return a ConfigDict, not {type(config).__name__}")
        renamed.check(config.to_dict())
        _complete(config)
        _take_any(config)
        return config.lock()


def _complete(config: ConfigDict) -> None:
    """Gives a config the keys that it may leave out."""
    every: int = config.get("log_every") or 1
    defaults = {"seed": 0, "num_seeds": 1, "log_every": every, "eval_every": every, "checkpoint_every": 10 * every}
    for key, value in {**defaults, "evals": (), "log_metrics": ()}.items():
        if key not in config:
            config[key] = value
    if missing := [key for key in ("num_steps", "data", "world", "learner") if key not in config]:
        raise ValueError(f"the config lacks {', '.join(missing)}")


def _take_any(config: ConfigDict) -> None:
    """A key that is None has no type; its flag then takes any literal."""
    for key, value in list(config.items()):
        if isinstance(value, ConfigDict):
            _take_any(value)
        elif value is None:
            config[key] = config_dict.placeholder(object)


def import_folder(file: Path) -> None:
    """Makes the modules beside a config file importable, so that the config can name what is in them."""
    if not file.is_file():
        ours = Path(experiments.__file__).with_name("configs")
        known = ", ".join(sorted(path.stem for path in ours.glob("*.py")))
        raise FileNotFoundError(f"no config file {file}; in experiments/configs are {known}")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)


def load(file: Path) -> ModuleType:
    """The module of a config file. Raises UserError where it is none."""
    with cli.user_errors(Exception):
        import_folder(file)
        spec = importlib.util.spec_from_file_location("config", file)
        if spec is None or spec.loader is None:
            raise cli.UserError(f"{file} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def explain(argv: list[str]) -> None:
    """What --help adds where a config is named: what the file says, and every key as a flag, with its value."""
    given = re.findall(r"--?config[= ](\S+)", " ".join(argv))
    if not given:
        return
    name, file = given[0], given[0].split(":")[0]
    with cli.user_errors(Exception):
        config = _Parser("config").parse(name)
    module = load(Path(file))
    print(f"\n{file}:\n{module.__doc__ or ''}")
    if variants := _variants(module):
        print(f"Variants, --config={file}:VARIANT: {variants}")
    print(f"Keys of {name}, each a flag:")
    for key, value in grid.flat(config.to_dict()).items():
        print(f"  --config.{key}={value!r}")


def _variants(module: ModuleType) -> str:
    """What a config file says when it is asked for a variant that it does not have: those that there are."""
    try:
        module.get_config("no such variant")
    except ValueError as error:
        return str(error).partition("there are ")[2]
    except TypeError:  # it has no variants
        return ""
    return ""
