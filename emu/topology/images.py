"""What the network notices of well-known images: the ports they EXPOSE, and a small server on those that speak HTTP.

Source: the images' Dockerfiles on Docker Hub. An image without a command idles and answers on the ports it exposes. Not modelled: what
the real servers say (but for a front page), and differences between tags.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from emu.topology.spec import ImageSpec
from emu.topology.spec_compose import Exposed
from emu.topology.values import exposed, words

if TYPE_CHECKING:
    from collections.abc import Mapping

NGINX_PAGE = "<h1>Welcome to nginx!</h1>\n"
HELLO = """
Hello from Docker!
This message shows that your installation appears to be working correctly.

To generate this message, Docker took the following steps:
 1. The Docker client contacted the Docker daemon.
 2. The Docker daemon pulled the "hello-world" image from the Docker Hub.
    (amd64)
 3. The Docker daemon created a new container from that image which runs the
    executable that produces the output you are currently reading.
 4. The Docker daemon streamed that output to the Docker client, which sent it
    to your terminal.

To try something more ambitious, you can run an Ubuntu container with:
 $ docker run -it ubuntu bash

Share images, automate workflows, and more with a free Docker ID:
 https://hub.docker.com/

For more examples and ideas, visit:
 https://docs.docker.com/get-started/
"""
APACHE_PAGE = "<html><body><h1>It works!</h1></body></html>\n"

# image: ports, web root of a front page, the page, the real image's own command line
_WEB = {
    "nginx": ("80", "/usr/share/nginx/html", NGINX_PAGE, "/docker-entrypoint.sh nginx -g 'daemon off;'"),
    "httpd": ("80", "/usr/local/apache2/htdocs", APACHE_PAGE, "httpd-foreground"),
    "caddy": ("80 443 443/udp 2019", "/usr/share/caddy", "<h1>Caddy works!</h1>\n", "caddy run --config /etc/caddy/Caddyfile"),
    "tomcat": ("8080", "/usr/local/tomcat/webapps/ROOT", "<h1>Apache Tomcat</h1>\n", "catalina.sh run"),
    "jetty": ("8080", "/var/lib/jetty/webapps/root", "<h1>Jetty</h1>\n", "/docker-entrypoint.sh java -jar /usr/local/jetty/start.jar"),
    "wordpress": ("80", "/var/www/html", "<h1>WordPress</h1>\n", "docker-entrypoint.sh apache2-foreground"),
    "drupal": ("80", "/var/www/html", "<h1>Drupal</h1>\n", "docker-php-entrypoint apache2-foreground"),
    "joomla": ("80", "/var/www/html", "<h1>Joomla</h1>\n", "/entrypoint.sh apache2-foreground"),
    "nextcloud": ("80", "/var/www/html", "<h1>Nextcloud</h1>\n", "/entrypoint.sh apache2-foreground"),
    "phpmyadmin": ("80", "/var/www/html", "<h1>phpMyAdmin</h1>\n", "/docker-entrypoint.sh apache2-foreground"),
    "adminer": ("8080", "/var/www/html", "<h1>Adminer</h1>\n", "entrypoint.sh php -S [::]:8080 -t /var/www/html"),
    "ghost": ("2368", "/var/lib/ghost/content", "<h1>Ghost</h1>\n", "docker-entrypoint.sh node current/index.js"),
    "traefik": ("80", "/var/www", "404 page not found\n", "/entrypoint.sh traefik"),
    "traefik/whoami": ("80", "/var/www", "Hostname: whoami\n", "/whoami"),
    "grafana/grafana": ("3000", "/usr/share/grafana/public", "<h1>Grafana</h1>\n", "/run.sh"),
    "prom/prometheus": ("9090", "/prometheus", "<h1>Prometheus</h1>\n", "/bin/prometheus --config.file=/etc/prometheus/prometheus.yml"),
    "registry": ("5000", "/var/lib/registry", "{}\n", "/entrypoint.sh /etc/docker/registry/config.yml"),
    "elasticsearch": (
        "9200 9300", "/usr/share/elasticsearch/data", '{"tagline":"You Know, for Search"}\n',
        "/bin/tini -- /usr/local/bin/docker-entrypoint.sh eswrapper",
    ),
    "kibana": ("5601", "/usr/share/kibana", "<h1>Kibana</h1>\n", "/bin/tini -- /usr/local/bin/kibana-docker"),
    "couchdb": ("5984 4369 9100", "/opt/couchdb/data", '{"couchdb":"Welcome"}\n', "tini -- /docker-entrypoint.sh /opt/couchdb/bin/couchdb"),
    "influxdb": ("8086", "/var/lib/influxdb", "{}\n", "/entrypoint.sh influxd"),
    "solr": ("8983", "/var/solr", "<h1>Solr</h1>\n", "docker-entrypoint.sh solr-foreground"),
}  # fmt: skip

# instead of busybox's httpd
_COMMANDS = {"nginx": ("nginx", "-g", "daemon off;")}

# image: ports of a server that is there, but speaks no HTTP; the real image's own command line
_OTHER = {
    "mysql": ("3306 33060", "docker-entrypoint.sh mysqld"),
    "mariadb": ("3306", "docker-entrypoint.sh mariadbd"),
    "postgres": ("5432", "docker-entrypoint.sh postgres"),
    "redis": ("6379", "docker-entrypoint.sh redis-server"),
    "valkey/valkey": ("6379", "docker-entrypoint.sh valkey-server"),
    "mongo": ("27017", "docker-entrypoint.sh mongod"),
    "memcached": ("11211", "docker-entrypoint.sh memcached"),
    "rabbitmq": ("4369 5671 5672 15691 15692 25672", "docker-entrypoint.sh rabbitmq-server"),
    "zookeeper": ("2181 2888 3888 8080", "/docker-entrypoint.sh zkServer.sh start-foreground"),
    "cassandra": ("7000 7001 7199 9042 9160", "docker-entrypoint.sh cassandra -f"),
    "nats": ("4222 6222 8222", "/nats-server --config nats-server.conf"),
    "eclipse-mosquitto": ("1883", "/docker-entrypoint.sh /usr/sbin/mosquitto -c /mosquitto/config/mosquitto.conf"),
    "consul": ("8300 8301 8301/udp 8302 8302/udp 8500 8600 8600/udp", "docker-entrypoint.sh agent -dev -client 0.0.0.0"),
    "vault": ("8200", "docker-entrypoint.sh server -dev"),
    "neo4j": ("7473 7474 7687", "tini -g -- /startup/docker-entrypoint.sh neo4j"),
    "quay.io/coreos/etcd": ("2379 2380", "/usr/local/bin/etcd"),
}

# image: what it runs if it is told nothing: a shell, which ends at once when it has no terminal and no input
_SHELLS = {
    "alpine": "/bin/sh", "busybox": "sh", "debian": "bash", "ubuntu": "/bin/bash", "centos": "/bin/bash", "fedora": "/bin/bash",
    "rockylinux": "/bin/bash", "almalinux": "/bin/bash", "amazonlinux": "/bin/bash", "archlinux": "/usr/bin/bash", "golang": "bash",
    "rust": "bash", "bash": "bash", "buildpack-deps": "bash",
}  # fmt: skip

# image: the program of another kind that it runs, which idles here
_IDLE = {
    "python": "python3", "node": "docker-entrypoint.sh node", "ruby": "irb", "php": "docker-php-entrypoint php -a", "perl": "perl -de0",
    "openjdk": "jshell", "eclipse-temurin": "jshell", "nicolaka/netshoot": "zsh", "curlimages/curl": "/entrypoint.sh curl",
    "haproxy": "docker-entrypoint.sh haproxy -f /usr/local/etc/haproxy/haproxy.cfg",
}  # fmt: skip


@cache
def well_known() -> dict[str, ImageSpec]:
    """All of them, by name without a tag."""
    web = {name: _web(name, ports, root, page, shown) for name, (ports, root, page, shown) in _WEB.items()}
    other = {name: ImageSpec(name=name, expose=_exposed(ports), shown=words(shown)) for name, (ports, shown) in _OTHER.items()}
    shells = {name: ImageSpec(name=name, command=(shell,)) for name, shell in _SHELLS.items()}
    hello = ImageSpec(name="hello-world", command=("echo", HELLO), shown=("/hello",))
    return web | other | shells | {hello.name: hello} | {name: ImageSpec(name=name, shown=words(shown)) for name, shown in _IDLE.items()}


def _exposed(ports: str) -> tuple[Exposed, ...]:
    return tuple(each for port in ports.split() for each in exposed(port))


def _web(name: str, ports: str, root: str, page: str, shown: str) -> ImageSpec:
    command = _COMMANDS.get(name) or words(f"httpd -f -p {ports.partition(' ')[0]} -h {root}")
    return ImageSpec(name=name, expose=_exposed(ports), command=command, files={f"{root}/index.html": page}, shown=words(shown))


def find_image(reference: str, declared: Mapping[str, ImageSpec]) -> ImageSpec:
    """What an image reference stands for: the file's own, a well-known one, or an unknown one (`known` is False)."""
    name = repository(reference)
    for key in (reference, name):
        if key in declared:
            return _built(key, declared)
    known = well_known().get(name)
    return known if known is not None else ImageSpec(name=reference, known=False)


def _built(name: str, declared: Mapping[str, ImageSpec]) -> ImageSpec:
    """With what its Dockerfile says, and the images that this one begins from; the topology's own words come first."""
    spec = declared[name]
    if spec.dockerfile is None:
        return spec
    others = {key: other for key, other in declared.items() if key != name}
    base = ImageSpec(name="scratch") if spec.dockerfile.base == "scratch" else find_image(spec.dockerfile.base, others)
    built = spec.dockerfile.image(spec.name, base)
    return replace(
        built,
        expose=tuple(dict.fromkeys((*built.expose, *spec.expose))),
        command=spec.command or built.command,
        files={**built.files, **spec.files},
        source=spec.source,
    )


def repository(reference: str) -> str:
    """`nginx` of `docker.io/library/nginx:1.25@sha256:…`: without tag and digest, and without what Docker adds to a short name."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    name = head + slash + last.partition(":")[0]
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        name = name.removeprefix(prefix)
    return name
