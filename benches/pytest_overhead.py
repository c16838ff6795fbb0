#!/usr/bin/env python3
"""What watching costs: CPU of 10,000 trivial tests under liveloop's plugin against bare `pytest -q`.

    benches/pytest_overhead.py PYTHON [--tests 10000] [--rounds 5]

PYTHON is an interpreter that has pytest. The commands run interleaved, so that a busy machine is equally unkind to
all of them; the figures of each are the smallest CPU time (user + system) of its rounds,
and the median of its ratio to the bare run of the same round. `off` is the plugin's module
on the command line with no socket: what the file itself costs. Aims: quiet <= 0.90, beside <= 1.05.
"""

import argparse
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ADAPTERS = os.path.join(HERE, "..", "src", "adapters")
BARE = ["-q"]
OURS = ["-q", "-p", "liveloop_plugin"]
LANES = {"bare": (BARE, None), "off": (OURS, None), "beside": (OURS, "beside"), "quiet": (OURS, "quiet")}


def write_suite(folder, tests, files=100):
    open(os.path.join(folder, "pytest.ini"), "w").write("[pytest]\n")
    for file in range(files):
        with open(os.path.join(folder, "test_mod_%03d.py" % file), "w") as out:
            for n in range(tests // files):
                out.write("def test_case_%05d():\n    assert True\n\n" % n)


class Reader:
    """A listener that only counts, as cheap as a reader can be."""

    def __init__(self, path):
        self.lines = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            while True:
                data = connection.recv(1 << 16)
                if not data:
                    break
                self.lines += data.count(b"\n")


def cpu_of(command, folder, environment):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit("%s: exit %d\n%s" % (" ".join(command), done.returncode, done.stdout.decode()[-2000:]))
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python")
    parser.add_argument("--tests", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    args.python = os.path.abspath(args.python)  # not resolved: a link into a virtual environment is the environment
    with tempfile.TemporaryDirectory() as work:
        suite, plugins = os.path.join(work, "suite"), os.path.join(work, "plugins")
        os.mkdir(suite)
        os.mkdir(plugins)
        write_suite(suite, args.tests)
        for part in ("plugin", "evidence", "null", "source"):
            shutil.copy(os.path.join(ADAPTERS, "pytest_%s.py" % part), os.path.join(plugins, "liveloop_%s.py" % part))
        reader = Reader(os.path.join(work, "socket"))
        figures = {lane: [] for lane in LANES}
        for round_number in range(args.rounds + 1):
            for lane, (arguments, wanted) in LANES.items():
                environment = dict(os.environ, PYTHONPATH=plugins)
                # As on a person's machine: compiled test files are kept, output is buffered.
                for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTEST_ADDOPTS"):
                    environment.pop(name, None)
                if wanted is not None:
                    environment.update(LIVELOOP_SOCKET=os.path.join(work, "socket"), LIVELOOP_LANE=wanted)
                before = reader.lines
                cpu = cpu_of([args.python, "-m", "pytest"] + arguments, suite, environment)
                if wanted is not None and reader.lines - before < 2 * args.tests:
                    sys.exit("%s: only %d lines came" % (lane, reader.lines - before))
                if round_number:  # the first round compiles and fills caches
                    figures[lane].append(cpu)
        bare = figures["bare"]
        for lane, seconds in figures.items():
            each = sorted(mine / theirs for mine, theirs in zip(seconds, bare))
            listed = " ".join("%.2f" % s for s in seconds)
            figure = (lane, min(seconds), min(seconds) / min(bare), each[len(each) // 2], listed)
            print("%-7s %6.2f s  %.3f x bare, %.3f in the median round  (%s)" % figure)


if __name__ == "__main__":
    main()
