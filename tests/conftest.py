"""Hypothesis without a deadline: shared machines are slow at times."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("emu", deadline=None, derandomize=True)
settings.load_profile("emu")
