"""What to type on the real host: one paste, which makes a folder. Only programs that are there anyway, and nothing is changed."""

COLLECT = r"""
# As root, on the host; changes nothing. Then bring the folder emu-host here, and: emu import emu-host -o topology.yaml
mkdir -p emu-host && (cd emu-host
has() { command -v "$1" > /dev/null; }
inside() { nsenter -t "$pid" -n "$@"; }
iptables-save > iptables-save.txt
has iptables-legacy-save && iptables-legacy-save > iptables-legacy-save.txt
has ip6tables-save && ip6tables-save > ip6tables-save.txt
has nft && nft list ruleset > nft-ruleset.txt
ip -d addr > ip-addr.txt
ip route show table all > ip-route.txt
ip rule > ip-rule.txt
ip neigh > ip-neigh.txt
bridge fdb > bridge-fdb.txt
sysctl -a > sysctl.txt
ss -lntu > ss-lntu.txt
if has docker && docker ps > docker-ps.txt; then
  docker network inspect $(docker network ls -q) > docker-network-inspect.json
  for c in $(docker ps -q); do
    name=$(docker inspect -f '{{.Name}}' "$c" | tr -d /)
    docker inspect "$c" > "docker-inspect-$name.json"
    pid=$(docker inspect -f '{{.State.Pid}}' "$c")
    inside ss -lntu > "$name.ss-lntu.txt"
    inside ip addr > "$name.ip-addr.txt"
    inside ip route > "$name.ip-route.txt"
    inside iptables-save > "$name.iptables-save.txt"
  done
fi
) 2> emu-host/errors.log; cat emu-host/errors.log
""".lstrip()
