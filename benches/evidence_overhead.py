#!/usr/bin/env python3
"""What measuring evidence costs: 2,000 tests that each make some HTTP requests over loopback, measured and not.

    benches/evidence_overhead.py PYTHON [--tests 2000] [--requests 5] [--rounds 7] [--with httpx]

PYTHON is an interpreter that has pytest (and httpx, where that is asked for). Both runs report to a listener, quiet
lane; they alternate, so that a busy machine is equally unkind to both. Each figure is the median of the rounds' ratio
of measured to unmeasured, of CPU time (user + system) and of elapsed time. Aim: at most 1.03.
"""

import argparse
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from pytest_overhead import ADAPTERS, Reader

SERVER = r'''
import socket, threading
BODY = b'{"status": "healthy", "items": [' + b'"item", ' * 60 + b'""]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
def serve(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    while True:
        data = connection.recv(65536)
        if not data:
            return
        waiting += data
        while b"\r\n\r\n" in waiting:
            waiting = waiting.split(b"\r\n\r\n", 1)[1]
            connection.sendall(ANSWER)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
'''

SUITES = {
    "http.client": """
import http.client, json, pytest

@pytest.fixture(scope="session")
def client():
    return http.client.HTTPConnection("127.0.0.1", PORT)

@pytest.mark.parametrize("n", range(TESTS))
def test_it(client, n):
    for _ in range(REQUESTS):
        client.request("GET", "/health", headers={"Accept": "application/json"})
        assert json.load(client.getresponse())["status"] == "healthy"
""",
    "asyncio": """
import asyncio, pytest

@pytest.fixture(scope="session")
def loop():
    loop = asyncio.new_event_loop()
    loop.streams = loop.run_until_complete(asyncio.open_connection("127.0.0.1", PORT))
    return loop

async def request(reader, writer):
    writer.write(b"GET /health HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    await reader.readexactly(int(head.rsplit(b": ", 1)[1]))

@pytest.mark.parametrize("n", range(TESTS))
def test_it(loop, n):
    for _ in range(REQUESTS):
        loop.run_until_complete(request(*loop.streams))
""",
    "httpx": """
import httpx, pytest

@pytest.fixture(scope="session")
def client():
    return httpx.Client(base_url="http://127.0.0.1:PORT")

@pytest.mark.parametrize("n", range(TESTS))
def test_it(client, n):
    for _ in range(REQUESTS):
        assert client.get("/health").json()["status"] == "healthy"
""",
}


def run(python, folder, work, measured):
    environment = dict(os.environ, PYTHONPATH=os.path.join(work, "plugins"))
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTEST_ADDOPTS"):
        environment.pop(name, None)
    environment.update(LIVELOOP_SOCKET=os.path.join(work, "socket"), LIVELOOP_EVIDENCE="1" if measured else "")
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [python, "-m", "pytest", "-q", "-p", "liveloop_plugin"]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    elapsed = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit("exit %d\n%s" % (done.returncode, done.stdout.decode()[-2000:]))
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, elapsed


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python")
    parser.add_argument("--tests", type=int, default=2000)
    parser.add_argument("--requests", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--with", dest="more", choices=["httpx"], action="append", default=[])
    args = parser.parse_args()
    python = os.path.abspath(args.python)
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(os.path.join(work, "plugins"))
        for part in ("plugin", "evidence", "null", "source"):
            to = os.path.join(work, "plugins", "liveloop_%s.py" % part)
            shutil.copy(os.path.join(ADAPTERS, "pytest_%s.py" % part), to)
        Reader(os.path.join(work, "socket"))
        server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
        port = server.stdout.readline().strip()
        try:
            for name in ["http.client", "asyncio"] + args.more:
                folder = os.path.join(work, name)
                os.mkdir(folder)
                text = SUITES[name].replace("PORT", port).replace("TESTS", str(args.tests))
                with open(os.path.join(folder, "test_requests.py"), "w") as out:
                    out.write(text.replace("REQUESTS", str(args.requests)))
                rounds = []
                for number in range(args.rounds + 1):
                    # Which goes first changes, so that neither profits from the other's warm caches.
                    order = (True, False) if number % 2 else (False, True)
                    taken = {measured: run(python, folder, work, measured) for measured in order}
                    if number:  # the first round compiles and fills caches
                        rounds.append((taken[True], taken[False]))
                for what, n in (("CPU", 0), ("elapsed", 1)):
                    ratios = sorted(on[n] / off[n] for on, off in rounds)
                    figures = (name, what, median([off[n] for _, off in rounds]), median([on[n] for on, _ in rounds]))
                    listed = " ".join("%.3f" % ratio for ratio in ratios)
                    print("%-12s %-8s %.2f s -> %.2f s  x %.3f  (%s)" % (figures + (median(ratios), listed)), flush=True)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
