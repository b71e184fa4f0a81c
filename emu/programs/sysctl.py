"""sysctl(8) of procps 4: show and set. Options: -a -n -N -q -w -e -b -p. A key that is not modelled does not exist.

Not modelled: --system, patterns.
"""

from __future__ import annotations

from emu.netns.sysctl import FixedError
from emu.process import Process, UsageError
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.userland import has_busybox

LONG = {"all": "a", "values": "n", "names": "N", "quiet": "q", "write": "w", "ignore": "e", "binary": "b", "load": "p"}
SWAPPED = str.maketrans("/.", "./")  # net/ipv4/conf/flannel.1/forwarding is net.ipv4.conf.flannel/1.forwarding


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "aAXnNqwebp", LONG)
    if any(letter in options for letter in "aAX"):
        for key in _keys(process):
            _print(process, options, key)
        return 0
    if "p" in options:
        return _load(process, options)
    if not options.words:
        raise UsageError("sysctl: no variables specified\nTry `sysctl --help' for more information.", 1)
    return max(_one(process, options, word) for word in options.words)


def _load(process: Process, options: Options) -> int:
    """Set what files say, /etc/sysctl.conf if none is named."""
    status = 0
    for name in options.words or ["/etc/sysctl.conf"]:
        try:
            text = process.place.files.read(process.path(name))
        except OSError:
            if options.words:
                process.error(f'sysctl: cannot open "{name}": No such file or directory')
                status = 1
            continue
        for line in text.splitlines():
            if line.strip() and line.strip()[0] not in "#;":
                status = max(status, _one(process, options, line))
    return status


def _keys(process: Process) -> list[str]:
    return process.netns.sysctl.keys()


def _one(process: Process, options: Options, word: str) -> int:
    name, equals, value = (part.strip() for part in word.partition("="))
    key = name.translate(SWAPPED) if "/" in name.partition(".")[0] else name
    sysctl = process.netns.sysctl
    if "w" in options and not equals:
        process.error("sysctl: command line(0): invalid syntax, continuing...")
        return 1
    below = [each for each in _keys(process) if each == key or each.startswith(key + ".")]
    if not below or (equals and key not in below):
        if "e" in options:
            return 0
        missing = f"cannot stat /proc/sys/{key.replace('.', '/')}: No such file or directory"
        process.error(f"sysctl: error: '{key}' is an unknown key" if has_busybox(process.place) else f"sysctl: {missing}")
        return 1
    if equals:
        if process.place.files.proc_sys_read_only:
            busybox = has_busybox(process.place)
            text = f"error setting key '{key}': Read-only file system" if busybox else f'permission denied on key "{key}"'
            process.error(f"sysctl: {text}")
            return 1
        try:
            sysctl.set(key, value)
        except FixedError as error:
            process.error(f"sysctl: {error}")
            return 1
        except ValueError:
            process.error(f'sysctl: setting key "{key}": Invalid argument')
            return 1
        if "q" not in options:
            _print(process, options, key, value)
        return 0
    for each in below:
        _print(process, options, each)
    return 0


def _print(process: Process, options: Options, key: str, value: str | None = None) -> None:
    text = process.netns.sysctl.get(key) if value is None else value
    if "b" in options:
        process.print(text, end="")
    else:
        process.print(key if "N" in options else text if "n" in options else f"{key} = {text}")
