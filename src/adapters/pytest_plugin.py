"""liveloop's ears in pytest: tells the console what happens while it happens.  PYTEST_DONT_REWRITE

Loaded with `-p liveloop_plugin`, silent unless LIVELOOP_SOCKET names a Unix socket. Writes the reporter protocol,
version 1 (docs/reporter-protocol.md): one JSON object a line. Python 3.8, pytest 7, nothing else needed. Beside it lie
liveloop_evidence (what each test touches), liveloop_null (a run without the environment) and liveloop_source.

What it costs is one `send` a test. Lines are gathered in the main thread and handed over at the next test's start,
together with that start, so that a test that hangs is known at once and a test that passed costs no write of its own.
A test whose three phases passed with nothing to tell is one `pass` line; everything else is sent phase by phase.

Whatever goes wrong here must not touch the user's session: when the socket fails, the plugin falls silent.
"""

import faulthandler
import json
import os
import signal
import socket
import struct
import sys
import time

import pytest

import liveloop_source

try:
    from pytest import TestReport
except ImportError:  # pytest 6 and older are not supported, but should not fail here
    from _pytest.reports import TestReport

VARIABLES = ("SOCKET", "SELECTION", "COLLECT_ONLY", "STACKS", "LANE", "EVIDENCE", "NULL")
SEND_PATIENCE_S = 30  # a console that reads nothing for so long is gone
BUFFER_LIMIT = 64 * 1024
SECTION_LIMIT = 256 * 1024
LINE_LIMIT = 3 * 1024 * 1024  # the reader's limit is 4 MiB
WARNING_LIMIT = 500
COLLECTED_PER_LINE = 500


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        settings = worker.get("liveloop")
    else:
        # Taken out of the environment: what the tests start is not part of this run.
        settings = {name: os.environ.pop("LIVELOOP_" + name, "") for name in VARIABLES}
    if not settings or not settings["SOCKET"]:
        return
    line = Line.connect(settings["SOCKET"])
    if line is None:
        return
    evidence = stand_between(config, settings)
    dump_stacks_on_signal(settings["STACKS"])
    selection = Selection.read(settings["SELECTION"])
    if worker is not None:
        # xdist's controller tells the story; a worker only filters, and says where it can be asked.
        line.write(hello(config, worker=str(worker.get("workerid", ""))))
        line.flush()
        line.close()
        if selection is not None:
            config.pluginmanager.register(selection, "liveloop-selection")
        config.pluginmanager.register(Worker(worker, settings, evidence), "liveloop-worker")
        return
    if settings["COLLECT_ONLY"] == "1":
        config.option.collectonly = True
    reporter = Reporter(config, line, selection, settings, evidence)
    config.pluginmanager.register(reporter, "liveloop-reporter")


def stand_between(config, settings):
    """Puts the null run and the measuring of evidence between the tests and the network, where they are asked for."""
    if settings["COLLECT_ONLY"] == "1":
        return None
    if settings["NULL"]:
        config.option.tbstyle = "native"  # most tests fail now, and nobody wants to know where
        try:
            import liveloop_null

            liveloop_null.install(settings["NULL"])
        except Exception as error:
            # A null run that reached its environment would call every honest test vacuous.
            raise pytest.UsageError("liveloop: cannot take the network away: %r" % (error,))
    # A test in a forked process of its own takes what it measured with it.
    if settings["EVIDENCE"] != "1" or getattr(config.option, "forked", False):
        return None
    try:
        import liveloop_evidence

        liveloop_evidence.install()
        return liveloop_evidence
    except Exception:  # an exotic Python: what cannot be measured is not promised either
        return None


