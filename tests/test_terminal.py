from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from emu.shell import Keyboard
from emu.terminal import LineEditor, _Names


def completions(text: str) -> set[str]:
    keyboard = Keyboard()
    keyboard.names = lambda: ["docker1", "web", "eth0"]
    return {each.text for each in _Names(keyboard).get_completions(Document(text), CompleteEvent())}


def test_the_first_word_of_a_command_is_a_program_and_the_others_are_names() -> None:
    assert {"docker", "docker1"} <= completions("dock")
    assert completions("docker exec w") == {"web"}
    assert "head" in completions("docker ps | hea")


def test_lines_are_edited_and_kept_for_the_next_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        editor = LineEditor()
        keys.send_text("docker px\x7fs\n")
        assert editor.line("root@docker1:~# ") == "docker ps\n"
        keys.send_text("\x04")
        with pytest.raises(EOFError):
            editor.line("root@docker1:~# ")
    assert "docker ps" in (tmp_path / "emu" / "history").read_text(encoding="utf-8")
