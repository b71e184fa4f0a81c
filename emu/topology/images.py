"""What the network notices of well-known images: the ports they EXPOSE, and a small server on those that speak HTTP.

Source: the images' Dockerfiles on Docker Hub. An image without a command idles and answers on the ports it exposes. Not modelled: what
the real servers say (but for a front page), and differences between tags.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from emu.topology.spec import Exposed, ImageSpec
from emu.topology.values import exposed, words

if TYPE_CHECKING:
    from collections.abc import Mapping

NGINX_PAGE = "<h1>Welcome to nginx!</h1>\n"
APACHE_PAGE = "<html><body><h1>It works!</h1></body></html>\n"

# image: ports, web root of a front page, the page
_WEB = {
    "nginx": ("80", "/usr/share/nginx/html", NGINX_PAGE),
    "httpd": ("80", "/usr/local/apache2/htdocs", APACHE_PAGE),
    "caddy": ("80 443 443/udp 2019", "/usr/share/caddy", "<h1>Caddy works!</h1>\n"),
    "tomcat": ("8080", "/usr/local/tomcat/webapps/ROOT", "<h1>Apache Tomcat</h1>\n"),
    "jetty": ("8080", "/var/lib/jetty/webapps/root", "<h1>Jetty</h1>\n"),
    "wordpress": ("80", "/var/www/html", "<h1>WordPress</h1>\n"),
    "drupal": ("80", "/var/www/html", "<h1>Drupal</h1>\n"),
    "joomla": ("80", "/var/www/html", "<h1>Joomla</h1>\n"),
    "nextcloud": ("80", "/var/www/html", "<h1>Nextcloud</h1>\n"),
    "phpmyadmin": ("80", "/var/www/html", "<h1>phpMyAdmin</h1>\n"),
    "adminer": ("8080", "/var/www/html", "<h1>Adminer</h1>\n"),
    "ghost": ("2368", "/var/lib/ghost/content", "<h1>Ghost</h1>\n"),
    "traefik": ("80", "/var/www", "404 page not found\n"),
    "traefik/whoami": ("80", "/var/www", "Hostname: whoami\n"),
    "grafana/grafana": ("3000", "/usr/share/grafana/public", "<h1>Grafana</h1>\n"),
    "prom/prometheus": ("9090", "/prometheus", "<h1>Prometheus</h1>\n"),
    "registry": ("5000", "/var/lib/registry", "{}\n"),
    "elasticsearch": ("9200 9300", "/usr/share/elasticsearch/data", '{"tagline":"You Know, for Search"}\n'),
    "kibana": ("5601", "/usr/share/kibana", "<h1>Kibana</h1>\n"),
    "couchdb": ("5984 4369 9100", "/opt/couchdb/data", '{"couchdb":"Welcome"}\n'),
    "influxdb": ("8086", "/var/lib/influxdb", "{}\n"),
    "solr": ("8983", "/var/solr", "<h1>Solr</h1>\n"),
}

# instead of busybox's httpd
_COMMANDS = {"nginx": ("nginx", "-g", "daemon off;")}

# image: ports of a server that is there, but speaks no HTTP
_OTHER = {
    "mysql": "3306 33060",
    "mariadb": "3306",
    "postgres": "5432",
    "redis": "6379",
    "valkey/valkey": "6379",
    "mongo": "27017",
    "memcached": "11211",
    "rabbitmq": "4369 5671 5672 15691 15692 25672",
    "zookeeper": "2181 2888 3888 8080",
    "cassandra": "7000 7001 7199 9042 9160",
    "nats": "4222 6222 8222",
    "eclipse-mosquitto": "1883",
    "consul": "8300 8301 8301/udp 8302 8302/udp 8500 8600 8600/udp",
    "vault": "8200",
    "neo4j": "7473 7474 7687",
    "quay.io/coreos/etcd": "2379 2380",
}

_IDLE = [
    "alpine", "busybox", "debian", "ubuntu", "centos", "fedora", "rockylinux", "almalinux", "amazonlinux", "archlinux", "python",
    "node", "golang", "rust", "ruby", "php", "perl", "openjdk", "eclipse-temurin", "bash", "buildpack-deps", "nicolaka/netshoot",
    "curlimages/curl", "haproxy",
]  # fmt: skip


@cache
def well_known() -> dict[str, ImageSpec]:
    """All of them, by name without a tag."""
    web = {name: _web(name, ports, root, page) for name, (ports, root, page) in _WEB.items()}
    other = {name: ImageSpec(name=name, expose=_exposed(ports)) for name, ports in _OTHER.items()}
    return web | other | {name: ImageSpec(name=name) for name in _IDLE}


def _exposed(ports: str) -> tuple[Exposed, ...]:
    return tuple(each for port in ports.split() for each in exposed(port))


def _web(name: str, ports: str, root: str, page: str) -> ImageSpec:
    command = _COMMANDS.get(name) or words(f"httpd -f -p {ports.partition(' ')[0]} -h {root}")
    return ImageSpec(name=name, expose=_exposed(ports), command=command, files={f"{root}/index.html": page})


def find_image(reference: str, declared: Mapping[str, ImageSpec]) -> ImageSpec:
    """What an image reference stands for: the file's own, a well-known one, or an unknown one (`known` is False)."""
    name = repository(reference)
    for key in (reference, name):
        if key in declared:
            return declared[key]
    known = well_known().get(name)
    return known if known is not None else ImageSpec(name=reference, known=False)


def repository(reference: str) -> str:
    """`nginx` of `docker.io/library/nginx:1.25@sha256:…`: without tag and digest, and without what Docker adds to a short name."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    name = head + slash + last.partition(":")[0]
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        name = name.removeprefix(prefix)
    return name
