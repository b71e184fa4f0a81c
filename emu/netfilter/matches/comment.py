"""-m comment (xt_comment.c): words for who reads the rules; always true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import quoted, usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter

MAX_LENGTH = 255


@dataclass(slots=True)
class Comment(Match):
    """A comment of at most 255 characters."""

    name: ClassVar[str] = "comment"
    OPTIONS: ClassVar[dict[str, int]] = {"--comment": 1}
    text: str | None = None

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if len(values[0].encode()) > MAX_LENGTH:
            raise usage(f'comment: bad value for option "--comment": it must be shorter than {MAX_LENGTH + 1} characters')
        self.text = values[0]

    def check(self, rule: Rule) -> None:
        if self.text is None:
            raise usage('comment: option "--comment" must be specified\n')

    def save(self) -> str:
        return f"--comment {quoted(self.text or '')}"

    def list(self, numeric: bool) -> str:
        return f"/* {self.text} */"

    def compile(self, netfilter: Netfilter) -> Test:
        return lambda datagram, iif, oif: True
