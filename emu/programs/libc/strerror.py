"""strerror(3): the texts of glibc, whatever machine emu runs on."""

from __future__ import annotations

import errno

TEXTS = {
    errno.EPERM: "Operation not permitted",
    errno.ENOENT: "No such file or directory",
    errno.EACCES: "Permission denied",
    errno.EEXIST: "File exists",
    errno.EINVAL: "Invalid argument",
    errno.EPIPE: "Broken pipe",
    errno.EMSGSIZE: "Message too long",
    errno.EADDRINUSE: "Address already in use",
    errno.EADDRNOTAVAIL: "Cannot assign requested address",
    errno.ENETDOWN: "Network is down",
    errno.ENETUNREACH: "Network is unreachable",
    errno.ECONNRESET: "Connection reset by peer",
    errno.ENOBUFS: "No buffer space available",
    errno.ETIMEDOUT: "Connection timed out",
    errno.ECONNREFUSED: "Connection refused",
    errno.EHOSTUNREACH: "No route to host",
    errno.ENOPROTOOPT: "Protocol not available",
}

_KINDS = (
    (ConnectionRefusedError, errno.ECONNREFUSED),
    (ConnectionResetError, errno.ECONNRESET),
    (BrokenPipeError, errno.EPIPE),
    (TimeoutError, errno.ETIMEDOUT),
    (FileNotFoundError, errno.ENOENT),
    (PermissionError, errno.EACCES),
    (FileExistsError, errno.EEXIST),
)


def number(error: OSError) -> int:
    """The error's errno, also of one that was made without; 0 if nothing tells."""
    if error.errno is not None:
        return error.errno
    return next((value for kind, value in _KINDS if isinstance(error, kind)), 0)


def strerror(error: OSError) -> str:
    return TEXTS.get(number(error)) or error.strerror or str(error)
