"""What to type on the real host: one paste, which makes a folder. Only programs that are there anyway, and nothing is changed."""

COLLECT = r"""
# As root, on the host; changes nothing. Then bring the folder emu-host here, and: emu import emu-host -o topology.yaml
mkdir -p emu-host && (cd emu-host
iptables-save > iptables-save.txt
ip6tables-save > ip6tables-save.txt
ip -d addr > ip-addr.txt
ip route show table all > ip-route.txt
ip rule > ip-rule.txt
ip neigh > ip-neigh.txt
bridge fdb > bridge-fdb.txt
sysctl -a > sysctl.txt
ss -lntu > ss-lntu.txt
docker network inspect $(docker network ls -q) > docker-network-inspect.json
docker inspect $(docker ps -q) > docker-inspect.json
for c in $(docker ps -q); do
  name=$(docker inspect -f '{{.Name}}' $c | tr -d /)
  inside="nsenter -t $(docker inspect -f '{{.State.Pid}}' $c) -n"
  $inside ss -lntu > $name.ss-lntu.txt
  $inside ip addr > $name.ip-addr.txt
  $inside ip route > $name.ip-route.txt
  $inside iptables-save > $name.iptables-save.txt
done
) 2> emu-host/errors.log; cat emu-host/errors.log
""".lstrip()
