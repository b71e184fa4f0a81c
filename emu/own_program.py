"""Programs of the user's own: Python files that a topology names."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from emu.errors import EmuError
from emu.process import Main, Process, UsageError


def _print(write: Callable[[str], None], *words: object, sep: str = " ", end: str = "\n", file: Any = None, flush: bool = False) -> None:
    """print(), to the standard output of a process."""
    if file is None:
        write(sep.join(map(str, words)) + end)
    else:
        print(*words, sep=sep, end=end, file=file, flush=flush)


def load_program(name: str, path: str) -> Main:
    """A program of the user's own: a Python file with `async def main(process, argv)`. Raises EmuError."""
    spec = importlib.util.spec_from_file_location(f"emu_program_{name.replace('-', '_')}", Path(path))
    loader = spec.loader if spec is not None else None
    if spec is None or loader is None:
        raise EmuError(f"programs.{name}: {path}: not a Python file")

    def load(write: Callable[[str], None]) -> Any:
        """Its `main`, the file run anew: each process has its own globals, and a `print` of its own."""
        module = importlib.util.module_from_spec(spec)
        vars(module)["print"] = partial(_print, write)
        sys.modules[spec.name] = module  # where dataclasses look for it
        loader.exec_module(module)
        return getattr(module, "main", None)

    try:
        found = load(lambda _: None)
    except Exception as error:  # whatever the user's file does wrong is theirs to read
        raise EmuError(f"programs.{name}: {path}: {type(error).__name__}: {error}") from error
    if not inspect.iscoroutinefunction(found):
        raise EmuError(f"programs.{name}: {path}: has no `async def main(process, argv)`")
    file = found.__code__.co_filename

    async def main(process: Process, argv: list[str]) -> int:
        """An error in the program is the program's, said with its place in the file; it ends with status 1, as Python would."""
        try:
            return await load(process.write)(process, argv) or 0
        except UsageError:
            raise
        except Exception as error:
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
            raise UsageError(f"{Path(path).name}:{lines[-1]}: {type(error).__name__}: {error}") from error

    return main
