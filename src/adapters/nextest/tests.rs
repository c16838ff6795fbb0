use super::super::spoken::{drive, order};
use super::*;

/// What nextest 0.9.143 listed and said of a small project with every trap in it, paths shortened.
const LIST: &str = include_str!("recorded-list.json");
const RUN: &str = include_str!("recorded-run.jsonl");

const FINE: Exit = Exit::Code(0);
const FAILED: Exit = Exit::Code(100);

fn nextest(nodes: &[&str], options: &[&str]) -> Nextest {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Nextest::new(order(nodes), words(&["cargo"]), words(options))
}

#[test]
fn a_recorded_run_is_told_test_by_test() {
    let (commands, said) = drive(&mut nextest(&[], &[]), &[(LIST, FINE), (RUN, FAILED)]);
    assert_eq!(commands[0], "cargo nextest list --message-format json");
    assert_eq!(
        commands[1],
        "cargo nextest run --message-format libtest-json-plus --message-format-version 0.1 --no-fail-fast \
         --status-level slow --final-status-level none --failure-output never"
    );
    assert_eq!(
        said,
        [
            "found shop$tests::bad @shop, shop$tests::deep::ign @shop$tests::deep, shop$tests::deep::ok_one \
             @shop$tests::deep, shop$tests::flaky @shop, shop::bin/shop$in_main @shop::bin/shop, shop::it$err \
             @shop::it, shop::it$hang @shop::it, shop::it$odd$name#7 @shop::it",
            "listed",
            "1 skipped: ignored",
            "2 started",
            "0 started",
            "2 passed",
            "3 started",
            "3 again",
            "3 flaky",
            "0 again",
            "0 failed: assertion `left == right` failed: numbers differ",
            "5 started",
            "5 failed: Error: \"nope\"",
            "printed a wrapper speaks",
            "7 started",
            "7 passed",
            "6 started",
            "6 timed out: time limit exceeded",
            "4 started",
            "4 failed: flaky test treated as failure",
        ]
    );
}

#[test]
fn a_rerun_names_exactly_its_tests() {
    let mut tool =
        nextest(&["shop::it$err", "shop$tests::bad", "shop$tests::gone"], &["--retries", "2", "--all-features"]);
    let (commands, said) = drive(&mut tool, &[(LIST, FINE), ("", FAILED)]);
    assert_eq!(commands[0], "cargo nextest list --message-format json --all-features");
    let filters = "-E binary_id(=shop) & (test(=tests::bad)) -E binary_id(=shop::it) & (test(=err))";
    assert!(commands[1].ends_with(&format!("--retries 2 --all-features {filters}")), "{}", commands[1]);
    assert_eq!(said, ["found shop$tests::bad @shop, shop::it$err @shop::it", "missed shop$tests::gone", "listed"]);
}

#[test]
fn a_library_and_a_program_of_one_name_are_told_apart() {
    let suite = |id: &str, kind: &str| {
        format!(
            r#""{id}":{{"package-name":"a","binary-id":"{id}","binary-name":"a","kind":"{kind}","testcases":{{"t":{{"filter-match":{{"status":"matches"}}}}}}}}"#
        )
    };
    let list = format!(r#"{{"rust-suites":{{{},{}}}}}"#, suite("a", "lib"), suite("a::bin/a", "bin"));
    let line = |event: &str| format!("{{\"type\":\"test\",\"event\":\"{event}\",\"name\":\"a::a$t\"}}\n");
    let (first, second) = (line("started") + &line("ok"), line("started") + &line("failed"));
    let (commands, said) = drive(&mut nextest(&[], &[]), &[(&list, FINE), (&first, FINE), (&second, FAILED)]);
    assert!(commands[1].ends_with("-E binary_id(=a) & (test(=t))"), "{commands:?}");
    assert!(commands[2].ends_with(r"-E binary_id(=a::bin\/a) & (test(=t))"), "{commands:?}");
    assert_eq!(said[2..4], ["0 started", "0 passed"]);
    assert!(said[5].starts_with("1 failed"), "{said:?}");
}

#[test]
fn nothing_to_run_and_nothing_to_list_are_never_green() {
    let (commands, said) = drive(&mut nextest(&[], &[]), &[("{\"rust-suites\":{}}", FINE)]);
    assert_eq!((commands.len(), said), (1, vec!["listed".to_owned()]));
    let (_, said) = drive(&mut nextest(&[], &[]), &[("", Exit::Code(101))]);
    assert_eq!(said, ["died: the tests could not be listed: the project did not build"]);
}

#[test]
fn many_tests_are_shared_among_filters_and_processes() {
    let names: Vec<String> = (0..20_000).map(|n| format!("module::tests::a_test_with_a_name_{n}")).collect();
    let tests: Vec<(&str, &str)> = names.iter().map(|name| ("shop", name.as_str())).collect();
    let steps = steps_of(&tests);
    assert!(steps.len() > 1 && steps.iter().all(|step| step.iter().map(String::len).sum::<usize>() <= FILTERS_A_STEP));
    let named: usize = steps.iter().flatten().map(|filter| filter.matches("test(=").count()).sum();
    assert_eq!(named, names.len());
    assert_eq!(escaped(r"a(b), c\d/e"), r"a(b\)\, c\\d\/e");
}