class Line:
    """The connection: whole lines, gathered, bounded in patience."""

    @classmethod
    def connect(cls, path):
        try:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(path)
            # A limit in the kernel: Python's own timeout would cost a second system call for every write.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_PATIENCE_S, 0))
        except (OSError, AttributeError, ValueError, struct.error):
            return None
        return cls(sock)

    def __init__(self, sock):
        self.sock = sock
        self.waiting = []
        self.size = 0
        if hasattr(os, "register_at_fork"):
            # A test that forks has a copy of this connection; only the parent may speak.
            os.register_at_fork(after_in_child=self.close)

    def write(self, text):
        self.waiting.append(text)
        self.size += len(text)
        if self.size > BUFFER_LIMIT:
            self.flush()

    def flush(self):
        waiting = self.waiting
        if not waiting:
            return
        text = "".join(waiting)
        waiting.clear()
        self.size = 0
        if self.sock is not None:
            try:
                self.sock.sendall(text.encode("utf-8", "replace"))
            except OSError:
                self.close()

    def close(self):
        sock, self.sock = self.sock, None
        self.waiting.clear()
        if sock is not None:
            try:
                sock.close()
            except OSError:
                pass


class Selection:
    """Keeps the wanted tests: files are named on the command line, ids here, so that a vanished id stops nothing."""

    @classmethod
    def read(cls, path):
        if not path:
            return None
        try:
            with open(path, encoding="utf-8", errors="replace", newline="\n") as lines:
                return cls([line.rstrip("\n") for line in lines if line.strip()])
        except OSError as error:
            # Running everything instead of what was asked for would be worse than running nothing.
            raise pytest.UsageError("liveloop: cannot read the selection %s: %s" % (path, error))

    def __init__(self, wanted):
        self.wanted = dict.fromkeys(wanted)
        self.found = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if self.wants(item.nodeid)]

    def wants(self, nodeid):
        if nodeid not in self.wanted:
            nodeid = without_group(nodeid)
            if nodeid not in self.wanted:
                return False
        self.found.add(nodeid)
        return True

    def missing(self):
        return [nodeid for nodeid in self.wanted if nodeid not in self.found]


class Worker:
    """In a worker of xdist: what only the process of a test can know travels with the last report of the test."""

    def __init__(self, worker, settings, evidence):
        self.path = collected_path(settings, worker.get("workerid"))
        self.evidence = evidence
        self.item = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session):
        # The controller is told only the ids; it finds the rest here by the time that it hears of them.
        try:
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump([described(item) for item in session.items], file)
        except (OSError, ValueError):
            pass

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        self.item = item

    def pytest_runtest_logstart(self, nodeid, location):
        if self.evidence is not None:
            self.evidence.begin()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report):
        if report.when == "teardown":
            report.liveloop = told_of(self.item, report, self.evidence)


def told_of(item, report, evidence):
    """The end of a test's last line: its evidence, and what it reported of itself."""
    touched = evidence.take() if evidence is not None else ""
    rest = ',"evidence":' + touched if touched else ""
    if report.user_properties and item is not None:
        rest += ',"values":' + encode(liveloop_source.stated(item, report.user_properties))
    return rest


def described(item):
    line = item.location[1]
    return (line if line is not None else -1) + 1, liveloop_source.source_hash(item)


def collected_path(settings, worker):
    return "%s.%s" % (settings["SOCKET"], worker)


