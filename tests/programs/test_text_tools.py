"""What these programs print is what GNU's do with the same words."""

from __future__ import annotations

import pytest

from tests.programs.busybox import busybox_machines
from tests.programs.machines import Machines

FILE = "cat > /tmp/f << 'END'\neth0 10.0.0.1/24 up\nlo 127.0.0.1/8 up\nveth1 none down\neth1 10.0.0.2/24 up\nEND\ncd /tmp\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("grep eth f", "eth0 10.0.0.1/24 up\nveth1 none down\neth1 10.0.0.2/24 up\n"),
        ("grep -v up f", "veth1 none down\n"),
        ("grep -c up f; grep -q nothing f || echo none", "3\nnone\n"),
        ("grep -n ^eth f", "1:eth0 10.0.0.1/24 up\n4:eth1 10.0.0.2/24 up\n"),
        ("grep -oE '[0-9]+\\.[0-9.]+' f", "10.0.0.1\n127.0.0.1\n10.0.0.2\n"),
        ("grep -o '10\\.\\(0\\.\\)\\{2\\}[12]' f", "10.0.0.1\n10.0.0.2\n"),
        ("grep -A1 lo f", "lo 127.0.0.1/8 up\nveth1 none down\n"),
        ("grep -B1 -n veth f", "2-lo 127.0.0.1/8 up\n3:veth1 none down\n"),
        ("grep -E 'lo|veth' f; grep 'lo\\|veth' f | grep -c .", "lo 127.0.0.1/8 up\nveth1 none down\n2\n"),
        ("grep -w up f | wc -l; grep -iw UP f | wc -l; grep -F . f | wc -l", "3\n3\n3\n"),
        ("grep -l up f; grep up f /dev/null | head -1", "f\nf:eth0 10.0.0.1/24 up\n"),
        ("head -1 f; head -n 1 f; tail -1 f; tail -n +4 f; tail -n 1 < f", "eth0 10.0.0.1/24 up\n" * 2 + "eth1 10.0.0.2/24 up\n" * 3),
        ("wc f; wc -l f; wc -l < f; wc -w < f; echo abc | wc -c", " 4 12 74 f\n4 f\n4\n12\n4\n"),
        ("echo a | wc", "      1       1       2\n"),
        ("cut -d' ' -f1,3 f", "eth0 up\nlo up\nveth1 down\neth1 up\n"),
        ("cut -c1-2 f; echo a:b:c | cut -d: -f2-", "et\nlo\nve\net\nb:c\n"),
        ("sort f | cut -d' ' -f1 | tr '\\n' ,", "eth0,eth1,lo,veth1,"),
        ("printf '10\\n9\\n100\\n9\\n' | sort -n | uniq -c", "      2 9\n      1 10\n      1 100\n"),
        ("printf '1 b\\n2 a\\n' | sort -k2; printf 'a\\nb\\na\\n' | sort -ru", "2 a\n1 b\nb\na\n"),
        ("echo Hello | tr a-z A-Z; echo aabb | tr -s ab; echo a1b2 | tr -d 0-9; echo 'x y' | tr '[:space:]' _",
         "HELLO\nab\nab\nx_y_"),
        ("sed s/eth/ETH/ f | head -1; echo a.b.c | sed 's/\\./-/g'; echo abc | sed -E 's/(a)(b)/\\2\\1&/'",
         "ETH0 10.0.0.1/24 up\na-b-c\nbaabc\n"),
        ("sed -n 2p f; sed -n '/veth/p' f; sed '1,3d' f; sed -n '$p' f; sed 2q f | wc -l",
         "lo 127.0.0.1/8 up\nveth1 none down\neth1 10.0.0.2/24 up\neth1 10.0.0.2/24 up\n2\n"),
        ("awk '{print $1}' f | head -1; awk '/veth/ {print $NF, NR}' f; awk -F/ 'NR==1{print $2 \":\" $1}' f",
         "eth0\ndown 3\n24 up:eth0 10.0.0.1\n"),
        ("awk '$3==\"up\" && $1~/^e/ {print $2}' f; awk 'NR>3' f", "10.0.0.1/24\n10.0.0.2/24\neth1 10.0.0.2/24 up\n"),
        ("echo x | tee g h; cat g h; echo y | tee -a g > /dev/null; cat g", "x\nx\nx\nx\ny\n"),
        ("echo 1 2 3 | xargs -n1 echo n; echo a b | xargs echo x; printf 'a\\nb\\n' | xargs -I{} echo [{}]",
         "n 1\nn 2\nn 3\nx a b\n[a]\n[b]\n"),
        ("seq 3; seq 2 2 6 | tail -1; seq -s, 1 3; seq -w 9 10", "1\n2\n3\n6\n1,2,3\n09\n10\n"),
        ("printf '%-5s|%03d|%x\\n' ab 7 255; printf '%s\\n' a b", "ab   |007|ff\na\nb\n"),
        ("date -u +%FT%TZ; sleep 61; date", "2020-01-01T00:00:00Z\nWed Jan  1 00:01:01 UTC 2020\n"),
        ("uname; uname -n; id; id -u; whoami", "Linux\na\nuid=0(root) gid=0(root) groups=0(root)\n0\nroot\n"),
        ("mkdir -p d/e; touch d/x; ls d; ls; rm d/x; rmdir d/e; ls d; rm -r d; ls /sys/class/net", "e\nx\nd\nf\neth0\nlo\n"),
        ("ip netns add blue; ln -s /proc/7/ns/net /var/run/netns/box; ls -l /var/run/netns",
         "total 0\n-r--r--r-- 1 root root  0 Jan  1 00:00 blue\nlrwxrwxrwx 1 root root 14 Jan  1 00:00 box -> /proc/7/ns/net\n"),
        ("cd /sys/class/net; cat lo/ifindex lo/type eth0/{mtu,flags,operstate}; cat eth0/iflink; ls /sys/class; echo l*/mtu",
         "1\n772\n1500\n0x1003\nup\n2\nnet\nlo/mtu\n"),
        ("ip link add v type veth peer name w; cd /sys/class/net; cat v/iflink w/ifindex | uniq; cat v/carrier; cat v/operstate",
         "3\ncat: v/carrier: Invalid argument\ndown\n"),
        ("ip link add b type bridge; ip link set eth0 master b; ls /sys/class/net/b/brif; cat /sys/class/net/eth0/flags", "eth0\n0x1303\n"),
        ("ls /proc/sys; ls /proc/sys/net; ls /proc/sys/net/ipv4/conf; ls -d /proc/sys/net/core/somaxconn",
         "net\ncore\nipv4\nnetfilter\nall\ndefault\neth0\nlo\n/proc/sys/net/core/somaxconn\n"),
        ("which ping; command -v cd; type echo cd; which nosuch || echo none",
         "/usr/bin/ping\ncd\necho is /usr/bin/echo\ncd is a shell builtin\nnone\n"),
        ("[ 1 -lt 2 ] && [ -f f ] && [ ! -e g ] && [ -d /tmp ] && [ a != b -a -n x ] && echo all; test a = b || echo no", "all\nno\n"),
        ("cat -n f | tail -1; cat f f | wc -l; echo z | cat f - | tail -1", "     4\teth1 10.0.0.2/24 up\n8\nz\n"),
    ],
)  # fmt: skip
def test_lines_of_tutorials_work_on_text(line: str, expected: str) -> None:
    assert Machines().output("a", FILE + line) == expected


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("grep x /nosuch", 2, "grep: /nosuch: No such file or directory\n"),
        ("grep -P x /etc/hosts", 2, "grep: '-P' is not modelled\n"),
        ("awk 'BEGIN {x=1} {print x}'", 2, "awk: 'BEGIN {x=1} {print x}' is not modelled: only a condition and {print …} are\n"),
        ("sed y/a/b/", 1, "sed: the command 'y' is not modelled\n"),
        ("sed s/a", 1, "sed: -e expression #1, char 3: unterminated `s' command\n"),
        ("echo 9000 > /sys/class/net/eth0/mtu", 1, "bash: /sys/class/net/eth0/mtu: writing there is not modelled\n"),
        ("read x < /sys/class/net/eth9/mtu", 1, "bash: /sys/class/net/eth9/mtu: No such file or directory\n"),
        ("ls /nosuch", 2, "ls: cannot access '/nosuch': No such file or directory\n"),
        ("rm /nosuch", 1, "rm: cannot remove '/nosuch': No such file or directory\n"),
        ("kill 99999", 1, "bash: kill: (99999) - No such process\n"),
        ("killall nosuch", 1, "nosuch: no process found\n"),
        ("[ 1 -eq a ]", 2, "[: a: integer expression expected\n"),
    ],
)
def test_what_is_wrong_or_not_modelled_is_said(line: str, status: int, text: str) -> None:
    assert Machines().refusal("a", line) == (status, text)


