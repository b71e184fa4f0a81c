"""Files that are wrong, and what must be said of each: line number, then the message. `BASE` is a good file to spoil."""
# ruff: noqa: E501 - a table

BASE = """\
lans:
  lan: { subnet: 192.168.50.0/24 }
hosts:
  docker1:
    interfaces:
      eth0: { lan: lan, address: 192.168.50.10/24 }
    docker: {}
    compose:
      services:
        web: { image: nginx, ports: ["8080:80"] }
  client:
    interfaces:
      eth0: { lan: lan, address: 192.168.50.20/24 }
steps:
  - client$ ping -c 1 192.168.50.10
"""

# name of the mistake: (what of BASE, becomes what, the lines of the message)
SPOILT: dict[str, tuple[str, str, list[str]]] = {
    "unknown key": ("docker: {}", "dockr: {}", ["7: hosts.docker1.dockr: unknown key, did you mean 'docker'?"]),
    "unknown key, nothing near": (
        "subnet: 192.168.50.0/24",
        "subnet: 192.168.50.0/24, zz: 1",
        ["2: lans.lan.zz: unknown key; known: delay, loss, mtu, queue, rate, subnet"],
    ),
    "unknown sysctl": (
        "docker: {}",
        "sysctls: { net.ipv4.ip_forwrd: 1 }",
        ["7: hosts.docker1.sysctls.net.ipv4.ip_forwrd: unknown sysctl, or not modelled, did you mean 'net.ipv4.ip_forward'?"],
    ),
    "sysctl that is no number": ("docker: {}", "sysctls: { net.ipv4.ip_forward: on! }", ["7: hosts.docker1.sysctls.net.ipv4.ip_forward: 'on!' is not a value for it, such as '0'"]),
    "rule with a match that is not modelled": (
        "docker: {}",
        'iptables: "*filter\\n-A INPUT -m owner --uid-owner 0 -j DROP\\nCOMMIT\\n"',
        [
            "7: hosts.docker1.iptables: iptables-restore v1.8.9 (nf_tables): match 'owner' is not modelled Error occurred at line: 2 Try `iptables-restore -h' or 'iptables-restore --help' for more information."
        ],
    ),
    "unknown LAN": ("eth0: { lan: lan, address: 192.168.50.20/24 }", "eth0: { lan: lam }", ["13: hosts.client.interfaces.eth0.lan: there is no LAN 'lam', did you mean 'lan'?"]),
    "missing key": ("eth0: { lan: lan, address: 192.168.50.20/24 }", "eth0: { address: 192.168.50.20/24 }", ["13: hosts.client.interfaces.eth0: the key 'lan' is missing"]),
    "wrong type": ("docker: {}", "docker: [yes]", ["7: hosts.docker1.docker: must be a mapping, not a list"]),
    "wrong type of a scalar": ("192.168.50.0/24 }", "[1] }", ["2: lans.lan.subnet: must be a subnet, not a list"]),
    "text for a mapping": ("lan: { subnet: 192.168.50.0/24 }", "lan: blue", ["2: lans.lan: must be a mapping, not text"]),
    "steps that are no list": ("  - client$ ping -c 1 192.168.50.10", "  client: ping", ["14: steps: must be a list, not a mapping"]),
    "duplicate key": ("docker: {}", "docker: {}\n    docker: {}", ["8: the key 'docker' is here twice; first in line 7"]),
    "duplicate address": ("192.168.50.20/24", "192.168.50.10/24", ["13: hosts.client.interfaces.eth0.address: 192.168.50.10 is also that of docker1/eth0, on the same LAN"]),
    "duplicate MAC": (
        "address: 192.168.50.20/24 }",
        'address: 192.168.50.20/24, mac: "02:00:00:00:00:01" }\n      eth1: { lan: lan, mac: "02:00:00:00:00:01" }',
        ["14: hosts.client.interfaces.eth1.mac: 02:00:00:00:00:01 is also that of client/eth0, on the same LAN"],
    ),
    "subnets of two LANs that overlap on one host": (
        "hosts:\n  docker1:\n    interfaces:\n",
        "  far: { subnet: 192.168.0.0/16 }\nhosts:\n  docker1:\n    interfaces:\n      eth1: { lan: far, address: 192.168.7.1/16 }\n",
        ["8: hosts.docker1.interfaces.eth0.address: the subnet of 192.168.50.10/24 overlaps with that of 192.168.7.1/16 (eth1, on LAN 'far')"],
    ),
    "address outside its LAN": ("192.168.50.20/24", "192.168.51.20/24", ["13: hosts.client.interfaces.eth0.address: 192.168.51.20/24 is not in 192.168.50.0/24, the subnet of LAN 'lan'"]),
    "address without length": ("192.168.50.20/24", "192.168.50.20", ["13: hosts.client.interfaces.eth0.address: '192.168.50.20' has no prefix length; write it as 192.168.50.20/24, say"]),
    "impossible address": ("192.168.50.20/24", "192.168.50.256/24", ["13: hosts.client.interfaces.eth0.address: '192.168.50.256' is not an IPv4 address"]),
    "impossible length": ("192.168.50.20/24", "192.168.50.20/33", ["13: hosts.client.interfaces.eth0.address: '192.168.50.20/33': '/33' is not a prefix length from 0 to 32"]),
    "broadcast address": ("192.168.50.20/24", "192.168.50.255/24", ["13: hosts.client.interfaces.eth0.address: '192.168.50.255/24' is the broadcast address of its subnet"]),
    "host bits in a subnet": ("192.168.50.0/24", "192.168.50.1/24", ["2: lans.lan.subnet: '192.168.50.1/24' has host bits set; the network is 192.168.50.0/24"]),
    "base-60 MAC": ("192.168.50.20/24 }", "192.168.50.20/24, mac: 1:2:3 }", ["13: hosts.client.interfaces.eth0.mac: '1:2:3' is not a MAC address such as 02:00:00:00:50:10 (quote it)"]),
    "multicast MAC": ("192.168.50.20/24 }", "192.168.50.20/24, mac: 01:00:5e:00:00:01 }", ["13: hosts.client.interfaces.eth0.mac: '01:00:5e:00:00:01' is not a unicast MAC address"]),
    "delay without a unit that is one": ("subnet: 192.168.50.0/24", "delay: 20 parsecs", ["2: lans.lan.delay: '20 parsecs' is not a duration such as 20ms or 1.5s"]),
    "rate in another unit": ("subnet: 192.168.50.0/24", "rate: 10MB", ["2: lans.lan.rate: '10MB' is not a rate such as 10mbit; units: bit, kbit, mbit, gbit, tbit"]),
    "loss over 100 %": ("subnet: 192.168.50.0/24", "loss: 101%", ["2: lans.lan.loss: '101%' is not a percentage such as 1%, from 0% to 100%"]),
    "loss without a sign": ("subnet: 192.168.50.0/24", "loss: 0.1", ["2: lans.lan.loss: '0.1' is not a percentage such as 1%, from 0% to 100%"]),
    "MTU out of range": ("subnet: 192.168.50.0/24", "mtu: 20", ["2: lans.lan.mtu: 20 is not from 68 to 65535"]),
    "base-60 integer": ("subnet: 192.168.50.0/24", "mtu: 22:22", ["2: lans.lan.mtu: '22:22' is not a whole number"]),
    "octal integer": ("subnet: 192.168.50.0/24", "mtu: 01500", ["2: lans.lan.mtu: '01500' is not a whole number"]),
    "boolean that is none": ("docker: {}", "docker: { icc: nope }", ["7: hosts.docker1.docker.icc: 'nope' is neither true nor false"]),
    "daemon.json key that is not modelled": ("docker: {}", "docker: { ipv6: true }", ["7: hosts.docker1.docker.ipv6: is not modelled"]),
    "daemon.json key that does not exist": ("docker: {}", "docker: { userland_proxy: true }", ["7: hosts.docker1.docker.userland_proxy: unknown key, did you mean 'userland-proxy'?"]),
    "fixed-cidr outside": ("docker: {}", "docker: { bip: 10.0.0.1/24, fixed-cidr: 10.0.1.0/25 }", ["7: hosts.docker1.docker.fixed-cidr: 10.0.1.0/25 is not in docker0's subnet, 10.0.0.1/24"]),
    "bip on the LAN": ("docker: {}", "docker: { bip: 192.168.0.1/16 }", ["7: hosts.docker1.docker.bip: 192.168.0.1/16 overlaps with the subnet of eth0"]),
    "name with a slash": ("  client:", "  cli/ent:", [
        "11: hosts: 'cli/ent' is not a name: letters, digits, '_' and '-', at most 63",
        "15: steps[0]: there is no place 'client'; known: docker1, docker1/web",
    ]),
    "interface name too long": ("eth0: { lan: lan, address: 192.168.50.20/24 }", "ethernet-number-0: { lan: lan }", ["13: hosts.client.interfaces: 'ethernet-number-0' is not an interface name: at most 15 characters, no '/', ':' or space"]),
    "place that does not exist": ("- client$", "- cleint$", ["15: steps[0]: there is no place 'cleint', did you mean 'client'?"]),
    "container that does not exist": ("- client$", "- docker1/wep$", ["15: steps[0]: there is no place 'docker1/wep', did you mean 'docker1/web'?"]),
    "container on a host without Docker": ("- client$", "- client/web$", ["15: steps[0]: 'client' runs no Docker, so it has no container 'web'"]),
    "steps that are a number": ("steps:\n  - client$ ping -c 1 192.168.50.10", "steps: 5", ["14: steps: must be a list, not a number"]),
    "step without a place": ("- client$ ping", "- ping", ["15: steps[0]: 'ping -c 1 192.168.50.10' is not PLACE$ COMMAND"]),
    "step that YAML cuts": ("- client$ ping -c 1 192.168.50.10", "- client$ curl -H Host: web", ["15: steps[0]: 'client$ curl -H Host: …' holds ': ', which YAML takes for a key; put the step in quotes"]),
    "step that no shell understands": ("- client$ ping -c 1 192.168.50.10", "- client$ ping -c 1 192.168.50.10 | | cat", ["15: steps[0]: syntax error near unexpected token `|'"]),
    "step with an open quote": ("- client$ ping -c 1 192.168.50.10", "- { on: client, run: \"echo 'x\" }", ["15: steps[0].run: unexpected EOF while looking for matching `''"]),
    "step that asks for what the shell has not": ("- client$ ping -c 1 192.168.50.10", "- client$ [[ -f x ]]", ["15: steps[0]: '[[' is not modelled"]),
    "step of the long form, incomplete": ("- client$ ping -c 1 192.168.50.10", "- { on: client }", ["15: steps[0]: the key 'run' is missing"]),
    "exit status out of range": ("- client$ ping -c 1 192.168.50.10", "- { on: client, run: ls, expect: { exit: 256 } }", ["15: steps[0].expect.exit: 256 is not from 0 to 255"]),
    "broken regular expression": (
        "- client$ ping -c 1 192.168.50.10",
        '- { on: client, run: ls, expect: { stdout: "/(/" } }',
        ["15: steps[0].expect.stdout: /(/ is not a regular expression: missing ), unterminated subpattern at position 0"],
    ),
    "expecting in the background": ("- client$ ping -c 1 192.168.50.10", "- { on: client, run: ls &, expect: { exit: 0 } }", ["15: steps[0].expect: nothing can be expected of a step in the background (its '&')"]),
    "time that runs backwards": (
        "- client$ ping -c 1 192.168.50.10",
        "- { on: client, run: ls, at: 2s }\n  - { on: client, run: ls, at: 1s }",
        ["16: steps[1].at: is before the time of a step above"],
    ),
    "route without next hop": ("  client:\n", '  client:\n    routes: ["default"]\n', ["12: hosts.client.routes[0]: a route needs 'via ADDRESS' or 'dev INTERFACE'"]),
    "route to nowhere": ("  client:\n", '  client:\n    routes: ["default via 10.0.0.1"]\n', ["12: hosts.client.routes[0]: the next hop 10.0.0.1 is on no subnet of this host"]),
    "route with host bits": ("  client:\n", '  client:\n    routes: ["10.0.0.1/8 via 192.168.50.1"]\n', ["12: hosts.client.routes[0]: '10.0.0.1/8' has host bits set; the network is 10.0.0.0/8"]),
    "route with a wrong word": ("  client:\n", '  client:\n    routes: ["default vai 192.168.50.1"]\n', ["12: hosts.client.routes[0]: 'vai' is not a part of a route, did you mean 'via'?"]),
    "route by an unknown interface": ("  client:\n", '  client:\n    routes: ["10.0.0.0/8 dev eth9"]\n', ["12: hosts.client.routes[0]: there is no interface 'eth9', did you mean 'eth0'?"]),
    "sysctl that is none": ("  client:\n", "  client:\n    sysctls: { ip_forward: 1 }\n", ["12: hosts.client.sysctls: 'ip_forward' is not a name such as net.ipv4.ip_forward"]),
    "missing rules file": ("  client:\n", "  client:\n    iptables: rules.v4\n", ["12: hosts.client.iptables: 'rules.v4' does not exist"]),
    "missing program": ("steps:\n", "programs: { echo: echo.py }\nsteps:\n", ["14: programs.echo: 'echo.py' does not exist"]),
    "program in another language": ("steps:\n", "programs: { echo: echo.sh }\nsteps:\n", ["14: programs.echo: 'echo.sh' is not a Python file"]),
    "no time at all": ("steps:\n", "limits: { time: 0s }\nsteps:\n", ["14: limits.time: must be longer than 0"]),
    "port out of range": ("8080:80", "8080:65536", ["10: hosts.docker1.compose.services.web.ports[0]: '65536' is not a port from 1 to 65535"]),
    "port of another protocol": ("8080:80", "8080:80/sctp", ["10: hosts.docker1.compose.services.web.ports[0]: the protocol 'sctp' is not modelled; known: tcp, udp"]),
    "compose key that is not modelled": ("image: nginx,", "image: nginx, extends: x,", ["10: hosts.docker1.compose.services.web.extends: is not modelled"]),
    "service that another's profiles leave out": (
        "services:\n",
        "services:\n        debug: { profiles: [debug] }\n        test: { depends_on: [debug] }\n",
        ["11: hosts.docker1.compose.services.test: needs service 'debug', which its profiles leave out"],
    ),
    "compose key that does not exist": ("image: nginx,", "image: nginx, prots: [],", ["10: hosts.docker1.compose.services.web.prots: unknown key, did you mean 'ports'?"]),
    "replicas": ("image: nginx,", "image: nginx, deploy: { replicas: 3 },", ["10: hosts.docker1.compose.services.web.deploy.replicas: 3 is not from 1 to 1"]),
    "variable that must be set": ("nginx,", '"nginx:${TAG:?which one}",', ["10: hosts.docker1.compose.services.web.image: the variable 'TAG' has no value: which one"]),
    "dollar sign": ("nginx,", '"nginx:$1",', ["10: hosts.docker1.compose.services.web.image: '$1' is not a variable; write '$$' for a dollar sign"]),
    "missing compose file": ("compose:\n      services:\n        web: { image: nginx, ports: [\"8080:80\"] }", "compose: nowhere/docker-compose.yml", [
        "8: hosts.docker1.compose: 'FOLDER/nowhere/docker-compose.yml' does not exist",
    ]),
    "several at once": ("lan: { subnet: 192.168.50.0/24 }", "lan: { subnet: nonsense, dely: 1ms }\nnmae: x", [
        "2: lans.lan.subnet: 'nonsense' is not a subnet such as 192.168.50.0/24",
        "2: lans.lan.dely: unknown key, did you mean 'delay'?",
        "3: nmae: unknown key, did you mean 'name'?",
    ]),
}  # fmt: skip

