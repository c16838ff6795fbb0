//! Files of results as cycles of the past: they are found again, count as nobody's own, and come in once.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::PathBuf;

use liveloop::domain::{Baseline, Outcome, SessionEvent};
use liveloop::engine::baseline::{self, Sources};
use liveloop::engine::history::import::{self, Fared, Project as Whose};
use liveloop::engine::history::journals::{self, Fate};
use liveloop::engine::history::prune::{self, Wish};
use liveloop::engine::history::{query, schema};
use liveloop::engine::masks::Masks;
use liveloop::engine::recall::recall;
use rusqlite::Connection;

const JUNIT: &str = r#"<testsuites><testsuite name="pytest" timestamp="2026-11-18T09:00:00+00:00">
    <testcase classname="tests.test_shop" name="test_cart" time="0.25"/>
    <testcase classname="tests.test_shop" name="test_pay" time="1.5"><failure message="AssertionError: assert 1 == 2">no</failure></testcase>
</testsuite></testsuites>"#;
const CTRF: &str = r#"{"results":{"summary":{"start":1763370000000},"tests":[
    {"name":"test_cart","status":"passed","filePath":"tests/test_shop.py","duration":200}]}}"#;

struct Project {
    folder: tempfile::TempDir,
    connection: Connection,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join(".liveloop/sessions")).expect("folders");
        let connection = schema::open(&schema::path(&folder.path().join(".liveloop"))).expect("a history");
        Self { folder, connection }
    }

    fn sessions(&self) -> PathBuf {
        self.folder.path().join(".liveloop/sessions")
    }

    fn bring_in(&mut self, files: &[(&str, &str)]) -> Vec<Fared> {
        let masks = Masks::new([]);
        let read = files.iter().map(|(name, text)| {
            let path = self.folder.path().join(name);
            fs::write(&path, text).expect("writable");
            import::read(self.folder.path(), &path, &masks).expect("results")
        });
        let read: Vec<_> = read.collect();
        let sessions = self.sessions();
        let told = import::write(
            &mut self.connection,
            &sessions,
            Whose { name: "shop", runner: Some("pytest") },
            read,
            &masks,
        )
        .expect("written");
        told.into_iter().map(|(_, fared)| fared).collect()
    }
}

#[test]
fn each_file_is_a_cycle_oldest_first_and_comes_in_once() {
    let mut project = Project::new();
    let told = project.bring_in(&[("new.xml", JUNIT), ("old.json", CTRF)]);
    let cycle = |number, tests, failed, known| Fared::Cycle { number, tests, failed, known };
    assert_eq!(told, [cycle(1, 1, 0, 0), cycle(2, 2, 1, 1)]);
    assert_eq!(project.bring_in(&[("again.xml", JUNIT)]), [Fared::Already(2)]);

    let runs = query::runs(&project.connection, 9).expect("an answer");
    let told: Vec<_> = runs.iter().map(|run| (run.cycle, run.passed, run.failed, &*run.what, &*run.runner)).collect();
    assert_eq!(told, [(2, 1, 1, "imported from new.xml", "pytest"), (1, 1, 0, "imported from old.json", "pytest")]);
    let tests = query::tests_named(&project.connection, "test_cart").expect("an answer");
    assert_eq!(tests.len(), 1, "both files mean the same test");
    let record = query::record_of(&project.connection, tests[0].id, 9).expect("an answer");
    let record: Vec<_> = record.iter().map(|a| (a.cycle, a.outcome, a.took.0, a.revisions.is_none())).collect();
    assert_eq!(record, [(2, Outcome::Passed, 250_000, true), (1, Outcome::Passed, 200_000, true)]);
}

#[test]
fn no_session_takes_them_for_its_own() {
    let mut project = Project::new();
    project.bring_in(&[("new.xml", JUNIT)]);
    let memory = recall(&project.connection).expect("an answer");
    assert_eq!((memory.tests.len(), memory.cycle), (0, 1), "nothing ran here, and its number is taken");
    // Made anew from the journals, the history still has what no journal holds.
    let sessions = project.sessions();
    journals::rebuild(&mut project.connection, &sessions, Fate::Over, |_, _| {}).expect("rebuilt");
    assert_eq!(query::runs(&project.connection, 9).expect("an answer").len(), 1);
}

#[test]
fn an_imported_cycle_is_a_baseline_by_its_number() {
    let mut project = Project::new();
    project.bring_in(&[("new.xml", JUNIT)]);
    let sources =
        Sources { root: project.folder.path().to_owned(), sessions: project.sessions(), masks: Masks::new([]) };
    let SessionEvent::BaselineLoaded(loaded) = baseline::load(&sources, Baseline::Cycle(1)) else {
        panic!("no baseline");
    };
    assert_eq!(&*loaded.title, "cycle 1 (imported)");
    let told: Vec<_> = loaded.results.iter().map(|r| (&*r.node, r.outcome, r.signature.is_some())).collect();
    let pay = ("tests/test_shop.py::test_pay", Outcome::Failed, true);
    assert_eq!(told, [("tests/test_shop.py::test_cart", Outcome::Passed, false), pay]);
}

