#!/usr/bin/env python3
"""The console as a terminal sees it: first frame, memory, silence, and a flood; beside its peers, interleaved.

    cargo build --release && cargo build --release --example minimal
    benches/terminal.py start [--rounds 15] [--idle 10]
    benches/terminal.py flood [--rounds 5] [--lines 1000000]

`start` opens the console in an empty folder. Peers: `minimal` (examples/minimal.rs), a cold `tmux` with a server of its
own, and whatever else is given with `--peer`. `flood` runs a test tool that prints a million lines of 100 bytes with
Python's `print`, presses a key all the while, and compares with a plain reader of the same pipe, and with `tmux`. Each
figure is the median of all rounds, then its range. Linux, Python 3.9 or later, no other modules.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
LIVELOOP = os.path.abspath(os.path.join(TARGET, "release", "liveloop"))
MINIMAL = os.path.abspath(os.path.join(TARGET, "release", "examples", "minimal"))
ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[ -/]*[0-~])")
# What programs ask at their start, so that none of them is charged for waiting.
ANSWERS = {b"\x1b[c": b"\x1b[?62;22c", b"\x1b[>c": b"\x1b[>1;10;0c", b"\x1b[6n": b"\x1b[1;1R", b"\x1b[>q": b"\x1bP>|b\x1b\\"}

LINES = """
import sys
line = "x" * 99
for _ in range(%d):
    print(line)
