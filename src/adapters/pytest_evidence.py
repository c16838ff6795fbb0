"""What each test exchanges with the world outside its process: hosts, bytes, HTTP or WebSocket.  PYTEST_DONT_REWRITE

The methods of `socket.socket`, `ssl.SSLSocket` and `ssl.SSLObject` through which bytes pass are wrapped: each call goes
to the original with the arguments it was given, and what comes back, value or exception, goes to the caller. asyncio,
http.client, requests, urllib3, httpx, aiohttp, websockets and websocket-client all end there.

A connection is known by what passed first: a request line or an answer of HTTP, the upgrade to WebSocket and the 101
that grants it. It stays known, so that a test that goes on speaking over a connection of another test is credited with
what it did itself. Everything belongs to the test that is running, set-up, tear-down and background threads included.

What is not measured, and is not pretended to be: connections to servers of this same process, Unix sockets, look-ups
of names, child processes, and libraries that do their I/O in C. Where such a library uses Python's sockets only to
connect, an audit hook still tells to which host.
"""

import errno
import functools
import json
import socket
import sys
import weakref

import _socket

try:
    import ssl
except ImportError:  # a Python without TLS
    ssl = None

GRADES = ("none", "network", "http", "websocket")
NONE, NETWORK, HTTP, WEBSOCKET = range(4)
HOSTS_KEPT = 8
NAMES_KEPT = 2000
REQUESTS = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"PATCH ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"TRACE ", b"PRI * ")
ANSWER = b"HTTP/"
GRANTED = (b"HTTP/1.1 101", b"HTTP/1.0 101")
HEAD = 12  # bytes that are enough to tell what a connection speaks
HEADERS = 16 * 1024  # how much of a request is searched for an upgrade
INTERNET = (_socket.AF_INET, getattr(_socket, "AF_INET6", _socket.AF_INET))
PENDING = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR)

family_of = _socket.socket.family.__get__
type_of = _socket.socket.type.__get__

links = {}  # id of a socket or SSLObject -> Link; the entry leaves with the object
listeners = {}  # port -> weak reference to the socket of this process that listens there
names = {}  # (address, port) -> the name that was looked up


class Touched:
    """What one test exchanged."""

    __slots__ = ("sent", "received", "grade", "spoken", "hosts")

    def __init__(self):
        self.sent = self.received = 0
        self.grade = NONE  # of connections
        self.spoken = NONE  # inside TLS that runs apart from its connection
        self.hosts = {}

    def evidence(self):
        """As the protocol says it; None: it touched nothing."""
        if self.grade == NONE:
            return None
        hosts = list(self.hosts)
        said = {
            "grade": GRADES[max(self.grade, self.spoken)],
            "hosts": hosts[:HOSTS_KEPT],
            "sent": self.sent,
            "received": self.received,
        }
        if len(hosts) > HOSTS_KEPT:
            said["more_hosts"] = len(hosts) - HOSTS_KEPT
        return said


current = Touched()


def begin():
    """A test begins."""
    global current
    current = Touched()


def take():
    """A test is over: what it exchanged. What comes now belongs to nobody."""
    global current
    touched, current = current, Touched()
    return touched.evidence()


class Ref(weakref.ref):
    __slots__ = ("key",)


def forget(ref):
    links.pop(ref.key, None)


