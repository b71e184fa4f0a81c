"""The matrix of `emu reach` as a table: a row for each door, a column for each place that tries it, in blocks that fit the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from emu.observe.outcome import meaning
from emu.packet.address import ip_text
from emu.reach import Door, Matrix

Paint = Callable[[str], str]  # a cell's word, coloured
NOT_TRIED = "·"
DOUBTED = "?"  # behind the word of a cell
GAP = "  "


def matrix_text(matrix: Matrix, width: int, paint: Paint = str) -> str:
    """For people: the table, what its words mean, how many there are of each."""
    if not matrix.cells:
        return "nothing to try: one place alone, or none of the others has an address"
    rows = list(dict.fromkeys(cell.door for cell in matrix.cells))
    tried = {cell.origin for cell in matrix.cells}
    columns = [name for name in matrix.names if name in tried]
    found = {(cell.door, cell.origin): cell.outcome + DOUBTED * bool(cell.doubts) for cell in matrix.cells}
    labels = _labels(rows)
    widths = {name: max(len(name), *(len(found.get((door, name), NOT_TRIED)) for door in rows)) for name in columns}
    lines: list[str] = []
    for block in _blocks(columns, widths, width - len(labels[0])):
        lines += [""] if lines else []
        lines.append(GAP.join([labels[0], *(f"{name:{widths[name]}}" for name in block)]).rstrip())
        for label, door in zip(labels[1:], rows, strict=True):
            words = [(found.get((door, name), NOT_TRIED), widths[name]) for name in block]
            lines.append(GAP.join([label, *(_painted(word, paint) + " " * (size - len(word)) for word, size in words)]).rstrip())
    return "\n".join([*lines, "", *_shared(matrix), *_legend(matrix), *_doubts(matrix), *(f"note: {note}" for note in matrix.notes)])


def _painted(word: str, paint: Paint) -> str:
    plain = word.removesuffix(DOUBTED)
    return paint(plain) + word[len(plain) :]


def _labels(rows: Sequence[Door]) -> list[str]:
    """The head's, then one for each row; a place and an address are not said twice in succession."""
    parts = [("to", "at", "from")]
    last = ("", "")
    for door in rows:
        name, address = door.target.name, ip_text(door.target.address)
        same_place = name == last[0]
        parts.append(("" if same_place else name, "" if same_place and address == last[1] else address, _service(door)))
        last = name, address
    sizes = [max(map(len, column)) for column in zip(*parts, strict=True)]
    labels = [GAP.join(f"{text:{size}}" for text, size in zip(row, sizes, strict=True)) for row in parts]
    return [labels[0][: len(labels[0]) - sizes[2]] + f"{'from':>{sizes[2]}}", *labels[1:]]


def _service(door: Door) -> str:
    """`8080 → docker1/web:80`; a port that is exposed and nobody serves is told as such."""
    if door.why.startswith("published for "):
        return f"{door.service} → {door.why.removeprefix('published for ')}"
    return f"{door.service} (exposed)" if door.why == "exposed" else door.service


def _blocks(names: Iterable[str], widths: dict[str, int], room: int) -> list[list[str]]:
    blocks: list[list[str]] = []
    left = 0
    for name in names:
        need = len(GAP) + widths[name]
        if not blocks or need > left:
            blocks.append([])
            left = room
        blocks[-1].append(name)
        left -= need
    return blocks


def _shared(matrix: Matrix) -> list[str]:
    return [f"{name}: also {', '.join(others)}, in the same network namespace" for name, (_, *others) in matrix.names.items() if others]


def _legend(matrix: Matrix) -> list[str]:
    counts = Counter(cell.outcome for cell in matrix.cells)
    size = max(map(len, counts))
    lines = [f"{count:5} {word:{size}}  {meaning(word)}" for word, count in counts.most_common()]
    return [*lines, f"{len(matrix.cells):5} probes"]


def _doubts(matrix: Matrix) -> list[str]:
    counts = Counter(doubt for cell in matrix.cells for doubt in cell.doubts)
    lines = [f"{count:5} {doubt}" for doubt, count in counts.items()]
    return ["", f"{DOUBTED}: what is not modelled was met on the way, by so many probes:", *lines] if lines else []
