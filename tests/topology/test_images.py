"""Well-known images are found by all the names that Docker knows them by."""

import pytest

from emu.topology.images import find_image, repository, well_known
from emu.topology.loader import load_topology
from emu.topology.spec import ImageSpec
from emu.topology.spec_compose import Exposed


@pytest.mark.parametrize(
    "reference",
    ["nginx", "nginx:1.25", "docker.io/library/nginx", "library/nginx:latest", "nginx@sha256:0123", "docker.io/nginx:1@sha256:0"],
)
def test_nginx_by_all_its_names(reference):
    image = find_image(reference, {})
    assert (image.name, image.expose, image.command[0], image.known) == ("nginx", (Exposed(80),), "nginx", True)


@pytest.mark.parametrize("reference", ["bitnami/nginx", "registry.example:5000/nginx:1", "ngin"])
def test_image_of_someone_else_is_unknown(reference):
    assert find_image(reference, {}) == ImageSpec(name=reference, known=False)


def test_port_of_a_registry_is_no_tag():
    assert repository("registry.example:5000/a/b:1") == "registry.example:5000/a/b"


def test_the_files_own_images_come_first():
    own = ImageSpec(name="nginx", command=("sleep", "9"))
    assert find_image("nginx:1", {"nginx": own}) is own
    assert find_image("nginx:1", {"nginx:1": own}) is own


def test_every_server_listens_on_a_port_that_its_image_exposes():
    for image in well_known().values():
        if "-p" in image.command:
            assert int(image.command[image.command.index("-p") + 1]) in {each.port for each in image.expose}


def test_unknown_image_is_told_once(tmp_path):
    path = tmp_path / "compose.yml"
    path.write_text("services:\n  a: { image: acme/api, ports: ['80:8080'], expose: [9000] }\n  b: { image: redis }")
    assert load_topology(path).notices == ("image 'acme/api' is not known: 'a' idles and answers on 8080/tcp, 9000/tcp",)
