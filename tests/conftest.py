"""Hypothesis without a deadline, as shared machines are slow at times; labs are taken down after their test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import labs

settings.register_profile("emu", deadline=None, derandomize=True)
settings.load_profile("emu")


@pytest.fixture(autouse=True)
def _labs_down() -> Iterator[None]:
    yield
    while labs.UP:
        labs.UP.pop().down()
