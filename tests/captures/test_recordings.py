"""emu against captures of real Linux and Docker: the same steps, every capture point, every frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.observe.compare import compare
from tests.captures.recording import Recording, scenarios


@pytest.mark.parametrize("name", scenarios())
def test_a_recorded_scenario_is_reproduced_frame_by_frame(name: str, tmp_path: Path) -> None:
    recording = Recording(name)
    assert recording.play(tmp_path) == []
    differences = [str(difference) for difference in compare(tmp_path, recording.folder).differences]
    assert differences == []
