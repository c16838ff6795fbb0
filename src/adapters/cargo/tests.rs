use super::super::spoken::{drive, order};
use super::*;

const FINE: Exit = Exit::Code(0);
const FAILED: Exit = Exit::Code(101);

fn cargo(nodes: &[&str], options: &[&str]) -> Cargo {
    let options: Vec<String> = options.iter().map(|word| (*word).to_owned()).collect();
    Cargo::new(order(nodes), vec!["cargo".into()], &options)
}

/// A line of cargo for a test binary, named after its kind and target.
fn artifact(kind: &str, name: &str) -> String {
    format!(
        r#"{{"reason":"compiler-artifact","package_id":"path+file:///p#shop@0.1.0","manifest_path":"/p/Cargo.toml","target":{{"kind":["{kind}"],"name":"{name}","doctest":false,"test":true}},"profile":{{"test":true}},"executable":"/t/{name}","fresh":true}}"#
    ) + "\n"
}

/// What libtest 1.9x wrote for tests whose processes print between its own words.
const NOISY: &str = "
running 7 tests
raw bytes without endtest a ... ok
child says
test b ... ok
test e ... ignored, too slow
no newlinetest d - should panic ... FAILED
test c ... FAILED
test f ... child broke the line
ok
a line with test c ... in it

failures:

---- d stdout ----
note: test did not panic as expected at tests/noisy.rs:5:28
---- c stdout ----

thread 'c' (24710) panicked at tests/noisy.rs:4:90:
c is wrong
---- not a test stdout ----
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace

---- g stdout ----
Error: \"g\"


failures:
    c
    d
    g

test result: FAILED. 3 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.11s
";

#[test]
fn a_status_is_found_between_other_output() {
    let list = "a: test\nb: test\nc: test\nd: test\ne: test\nf: test\ng: test\n";
    let processes = [(&*artifact("test", "it"), FINE), (list, FINE), (NOISY, FAILED)];
    let (commands, said) = drive(&mut cargo(&[], &["--all-features", "--", "--test-threads=1"]), &processes);
    assert_eq!(
        commands,
        [
            "cargo test --no-run --message-format=json --no-fail-fast --all-features",
            "/t/it --list --format terse --test-threads=1",
            "/t/it --test-threads=1",
        ]
    );
    let told: Vec<_> = said.iter().skip(2).filter(|line| !line.starts_with("printed")).collect();
    assert_eq!(
        told,
        [
            "0 passed",
            "1 passed",
            "4 skipped: too slow",
            "3 started",
            "2 started",
            "2 failed: c is wrong",
            "3 failed: note: test did not panic as expected at tests/noisy.rs:5:28",
            "6 failed: Error: \"g\"",
            "5 passed",
        ]
    );
}

#[test]
fn a_rerun_names_exactly_its_tests() {
    let build = artifact("lib", "shop") + &artifact("test", "it") + &artifact("bin", "shop");
    let wanted = ["shop$tests::a", "shop::it$b", "shop::it$gone"];
    let lists = [(&*build, FINE), ("tests::a: test\ntests::z: test\n", FINE), ("b: test\n", FINE), ("", FINE)];
    let (commands, said) = drive(&mut cargo(&wanted, &["--tests"]), &lists);
    assert_eq!(commands.last().map(String::as_str), Some("/t/shop --exact tests::a"));
    assert_eq!(
        said[..3],
        ["found shop$tests::a @shop, shop::it$b @shop::it", "missed shop::it$gone", "listed"],
        "{said:?}"
    );
}

#[test]
fn a_binary_that_dies_leaves_its_tests_without_a_result() {
    let processes = [
        (&*artifact("test", "it"), FINE),
        ("a: test\nb: test\nc: test\n", FINE),
        ("running 3 tests\ntest b ... ok\n", Exit::Signal(6)),
    ];
    let (_, said) = drive(&mut cargo(&[], &["--tests"]), &processes);
    assert_eq!(
        said[2..],
        ["0 passed".replace('0', "1"), "died: shop::it ended with signal 6 before 2 of its tests had a result".into()]
    );
}

#[test]
fn a_program_without_a_harness_is_one_test() {
    let processes =
        [(&*artifact("test", "own"), FINE), ("usage: own\n", Exit::Code(2)), ("hello\nnothing works\n", Exit::Code(1))];
    let (commands, said) = drive(&mut cargo(&[], &["--tests"]), &processes);
    assert_eq!(commands[2], "/t/own");
    assert_eq!(said[0], "found shop::own$main @shop::own");
    assert_eq!(said.last().map(String::as_str), Some("0 failed: nothing works"));
}

#[test]
fn what_does_not_build_is_a_broken_module_and_the_rest_runs() {
    let broken = r#"{"reason":"compiler-message","package_id":"path+file:///p#shop@0.1.0","target":{"kind":["test"],"name":"bad"},"message":{"rendered":"error[E0308]: mismatched types\n --> tests/bad.rs:1:31\n","level":"error"}}"#;
    let build = format!("{broken}\n{}", artifact("test", "it"));
    let processes =
        [(&*build, FAILED), ("a: test\n", FINE), ("test a ... ok\ntest result: ok. 1 passed; 0 failed\n", FINE)];
    let (_, said) = drive(&mut cargo(&[], &[]), &processes);
    assert_eq!(
        said,
        [
            "broken shop::bad: error[E0308]: mismatched types",
            "found shop::it$a @shop::it",
            "listed",
            "1 started",
            "1 passed"
        ]
    );
    let (_, said) = drive(&mut cargo(&[], &[]), &[("no manifest\n", FAILED)]);
    assert_eq!(said[0], "died: the tests could not be built: tests failed, or the project did not build");
}

#[test]
fn documentation_tests_are_asked_of_cargo() {
    let build = artifact("lib", "shop").replace(r#""doctest":false"#, r#""doctest":true"#);
    let doc = "src/lib.rs - g (line 6): test\nall doctests ran in 0.18s\n";
    let processes = [(&*build, FINE), ("", FINE), (doc, FINE), ("test src/lib.rs - g (line 6) ... ok\n", FINE)];
    let (commands, said) = drive(&mut cargo(&["shop::doc/shop$src/lib.rs - g (line 6)"], &[]), &processes);
    assert_eq!(commands[3], "cargo test --doc -p shop -- --exact src/lib.rs - g (line 6)");
    assert_eq!(said.last().map(String::as_str), Some("0 passed"));
}
