"""Whatever is wrong with a file is said in one clear message, and nothing else happens."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.errors import TopologyError
from emu.topology.loader import load_topology

from .bad_files import BASE, COMPOSE, SPOILT


def problems(tmp_path, text, name="lab.yaml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(TopologyError) as caught:
        load_topology(path)
    return [line.removeprefix(f"{path}:").strip().replace(str(tmp_path), "FOLDER") for line in caught.value.problems]


def test_the_file_that_the_others_spoil_is_good(tmp_path):
    (tmp_path / "lab.yaml").write_text(BASE)
    assert list(load_topology(tmp_path / "lab.yaml").hosts) == ["docker1", "client"]


@pytest.mark.parametrize("mistake", SPOILT)
def test_mistake_is_named_with_its_line(tmp_path, mistake):
    before, after, expected = SPOILT[mistake]
    assert before in BASE
    assert problems(tmp_path, BASE.replace(before, after, 1)) == expected


@pytest.mark.parametrize("mistake", COMPOSE)
def test_mistake_in_a_compose_file_is_named_with_its_line(tmp_path, mistake):
    text, expected = COMPOSE[mistake]
    assert problems(tmp_path, text, "docker-compose.yml") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: is empty"),
        ("# only a comment\n", "1: is empty"),
        ("null", "1: is empty"),
        ("just words", "1: must be a mapping with 'hosts', or a compose file, not text"),
        ("- a", "1: must be a mapping with 'hosts', or a compose file, not a list"),
        ("{}", "1: the key 'hosts' is missing"),
        ("hosts: {}", "1: hosts: has no host"),
        ("hosts:\n\ta: {}", "2: is not YAML: a tab indents this line; YAML takes spaces only"),
        ("a: b: c", "1: is not YAML: a ':' where none can be; quote text that holds ': '"),
        ("a: [1", "2: is not YAML: did not find expected ',' or ']' (while parsing a flow sequence)"),
        ("a: 1\n---\nb: 2", "2: a second document begins here; a topology is one"),
        ("a: *b", "1: the anchor 'b' is not defined above"),
        ("a: &a [*a]", "1: the anchor 'a' contains itself"),
        ("a: !!python/object:os.system x", "1: the tag 'tag:yaml.org,2002:python/object:os.system' is not allowed"),
        ("[a]: b", "1: a key must be text"),
        ("a: { <<: 3 }", "1: '<<' merges mappings only"),
        ("a: " + "[" * 60 + "]" * 60, "1: is nested deeper than 50 levels"),
        (b"\x7fELF\0\0", "is a binary file"),
        (b"hosts:\n  caf\xe9: {}", "is not UTF-8 text: byte 0xe9 in line 2"),
        ("hosts: \x01", "1: is not YAML: character 1 is not allowed"),
    ],
)
def test_text_that_is_no_topology_is_one_clear_message(tmp_path, text, expected):
    assert problems(tmp_path, text) == [expected]


def test_missing_file_and_folder_are_refused_by_name(tmp_path):
    with pytest.raises(TopologyError, match=r"nothing\.yaml: does not exist"):
        load_topology(tmp_path / "nothing.yaml")
    (tmp_path / "docker-compose.yml").touch()
    with pytest.raises(TopologyError, match=r"is a folder, not a file, did you mean '.*docker-compose\.yml'\?"):
        load_topology(tmp_path)


def test_large_file_is_refused_at_once(tmp_path):
    begin = time.monotonic()
    assert problems(tmp_path, b"- a\n" * 2_500_000) == ["is larger than 4 MB"]
    assert time.monotonic() - begin < 1


def test_anchors_that_explode_are_refused_at_once(tmp_path):
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    begin = time.monotonic()
    assert problems(tmp_path, bomb) == ["9: comes to more than 500,000 values once its aliases are written out"]
    assert time.monotonic() - begin < 1


def test_mistake_in_a_compose_file_of_its_own_names_that_file(tmp_path):
    (tmp_path / "compose.yml").write_text("services:\n  web:\n    imag: nginx\n")
    text = BASE.replace('compose:\n      services:\n        web: { image: nginx, ports: ["8080:80"] }', "compose: compose.yml")
    assert problems(tmp_path, text) == ["FOLDER/compose.yml:3: services.web.imag: unknown key, did you mean 'image'?"]


words = st.sampled_from(
    [
        "lans",
        "hosts",
        "lan",
        "eth0",
        "docker",
        "compose",
        "services",
        "web",
        "image",
        "ports",
        "networks",
        "steps",
        "on",
        "run",
        "expect",
        "at",
        "name",
        "seed",
        "images",
        "programs",
        "limits",
        "time",
        "x-a",
        "22:22",
        "no",
        "~",
        "1.5s",
        "10mbit",
        "1%",
        "192.168.50.0/24",
        "8080:80",
        "${A:-b}",
        "${",
        "$",
        "<<",
        "",
        "&a",
        "*a",
        "!!int",
        "|",
        ">",
        "'",
        '"',
        "-",
        "?",
        ":",
        "#",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\n",
        "\t",
        "default",
        "client$",
    ]
)


@settings(max_examples=300)
@given(st.one_of(st.text(), st.binary().map(lambda data: data.decode("latin-1")), st.lists(words).map(" ".join)))
def test_any_text_is_loaded_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with suppress(TopologyError):
        load_topology(path)


scalars = st.one_of(words, st.integers(), st.booleans(), st.none(), st.text(max_size=8))
trees = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=4)), max_leaves=12
)


@settings(max_examples=300)
@given(
    trees,
    st.sampled_from(["lans", "hosts", "images", "steps", "programs", "limits", "hosts.h", "hosts.h.docker", "hosts.h.compose", "services"]),
)
def test_any_value_under_any_key_is_loaded_or_refused(tmp_path_factory, tree, place):
    import yaml

    for key in reversed(place.split(".")):
        tree = {key: tree}
    path = tmp_path_factory.getbasetemp() / "tree.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    with suppress(TopologyError):
        load_topology(path)


def test_very_many_mistakes_are_cut_short_at_once(tmp_path):
    text = BASE + "".join(f"  - nowhere{n}$ ls\n" for n in range(20_000))
    begin = time.monotonic()
    found = problems(tmp_path, text)
    assert (len(found), found[-1]) == (101, "and 19900 more")
    assert time.monotonic() - begin < 5