# services and networks of a plain compose file, and the lines of the message
COMPOSE: dict[str, tuple[str, list[str]]] = {
    "no service": ("services: {}", ["1: services: has no service"]),
    "port published twice": (
        "services:\n  a: { image: nginx, ports: ['80:80'] }\n  b: { image: nginx, ports: ['127.0.0.1:80:80'] }",
        ["3: services.b.ports: 80/tcp is published twice, first by 'a'"],
    ),
    "port published twice by one": (
        "services:\n  a:\n    ports: ['80:80', '80:81']",
        ["3: services.a.ports: 80/tcp is published twice"],
    ),
    "port published twice, once as one of several": (
        "services:\n  a: { ports: ['8000-8002:80-82'] }\n  b: { ports: ['8001:80'] }",
        ["3: services.b.ports: 8001/tcp is published twice, first by 'a'"],
    ),
    "port that a range has taken before": (
        "services:\n  b: { ports: ['8000:80'], depends_on: [a] }\n  a: { ports: ['8000-8010:80'] }",
        ["2: services.b.ports: 8000/tcp is published twice, first by 'a'"],
    ),
    "range with no port left": (
        "services:\n  a: { ports: ['8000-8001:80'] }\n  b: { ports: ['8000-8001:80', '8000-8001:81'] }",
        ["3: services.b.ports: no port of 8000-8001/tcp is left; 8000 is published by 'a'"],
    ),
    "unknown network": (
        "services:\n  a:\n    networks: [frnt]\nnetworks:\n  front: {}",
        ["3: services.a.networks.frnt: there is no network 'frnt', did you mean 'front'?"],
    ),
    "unknown dependency": (
        "services:\n  app: { depends_on: [dbb] }\n  db: {}",
        ["2: services.app.depends_on: there is no service 'dbb', did you mean 'db'?"],
    ),
    "dependencies in a circle": (
        "services:\n  a: { depends_on: [b] }\n  b: { depends_on: [c] }\n  c: { depends_on: [b] }",
        ["3: services.b.depends_on: depends on itself: b > c > b"],
    ),
    "overlapping subnets": (
        "services: { a: {} }\nnetworks:\n  n: { ipam: { config: [{ subnet: 10.0.0.0/8 }] } }\n  m: { ipam: { config: [{ subnet: 10.1.0.0/16 }] } }",
        ["4: networks.m.ipam: the subnet 10.1.0.0/16 overlaps with 10.0.0.0/8 of network 'n'"],
    ),
    "subnet of docker0": (
        "services: { a: {} }\nnetworks:\n  n: { ipam: { config: [{ subnet: 172.17.0.0/24 }] } }",
        ["3: networks.n.ipam: the subnet 172.17.0.0/24 overlaps with 172.17.0.0/16 of docker0"],
    ),
    "gateway outside": (
        "services: { a: {} }\nnetworks:\n  n: { ipam: { config: [{ subnet: 10.0.0.0/24, gateway: 10.0.1.1 }] } }",
        ["3: networks.n.ipam: gateway 10.0.1.1 is not in the subnet 10.0.0.0/24"],
    ),
    "address without a subnet": (
        "services:\n  a:\n    networks:\n      n: { ipv4_address: 10.0.0.2 }\nnetworks: { n: {} }",
        ["4: services.a.networks.n.ipv4_address: an address can be chosen on networks with a subnet of their own only (ipam: config: subnet)"],
    ),
    "address twice": (
        "services:\n  a: { networks: { n: { ipv4_address: 10.0.0.2 } } }\n  b: { networks: { n: { ipv4_address: 10.0.0.2 } } }\nnetworks: { n: { ipam: { config: [{ subnet: 10.0.0.0/24 }] } } }",
        ["3: services.b.networks.n.ipv4_address: 10.0.0.2 is that of service 'a' too"],
    ),
    "address of the gateway": (
        "services:\n  a: { networks: { n: { ipv4_address: 10.0.0.1 } } }\nnetworks: { n: { ipam: { config: [{ subnet: 10.0.0.0/24 }] } } }",
        ["2: services.a.networks.n.ipv4_address: 10.0.0.1 is the network's gateway"],
    ),
    "restart policy that is none": (
        "services: { a: { restart: sometimes } }",
        ["1: services.a.restart: 'sometimes' is unknown; known: no, always, unless-stopped, on-failure, on-failure:3"],
    ),
    "driver that is not modelled": (
        "services: { a: {} }\nnetworks: { n: { driver: ipvlan } }",
        ["2: networks.n.driver: 'ipvlan' is not modelled; known: bridge, macvlan, overlay"],
    ),
    "external network": (
        "services: { a: {} }\nnetworks: { n: { external: true } }",
        ["2: networks.n.external: networks that exist before are not modelled"],
    ),
    "mode and networks": (
        "services:\n  a:\n    network_mode: host\n    networks: [n]\nnetworks: { n: {} }",
        ["3: services.a.network_mode: cannot be given together with 'networks'"],
    ),
    "ports with a shared namespace": (
        "services:\n  a: {}\n  b:\n    network_mode: service:a\n    ports: ['80:80']",
        ["5: services.b.ports: belongs to 'a', whose network it shares"],
    ),
    "network mode that is none": (
        "services:\n  a: { network_mode: bridged }",
        ["2: services.a.network_mode: 'bridged' is unknown; known: bridge, host, none, service:NAME, container:NAME"],
    ),
    "container that no service is": (
        "services:\n  a: { network_mode: 'container:elsewhere' }",
        ["2: services.a.network_mode: there is no container 'elsewhere'; known: a"],
    ),
    "service that depends on itself": (
        "services:\n  a: { depends_on: [a] }",
        ["2: services.a.depends_on: depends on itself: a > a"],
    ),
    "container name twice": (
        "services:\n  a: { container_name: x }\n  b: { container_name: x }",
        ["3: services.b.container_name: 'x' is the name of service 'a' too"],
    ),
}  # fmt: skip
