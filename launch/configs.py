"""Config files: Python files with get_config(variant), wherever they lie. ml_collections reads them and their flags."""

import ast
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from absl import flags
from ml_collections import ConfigDict, FrozenConfigDict, config_dict
from ml_collections.config_flags import config_flags, config_path

import experiments
from experiments import grid, renamed, settings
from launch import cli


def define(values: flags.FlagValues = flags.FLAGS, argv: list[str] | None = None) -> None:
    """Defines --config=FILE.py[:VARIANT] and, once it is parsed, a flag for every key of the config in argv."""
    config_flags.register_flag_parser_for_type(int, _WholeNumber())
    config_flags.register_flag_parser_for_type(ConfigDict, _Dict())
    cli.guarded(lambda: _define(values, argv))
    flags.register_validator(
        "config", lambda config: config is not None, "say what to run: --config=FILE.py[:VARIANT]", values
    )
    values["config"].parser = _Parser("config", sys.argv if argv is None else argv)


def _define(values: flags.FlagValues, argv: list[str] | None) -> None:
    what = "FILE.py[:VARIANT]: what to run."
    with cli.user_errors(flags.Error, OSError, ValueError):  # of a --flagfile
        config_flags.DEFINE_config_file("config", None, what, lock_config=True, flag_values=values, sys_argv=argv)


class _WholeNumber(flags.IntegerParser):
    """Takes 1e3 as 1000."""

    def convert(self, argument: Any) -> int:
        try:
            return super().convert(argument)
        except ValueError:
            pass
        try:
            number = float(argument)
        except ValueError:
            number = None
        if number is None or not number.is_integer():
            raise ValueError(f"it must be a whole number, got {argument!r}")
        return int(number)


class _Dict(flags.ArgumentParser):
    """Takes a dict in place of keys that hold others."""

    def parse(self, argument: Any) -> Any:
        if not isinstance(argument, str):
            return argument
        try:
            value = ast.literal_eval(argument)
        except (SyntaxError, ValueError):
            value = None
        if not isinstance(value, dict):
            raise ValueError("this key holds others: set one of them (--config.KEY.OTHER=..), or write a whole dict")
        return ConfigDict(value)


class _Parser(config_flags.ConfigFileFlagParser):
    """Reads a config file whose folder is importable, and whose keys that are None take any value."""

    def __init__(self, name: str, argv: list[str]) -> None:
        super().__init__(name)
        self._argv = argv

    def parse(self, path: Any) -> Any:
        if not isinstance(path, str):
            return path
        words = flags.FLAGS.read_flags_from_files(self._argv, force_gnu=False)
        with cli.user_errors(ValueError):
            if (count := sum(bool(re.match(r"--?config(=|$)", word)) for word in words)) > 1:
                raise ValueError(f"--config is given {count} times; name one config")
            config = _config(path)
            _complete(config)
            _take_any(config)
            for word in words:
                if found := re.match(r"--?(?:no)?config\.([^=]*)", word):
                    _check_key(config, found[1])
        return config.lock()


def _config(path: str) -> ConfigDict:
    """The config of FILE.py[:VARIANT]. Raises ValueError, or UserError, where there is none."""
    file, *variant = path.split(":", 1)
    module = load(Path(file))
    make = getattr(module, "get_config", None)
    if not callable(make):
        raise ValueError(f"{file} has no function get_config()")
    try:
        inspect.signature(make).bind(*variant)
    except TypeError:
        how = f"takes no variant: --config={file}" if variant else f"needs a variant: --config={file}:VARIANT"
        raise ValueError(f"get_config of {file} {how}") from None
    try:
        config = make(*variant)
    except ValueError as error:  # which explains itself, such as a variant that there is not
        raise ValueError(f"{path}: {error}") from error
    except (Exception, SystemExit) as error:
        raise ValueError(f"get_config of {path} failed: {type(error).__name__} {error}") from error
    if not isinstance(config, ConfigDict):
        raise ValueError(f"get_config of {path} must return a ConfigDict, not {type(config).__name__}")
    renamed.check(config.to_dict())
    return ConfigDict(config.to_dict()) if isinstance(config, FrozenConfigDict) else config.unlock()


def _complete(config: ConfigDict) -> None:
    """Gives a config the keys that it may leave out."""
    if missing := [key for key in ("num_steps", "data", "world", "learner") if key not in config]:
        raise ValueError(f"the config lacks {', '.join(missing)}")
    every = config.get("log_every", 1)
    often = 10 * every if isinstance(every, int) else every
    defaults = {"seed": 0, "num_seeds": 1, "log_every": every, "eval_every": every, "checkpoint_every": often}
    optional = dict.fromkeys(("evals_per_decade", "execution", "prefetch"))
    for key, value in {**defaults, **dict.fromkeys(("evals", "artifacts", "log_metrics"), ()), **optional}.items():
        if key not in config:
            config[key] = value


def _take_any(config: ConfigDict) -> None:
    """A key that is None has no type; its flag then takes any literal."""
    for key, value in list(config.items()):
        if isinstance(value, ConfigDict):
            _take_any(value)
        elif value is None:
            config[key] = config_dict.placeholder(object)


def _check_key(config: ConfigDict, path: str) -> None:
    """Raises ValueError for the path of a flag, without its "config.", that is none of a key."""
    renamed.check({path.partition(".")[0]: None})
    try:
        parts = config_path.split(path)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"config.{path}: no such key; keys are names with a dot between them") from error
    there: Any = config
    for i, key in enumerate(parts):
        where = ".".join(["config", *map(str, parts[:i])])
        if not isinstance(there, ConfigDict):
            raise ValueError(f"config.{path}: no such key; {where} is {there!r}")
        if key not in there:
            hint = f"{settings.near(key, there)}{renamed.hint([key])}"
            raise ValueError(f"config.{path}: no such key{hint}; {where} has {', '.join(there) or 'none'}")
        there = there[key]


def import_folder(file: Path) -> None:
    """Makes the modules beside a config file importable, so that the config can name what is in them."""
    if not file.is_file():
        ours = Path(experiments.__file__).with_name("configs")
        known = ", ".join(sorted(path.stem for path in ours.glob("*.py")))
        what = "a config file has a name" if not file.name else f"no config file {file}"
        raise FileNotFoundError(f"{what}; --config names a file, and in experiments/configs are {known}")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)


def load(file: Path) -> ModuleType:
    """The module of a config file. Raises UserError where it is none."""
    with cli.user_errors(OSError):
        import_folder(file)
    with cli.user_errors(Exception, SystemExit, saying=f"{file}: "):
        spec = importlib.util.spec_from_file_location("config", file)
        if spec is None or spec.loader is None:
            raise cli.UserError(f"{file} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def explain(argv: list[str]) -> None:
    """What --help adds where a config is named: what the file says, and every key as a flag, with its value."""
    words = [word.removeprefix("-") for word in argv]
    given = [word.partition("=")[2] for word in words if word.startswith("-config=")]
    given += [value for word, value in zip(words, argv[1:], strict=False) if word == "-config"]
    if not given:
        return
    name, file = given[0], given[0].split(":")[0]
    config = _Parser("config", argv).parse(name)
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
    except Exception as error:  # of a config without variants, any
        return str(error).partition("there are ")[2]
    return ""
