"""A person at a terminal: a line editor with history and completion (prompt_toolkit), and Ctrl-C for the program that runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from emu.programs import PROGRAMS
from emu.programs.shell.builtins import BUILTINS
from emu.shell import Keyboard

if TYPE_CHECKING:
    from prompt_toolkit.document import Document

IDLE_S = 0.02  # real seconds; only Ctrl-C can end it


class LineEditor(Keyboard):
    """It completes programs and the lab's `names`."""

    person = True

    def __init__(self) -> None:
        super().__init__()
        self._session: PromptSession[str] = PromptSession(
            history=_history(), completer=_Names(self), complete_while_typing=False, enable_history_search=True
        )

    def line(self, prompt: str) -> str:
        return self._session.prompt(ANSI(prompt)) + "\n"

    @contextmanager
    def running(self) -> Iterator[Callable[[], bool]]:
        """Ctrl-C is looked at between two moments of the lab, so that nothing in it is left half done; a second one is not waited for."""
        pressed: list[int] = []

        def on_signal(number: int, _frame: FrameType | None) -> None:
            if pressed:
                raise KeyboardInterrupt
            pressed.append(number)

        def was_pressed() -> bool:
            found = bool(pressed)
            pressed.clear()
            return found

        before = signal.signal(signal.SIGINT, on_signal)
        try:
            yield was_pressed
        finally:
            signal.signal(signal.SIGINT, before)

    def idle(self) -> None:
        time.sleep(IDLE_S)


class _Names(Completer):
    """The first word of a command is a program, the others are names and programs."""

    def __init__(self, keyboard: Keyboard) -> None:
        self._keyboard = keyboard

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.get_word_before_cursor(WORD=True)
        lead = document.text_before_cursor.removesuffix(before).rstrip()
        first = not lead or lead[-1] in "|;&(`"
        choices = {*PROGRAMS, *BUILTINS} if first else set()
        for choice in sorted({*choices, *self._keyboard.names()}):
            if choice.startswith(before):
                yield Completion(choice, start_position=-len(before))


def _history() -> History:
    """Kept from one time to the next, where programs keep such things; only for now if that cannot be written."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "emu"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "history").touch()
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(folder / "history"))
