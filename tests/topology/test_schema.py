"""The published JSON Schema is that of the loader's tables, and the topologies that come with emu keep to it."""

import json
from pathlib import Path

import pytest

from emu.topology import schema
from emu.topology.document import ListNode, Report, ScalarNode, parse
from emu.topology.loader import load_topology

TOPOLOGIES = sorted(Path(__file__).parents[2].joinpath("topologies").rglob("*.y*ml"))


def plain(node):
    """As an editor's YAML 1.2 reads it."""
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    if not isinstance(node, ScalarNode):
        return {key: plain(child) for key, child in node.entries.items()}
    if node.null:
        return None
    if node.plain and node.text in ("true", "false"):
        return node.text == "true"
    if node.plain and node.text.isdigit():
        return int(node.text)
    return node.text


def test_published_schema_is_current():
    assert schema.PUBLISHED.read_text() == schema.published_text(), "run `python -m emu.topology.schema`"


@pytest.fixture(scope="module")
def validator():
    jsonschema = pytest.importorskip("jsonschema")
    published = json.loads(schema.PUBLISHED.read_text())
    jsonschema.Draft202012Validator.check_schema(published)
    return jsonschema.Draft202012Validator(published)


@pytest.mark.parametrize("path", TOPOLOGIES, ids=lambda path: path.name)
def test_topology_that_comes_with_emu_loads_and_keeps_to_the_schema(validator, path):
    load_topology(path)
    validator.validate(plain(parse(path.read_text(), str(path), Report())))


@pytest.mark.parametrize("path", TOPOLOGIES, ids=lambda path: path.name)
def test_topology_that_comes_with_emu_opens_with_two_lines_of_comment(path):
    lines = path.read_text().splitlines()
    assert [line.startswith("# ") for line in lines[:3]] == [True, True, False]


@pytest.mark.parametrize(
    "text", ["hosts: { h: { dockr: {} } }", "services: { web: { extends: x } }", "hosts: { 'a/b': {} }", "{}", "steps: []"]
)
def test_schema_refuses_what_the_loader_refuses(validator, text):
    assert not validator.is_valid(plain(parse(text, "x", Report())))
