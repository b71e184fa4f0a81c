"""ip rule: the three rules that are always there. Not modelled: others."""

from __future__ import annotations

from emu.programs.ip.words import Context, Words, dispatch

RULES = ((0, "local"), (32766, "main"), (32767, "default"))


def run(context: Context, words: Words) -> int:
    return dispatch(context, words, "rule", ACTIONS, "show")


def _show(context: Context, _words: Words) -> int:
    if context.json:
        context.print_json([{"priority": priority, "src": "all", "table": table} for priority, table in RULES])
        return 0
    for priority, table in RULES:
        context.process.print(f"{priority}:\tfrom all lookup {table}")
    return 0


ACTIONS = {
    "show": _show,
    "list": _show,
    "lst": _show,
    "add": None,
    "delete": None,
    "flush": None,
    "save": None,
    "restore": None,
    "help": None,
}
