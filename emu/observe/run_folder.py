"""The folder of a run: made beside its final place and moved there whole, so that what is under the final name is always a whole run.

    with RunFolder(Path("emu-lab")) as folder:
        (folder / "steps.log").write_text(...)

An error, Ctrl-C or a full disk on the way leaves the last good run untouched and nothing of the new one. Not modelled: two runs into one
folder at the same time (the later one stays), and a kill -9, which may leave a hidden folder `.NAME.PID.new`.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import TracebackType

from emu.errors import EmuError

MARK = "captures"  # what every folder of a run has: the sign that it may be replaced


class RunFolder:
    """A context manager that gives a temporary folder; leaving it without an exception puts the folder in place."""

    def __init__(self, target: Path) -> None:
        self.target = target.resolve()
        if not self.target.name:
            raise EmuError(f"{self.target}: cannot be a run's folder; name another with -o")
        self._new = self.target.with_name(f".{self.target.name}.{os.getpid()}.new")
        self._old = self.target.with_name(f".{self.target.name}.old")

    def __enter__(self) -> Path:
        """Raises EmuError if the place is something other than an earlier run, or cannot be written."""
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._recover()
            self._refuse_foreign()
            shutil.rmtree(self._new, ignore_errors=True)
            (self._new / MARK).mkdir(parents=True)
        except OSError as error:
            raise EmuError(f"{self.target}: cannot be written: {error.strerror or error}") from error
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

    def _refuse_foreign(self) -> None:
        if not self.target.exists():
            return
        if not self.target.is_dir():
            raise EmuError(f"{self.target}: is a file, not a folder that can hold a run")
        if any(self.target.iterdir()) and not (self.target / MARK).is_dir():
            raise EmuError(f"{self.target}: was not written by emu (no '{MARK}' in it), so it is not replaced; name another folder with -o")

    def _is_ours(self, error: OSError) -> bool:
        """A failed write into the new folder, or a full disk: not an OSError of something else that went wrong."""
        names = (error.filename, error.filename2)
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG) or any(
            str(self._new) in str(name) for name in names if name is not None
        )
