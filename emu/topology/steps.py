"""Steps of a topology file: `PLACE$ COMMAND`, or a mapping that says more."""

from __future__ import annotations

import re

from emu.topology import values
from emu.topology.document import KeyPath, Node, Report
from emu.topology.shapes import Choice, Either, Field, Integer, Json, ListOf, Record, Shape, Text
from emu.topology.spec import Expect, Step

DURATION = Text(values.duration, "a duration", values.DURATION, "string number")
LINE = Text(values.line, "a line of text")

EXPECT = Record(
    Expect,
    "What must be so afterwards; the run fails if it is not.",
    {
        "exit": Field(Integer(0, 255), "the exit status"),
        "stdout": Field(Text(values.expected_text, types="string number"), "a part of standard output, or /a regular expression/"),
    },
)

STEP = Record(
    Step,
    "A command line.",
    {
        "on": Field(LINE, "host, or host/container", required=True, to="place"),
        "run": Field(LINE, "the command; an & at its end leaves it in the background", required=True, to="command"),
        "expect": Field(EXPECT, "what must be so afterwards"),
        "at": Field(DURATION, "a virtual time, counted from the first step", to="at_ns"),
        "programs": Field(Choice("own", "host"), "host: the host's own programs, in the container's network namespace"),
        "state": Field(Text(values.name, "a name", values.NAME), "state dumps of the reference, compared after the step"),
    },
)

SHORT_STEP = r"^\s*([^\s$]+)\s*\$\s+(\S.*?)\s*$"


class ShortStep(Text[Step]):
    """`PLACE$ COMMAND`."""

    def __init__(self) -> None:
        super().__init__(lambda _: Step(place="", command=""), "PLACE$ COMMAND", SHORT_STEP)

    def read(self, node: Node, path: KeyPath, report: Report) -> Step:
        text = self._text(node, path, report)
        match = re.match(SHORT_STEP, text)
        if match is None:
            report.refuse(node.source, path, f"'{text}' is not PLACE$ COMMAND")
        return Step(place=match[1], command=match[2], source=node.source)


class LongStep(Shape[Step]):
    """The mapping; or a short step that a ': ' made into one."""

    def read(self, node: Node, path: KeyPath, report: Report) -> Step:
        keys = list(getattr(node, "entries", ()))
        if len(keys) == 1 and re.match(SHORT_STEP, keys[0]):
            report.refuse(node.source, path, f"'{keys[0]}: …' holds ': ', which YAML takes for a key; put the step in quotes")
        return STEP.read(node, path, report)

    def json(self, definitions: Json) -> Json:
        return STEP.json(definitions)


STEPS = ListOf(Either(text=ShortStep(), mapping=LongStep()))