class Reporter:
    """Turns pytest's hooks into lines of the protocol."""

    def __init__(self, config, line, selection, settings, evidence):
        self.config = config
        self.evidence = evidence
        self.item = None
        self.last_words = {}  # node id -> what comes with the last line of the test
        self.line = line
        self.selection = selection
        self.settings = settings
        self.stats = None  # of the quiet reporter, for the summaries that other plugins write
        self.passes_wanted = self.durations_wanted = False
        self.session = None
        self.keys = {}  # node id -> '"n":7', the way a line names this test
        self.held = {}  # node id -> its passed reports so far, or None once something had to be told
        self.told = {}  # node id -> the sections that were sent; pytest repeats them in every later phase
        self.current = None
        self.distributed = False
        self.collection_done = False
        self.stopping = False
        self.warnings = {}
        if selection is not None:
            config.pluginmanager.register(selection, "liveloop-selection")

    # The terminal reporter ------------------------------------------------------------------------------------

    def pytest_plugin_registered(self, plugin, manager):
        """Takes the terminal reporter's place the moment it appears, before anybody has looked it up."""
        if manager.get_plugin("terminalreporter") is not plugin or self.lane_asked() == "beside":
            return
        quiet = quiet_reporter(self.config, plugin)
        if quiet is not None:
            manager.unregister(plugin)
            manager.register(quiet, "terminalreporter")

    def lane_asked(self):
        option = self.config.option
        if getattr(option, "usepdb", False) or getattr(option, "trace", False):
            return "beside"  # a person is going to type
        return self.settings["LANE"]

    # Session --------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session):
        self.session = session
        self.distributed = self.config.pluginmanager.hasplugin("dsession")
        ordinary = self.config.pluginmanager.get_plugin("terminalreporter")
        lane = "quiet" if ordinary is None or getattr(ordinary, "is_liveloop_quiet", False) else "beside"
        if lane == "quiet" and ordinary is not None:
            self.stats = ordinary.stats
            self.durations_wanted = getattr(self.config.option, "durations", None) is not None
            if getattr(self.config.option, "tbstyle", None) in ("no", "line"):
                self.config.option.tbstyle = "short"  # chosen for a terminal that nobody looks at now
        workers = len(getattr(self.config.option, "tx", None) or []) if self.distributed else 0
        measures = {"evidence": True} if self.evidence is not None else {}
        self.line.write(hello(self.config, lane=lane, workers=workers, **measures))
        self.line.flush()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session, exitstatus):
        self.line.flush()
        yield
        self.mention_unseen()
        self.tell("end", exit=int(getattr(session, "exitstatus", exitstatus)))
        self.line.flush()

    def mention_unseen(self):
        unseen = self.evidence.unseen() if self.evidence is not None else []
        if unseen:
            text = "what the tests exchanged through %s could not be seen: their evidence may be too little"
            if self.settings["NULL"]:
                text = "%s could not be refused: what passed in this null run may have reached its environment"
            self.tell("warning", message=text % ", ".join(unseen))

    def pytest_unconfigure(self):
        self.line.close()

    def pytest_keyboard_interrupt(self, excinfo):
        if not self.stopping:
            self.stop(str(excinfo.value) or "interrupted")

    def pytest_internalerror(self, excrepr):
        self.tell("crash", reason=cut("internal error in pytest\n" + str(excrepr), SECTION_LIMIT))
        self.line.flush()

    def stop(self, reason):
        self.stopping = True
        self.tell("stopping", reason=str(reason))
        self.line.flush()

    # Collection -----------------------------------------------------------------------------------------------

    def pytest_collectreport(self, report):
        if report.passed:
            return
        module = report.nodeid.split("::", 1)[0]
        text = report.longreprtext
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else text
            self.tell("collect_skipped", module=module, message=reason)
        else:
            self.tell("collect_error", module=module, message=exception_line(text), longrepr=cut(text, SECTION_LIMIT))

    def pytest_deselected(self, items):
        if items:
            self.tell("deselected", count=len(items))

    def pytest_collection_finish(self, session):
        self.collected([(item.nodeid, *described(item)) for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        descriptions = self.left_by(node, len(ids))
        if not self.collection_done:  # the workers collect the same, or xdist refuses to run them
            if self.selection is not None:
                for nodeid in ids:
                    self.selection.wants(nodeid)
            self.collected([(nodeid, *description) for nodeid, description in zip(ids, descriptions)])

    def left_by(self, node, count):
        """What a worker wrote of the tests that it found, if it is on this machine."""
        path = collected_path(self.settings, node.gateway.id)
        try:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
            os.unlink(path)
        except (OSError, ValueError):
            found = []
        return found if len(found) == count else [(0, None)] * count

    def collected(self, tests):
        missing = self.selection.missing() if self.selection is not None else []
        for start in range(0, len(missing), COLLECTED_PER_LINE):
            self.tell("missing", ids=missing[start : start + COLLECTED_PER_LINE])
        rows = []
        for number, (nodeid, line, source) in enumerate(tests):
            self.keys.setdefault(nodeid, '"n":%d' % number)
            plain = without_group(nodeid) if self.distributed else nodeid
            row = (plain, plain.split("::", 1)[0], line)
            rows.append(row if source is None else row + (source,))
        for start in range(0, len(rows), COLLECTED_PER_LINE):
            self.tell("collected", items=rows[start : start + COLLECTED_PER_LINE])
        self.collection_done = True
        self.tell("collection_done")
        self.line.flush()

    # Tests ----------------------------------------------------------------------------------------------------

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session):
        """Reports of passed tests are kept only where somebody may read them: keeping three of each is most of what
        the ordinary reporter costs, in the garbage collector."""
        if self.stats is not None:
            readers = self.config.pluginmanager.hook.pytest_terminal_summary.get_hookimpls()
            others = any(not is_pytests_own(reader.plugin) for reader in readers)
            self.passes_wanted = others or self.durations_wanted
        yield

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        self.item = item

    def pytest_runtest_logstart(self, nodeid, location):
        self.current = nodeid
        if self.evidence is not None:
            self.evidence.begin()
        self.held[nodeid] = []
        line = self.line
        line.waiting.append('{"e":"start",%s,"at":%.6f}\n' % (self.key(nodeid), time.time()))
        line.flush()

    def pytest_runtest_logreport(self, report):
        nodeid = report.nodeid
        if report.when == "teardown" and not self.distributed:
            rest = told_of(self.item, report, self.evidence)
            if rest:
                self.last_words[nodeid] = rest
        held = self.held.get(nodeid)
        if (
            held is not None
            and report.outcome == "passed"
            and type(report) is TestReport
            and not hasattr(report, "wasxfail")
            and not getattr(report, "rerun", 0)
        ):
            if report.when != "teardown":
                held.append(report)
                if self.distributed and report.when == "setup":
                    self.report(report)  # says which worker has it, which its start did not know
                return
            if len(held) == 2:
                self.passed(nodeid, held, report)
                return
        if report.when == "???":
            self.crashed(report)
        else:
            self.phase(report, held)
        if report.outcome == "failed" and not self.stopping:
            stop = self.session.shouldfail or self.session.shouldstop
            if stop:
                self.stop(stop)

    def pytest_runtest_logfinish(self, nodeid, location):
        if nodeid in self.held:
            self.release(nodeid)
            del self.held[nodeid]
            self.told.pop(nodeid, None)
            self.line.write('{"e":"finish",%s%s}\n' % (self.key(nodeid), self.last_words.pop(nodeid, "")))
            if self.distributed:
                self.line.flush()

    def passed(self, nodeid, held, teardown):
        setup, call = held
        del self.held[nodeid]
        rest = self.last_words.pop(nodeid, "") if self.last_words else ""
        if teardown.sections:
            sections = self.fresh_sections(teardown)
            if sections:
                rest += ',"sections":' + encode(sections)
        if self.told:
            self.told.pop(nodeid, None)
        if self.distributed:
            rest += ',"worker":' + encode(getattr(teardown, "worker_id", ""))
        self.line.write(
            '{"e":"pass",%s,"at":%.6f,"s":%.6f%s}\n'
            % (
                self.key(nodeid),
                getattr(teardown, "stop", None) or time.time(),
                setup.duration + call.duration + teardown.duration,
                rest,
            )
        )
        if self.distributed:
            self.line.flush()
        if self.passes_wanted:
            self.stats.setdefault("passed", []).append(call)
            if self.durations_wanted:
                self.stats.setdefault("", []).extend((setup, teardown))

    def phase(self, report, held):
        """A report that has something to tell, after the ones of the same attempt that had not."""
        # A subtest that held may still be part of a clean pass; one that did not, never.
        if held is not None and (type(report) is TestReport or report.outcome != "passed"):
            self.release(report.nodeid)
        self.count(report)  # first: pytest 9 fails the parent of failed subtests while it counts
        self.report(report)
        if report.outcome != "passed":
            self.line.flush()

    def release(self, nodeid):
        held, self.held[nodeid] = self.held[nodeid], None
        for earlier in held or ():
            self.count(earlier)
            if not (self.distributed and earlier.when == "setup"):  # that one went out at once
                self.report(earlier)

    def count(self, report):
        """Keeps the figures that the ordinary reporter would have kept."""
        if self.stats is not None:
            status = self.config.hook.pytest_report_teststatus(report=report, config=self.config)
            self.stats.setdefault(status[0] if status else "", []).append(report)

    def report(self, report):
        line = {"when": report.when, "outcome": report.outcome, "duration": report.duration}
        for name in ("start", "stop", "rerun"):
            value = getattr(report, name, None)
            if value and isinstance(value, (int, float)):
                line[name] = value
        if hasattr(report, "wasxfail"):
            line["wasxfail"] = str(report.wasxfail)
        if hasattr(report, "worker_id"):
            line["worker"] = str(report.worker_id)
        if report.longrepr is not None or type(report) is not TestReport:
            try:
                plain = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
                line["longrepr"] = trimmed(plain.get("longrepr"))
                context = plain.get("_subtest.context")
            except Exception:  # an exotic report, an exotic exception in somebody's __repr__
                line["longrepr"] = cut(report.longreprtext, SECTION_LIMIT)
                context = None
            if context is not None:
                kwargs = context.get("kwargs") or {}
                line["subtest"] = {
                    "msg": cut(str(context.get("msg") or ""), 1000),
                    "kwargs": {str(k): cut(v if isinstance(v, str) else repr(v), 1000) for k, v in kwargs.items()},
                }
            if line["longrepr"] is None:
                del line["longrepr"]
        if report.sections:
            sections = bounded(report.sections) if "subtest" in line else self.fresh_sections(report)
            if sections:
                line["sections"] = sections
        self.tell_about("report", report.nodeid, line)

    def fresh_sections(self, report):
        told = self.told.setdefault(report.nodeid, [])
        fresh = [section for section in report.sections if section not in told]
        told.extend(fresh)
        return bounded(fresh)

    def crashed(self, report):
        """xdist's word for a test whose worker died under it."""
        self.held.pop(report.nodeid, None)
        self.told.pop(report.nodeid, None)
        self.last_words.pop(report.nodeid, None)
        message = cut(report.longreprtext, SECTION_LIMIT)
        self.tell_about("result", report.nodeid, {"outcome": "crashed", "at": time.time(), "s": 0, "message": message})
        self.line.flush()
        self.count(report)

    # What else is worth knowing -------------------------------------------------------------------------------

    def pytest_warning_recorded(self, warning_message, when, nodeid, location):
        text = cut(str(warning_message.message), 4000)
        category = getattr(warning_message.category, "__name__", "Warning")
        same = (category, warning_message.filename, warning_message.lineno, text)
        if same in self.warnings or len(self.warnings) >= WARNING_LIMIT:
            return
        self.warnings[same] = True
        line = {"message": text, "category": category, "file": warning_message.filename, "line": warning_message.lineno}
        if nodeid in self.keys:
            self.tell_about("warning", nodeid, line)
        else:
            self.tell("warning", **line)
        if len(self.warnings) == WARNING_LIMIT:
            self.tell("warning", message="%d different warnings so far; later ones are left out" % WARNING_LIMIT)

    def pytest_enter_pdb(self, config, pdb):
        self.debugger(True)

    def pytest_leave_pdb(self, config, pdb):
        self.debugger(False)

    def debugger(self, is_open):
        if self.current is not None:
            self.tell_about("debugger", self.current, {"open": is_open})
            self.line.flush()

    # xdist ----------------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node):
        node.workerinput["liveloop"] = self.settings

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_from_serializable(self, data):
        """Takes off what a worker of ours has put on, before anybody else sees the report."""
        rest = data.pop("liveloop", None)
        if rest:
            self.last_words[data.get("nodeid")] = rest

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        if error:
            self.tell("crash", reason="worker %s: %s" % (node.gateway.id, cut(str(error), SECTION_LIMIT)))
            self.line.flush()

    # Words ----------------------------------------------------------------------------------------------------

    def key(self, nodeid):
        found = self.keys.get(nodeid)
        if found is None:
            plain = without_group(nodeid) if self.distributed else nodeid
            found = self.keys[nodeid] = '"id":' + encode(plain)
        return found

    def tell(self, kind, **rest):
        self.line.write(shrunk('{"e":"%s"' % kind, rest))

    def tell_about(self, kind, nodeid, rest):
        self.line.write(shrunk('{"e":"%s",%s' % (kind, self.key(nodeid)), rest))


def quiet_reporter(config, ordinary):
    """The terminal reporter without its drawing: its options, counts and writer stay for whoever looks it up, and
    what other plugins write into the summary (coverage, for example) is still written. None: it cannot be replaced."""
    try:
        from _pytest.terminal import TerminalReporter

        if type(ordinary) is not TerminalReporter:
            return None  # somebody else has replaced it

        class QuietReporter(TerminalReporter):
            is_liveloop_quiet = True
            showheader = False
            pytest_collection = pytest_collection_finish = pytest_runtestloop = None
            pytest_runtest_logstart = pytest_runtest_logreport = pytest_runtest_logfinish = None
            pytest_terminal_summary = None

            def report_collect(self, final=False):
                pass

            def summary_stats(self):
                pass

        return QuietReporter(config, sys.stdout)
    except Exception:
        return None


def is_pytests_own(plugin):
    module = getattr(plugin, "__name__", None) or type(plugin).__module__
    return module.startswith("_pytest.")


def hello(config, **rest):
    rest.update(v=1, tool="pytest", version=pytest.__version__, pid=os.getpid(), root=str(config.rootpath))
    files = captured_files(config)
    if files:
        rest["captured"] = files
    return shrunk('{"e":"hello"', rest)


def captured_files(config):
    """The descriptors of the files that take a running test's output (`--capture=fd`, the default). Nobody in this
    process could read them while a test hangs; on Linux the console can, as /proc/PID/fd/N."""
    try:
        capturing = config.pluginmanager.get_plugin("capturemanager")._global_capturing
        return {"stdout": capturing.out.tmpfile.fileno(), "stderr": capturing.err.tmpfile.fileno()}
    except Exception:
        return None


def dump_stacks_on_signal(path):
    if path and hasattr(faulthandler, "register") and hasattr(signal, "SIGUSR1"):
        try:
            # Never closed: the handler keeps writing to the descriptor as long as the process lives.
            stacks = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            faulthandler.register(signal.SIGUSR1, file=stacks, all_threads=True, chain=False)
        except (OSError, ValueError, RuntimeError):
            pass


def without_group(nodeid):
    """`--dist=loadgroup` makes `test_x@group` of a grouped test's id; neither `::name` nor `[params]` ends that way."""
    at = nodeid.rfind("@")
    if at > nodeid.rfind("::") > -1 and at > nodeid.rfind("]"):
        return nodeid[:at]
    return nodeid


def exception_line(text):
    """The last line that pytest marked with `E`, else the last that says anything."""
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    return cut((marked or lines or ["failed"])[-1].strip(), 4000)


def trimmed(longrepr):
    """Leaves out what would be sent twice: the last link of an exception chain is the traceback itself."""
    if isinstance(longrepr, dict):
        chain = longrepr.get("chain")
        if isinstance(chain, (list, tuple)) and chain:
            longrepr = dict(longrepr, chain=list(chain[:-1]))
    return longrepr


def bounded(sections):
    return [(str(title), cut(str(text), SECTION_LIMIT)) for title, text in sections if text]


def cut(text, limit):
    """The head and the tail of a text that is too long, and how much was between them."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return "%s\n[… liveloop left out %d characters …]\n%s" % (text[:half], len(text) - 2 * half, text[-half:])


def encode(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)


def shrunk(head, rest):
    """A line of bounded length: the texts in it are cut ever shorter until it fits."""
    limit = SECTION_LIMIT
    while True:
        body = encode(rest)
        line = head + "," + body[1:] + "\n" if rest else head + "}\n"
        if len(line) <= LINE_LIMIT // 4 or len(line.encode("utf-8", "replace")) <= LINE_LIMIT or limit < 64:
            return line
        limit //= 8
        rest = shorter(rest, limit)


def shorter(value, limit):
    if isinstance(value, str):
        return cut(value, limit)
    if isinstance(value, dict):
        return {key: shorter(inner, limit) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        if len(value) > limit:
            gap = "[… liveloop left out %d entries …]" % (len(value) - limit)
            value = list(value[: limit // 2]) + ([gap] if isinstance(value[0], str) else []) + list(value[-(limit // 2) :])
        return [shorter(inner, limit) for inner in value]
    return value
