"""pipe(7): text on its way from one program to another, from a file or from a terminal to a program's standard input.

Not modelled: the buffer's size; who writes never waits.
"""

from __future__ import annotations

from collections.abc import Callable

from emu.engine import Engine, Future


class Pipe:
    """Who reads waits for who writes; who writes when nobody reads any more gets BrokenPipeError, which is SIGPIPE for a program."""

    def __init__(self, engine: Engine, text: str = "", *, ended: bool = False) -> None:
        self.on_wanted: Callable[[], None] | None = None  # told when somebody waits for more
        self._engine = engine
        self._text = text
        self._ended = ended
        self._abandoned = False
        self._readers: list[Future[None]] = []

    # --- the writing end

    def write(self, text: str) -> None:
        if self._abandoned:
            raise BrokenPipeError
        self._text += text
        self._wake()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        readers, self._readers = self._readers, []
        for reader in readers:
            reader.set_result(None)

    # --- the reading end

    @property
    def waiting(self) -> bool:
        """A program reads, and there is nothing."""
        return bool(self._readers)

    def abandon(self) -> None:
        """Nobody will read any more."""
        self._abandoned = True

    async def read_some(self) -> str:
        """What is there, as soon as there is something; "" at the end."""
        while not self._text and not self._ended:
            await self._wait()
        text, self._text = self._text, ""
        return text

    async def read_line(self) -> str:
        """A line with its newline; the last may be without; "" at the end."""
        while "\n" not in self._text and not self._ended:
            await self._wait()
        line, newline, self._text = self._text.partition("\n")
        return line + newline

    async def read(self) -> str:
        """All, up to the end."""
        while not self._ended:
            await self._wait()
        return await self.read_some()

    async def _wait(self) -> None:
        reader: Future[None] = Future(self._engine)
        self._readers.append(reader)
        if self.on_wanted is not None:
            self.on_wanted()
        try:
            await reader
        finally:  # who waited may have been ended
            if reader in self._readers:
                self._readers.remove(reader)


class Terminal(Pipe):
    """A person's: shells show a prompt there, and Ctrl-C ends what the innermost of them runs."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.on_interrupt: list[Callable[[], None]] = []  # of the shells that run on it, the innermost last

    def interrupt(self) -> None:
        """Ctrl-C."""
        if self.on_interrupt:
            self.on_interrupt[-1]()

    async def read_some(self) -> str:
        return self._again(await super().read_some())

    async def read_line(self) -> str:
        return self._again(await super().read_line())

    def _again(self, text: str) -> str:
        """Ctrl-D ends the input of the one that reads; the next one reads on."""
        self._ended = self._ended and bool(text)
        return text
