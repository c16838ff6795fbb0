-- Version 1 of history.db. Times are whole microseconds: moments since 1970 in UTC, and lengths.
-- docs/history.md describes it for people; the views below are what to ask.

CREATE TABLE outcome (id INTEGER PRIMARY KEY, word TEXT NOT NULL);
CREATE TABLE grade (id INTEGER PRIMARY KEY, word TEXT NOT NULL);

CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    journal TEXT NOT NULL UNIQUE,       -- the file's name in .liveloop/sessions
    started INTEGER NOT NULL,
    ended INTEGER,
    how TEXT,                           -- NULL: it runs, or nobody has looked since it was killed
    project TEXT NOT NULL,
    environment TEXT,
    cycle INTEGER NOT NULL DEFAULT 0,   -- the number of the last cycle that it knew of
    leaves TEXT,                        -- JSON: what it hands on to the next session besides results
    read INTEGER NOT NULL DEFAULT 0     -- the length of the journal when all of it was here; 0 before
);

CREATE TABLE cycle (
    number INTEGER NOT NULL,
    session INTEGER NOT NULL REFERENCES session(id),
    started INTEGER NOT NULL,
    ended INTEGER,
    what TEXT NOT NULL,
    PRIMARY KEY (number, session)
) WITHOUT ROWID;

CREATE TABLE runner (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE run (
    id INTEGER PRIMARY KEY,             -- the moment when it was asked for: ids sort by time
    session INTEGER NOT NULL REFERENCES session(id),
    n INTEGER NOT NULL,                 -- its place in the session
    runner INTEGER NOT NULL REFERENCES runner(id),
    kind TEXT NOT NULL,                 -- test, null, collect
    cycle INTEGER NOT NULL,
    what TEXT NOT NULL,
    who TEXT,
    tool TEXT,
    started INTEGER,
    ended INTEGER,
    how TEXT NOT NULL,                  -- complete, cut short, stopped, crashed, nothing ran, could not start, killed
    why TEXT,
    selected INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    not_run INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    UNIQUE (session, n)
);
CREATE INDEX run_by_cycle ON run (cycle);

CREATE TABLE test (
    id INTEGER PRIMARY KEY,
    runner INTEGER NOT NULL REFERENCES runner(id),
    node TEXT NOT NULL,                 -- the runner's full name for it
    module TEXT NOT NULL,
    UNIQUE (node, runner)
);

CREATE TABLE revisions (id INTEGER PRIMARY KEY, words TEXT NOT NULL UNIQUE);
CREATE TABLE revision (
    revisions INTEGER NOT NULL REFERENCES revisions(id),
    service TEXT NOT NULL,
    revision TEXT NOT NULL,
    PRIMARY KEY (revisions, service)
) WITHOUT ROWID;

CREATE TABLE cause (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,           -- what failures of one cause have in common
    class TEXT NOT NULL,
    title TEXT NOT NULL,                -- what changes from run to run is masked
    wording TEXT,                       -- the same in the words that its failures last shared
    exception TEXT,
    place TEXT,
    message TEXT NOT NULL
);

-- A test's record is one range of this table, ordered by time.
CREATE TABLE attempt (
    test INTEGER NOT NULL REFERENCES test(id),
    run INTEGER NOT NULL REFERENCES run(id),
    outcome INTEGER NOT NULL REFERENCES outcome(id),
    started INTEGER NOT NULL,
    took INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    revisions INTEGER REFERENCES revisions(id),   -- NULL: nobody knows what it met
    circumstance TEXT,                  -- NULL: its outcome is its own; straddled, or what a service did
    cause INTEGER REFERENCES cause(id),
    dependent INTEGER NOT NULL,
    grade INTEGER REFERENCES grade(id),
    message TEXT,
    PRIMARY KEY (test, run)
) WITHOUT ROWID;
CREATE INDEX attempt_by_run ON attempt (run);
CREATE INDEX attempt_by_cause ON attempt (cause) WHERE cause IS NOT NULL;

CREATE TABLE deploy (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES session(id),
    n INTEGER NOT NULL,                 -- its place in the session
    service TEXT NOT NULL,
    who TEXT NOT NULL,
    cycle INTEGER NOT NULL,
    from_revision TEXT,                 -- the one that served before
    to_revision TEXT,                   -- the one that was put in place, or announced
    started INTEGER NOT NULL,
    ended INTEGER,
    how TEXT NOT NULL,                  -- live, failed, not serving, cancelled, killed
    why TEXT,
    UNIQUE (session, n)
);

CREATE VIEW runs AS
SELECT run.cycle, runner.name AS runner, run.kind, run.what, run.who,
       strftime('%Y-%m-%dT%H:%M:%fZ', run.id / 1e6, 'unixepoch') AS asked,
       (run.ended - run.started) / 1e6 AS took_s, run.how, run.why,
       run.selected, run.finished, run.passed, run.failed, run.lost, run.not_run, run.missing,
       session.journal, run.id
FROM run JOIN runner ON runner.id = run.runner JOIN session ON session.id = run.session;

CREATE VIEW results AS
SELECT test.node AS test, runner.name AS runner, test.module, run.cycle, outcome.word AS outcome,
       strftime('%Y-%m-%dT%H:%M:%fZ', attempt.started / 1e6, 'unixepoch') AS started,
       attempt.took / 1e6 AS took_s, attempt.tries, revisions.words AS revisions, attempt.circumstance,
       cause.class, ifnull(cause.wording, cause.title) AS cause, attempt.dependent, grade.word AS grade, attempt.message, attempt.run
FROM attempt
JOIN test ON test.id = attempt.test
JOIN runner ON runner.id = test.runner
JOIN run ON run.id = attempt.run
JOIN outcome ON outcome.id = attempt.outcome
LEFT JOIN revisions ON revisions.id = attempt.revisions
LEFT JOIN cause ON cause.id = attempt.cause
LEFT JOIN grade ON grade.id = attempt.grade;

CREATE VIEW deploys AS
SELECT service, who, cycle, from_revision, to_revision, strftime('%Y-%m-%dT%H:%M:%fZ', started / 1e6, 'unixepoch') AS started,
       (ended - started) / 1e6 AS took_s, how, why
FROM deploy;
