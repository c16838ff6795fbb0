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
MARK = b"ocket"  # stands in a header of every request for a WebSocket; without it there is nothing new on HTTP
HEAD = 12  # bytes that are enough to tell what a connection speaks
HEADERS = 16 * 1024  # how much of a request is searched for an upgrade
NATIVE = ("uvloop", "grpc", "psycopg", "psycopg2", "pycurl", "MySQLdb")  # they do their own I/O
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
        """As the protocol says it; empty: it touched nothing. Written by hand, because every test pays for it."""
        if self.grade == NONE:
            return ""
        hosts, more = list(self.hosts), ""
        if len(hosts) > HOSTS_KEPT:
            more = ',"more_hosts":%d' % (len(hosts) - HOSTS_KEPT)
        return '{"grade":"%s","hosts":[%s]%s,"sent":%d,"received":%d}' % (
            GRADES[max(self.grade, self.spoken)],
            ",".join(hosts[:HOSTS_KEPT]),
            more,
            self.sent,
            self.received,
        )


current = first = Touched()


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

    __slots__ = ("ref", "host", "counts", "grade", "watches_out", "watches_in", "touched", "head", "answer")

    def __init__(self, owner, host, counts):
        self.host = host  # as JSON
        self.counts = counts
        self.grade = NETWORK
        self.watches_out = self.watches_in = counts  # whether what passes is still looked at
        self.touched = None  # the test that has this connection among its own already
        self.head = self.answer = b""
        self.ref = Ref(owner, forget)
        self.ref.key = id(owner)
        links[self.ref.key] = self

    def note(self):
        touched = self.touched = current
        if self.grade > touched.grade:
            touched.grade = self.grade
        if self.host is not None:
            touched.hosts[self.host] = None

    def sent(self, count, data):
        if self.watches_out and data is not None:
            self.look_out(data)
        if self.touched is not current:
            self.note()
        current.sent += count

    def received(self, count, data):
        if self.watches_in and data is not None:
            self.look_in(data)
        if self.touched is not current:
            self.note()
        current.received += count

    def look_out(self, data):
        if self.grade == NETWORK and not self.begins(data, REQUESTS):
            return
        # A request may follow another on the same connection: each may ask for the upgrade to WebSocket.
        if start_of(data, 4) == b"GET ":
            head = start_of(data, HEADERS).lower()
            self.watches_in = b"\nsec-websocket-key:" in head or b"\nupgrade: websocket" in head
            self.answer = b""

    def look_in(self, data):
        if self.grade == NETWORK:
            self.begins(data, (ANSWER,))
            return
        self.answer += start_of(data, HEAD - len(self.answer))
        if len(self.answer) == HEAD:
            self.watches_in = False
            if self.answer in GRANTED:
                self.grade = WEBSOCKET
                self.touched = None
                self.watches_out = False

    def begins(self, data, words):
        """Whether the connection turns out to speak HTTP."""
        self.head += start_of(data, HEAD)
        if self.head.startswith(words):
            self.grade = HTTP
            self.touched = None
            self.watches_in = False
            return True
        # A word may come in pieces; what cannot become one is something else for good.
        self.watches_out = self.watches_in = any(word.startswith(self.head) for word in words)
        return False


class Inside(Link):
    """What is spoken inside TLS that runs apart from its connection, as asyncio's does. Its bytes are counted where
    they pass the socket."""

    __slots__ = ()

    def note(self):
        self.touched = current
        if self.grade > current.spoken:
            current.spoken = self.grade

    def sent(self, count, data):
        if self.watches_out:
            self.look_out(data)
        if self.touched is not current:
            self.note()

    def received(self, count, data):
        if self.watches_in:
            self.look_in(data)
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
    counts = not leads_home(address) and not (current is first and is_of_a_plugin())
    link = Link(sock, label(address, sock), counts)
    if counts and established and type_of(sock) & 0xF == _socket.SOCK_STREAM:
        link.note()