#[test]
fn old_cycles_go_when_asked_and_what_is_precious_stays() {
    let mut project = Project::new();
    let day = |day: u32| JUNIT.replace("11-18", &format!("11-{day:02}"));
    let files: Vec<(String, String)> = (1..=6).map(|n| (format!("{n}.xml"), day(n))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    project.bring_in(&files);
    // A session of this project remembers that people gave the third one a name, and that the second one was green.
    let leaves = r#"{"cycle":6,"tests":[],"deploys":[],"cycles":[
        {"number":2,"began":1,"what":"all","finished":2,"failed":0,"green":true},
        {"number":3,"name":"before the move","began":1,"what":"all","finished":2,"failed":1,"green":false}]}"#;
    let session =
        "INSERT INTO session (journal, started, project, how, cycle, leaves) VALUES ('a', 9, 'shop', 'quit', 6, ?1)";
    project.connection.execute(session, [leaves]).expect("a session");
    let file = schema::path(&project.folder.path().join(".liveloop"));
    let sessions = project.sessions();
    let cycles = |project: &Project| -> Vec<u32> {
        query::runs(&project.connection, 99).expect("an answer").iter().map(|run| run.cycle).collect()
    };

    let wish = Wish { keep: 2, journals: true, dry: true };
    let would = prune::prune(&mut project.connection, &file, &sessions, wish).expect("counted");
    assert_eq!((would.cycles, would.span, &*would.spared, would.results), (2, Some((1, 4)), &[2, 3][..], 4));
    assert!(would.bytes > 0 && cycles(&project).len() == 6, "nothing has gone");

    let wish = Wish { dry: false, ..wish };
    let pruned = prune::prune(&mut project.connection, &file, &sessions, wish).expect("deleted");
    assert_eq!((pruned.cycles, pruned.results, pruned.tests), (2, 4, 0));
    assert_eq!(cycles(&project), [6, 5, 3, 2]);
    let again = prune::prune(&mut project.connection, &file, &sessions, wish).expect("counted");
    assert_eq!((again.cycles, again.span), (0, None));
    assert_eq!(project.bring_in(&files[..1]).len(), 1, "what went can come in again");
    assert_eq!(cycles(&project).first(), Some(&6), "by its time it is the oldest");
}

#[test]
fn journals_go_only_when_asked_and_never_the_newest() {
    let mut project = Project::new();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journals/v1.0.jsonl");
    let journal = |n: u32| project.folder.path().join(format!(".liveloop/sessions/2026-01-0{n}.jsonl"));
    let (old, new) = (journal(1), journal(2));
    fs::copy(golden, &old).expect("a journal");
    fs::write(&new, "").expect("a journal");
    let later = JUNIT.replace("2026-11", "2027-01");
    project.bring_in(&[("1.xml", &later)]);
    let file = schema::path(&project.folder.path().join(".liveloop"));
    let sessions = project.sessions();
    let mut prune = |journals| {
        let wish = Wish { keep: 1, journals, dry: false };
        prune::prune(&mut project.connection, &file, &sessions, wish).expect("deleted")
    };
    let first = prune(false);
    assert!(old.exists() && first.journals.is_empty(), "{first:?}");
    let gone = prune(true).journals;
    assert_eq!(gone.iter().map(|(path, _)| path.as_path()).collect::<Vec<_>>(), [old.as_path()]);
    assert!(!old.exists() && new.exists());
}

#[test]
fn a_bad_file_is_told_with_its_place_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("writable");
    write("liveloop.toml", "");
    write("good.xml", JUNIT);
    write("bad.xml", "<testsuite><testcase name=\"a\">");
    write("bad.json", "{\n  \"results\": 1\n}");
    let history = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_liveloop"));
        command.current_dir(folder.path()).args(["history"]).args(words);
        command.env("HOME", folder.path()).output().expect("it starts")
    };
    let refused = history(&["import", "good.xml", "bad.xml", "bad.json", "none.xml"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("bad.xml cannot be read as JUnit XML: the XML breaks off inside <testcase>"), "{said}");
    assert!(said.contains("bad.json cannot be read as CTRF") && said.contains("line 2"), "{said}");
    assert!(said.contains("none.xml cannot be read: ") && said.contains("nothing was imported"), "{said}");
    assert!(!folder.path().join(".liveloop").exists());

    let taken = history(&["import", "good.xml"]);
    let said = String::from_utf8_lossy(&taken.stdout);
    assert_eq!(
        (taken.status.code(), &*said),
        (Some(0), "good.xml is cycle 1 now: 2 tests, 1 failed, none of them known here\n")
    );
    let said = history(&["import", "good.xml"]).stdout;
    assert_eq!(String::from_utf8_lossy(&said), "good.xml is cycle 1 already: left out\n");
    let shown = history(&["test_pay"]).stdout;
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("passed 0 of 1") && shown.contains("assert 1 == 2"), "{shown}");
}

