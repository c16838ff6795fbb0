# A test tool of a few lines that speaks the reporter protocol. A test appends what its suite does.
import json, os, signal, socket, sys, time


class Suite:
    def __init__(self, tests, **hello):
        self.line = socket.socket(socket.AF_UNIX)
        self.line.connect(os.environ["LIVELOOP_SOCKET"])
        chosen = os.environ.get("LIVELOOP_SELECTION")
        wanted = open(chosen).read().splitlines() if chosen else tests
        self.tests = [test for test in tests if test in wanted]
        self.say(e="hello", v=1, tool="suite", version="1", pid=os.getpid(), **hello)
        self.say(e="collected", items=[[test, test.split("::")[0], 1] for test in self.tests])
        self.say(e="collection_done")
        if os.environ.get("LIVELOOP_COLLECT_ONLY") == "1":
            self.end(0)

    def say(self, **line):
        self.line.sendall((json.dumps(line) + "\n").encode())

    def start(self, test):
        self.say(e="start", id=test, at=time.time())

    def result(self, test, outcome="passed", **more):
        self.say(e="result", id=test, outcome=outcome, at=time.time(), s=0.01, **more)

    def end(self, code):
        self.say(e="end", exit=code)
        sys.exit(code)


