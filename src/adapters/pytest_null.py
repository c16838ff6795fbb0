"""The null run: the suite once without its environment. What passes here proves nothing about it.  PYTEST_DONT_REWRITE

`refuse`: every connection of this process is refused at once, loopback included, and no name is found. `HOST:PORT`:
every TCP connection leads to that address, where a server of liveloop's is healthy and knows nothing; the rest is
refused. Unix sockets stay as they are, and so do connections by which pytest's plugins set themselves up. An audit
hook stands behind all of it, so that nothing that connects through Python gets past; child processes and libraries
that do their I/O in C do.
"""

import errno
import functools
import os
import socket
import sys

import _socket

from liveloop_evidence import is_of_a_plugin

INTERNET = (_socket.AF_INET, getattr(_socket, "AF_INET6", _socket.AF_INET))
CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
LOOK_UPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")

family_of = _socket.socket.family.__get__
type_of = _socket.socket.type.__get__


def install(mode):
    if mode == "refuse":
        stub = None
    else:
        host, _, port = mode.rpartition(":")
        stub = (host, int(port))
        redirect(stub)
    refuse(stub)


def refuse(stub):
    """Raises in the middle of whatever would have gone out; `stub` is the one address that may be connected to."""

    def audit(event, args):
        __tracebackhide__ = True
        if event in CONNECTS:
            sock, address = args
            if address is not None and is_outside(sock) and address[:2] != stub and not is_of_a_plugin():
                raise refused()
        elif event in LOOK_UPS and not is_known(args[0]) and not is_of_a_plugin():
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    sys.addaudithook(audit)
    raw = socket.socket.connect_ex

    @functools.wraps(raw)
    def connect_ex(self, address):
        __tracebackhide__ = True
        try:
            return raw(self, address)
        except ConnectionRefusedError:  # the one call that answers instead of raising
            return errno.ECONNREFUSED

    socket.socket.connect_ex = connect_ex


def redirect(stub):
    raw_connect, raw_connect_ex = socket.socket.connect, socket.socket.connect_ex

    @functools.wraps(raw_connect)
    def connect(self, address):
        __tracebackhide__ = True
        return raw_connect(self, stub_for(self, address))

    @functools.wraps(raw_connect_ex)
    def connect_ex(self, address):
        __tracebackhide__ = True
        return raw_connect_ex(self, stub_for(self, address))

    def stub_for(sock, address):
        if not is_outside(sock) or type_of(sock) & 0xF != _socket.SOCK_STREAM or is_of_a_plugin():
            return address
        return stub if family_of(sock) == _socket.AF_INET else ("::ffff:" + stub[0], stub[1])

    socket.socket.connect = connect
    socket.socket.connect_ex = connect_ex

    raw_look_up = _socket.getaddrinfo

    @functools.wraps(raw_look_up)
    def getaddrinfo(host, port, *rest, **options):
        """Every name leads to the stub; the port stays as asked, because it is what the caller knows it by."""
        return raw_look_up(host if is_known(host) or is_of_a_plugin() else stub[0], port, *rest, **options)

    _socket.getaddrinfo = getaddrinfo
    for module in (_socket, socket):
        module.gethostbyname = lambda hostname: stub[0]
        module.gethostbyname_ex = lambda hostname: (hostname, [], [stub[0]])


def refused():
    return ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def is_outside(sock):
    return family_of(sock) in INTERNET


def is_known(host):
    """Whether no server has to be asked for it: an address, this machine, or nothing at all."""
    if isinstance(host, tuple):  # a whole socket address
        host = host[0]
    if isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode("ascii", "replace")
    if not isinstance(host, str) or host in ("", "localhost"):
        return True
    for family in INTERNET:
        try:
            _socket.inet_pton(family, host.partition("%")[0])
            return True
        except OSError:
            pass
    return False
