"""The words of an ip command line, and what all objects need: the namespace, the options, JSON, iproute2's and rtnetlink's errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from emu.netdev.device import NetDevice
from emu.packet.address import Ip, Mac, ip, mac, prefix
from emu.process import Process, UsageError
from emu.programs.libc.namespaces import by_name

if TYPE_CHECKING:
    from emu.netns.namespace import Netns

Action = Callable[["Context", "Words"], int]


class Words:
    """A cursor over arguments."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._words)

    def peek(self) -> str:
        return self._words[self._at] if self else ""

    def next(self) -> str:
        """Raises UsageError at the end."""
        if not self:
            raise UsageError('Command line is not complete. Try option "help"', 255)
        self._at += 1
        return self._words[self._at - 1]

    def rest(self) -> list[str]:
        return self._words[self._at :]

    def take(self, *names: str) -> bool:
        """Step over the next word if it is one of `names`."""
        if self.peek() in names:
            self._at += 1
            return True
        return False


class Context:
    """One run of ip."""

    def __init__(self, process: Process, netns: Netns, *, busybox: bool) -> None:
        self.process = process
        self.netns = netns
        self.busybox = busybox
        self.options: set[str] = set()

    @property
    def json(self) -> bool:
        return "json" in self.options

    @property
    def oneline(self) -> bool:
        return "oneline" in self.options

    @property
    def brief(self) -> bool:
        return "brief" in self.options

    def refuse_options(self, *names: str) -> None:
        """Raises UsageError if one of these options was given."""
        for name in names:
            if name in self.options:
                raise UsageError(f"ip: '-{name}' is not modelled here", 255)

    def enter(self, name: str) -> None:
        """-n: a named namespace of the host."""
        netns = by_name(self.process.place, name)
        if netns is None:
            raise UsageError(f'Cannot open network namespace "{name}": No such file or directory', 255)
        self.netns = netns

    def print_json(self, value: list[dict[str, Any]]) -> None:
        self.process.print(_pretty(value, 0) if "pretty" in self.options else json.dumps(value, separators=(",", ":")))

    def print_lines(self, lines: Iterable[str]) -> None:
        """What belongs together: on lines of its own, or with -o on one."""
        self.process.print(("\\" if self.oneline else "\n").join(lines))

    def device(self, name: str) -> NetDevice:
        """Of a command that changes something. Raises UsageError."""
        if name not in self.netns.devices:
            raise UsageError(f'Cannot find device "{name}"', 1)
        return self.netns.devices[name]


def _pretty(value: Any, depth: int) -> str:
    """JSON as iproute2's json_writer lays it out."""
    if isinstance(value, dict):
        inner = ",\n".join(f"{'    ' * (depth + 1)}{json.dumps(key)}: {_pretty(item, depth + 1)}" for key, item in value.items())
        return f"{{\n{inner}\n{'    ' * depth}}}"
    if isinstance(value, list):
        return f"[ {','.join(_pretty(item, depth + 1) for item in value)} ]" if value else "[ ]"
    return json.dumps(value)


def dispatch(context: Context, words: Words, title: str, actions: Mapping[str, Action | None], default: str) -> int:
    """Run the action whose name begins with the next word; None: known to ip, not modelled."""
    word = words.next() if words else default
    name = next((name for name in actions if name.startswith(word)), None)
    if name is None:
        raise UsageError(f'Command "{word}" is unknown, try "ip {title} help".', 255)
    action = actions[name]
    if action is None:
        raise UsageError(f"ip: '{title} {name}' is not modelled", 255)
    if name not in READING and not context.process.place.net_admin:
        raise _not_permitted(context, words, name, title)
    return action(context, words)


READING = frozenset({"show", "lst", "list", "get", "help", "save", "showdump"})
# What busybox's `ip link set` asks the kernel for, in its order.
IOCTLS = {"name": "SIOCSIFNAME", "txqueuelen": "SIOCSIFTXQLEN", "qlen": "SIOCSIFTXQLEN", "mtu": "SIOCSIFMTU", "address": "SIOCSIFHWADDR"}


def _not_permitted(context: Context, words: Words, action: str, title: str) -> UsageError:
    """Without CAP_NET_ADMIN, which containers do not have by themselves."""
    denied = "Operation not permitted"
    if action == "flush":
        text = "ip: can't send flush request" if context.busybox else "Failed to send flush request"
        return UsageError(f"{text}: {denied}", 1 if context.busybox or title == "neighbour" else 255)
    if not context.busybox:
        return answers(denied)
    rest = words.rest()
    if (title, action) != ("link", "set") or {"master", "nomaster", "netns"} & set(rest):
        return UsageError(f"ip: RTNETLINK answers: {denied}", 2)
    ioctl = next((ioctl for word, ioctl in IOCTLS.items() if word in rest), "SIOCSIFFLAGS")
    return UsageError(f"ip: {ioctl}: {denied}", 2)


def answers(text: str) -> UsageError:
    """What the kernel refuses."""
    return UsageError(f"RTNETLINK answers: {text}", 2)


def extended(text: str) -> UsageError:
    """What the kernel refuses with a reason (extended acknowledgement)."""
    return UsageError(f"Error: {text}", 2)


def invalid(value: str, why: str) -> UsageError:
    return UsageError(f'Error: argument "{value}" is wrong: {why}\n', 255)


def garbage(word: str) -> UsageError:
    return UsageError(f'Error: either "dev" is duplicate, or "{word}" is a garbage.', 255)


def not_modelled(what: str) -> UsageError:
    return UsageError(f"ip: '{what}' is not modelled", 255)


def integer(text: str, why: str, low: int = 0, high: int = 2**32 - 1) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise invalid(text, why)
    return int(text)


def parse_prefix(text: str) -> tuple[Ip, int]:
    """An address with or without length; `default` is 0.0.0.0/0. Raises UsageError."""
    if text in {"default", "any", "all"}:
        return ip("0.0.0.0"), 0
    head, slash, length = text.partition("/")
    if head.isdigit() or (head.count(".") < 3 and all(part.isdigit() for part in head.split("."))):  # 10/8 is 10.0.0.0/8
        text = head + ".0" * (3 - head.count(".")) + (f"/{length}" if slash else "")
    try:
        return prefix(text)
    except ValueError:
        if ":" in text:
            raise UsageError("ip: IPv6 is not modelled", 255) from None
        raise UsageError(f'Error: any valid prefix is expected rather than "{text}".', 1) from None


def parse_ip(text: str, what: str = "inet address") -> Ip:
    try:
        return ip(text)
    except ValueError:
        raise UsageError(f'Error: {what} is expected rather than "{text}".', 1) from None


def parse_mac(text: str) -> Mac:
    try:
        return mac(text)
    except ValueError:
        raise UsageError(f'"{text}" is invalid lladdr.', 1) from None