class Link:
    """A connection: where it leads and what it speaks."""

    __slots__ = ("ref", "host", "counts", "grade", "watched", "touched", "head", "asked", "answer")

    def __init__(self, owner, host, counts):
        self.host = host
        self.counts = counts
        self.grade = NETWORK
        self.watched = counts  # whether what passes is still looked at
        self.touched = None  # the test that has this connection among its own already
        self.head = b""
        self.asked = False  # for an upgrade to WebSocket
        self.answer = b""
        self.ref = Ref(owner, forget)
        self.ref.key = id(owner)
        links[self.ref.key] = self

    def note(self):
        touched = self.touched = current
        if self.grade > touched.grade:
            touched.grade = self.grade
        if self.host is not None:
            touched.hosts[self.host] = None

    def becomes(self, grade):
        self.grade = grade
        self.touched = None

    def sent(self, count, data):
        if self.watched and data is not None:
            self.look(data, True)
        if self.touched is not current:
            self.note()
        current.sent += count

    def received(self, count, data):
        if self.watched and data is not None:
            self.look(data, False)
        if self.touched is not current:
            self.note()
        current.received += count

    def look(self, data, outwards):
        if self.grade == NETWORK:
            self.head += start_of(data, HEAD)
            if self.head.startswith(REQUESTS if outwards else ANSWER):
                self.becomes(HTTP)
            else:
                known = REQUESTS if outwards else (ANSWER,)
                self.watched = len(self.head) < HEAD and any(word.startswith(self.head) for word in known)
                return
        if outwards:
            # A request may follow another on the same connection: each may ask for the upgrade.
            head = start_of(data, HEADERS)
            if head.startswith(b"GET "):
                head = head.lower()
                self.asked = b"\nsec-websocket-key:" in head or b"\nupgrade: websocket" in head
                self.answer = b""
        elif self.asked:
            self.answer += start_of(data, HEAD - len(self.answer))
            if len(self.answer) == HEAD:
                self.asked = False
                if self.answer in GRANTED:
                    self.becomes(WEBSOCKET)
                    self.watched = False


class Inside(Link):
    """What is spoken inside TLS that runs apart from its connection, as asyncio's does. Its bytes are counted where
    they pass the socket."""

    __slots__ = ()

    def note(self):
        self.touched = current
        if self.grade > current.spoken:
            current.spoken = self.grade

    def sent(self, count, data):
        if self.watched:
            self.look(data, True)
        if self.touched is not current:
            self.note()

    def received(self, count, data):
        if self.watched:
            self.look(data, False)
        if self.touched is not current:
            self.note()


def start_of(data, limit):
    if type(data) is bytes:
        return data[:limit]
    view = memoryview(data)
    return bytes((view if view.format == "B" and view.ndim == 1 else view.cast("B"))[:limit])


# Where a connection leads ---------------------------------------------------------------------------------------


def adopt(sock):
    """A connection that was not seen to be made: it came with `accept`, or through other hands."""
    host, counts = None, False
    if family_of(sock) in INTERNET:
        counts = not is_ours(sock)
        try:
            host = label(sock.getpeername(), sock)
        except OSError:
            pass  # not connected: its datagrams have addresses
    return Link(sock, host, counts)


def opened(sock, address, established):
    if family_of(sock) not in INTERNET:
        return
    counts = not leads_home(address)
    link = Link(sock, label(address, sock), counts)
    if counts and established and type_of(sock) & 0xF == _socket.SOCK_STREAM:
        link.note()


def is_ours(sock):
    """Whether this is the near end of a connection to a server of this process."""
    port = sock.getsockname()[1]
    return port in listeners and listens(port) is not None


def leads_home(address):
    listener = listens(address[1]) if address[1] in listeners else None
    if listener is None:
        return False
    host = names.get(tuple(address[:2]), address[0])
    return address[0].startswith("127.") or host in ("localhost", "::1", "0.0.0.0", "::", listener.getsockname()[0])


def listens(port):
    listener = listeners[port]()
    if listener is None or listener.fileno() == -1:
        del listeners[port]
        return None
    return listener


def label(address, sock=None):
    name = getattr(sock, "server_hostname", None) or names.get(tuple(address[:2])) or address[0]
    return ("[%s]:%s" if ":" in name else "%s:%s") % (name, address[1])


# The wrapped methods --------------------------------------------------------------------------------------------
# Each is short on purpose: it stands between the user's program and every byte. None may raise what the original would
# not, and none keeps anything alive.


def link_of(sock):
    try:
        return links.get(id(sock)) or adopt(sock)
    except Exception:  # closed under us, or something that only looks like a socket
        return None


def quietly(step, *args):
    try:
        step(*args)
    except Exception:
        pass


