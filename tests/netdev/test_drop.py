from __future__ import annotations

import re
from pathlib import Path

import emu
from emu.netdev.drop import DropReason


def test_each_reason_to_drop_is_given_somewhere_and_reads_differently():
    given = {name for path in Path(emu.__file__).parent.rglob("*.py") for name in re.findall(r"\bDropReason\.([A-Z_]+)", path.read_text())}
    assert {reason.name for reason in DropReason} <= given
    assert len({reason.value for reason in DropReason}) == len(DropReason.__members__)