"""

BLOCKS = """
import os
block = b"x" * 99 + b"\\n"
block *= 500
for _ in range(%d // 500):
    data = memoryview(block)
    while data:
        data = data[os.write(1, data):]
"""

SUITE = """
import json, os, socket, subprocess, sys, time
link = socket.socket(socket.AF_UNIX)
link.connect(os.environ["LIVELOOP_SOCKET"])
tell = lambda **line: link.sendall((json.dumps(line) + "\\n").encode())
tell(e="hello", v=1, tool="flood", version="1", pid=os.getpid())
tell(e="collected", items=[["test_flood.py::test_flood", "test_flood.py", 1]])
tell(e="collection_done")
if not os.environ.get("LIVELOOP_COLLECT_ONLY"):
    tell(e="start", n=0, at=time.time())
    begun = time.monotonic()
    open("took", "w").write(repr(time.time()))
    subprocess.check_call([sys.executable, "printer.py"])
    tell(e="pass", n=0, at=time.time(), s=time.monotonic() - begun)
tell(e="end", exit=0)
"""


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, command, folder, home, size=(60, 200)):
        self.bytes, self.visible, self.over, self.seen = 0, None, False, b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        environment = dict(os.environ, TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8", HOME=home)
        for name in ("TMUX", "NO_COLOR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "PYTHONUNBUFFERED"):
            environment.pop(name, None)
        self.began = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for descriptor in (0, 1, 2):
                os.dup2(slave, descriptor)
            os.closerange(3, 64)
            os.chdir(folder)
            try:
                os.execvpe(command[0], command, environment)
            finally:
                os._exit(127)
        os.close(slave)
        self.poll = select.poll()
        self.poll.register(self.master, select.POLLIN)

    def read(self, patience):
        """What comes within so many seconds."""
        if self.over or not self.poll.poll(patience * 1000):
            return b""
        try:
            data = os.read(self.master, 1 << 18)
        except OSError:
            data = b""
        if not data:
            self.over = True
            return b""
        self.bytes += len(data)
        if self.visible is None:
            self.seen += data
            if ESCAPE.sub(b"", self.seen).strip(b" \r\n\x1b\x0f\x00"):
                self.visible = time.monotonic() - self.began
        for question, answer in ANSWERS.items():
            if question in data:
                os.write(self.master, answer)
        return data

    def settle(self, quiet=0.3, limit=10):
        end = time.monotonic() + limit
        while time.monotonic() < end and not self.over:
            if not self.read(quiet) and self.visible is not None:
                return

    def write(self, data):
        os.write(self.master, data)

    def end(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(self.pid, number)
            except OSError:
                break
            until = time.monotonic() + 3
            while time.monotonic() < until:
                self.read(0.02)
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    os.close(self.master)
                    return
        os.close(self.master)


def status(pid, name):
    with open("/proc/%d/status" % pid) as lines:
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":")), 0)


def cpu(pid):
    total = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, thread)) as numbers:
            total += int(numbers.read().split()[0])
    return total / 1e9


def spread(figures, digits=1):
    return "%.*f (%.*f to %.*f)" % (digits, statistics.median(figures), digits, min(figures), digits, max(figures))


def load():
    return "load average %.1f on %d cores" % (os.getloadavg()[0], os.cpu_count())


class Tmux:
    """A tmux server of its own, cold at every start."""

    def __init__(self):
        self.name = "bench-%d" % os.getpid()

    def command(self, *words):
        return ["tmux", "-L", self.name, "-f", "/dev/null", "new-session", *words]

    def end(self):
        subprocess.run(["tmux", "-L", self.name, "kill-server"], stderr=subprocess.DEVNULL)


def start(args):
    tmux = Tmux()
    programs = {"liveloop": [LIVELOOP], "minimal": [MINIMAL]}
    if shutil.which("tmux"):
        programs["tmux"] = tmux.command("cat")
    for peer in args.peer:
        programs[os.path.basename(peer.split()[0])] = peer.split()
    first, memory, silent = ({name: [] for name in programs} for _ in range(3))
    print(load())
    for round_number in range(args.rounds + 1):
        for name, command in programs.items():
            with tempfile.TemporaryDirectory() as home:
                folder = os.path.join(home, "empty")
                os.mkdir(folder)
                terminal = Terminal(command, folder, home)
                terminal.settle()
                if round_number:  # the first round fills the page cache
                    first[name].append(terminal.visible * 1e3)
                    memory[name].append(status(terminal.pid, "VmRSS"))
                if round_number == 1 and args.idle:
                    time.sleep(2)
                    terminal.read(0)
                    bytes_before, cpu_before = terminal.bytes, cpu(terminal.pid)
                    until = time.monotonic() + args.idle
                    while time.monotonic() < until:
                        terminal.read(0.5)
                    used = max(0, cpu(terminal.pid) - cpu_before) / args.idle * 100
                    silent[name] = ["%d bytes, %.4f %% CPU" % (terminal.bytes - bytes_before, used)]
                terminal.end()
                if name == "tmux":
                    tmux.end()
    print(load())
    for name in programs:
        line = (name, spread(first[name]), spread(memory[name]), "".join(silent[name]))
        print("%-10s first visible %s ms; memory %s MB; idle for %d s: %s" % (line[:3] + (args.idle, line[3])))
    for name in programs:
        if name != "liveloop":
            ratios = [ours / theirs for ours, theirs in zip(first["liveloop"], first[name])]
            print("liveloop / %-10s %s" % (name, spread(ratios, 2)))


def plain(folder):
    """A reader that does nothing else, on a pipe as the console has one."""
    begun = time.monotonic()
    child = subprocess.Popen([sys.executable, "printer.py"], cwd=folder, stdout=subprocess.PIPE)
    while os.read(child.stdout.fileno(), 1 << 16):
        pass
    child.wait()
    return time.monotonic() - begun


def flooded(terminal, done, keys, began):
    """Until `done` is seen: seconds, and the latencies of `keys` in milliseconds, each until the next byte."""
    latencies, seen, sent, turn, next_key = [], b"", None, 0, began + 0.02
    while not terminal.over and time.monotonic() - began < 120:
        data = terminal.read(0.002)
        now = time.monotonic()
        if data:
            if sent:
                latencies.append((now - sent) * 1e3)
                sent, next_key = None, now + 0.01
            seen = (seen + data)[-65536:]
            if done in seen:
                return now - began, latencies
        if keys and sent is None and now >= next_key:
            terminal.write(keys[turn % len(keys)])
            sent, turn = now, turn + 1
    sys.exit("%r never came; the last of what came: %r" % (done, seen[-2000:]))


def flood(args):
    tmux = Tmux()
    figures = {"plain": [], "liveloop": [], "tmux": []}
    latencies = []
    print(load())
    for round_number in range(args.rounds + 1):
        with tempfile.TemporaryDirectory() as home:
            folder = os.path.join(home, "flood")
            os.mkdir(folder)
            for name, text in (("printer.py", (BLOCKS if args.blocks else LINES) % args.lines), ("suite.py", SUITE)):
                with open(os.path.join(folder, name), "w") as out:
                    out.write(text)
            with open(os.path.join(folder, "liveloop.toml"), "w") as out:
                out.write('[runner.flood.reporter]\ncommand = ["%s", "suite.py"]\n' % sys.executable)
            took = {"plain": plain(folder)}
            terminal = Terminal([LIVELOOP, "--trust"], folder, home)
            terminal.settle()
            began = time.monotonic()
            terminal.write(b"R")
            # Another pane gets the focus, and back: little changes but that, so that the next byte is the answer.
            _, keyed = flooded(terminal, b"aside", [b"2", b"1"], began)
            terminal.end()
            # As in `plain`, without the start of the tool around it: its own watch.
            took["liveloop"] = own_watch(folder)
            # Slow enough that twice is enough.
            if shutil.which("tmux") and round_number < 3:
                words = "%s printer.py; echo all-is-printed; sleep 9" % sys.executable
                terminal = Terminal(tmux.command(words), folder, home)
                took["tmux"], _ = flooded(terminal, b"all-is-printed", [], time.monotonic())
                terminal.end()
                tmux.end()
            if round_number:  # the first round fills the page cache
                latencies += keyed
                for name, seconds in took.items():
                    figures[name].append(seconds)
    print(load())
    for name, seconds in figures.items():
        if seconds:
            ratios = [mine / theirs for mine, theirs in zip(seconds, figures["plain"])]
            print("%-10s %s s, %s of plain" % (name, spread(seconds, 3), spread(ratios, 2)))
    keyed = sorted(latencies)
    p99 = keyed[min(len(keyed) - 1, int(len(keyed) * 0.99))]
    print("%d keys during it: median %.1f ms, p99 %.1f ms, longest %.1f ms" % (len(keyed), statistics.median(keyed), p99, keyed[-1]))


def own_watch(folder):
    """From the printer's first line to its last taken one, by the journal: what the console has folded and written."""
    sessions = os.path.join(folder, ".liveloop", "sessions")
    with open(os.path.join(sessions, os.listdir(sessions)[0]), "rb") as journal:
        stamps = [int(line[line.index(b'"at":') + 5 : 40].split(b",")[0]) for line in journal if b'"printed"' in line[:90]]
    with open(os.path.join(folder, "took")) as took:
        begun = float(took.read())
    return stamps[-1] / 1e6 - begun


def main():
    os.environ.pop("PYTHONUNBUFFERED", None)  # as on a person's machine: output is buffered
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    one = kinds.add_parser("start")
    one.add_argument("--rounds", type=int, default=15)
    one.add_argument("--idle", type=float, default=10)
    one.add_argument("--peer", action="append", default=[], help="another program to start")
    one.set_defaults(work=start)
    other = kinds.add_parser("flood")
    other.add_argument("--rounds", type=int, default=5)
    other.add_argument("--lines", type=int, default=1_000_000)
    other.add_argument("--blocks", action="store_true", help="written in blocks of 50 KB, as fast as a pipe takes them")
    other.set_defaults(work=flood)
    args = parser.parse_args()
    args.work(args)


if __name__ == "__main__":
    main()
