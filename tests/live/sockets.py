"""emu's own small programs with real sockets: `sockets.py udp-send …`, so that one command line means the same on the machine and in emu.

What is said to standard error tells the test that a server listens.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time


def udp_echo(address: str, port: int) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))
    print("listening", file=sys.stderr, flush=True)
    while True:
        data, peer = sock.recvfrom(65535)
        sock.sendto(b"echo:" + data, peer)


def tcp_echo(address: str, port: int) -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(8)
    print("listening", file=sys.stderr, flush=True)
    while True:
        sock, _ = listener.accept()
        with sock:
            while data := sock.recv(4096):
                sock.sendall(data)


def udp_send(words: argparse.Namespace) -> str:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", words.sport))
    sock.connect((words.address, words.port))
    sock.settimeout(words.wait)
    sock.send(words.text.encode() + b"\n")
    return sock.recv(65535).decode().rstrip()


def tcp_send(words: argparse.Namespace) -> str:
    with socket.create_connection((words.address, words.port), 5, ("0.0.0.0", words.sport)) as sock:
        sock.sendall(words.text.encode() + b"\n")
        answer = sock.recv(65535).decode().rstrip()
        time.sleep(words.hold)
    return answer


def main(program: str, arguments: list[str]) -> int:
    if program in {"udp-echo", "tcp-echo"}:
        {"udp-echo": udp_echo, "tcp-echo": tcp_echo}[program](arguments[0], int(arguments[1]))
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--sport", type=int, default=0)
    parser.add_argument("--wait", type=float, default=2)
    parser.add_argument("--hold", type=float, default=0)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("text")
    words = parser.parse_args(arguments)
    try:
        print({"udp-send": udp_send, "tcp-send": tcp_send}[program](words))
    except TimeoutError as error:
        print("timeout" if error.errno is None else os.strerror(error.errno))
        return 1
    except OSError as error:
        print(os.strerror(error.errno or 0))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
