"""The folder of a run: made beside its final place and moved there whole, so that what is under the final name is always a whole run.

    with RunFolder(Path("emu-lab")) as folder:
        (folder / "steps.log").write_text(...)

An error, Ctrl-C, SIGTERM or a full disk on the way leaves the last good run untouched and nothing of the new one. A kill -9 may leave a
hidden folder `.NAME.PID.new`, which the next run removes. Not modelled: two runs into one folder at the same time (the later one stays).
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from emu.errors import EmuError

MARK = ".emu-run"  # the file that says that a folder is emu's own, and may be replaced
MARK_TEXT = "This folder was written by `{command}`, which replaces it as a whole when it runs again.\n"


class RunFolder:
    """A context manager that gives a temporary folder; leaving it without an exception puts the folder in place."""

    def __init__(self, target: Path, command: str = "emu run") -> None:
        """`command` is what may replace it."""
        self.target = target.resolve()
        self._command = command
        self._mark = MARK_TEXT.format(command=command)
        if not self.target.name:
            raise EmuError(f"{self.target}: cannot be a run's folder; name another with -o")
        self._new = self.target.with_name(f".{self.target.name}.{os.getpid()}.new")
        self._old = self.target.with_name(f".{self.target.name}.old")
        self._on_term: Any = None  # the handler of SIGTERM that was there before; None: left alone

    def __enter__(self) -> Path:
        """Raises EmuError if the place is something other than an earlier run, or cannot be written."""
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._recover()
            self._refuse_foreign()
            self._remove_stale()
            self._new.mkdir()
            (self._new / MARK).write_text(self._mark, encoding="utf-8")
        except OSError as error:
            raise EmuError(f"{self.target}: cannot be written: {error.strerror or error}") from error
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._on_term = signal.signal(signal.SIGTERM, _interrupt)
        return self._new

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        try:
            if kind is None:
                self._put_in_place()
            elif isinstance(error, OSError) and self._is_ours(error):
                raise EmuError(f"{self.target}: the run was not written: {error.strerror or error}") from error
        except OSError as failure:
            raise EmuError(f"{self.target}: the run was not written: {failure.strerror or failure}") from failure
        finally:
            shutil.rmtree(self._new, ignore_errors=True)
            if self._on_term is not None:
                signal.signal(signal.SIGTERM, self._on_term)

    def _put_in_place(self) -> None:
        if self.target.exists():
            self.target.rename(self._old)
        try:
            self._new.rename(self.target)
        except BaseException:
            if self._old.exists():
                self._old.rename(self.target)
            raise
        shutil.rmtree(self._old, ignore_errors=True)

    def _recover(self) -> None:
        """A run that ended between the two renames: what was good before is good again."""
        if self._old.exists():
            if self.target.exists():
                shutil.rmtree(self._old, ignore_errors=True)
            else:
                self._old.rename(self.target)

    def _remove_stale(self) -> None:
        """What runs have left that were killed, and what this process has."""
        for left in self.target.parent.iterdir():
            match = re.fullmatch(rf"\.{re.escape(self.target.name)}\.(\d+)\.new", left.name)
            if match and (int(match[1]) == os.getpid() or not _is_running(int(match[1]))):
                shutil.rmtree(left, ignore_errors=True)

    def _refuse_foreign(self) -> None:
        if not self.target.exists():
            return
        if not self.target.is_dir():
            raise EmuError(f"{self.target}: is a file, not a folder that can hold a run")
        if any(self.target.iterdir()) and not self._is_marked():
            because = f"was not written by `{self._command}` ('{MARK}' in it does not say so)"
            raise EmuError(f"{self.target}: {because}, so it is not replaced; name another folder with -o")

    def _is_marked(self) -> bool:
        try:
            return (self.target / MARK).read_bytes() == self._mark.encode()
        except OSError:
            return False

    def _is_ours(self, error: OSError) -> bool:
        """A failed write into the new folder, or a full disk: not an OSError of something else that went wrong."""
        names = (error.filename, error.filename2)
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG) or any(
            str(self._new) in str(name) for name in names if name is not None
        )


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends a run as Ctrl-C does; whoever catches it learns the signal."""
    raise KeyboardInterrupt(number)
