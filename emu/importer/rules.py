"""iptables-save text for a lab: the same rules in the same order, but for those that emu's iptables does not take.

In the place of such a rule stands one that has the matches which are modelled and no target, and the rule in a comment: its number stays
free, and who passes it can be told that nobody knows what would have happened. Counters begin at zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from emu.engine import Engine
from emu.errors import EmuError
from emu.importer.beside import reason, refusal, stand_in
from emu.importer.model import Facts, File, Foreign
from emu.netfilter.netfilter import Netfilter
from emu.netfilter.rule_text import split_saved
from emu.netfilter.table import HOOKS_OF
from emu.netfilter.words import UNKNOWN_RULE

COUNTED = re.compile(r"\[\d+:\d+\] (?=-)|(?<=\S) -c \d+ \d+(?= |$)")  # as iptables-save -c has them, and iptables -S -v
TABLE = re.compile(r"^\*(\S+)", re.MULTILINE)
LISTED = re.compile(r"^-P (\S+) (\w+)\b|^-N (\S+)", re.MULTILINE)
LINE = re.compile(r"(?:at line:|line) (\d+)")
STARTS = {"-s", "-d", "-i", "-o", "-p", "-f", "-m", "-j", "-g"}


def decide(file: File) -> bool:
    """Whether there is a rule or a policy in it that does anything."""
    return re.search(r"^(\[\d+:\d+\] )?-A |^:\S+ DROP |^-P \S+ DROP", file.text, re.MULTILINE) is not None


def tables(file: File) -> set[str]:
    """Raises Foreign for what is no text of iptables."""
    return set(TABLE.findall(file.text)) or ({_listed_table(file)} if file.text.strip() else set())


def carried(file: File, facts: Facts) -> str:
    """The text to restore; a remark for each line that is not as it was."""
    lines = list(_lines(file, facts))
    while True:
        text = "\n".join(line for _, line in lines) + "\n"
        try:
            Netfilter(Engine(), "import").restore(text)
        except EmuError as error:
            at = LINE.search(str(error))
            number = min(int(at[1]) if at is not None else len(lines), len(lines))
            source, line = lines[number - 1] if number else (1, "")
            if not line:
                raise EmuError(f"{file.at(source)}: is no text of iptables-save: {reason(error)}") from None
            words = line.split()
            stands_in = words[0] == "-A" and len(words) > 1 and UNKNOWN_RULE not in line
            lines[number - 1] = source, f"-A {words[1]} {stand_in(line)}" if stands_in else ""
            if UNKNOWN_RULE not in line:
                facts.remark(file.at(source), f"{reason(error)}: {line}")
        else:
            return "\n".join(line for _, line in lines if line) + "\n"


def _lines(file: File, facts: Facts) -> Iterator[tuple[int, str]]:
    """Each line that counts, with its number in the file. Raises Foreign."""
    table, number = "", 0
    if TABLE.search(file.text) is None:
        table = _listed_table(file)
        facts.remark(file.at(), f"is what `iptables -S` prints: taken for the table {table}; no file tells of the others")
        yield 1, f"*{table}"
    for number, raw in enumerate(file.text.splitlines(), 1):
        line = COUNTED.sub("", raw.strip())
        if line.startswith("# Warning"):
            facts.remark(file.at(number), f"these rules are not in this file: {line.removeprefix('# Warning: ')}")
        if not line or line.startswith("#"):
            continue
        if line.startswith("*"):
            table = line[1:]
            if table not in HOOKS_OF:
                facts.remark(file.at(number), f"the table '{table}' is not modelled, with all its rules")
        if table and table not in HOOKS_OF:
            continue
        if chain := LISTED.match(line):
            yield number, f":{chain[1] or chain[3]} {chain[2] or '-'} [0:0]"
        else:
            yield number, _rule(line, table, file, number, facts) if line.startswith("-") else re.sub(r" \[\d+:\d+\]$", " [0:0]", line)
    if table in HOOKS_OF and file.text.rstrip().splitlines()[-1].strip().startswith((":", "-", "*", "[")):
        if TABLE.search(file.text) is not None:
            facts.remark(file.at(number), "is cut short: COMMIT is missing")
        yield number, "COMMIT"


def _listed_table(file: File) -> str:
    """`iptables -S` does not name it: its base chains do. Raises Foreign for what is no such listing."""
    for number, line in enumerate(file.text.splitlines(), 1):
        if line.strip() and not re.match(r"-[PNA] |#", line):
            raise Foreign(file.at(number), f"is not a line of `iptables-save`: {line.strip()[:60]!r}")
    found = [chain[1] for chain in LISTED.finditer(file.text) if chain[1]]
    chains = set(found)
    if len(found) > len(chains):
        raise Foreign(file.at(), "has several of iptables' tables and does not say which; a file for each is wanted, or `iptables-save`")
    return next((table for table, hooks in HOOKS_OF.items() if chains == {hook.name for hook in hooks}), "filter")


def _rule(line: str, table: str, file: File, number: int, facts: Facts) -> str:
    """The rule, or what stands in for it."""
    wrong = refusal(table, line)
    if wrong is None:
        return line
    facts.remark(file.at(number), f"{wrong}: {line}")
    try:
        words = split_saved(line)
    except EmuError:
        return ""
    if len(words) < 2:
        return ""
    begin, kept, protocol = f"-A {words[1]}", [], ""
    for group in _groups(words[2:]):
        text = " ".join(group)
        if group[0] not in ("-j", "-g") and refusal(table, f"{begin} {protocol} {text}") is None:
            kept.append(text)
            protocol = text if "-p" in group[:2] else protocol
    return f"{begin} {stand_in(line, *kept)}"


def _groups(words: list[str]) -> list[list[str]]:
    """Each option of a rule with its values; a match with its options."""
    groups: list[list[str]] = []
    for at, word in enumerate(words):
        negated = word == "!" and words[at + 1 : at + 2] and words[at + 1] in STARTS
        if negated or (word in STARTS and not (at and words[at - 1] == "!")) or not groups:
            groups.append([])
        groups[-1].append(word)
    return groups
