"""Whatever is in the files: a topology that loads, or words about it; never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emu.errors import EmuError
from emu.importer.assemble import import_host
from tests.importer.folders import REAL, RECORDED, folder

NAMES = (
    "host.iptables-save", "host.ip-addr", "host.ip-route", "host.ip-neigh", "host.bridge-fdb", "host.sysctl", "host.ss-lntu",
    "host.ip-rule", "host.ip-link-detail", "docker-network-inspect.json", "docker-inspect-box.json", "docker-inspect-web.json",
    "box.ss-lntu", "box.ip-addr",
)  # fmt: skip
DOCKER = {name: (RECORDED / "multi-homed" / "state" / name) for name in NAMES}
HOST = {
    name: path.read_text()
    for name, path in {**DOCKER, "docker-inspect-web.json": RECORDED / "publish-ip-bind" / "state" / "docker-inspect-web.json"}.items()
    if path.exists()
}
NO_DOCKER = {
    path.name: path.read_text()
    for name in ("policy-routing", "nft-rule-in-iptables-table")
    for path in sorted((Path(__file__).parent / "hosts" / name / "dump").iterdir())
}
JSON = {path.name: path.read_text() for path in sorted((REAL / "json").iterdir())}
ODD = ["", "\0", "-1", "999999", "10.0.0.300", "10.0.0.1/99", "fe80::1", "*", "'", '"', "$(x)", "ü", "null", "{}", "[]", "a" * 300, "\t"]


def try_to_import(files: dict[str, str]) -> None:
    with TemporaryDirectory() as path:
        try:
            result = import_host(folder(Path(path) / "files", files))
        except EmuError:
            return
        assert result.text


@st.composite
def broken_texts(draw: st.DrawFn) -> dict[str, str]:
    """Files of a host with words of one of them replaced, lines taken out or doubled, or the end cut off."""
    files = dict(draw(st.sampled_from([HOST, JSON, NO_DOCKER])))
    name = draw(st.sampled_from(sorted(files)))
    text = files[name]
    for _ in range(draw(st.integers(1, 3))):
        lines = text.splitlines(keepends=True) or [""]
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["word", "line", "double", "cut", "bytes"]))
        if how == "word":
            words = lines[at].split(" ")
            words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(ODD))
            lines[at] = " ".join(words)
        elif how == "line":
            del lines[at]
        elif how == "double":
            lines.insert(at, lines[at])
        elif how == "cut":
            lines = lines[:at]
        else:
            middle = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:middle] + draw(st.text(max_size=8)) + lines[at][middle + 1 :]
        text = "".join(lines)
    files[name] = text
    return files


def places(value: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The paths of all values in a JSON document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, each in inner for path in places(each, (*at, key)))]


@st.composite
def broken_json(draw: st.DrawFn) -> dict[str, str]:
    """JSON that parses, with something else in one place."""
    files = dict(draw(st.sampled_from([HOST, JSON])))
    name = draw(st.sampled_from(sorted(each for each in files if each.endswith(".json"))))
    document = json.loads(files[name])
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(places(document)[1:] or [()]))
        if not path:
            break
        where = document
        for key in path[:-1]:
            where = where[key]  # type: ignore[index]
        odd = st.sampled_from([None, 7, -1, 1.5, True, [], {}, ["x"], {"x": "y"}, *ODD])
        where[path[-1]] = draw(odd)  # type: ignore[index]
    files[name] = json.dumps(document, indent=1)
    return files


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(broken_texts())
def test_a_broken_text_is_imported_or_refused_in_words(files):
    try_to_import(files)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(broken_json())
def test_broken_json_is_imported_or_refused_in_words(files):
    try_to_import(files)