#[test]
fn imported_cycles_are_told_with_their_causes_and_stand_in_the_course_of_tests() {
    let mut project = Project::new();
    project.bring_in(&[("old.json", CTRF), ("new.xml", JUNIT)]);
    let memory = recall(&project.connection).expect("an answer");
    let told: Vec<_> =
        memory.cycles.iter().map(|cycle| (cycle.number, cycle.finished, cycle.failed, cycle.green)).collect();
    assert_eq!(told, [(1, 1, 0, false), (2, 2, 1, false)]);
    let cycle = &memory.cycles[1];
    assert!(cycle.is_imported() && cycle.is_whole() && cycle.pass_rate() == Some(50.0));
    assert_eq!((&*cycle.what, cycle.causes[0].tests, cycle.around.attempts), ("imported from new.xml", 1, 2));
    // A session of this project knows the test too: then its course has both.
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journals/v1.0.jsonl");
    fs::copy(golden, project.sessions().join("2026-01-01.jsonl")).expect("a journal");
    let sessions = project.sessions();
    journals::rebuild(&mut project.connection, &sessions, Fate::Over, |_, _| {}).expect("rebuilt");
    let memory = recall(&project.connection).expect("an answer");
    let node = memory.tests[0].node.to_string();
    let (file, name) = node.split_once("::").expect("a node id");
    let ctrf = format!(
        r#"{{"results":{{"summary":{{"start":1863370000000}},"tests":[{{"name":"{name}","status":"failed","filePath":"{file}","message":"no"}}]}}}}"#
    );
    let [Fared::Cycle { number, known: 1, .. }] = project.bring_in(&[("later.json", &ctrf)])[..] else {
        panic!("it is not known again");
    };
    let memory = recall(&project.connection).expect("an answer");
    let test = memory.tests.iter().find(|test| *test.node == *node).expect("it is remembered");
    let stop = test.course.at(number).expect("it stands in its course");
    assert_eq!(stop.outcome, Outcome::Failed);
    assert_ne!(test.cycle, number, "what a file told is nobody's latest result");
}

#[test]
fn an_imported_cycle_in_which_all_held_is_not_pruned() {
    let mut project = Project::new();
    let day = |text: &str, day: u32| text.replace("11-18", &format!("11-{day:02}"));
    let whole = JUNIT.replace("<failure message=\"AssertionError: assert 1 == 2\">no</failure>", "");
    let files = [day(&whole, 1), day(&whole, 2), day(JUNIT, 3), day(JUNIT, 4)];
    let names: Vec<(String, &str)> = files.iter().zip(1..).map(|(text, n)| (format!("{n}.xml"), &**text)).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|(name, text)| (&**name, *text)).collect();
    project.bring_in(&files);
    let file = schema::path(&project.folder.path().join(".liveloop"));
    let sessions = project.sessions();
    let wish = Wish { keep: 1, journals: false, dry: false };
    let pruned = prune::prune(&mut project.connection, &file, &sessions, wish).expect("deleted");
    assert_eq!((pruned.cycles, &*pruned.spared), (2, &[2][..]));
}

#[test]
fn what_nextest_recorded_is_a_cycle() {
    let mut project = Project::new();
    let stored = include_str!("../src/adapters/nextest/recorded-store.jsonl");
    let stream = include_str!("../src/adapters/nextest/recorded-run.jsonl");
    let told = project.bring_in(&[("run.log", stored), ("kept.jsonl", stream)]);
    assert!(told.iter().any(|fared| matches!(fared, Fared::Cycle { tests: 4, failed: 1, .. })), "{told:?}");
    let tests = query::tests_named(&project.connection, "shop::flaky$sometimes").expect("an answer");
    let record = query::record_of(&project.connection, tests[0].id, 9).expect("an answer");
    assert_eq!((record[0].outcome, record[0].tries), (Outcome::Flaky, 2));

    // As nextest leaves it: a folder with a packed log.
    let folder = project.folder.path().join("4d1b84aa");
    fs::create_dir_all(&folder).expect("a folder");
    let packed = ruzstd::encoding::compress_to_vec(stored.as_bytes(), ruzstd::encoding::CompressionLevel::Uncompressed);
    fs::write(folder.join("run.log.zst"), packed).expect("writable");
    let read = import::read(project.folder.path(), &folder, &Masks::new([])).expect("results");
    assert!(read.path.ends_with("run.log.zst"));
    fs::write(folder.join("run.log.zst"), [0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]).expect("writable");
    let why = import::read(project.folder.path(), &folder, &Masks::new([])).expect_err("torn");
    assert!(why.contains("cannot be unpacked"), "{why}");
    fs::write(folder.join("x.zip"), b"PK\x03\x04....").expect("writable");
    let why = import::read(project.folder.path(), &folder.join("x.zip"), &Masks::new([])).expect_err("an archive");
    assert!(why.contains("is an archive"), "{why}");
}
