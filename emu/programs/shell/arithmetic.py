"""`$((…))`: integers with C's operators (POSIX sh §2.6.4). Not modelled: assignments, `?:`, `++`."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

_NAME = re.compile(r"\$?\b([A-Za-z_]\w*)\b")
_WORDS = (("&&", " and "), ("||", " or "))
_NOT = re.compile(r"!(?!=)")


def _divide(left: int, right: int) -> int:
    """Towards zero, as C does."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


BINARY: dict[type, Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: _divide,
    ast.Mod: lambda left, right: left - right * _divide(left, right), ast.LShift: operator.lshift, ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
}  # fmt: skip
COMPARISONS: dict[type, Callable[[int, int], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


def evaluate(expression: str, variable: Callable[[str], str]) -> int:
    """Raises ValueError for what is not an expression or is not modelled, ZeroDivisionError."""

    def value(match: re.Match[str]) -> str:
        text = variable(match[1]).strip() or "0"
        return f"({int(text, 0)})"

    text = " ".join(_NAME.sub(value, expression).split()) or "0"
    for symbol, word in _WORDS:
        text = text.replace(symbol, word)
    try:
        tree = ast.parse(_NOT.sub(" not ", text).strip(), mode="eval")
    except (SyntaxError, MemoryError, RecursionError):
        raise ValueError(expression) from None
    return _value(tree.body)


def _value(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.UnaryOp):
        operand = _value(node.operand)
        if isinstance(node.op, ast.Not):
            return int(not operand)
        return ~operand if isinstance(node.op, ast.Invert) else -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BoolOp):
        values = [bool(_value(each)) for each in node.values]
        return int(all(values) if isinstance(node.op, ast.And) else any(values))
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, (ast.LShift, ast.RShift)) and not 0 <= right < 64:
            raise ValueError("shift")
        return _wrapped(BINARY[type(node.op)](left, right))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        return int(COMPARISONS[type(node.ops[0])](_value(node.left), _value(node.comparators[0])))
    raise ValueError(ast.dump(node))


def _wrapped(number: int) -> int:
    """64 bits, with a sign."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)