def test_programs_are_found_and_ended_by_name() -> None:
    machines = Machines()
    machines.start("a", "sleep 500 & sleep 600 &")
    assert [line.split()[-2:] for line in machines.output("a", "ps -ef").splitlines()[1:3]] == [["sleep", "500"], ["sleep", "600"]]
    assert machines.output("a", "killall sleep; ps -ef | grep -c sleep") == "1\n"  # grep itself
    assert machines.engine.now < 1_000_000_000


LONG = """total 8
drwxr-xr-x 2 root root 4096 Jan  1 00:00 e
lrwxrwxrwx 1 root root    6 Jan  1 00:00 link -> /tmp/f
-rw-r--r-- 1 root root    6 Jan  1 00:00 x
drwxr-xr-x 3 root root 4096 Jan  1 00:00 d
lrwxrwxrwx 1 root root    6 Jan  1 00:00 d/link -> /tmp/f
"""
LONG_BUSYBOX = """total 8
drwxr-xr-x    2 root     root          4096 Jan  1 00:00 e
lrwxrwxrwx    1 root     root             6 Jan  1 00:00 link -> /tmp/f
-rw-r--r--    1 root     root             6 Jan  1 00:00 x
"""


def test_a_long_listing_tells_files_directories_and_links_as_gnu_s_and_busybox_s_do() -> None:
    made = FILE + "mkdir -p d/e; echo hello > d/x; ln -s /tmp/f d/link; "
    assert Machines().output("a", made + "ls -l d; ls -ld d d/link") == LONG
    assert busybox_machines().output("a", made + "ls -l d") == LONG_BUSYBOX
    assert Machines().refusal("a", "ls -l /sys/class/net") == (2, "ls: -l of '/sys/class/net/eth0' is not modelled\n")
