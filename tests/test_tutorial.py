"""What tutorials have people type, in one host's shell, and what Docker 20.10 and Linux answer.

Each file of tests/tutorial is a screen: prompts with what is typed, and what is printed. Names that the machine makes up are written
`<id64>`, `<id12>`, `<veth---->`, `<mac>`, `<hex12>`; round-trip times `<ms>`, moments `<time>`, numbers `<n>`. Each screen begins in a
fresh lab.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from emu.shell import Keyboard, prompt
from emu.topology.loader import load_topology

FOLDER = Path(__file__).parent / "tutorial"
PROMPT = re.compile(r"root@\w+:\S*# |/\S* # |> ")
TOKENS = {
    "<id64>": "[0-9a-f]{64}",
    "<id12>": "[0-9a-f]{12}",
    "<hex12>": "[0-9a-f]{12}",
    "<veth---->": "veth[0-9a-f]{7}",
    "<mac>": "(?:[0-9a-f]{2}:){5}[0-9a-f]{2}",
    "<n>": "[0-9]+",
    "<time>": r"[0-9:]+\.[0-9]+",
    "<ms>": r"[0-9.]+(?: ?ms)?",
}


class Screen(Keyboard):
    """A person who types these lines and then Ctrl-D."""

    person = True

    def __init__(self, lines: Iterator[str]) -> None:
        super().__init__()
        self.lines = lines
        self.text = ""

    def line(self, prompt: str) -> str:
        typed = next(self.lines, None)
        if typed is None:
            raise EOFError
        self.text += f"{prompt}{typed}\n"
        return typed + "\n"

    def show(self, text: str) -> None:
        self.text += text

    complain = show

    def running(self) -> AbstractContextManager[Callable[[], bool]]:
        return nullcontext(lambda: False)

    def idle(self) -> None:
        raise AssertionError(f"nothing goes on any more\n{self.text}")


def typed_in(screen: str) -> Iterator[str]:
    for line in screen.splitlines():
        if match := PROMPT.match(line):
            yield line[match.end() :]


def pattern(line: str) -> str:
    for token, meaning in TOKENS.items():
        line = line.replace(re.escape(token), meaning)
    return line


def differences(expected: list[str], seen: list[str]) -> Iterator[str]:
    command = ""
    for number in range(max(len(expected), len(seen))):
        wanted = expected[number] if number < len(expected) else "nothing more"
        found = seen[number] if number < len(seen) else "nothing more"
        if PROMPT.match(wanted):
            command = wanted
        if not re.fullmatch(pattern(re.escape(wanted)), found):
            yield f"line {number + 1}, after {command}\nexpected {wanted!r}\nprinted  {found!r}"
            return


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.txt")))
def test_a_tutorials_lines_print_what_docker_and_linux_print(name: str) -> None:
    expected = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    screen = Screen(typed_in(expected))
    prompt(load_topology(FOLDER / "lab.yaml"), "docker1", None, screen)
    seen = screen.text.removesuffix("exit\n").removesuffix("root@docker1:~# ")
    wrong = next(differences(expected.splitlines(), seen.splitlines()), "")
    assert not wrong, wrong


def test_the_screens_hold_some_sixty_lines() -> None:
    assert sum(1 for path in FOLDER.glob("*.txt") for _ in typed_in(path.read_text(encoding="utf-8"))) >= 60


def test_a_screen_that_differs_is_noticed() -> None:
    assert list(differences(["root@docker1:~# a", "<id12> b"], ["root@docker1:~# a", "0123456789ab c"]))
    assert not list(differences(["root@docker1:~# a", "<id12> b"], ["root@docker1:~# a", "0123456789ab b"]))