def installer(owner):
    """A decorator that puts a wrapper in place of the method of the same name, which the wrapper is made from."""

    def install(make):
        raw = getattr(owner, make.__name__, None)
        if raw is not None:
            setattr(owner, make.__name__, functools.wraps(raw)(make(raw)))

    return install


def wrap_sockets():
    method = installer(socket.socket)

    @method
    def connect(raw):
        def connect(self, address):
            __tracebackhide__ = True
            try:
                done = raw(self, address)
            except OSError as error:
                if error.errno in PENDING:
                    quietly(opened, self, address, False)
                raise
            quietly(opened, self, address, True)
            return done

        return connect

    @method
    def connect_ex(raw):
        def connect_ex(self, address):
            __tracebackhide__ = True
            code = raw(self, address)
            if code == 0 or code in PENDING:
                quietly(opened, self, address, code == 0)
            return code

        return connect_ex

    @method
    def getsockopt(raw):
        def getsockopt(self, *args):
            __tracebackhide__ = True
            value = raw(self, *args)
            # How a connection that was pending is found to stand.
            if value == 0 and args == (_socket.SOL_SOCKET, _socket.SO_ERROR):
                link = links.get(id(self))
                if link is not None and link.counts and link.touched is None:
                    link.note()
            return value

        return getsockopt

    @method
    def listen(raw):
        def listen(self, *args):
            __tracebackhide__ = True
            done = raw(self, *args)
            quietly(listening, self)
            return done

        return listen

    def sends(raw, whole):
        def send(self, *args):
            __tracebackhide__ = True
            count = raw(self, *args)
            link = links.get(id(self)) or link_of(self)
            if link is not None and link.counts:
                quietly(link.sent, len_of(args[0]) if whole else count, args[0])
            return count

        return send

    @method
    def send(raw):
        return sends(raw, False)

    @method
    def sendall(raw):
        return sends(raw, True)

    @method
    def sendto(raw):
        def sendto(self, *args):
            __tracebackhide__ = True
            count = raw(self, *args)
            quietly(datagram, self, "sent", count, args[-1])
            return count

        return sendto

    @method
    def sendmsg(raw):
        def sendmsg(self, buffers, *args):
            __tracebackhide__ = True
            link = links.get(id(self)) or link_of(self)
            if link is None or not link.counts:
                return raw(self, buffers, *args)
            if link.watched:
                buffers = list(buffers)  # an iterator can be walked once
            count = raw(self, buffers, *args)
            if len(args) == 3 and args[2] is not None:
                quietly(datagram, self, "sent", count, args[2])
            else:
                quietly(link.sent, count, buffers[0] if link.watched and buffers else None)
            return count

        return sendmsg

    @method
    def recv(raw):
        def recv(self, *args):
            __tracebackhide__ = True
            data = raw(self, *args)
            if data:
                link = links.get(id(self)) or link_of(self)
                if link is not None and link.counts:
                    quietly(link.received, len(data), data)
            return data

        return recv

    @method
    def recv_into(raw):
        def recv_into(self, *args, **kwargs):
            __tracebackhide__ = True
            count = raw(self, *args, **kwargs)
            if count:
                link = links.get(id(self)) or link_of(self)
                if link is not None and link.counts:
                    quietly(link.received, count, filled(link, count, args, kwargs))
            return count

        return recv_into

    @method
    def recvfrom(raw):
        def recvfrom(self, *args):
            __tracebackhide__ = True
            got = raw(self, *args)
            quietly(datagram, self, "received", len(got[0]), got[1])
            return got

        return recvfrom

    @method
    def recvfrom_into(raw):
        def recvfrom_into(self, *args, **kwargs):
            __tracebackhide__ = True
            got = raw(self, *args, **kwargs)
            quietly(datagram, self, "received", got[0], got[1])
            return got

        return recvfrom_into

    @method
    def recvmsg(raw):
        def recvmsg(self, *args):
            __tracebackhide__ = True
            got = raw(self, *args)
            quietly(datagram, self, "received", len(got[0]), got[3])
            return got

        return recvmsg

    @method
    def recvmsg_into(raw):
        def recvmsg_into(self, *args):
            __tracebackhide__ = True
            got = raw(self, *args)
            quietly(datagram, self, "received", got[0], got[3])
            return got

        return recvmsg_into