def is_of_a_plugin():
    """Whether a plugin of pytest sets itself up, over a connection that is no test's: pytest-rerunfailures has its
    workers ask the controller over loopback. A conftest.py belongs to the tests."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.endswith("conftest.py"):
            return False
        if frame.f_code.co_name == "_do_configure":
            return True
        frame = frame.f_back
    return False


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
    return json.dumps(("[%s]:%s" if ":" in name else "%s:%s") % (name, address[1]))


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

    @method
    def send(raw):
        def send(self, data, flags=0, /):
            __tracebackhide__ = True
            count = raw(self, data, flags)
            link = links.get(id(self))
            if (
                link is not None
                and link.touched is current
                and (not link.watches_out or link.grade == HTTP and type(data) is bytes and MARK not in data)
            ):
                current.sent += count
            else:
                quietly(stream_sent, self, count, data)
            return count

        return send

    @method
    def sendall(raw):
        def sendall(self, data, flags=0, /):
            __tracebackhide__ = True
            done = raw(self, data, flags)
            link = links.get(id(self))
            if (
                link is not None
                and link.touched is current
                and type(data) is bytes
                and (not link.watches_out or link.grade == HTTP and MARK not in data)
            ):
                current.sent += len(data)
            else:
                quietly(stream_sent, self, None, data)
            return done

        return sendall

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
            if link.watches_out:
                buffers = list(buffers)  # an iterator can be walked once
            count = raw(self, buffers, *args)
            if len(args) == 3 and args[2] is not None:
                quietly(datagram, self, "sent", count, args[2])
            else:
                quietly(link.sent, count, buffers[0] if link.watches_out and buffers else None)
            return count

        return sendmsg

    @method
    def recv(raw):
        def recv(self, bufsize, flags=0, /):
            __tracebackhide__ = True
            data = raw(self, bufsize, flags)
            link = links.get(id(self))
            if link is not None and link.touched is current and not link.watches_in:
                current.received += len(data)
            elif data:
                quietly(stream_received, self, len(data), data)
            return data

        return recv

    @method
    def recv_into(raw):
        def recv_into(self, buffer, nbytes=0, flags=0):
            __tracebackhide__ = True
            count = raw(self, buffer, nbytes, flags)
            link = links.get(id(self))
            if link is not None and link.touched is current and not link.watches_in:
                current.received += count
            elif count:
                quietly(stream_received, self, count, buffer)
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


def stream_sent(sock, count, data):
    """`count`: None where all of it went out."""
    link = links.get(id(sock)) or adopt(sock)
    if link.counts:
        if count is None:
            count = len(data) if type(data) is bytes else memoryview(data).nbytes
        link.sent(count, data)


def stream_received(sock, count, data):
    """`data`: what came, at the start of a buffer that may be longer."""
    link = links.get(id(sock)) or adopt(sock)
    if link.counts:
        link.received(count, start_of(data, min(count, HEAD)) if link.watches_in else None)


def wrap_tls():
    """`SSLSocket` speaks to OpenSSL, which speaks to the descriptor: what passes here is the plain text."""
    method = installer(ssl.SSLSocket)

    @method
    def read(raw):
        def read(self, len=1024, buffer=None):
            __tracebackhide__ = True
            got = raw(self, len, buffer)
            if got:
                quietly(plain_received, stream_received, self, got, buffer)
            return got

        return read

    def sends(raw):
        def send(self, data, *args, **kwargs):
            __tracebackhide__ = True
            encrypted = self._sslobj is not None  # else it ends in the method above
            count = raw(self, data, *args, **kwargs)
            if encrypted:
                quietly(stream_sent, self, count, data)
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
                quietly(plain_received, inside_received, self, got, buffer)
            return got

        return read

    @inside
    def write(raw):
        def write(self, data):
            __tracebackhide__ = True
            count = raw(self, data)
            quietly(inside_sent, self, count, data)
            return count

        return write


def plain_received(received, owner, got, buffer):
    if buffer is None:
        received(owner, len(got), got)
    else:
        received(owner, got, buffer)


def inside_received(tls, count, data):
    link = links.get(id(tls)) or Inside(tls, None, not tls.server_side)
    if link.counts:
        link.received(count, start_of(data, min(count, HEAD)) if link.watches_in else None)


def inside_sent(tls, count, data):
    link = links.get(id(tls)) or Inside(tls, None, not tls.server_side)
    if link.counts:
        link.sent(count, data)


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


def unseen():
    """The libraries in this process whose I/O passes by all of this."""
    return [name for name in NATIVE if name in sys.modules]