def listening(sock):
    if family_of(sock) in INTERNET:
        listeners[sock.getsockname()[1]] = weakref.ref(sock)


def datagram(sock, direction, count, address):
    link = links.get(id(sock)) or link_of(sock)
    if link is None or not link.counts or not count:
        return
    if isinstance(address, tuple) and type_of(sock) & 0xF != _socket.SOCK_STREAM:
        current.hosts[label(address)] = None
    getattr(link, direction)(count, None)


def len_of(data):
    return len(data) if type(data) is bytes else memoryview(data).nbytes


def filled(link, count, args, kwargs):
    """What was received into the caller's buffer, where somebody wants to look at it."""
    if not link.watched:
        return None
    return start_of(args[0] if args else kwargs["buffer"], min(count, HEAD))


def wrap_tls():
    """`SSLSocket` speaks to OpenSSL, which speaks to the descriptor: what passes here is the plain text."""
    method = installer(ssl.SSLSocket)

    @method
    def read(raw):
        def read(self, len=1024, buffer=None):
            __tracebackhide__ = True
            got = raw(self, len, buffer)
            if got:
                link = links.get(id(self)) or link_of(self)
                if link is not None and link.counts:
                    quietly(plain_received, link, got, buffer)
            return got

        return read

    def sends(raw):
        def send(self, data, *args, **kwargs):
            __tracebackhide__ = True
            encrypted = self._sslobj is not None  # else it ends in the method above
            count = raw(self, data, *args, **kwargs)
            if encrypted:
                link = links.get(id(self)) or link_of(self)
                if link is not None and link.counts:
                    quietly(link.sent, count, data)
            return count

        return send

    @method
    def send(raw):
        return sends(raw)

    @method
    def write(raw):
        return sends(raw)

    inside = installer(ssl.SSLObject)

    @inside
    def read(raw):
        def read(self, len=1024, buffer=None):
            __tracebackhide__ = True
            got = raw(self, len, buffer)
            if got:
                quietly(plain_received, inner(self), got, buffer)
            return got

        return read

    @inside
    def write(raw):
        def write(self, data):
            __tracebackhide__ = True
            count = raw(self, data)
            quietly(inner(self).sent, count, data)
            return count

        return write


def plain_received(link, got, buffer):
    if buffer is None:
        link.received(len(got), got)
    else:
        link.received(got, start_of(buffer, min(got, HEAD)) if link.watched else None)


def inner(tls):
    return links.get(id(tls)) or Inside(tls, None, not tls.server_side)


def wrap_names():
    @installer(_socket)
    def getaddrinfo(raw):
        def getaddrinfo(*args, **kwargs):
            __tracebackhide__ = True
            found = raw(*args, **kwargs)
            quietly(looked_up, args[0] if args else kwargs.get("host"), found)
            return found

        return getaddrinfo


def looked_up(host, found):
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or not host:
        return
    if len(names) > NAMES_KEPT:
        names.clear()
    for _, _, _, _, address in found:
        names[tuple(address[:2])] = host


def heard(event, args):
    """Connections that are made past the wrapped methods: through `_socket`, or a method that was taken before."""
    if event == "socket.connect":
        quietly(heard_connect, *args)


def heard_connect(sock, address):
    if not isinstance(sock, socket.socket) and isinstance(address, tuple) and family_of(sock) in INTERNET:
        if not leads_home(address):
            current.hosts[label(address)] = None
            current.grade = max(current.grade, NETWORK)


def install():
    """Once, before the tests are imported. There is no way back, and none is needed: the process ends with the run."""
    wrap_sockets()
    wrap_names()
    if ssl is not None:
        wrap_tls()
    sys.addaudithook(heard)
