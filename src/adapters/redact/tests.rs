//! What must not get out, in the forms in which it tries to.

use proptest::prelude::*;

use super::*;

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn knowing(value: &str) -> Redactor {
    Redactor::new(&[Secret { name: "TOKEN", value }], &[])
}

#[track_caller]
fn check(redactor: &Redactor, text: &str, masked: &str) {
    assert_eq!(redactor.mask(text), masked, "from {text:?}");
}

#[test]
fn a_known_value_goes_in_every_form() {
    let redactor = knowing("p/w d\"é'1");
    check(&redactor, "is p/w d\"é'1.", "is ***.");
    check(&redactor, "?q=p%2Fw%20d%22%C3%A9%271&", "?q=***&");
    check(&redactor, "?q=p%2fw%20d%22%c3%a9%271&", "?q=***&");
    check(&redactor, "?q=p%2Fw+d%22%C3%A9%271&", "?q=***&");
    check(&redactor, r#"{"a":"p/w d\"é'1"}"#, r#"{"a":"***"}"#);
    check(&redactor, r#"{"a":"p\/w d\"é'1"}"#, r#"{"a":"***"}"#);
    check(&redactor, r#"{"a":"p/w d\"\u00e9'1"}"#, r#"{"a":"***"}"#);
    check(&redactor, "<a>p/w d&quot;é&#39;1</a>", "<a>***</a>");
    check(&redactor, r#"echo 'p/w d"é'\''1'"#, "echo '***'");
    check(&redactor, "702f77206422c3a92731", "***");
}

#[test]
fn base64_is_found_wherever_it_begins() {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    let redactor = knowing("s3cr3t?>~value");
    for before in ["", "u", "us", "user:", "user:1"] {
        for after in ["", "x", "xy", "xyz"] {
            let text = format!("{before}s3cr3t?>~value{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                let masked = redactor.mask(&encoded).into_owned();
                assert!(masked.contains(MASK), "{text} {encoded}");
                assert!(masked.len() <= MASK.len() + (before.len() + after.len() + 4) * 4 / 3 + 4, "{masked}");
            }
        }
    }
}

#[test]
fn each_line_of_a_value_and_a_signature_alone_go() {
    let redactor = knowing("first-line\nsecond-line\n");
    check(&redactor, "a second-line b", "a *** b");
    check(&redactor, r"first-line\nsecond-line", "***");
    let redactor = Redactor::new(&[Secret { name: "JWT", value: JWT }], &[Shape::Jwt]);
    check(&redactor, "sig dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "sig ***");
}

#[test]
fn values_that_overlap_go_both() {
    let secrets = [Secret { name: "A", value: "abcdefgh" }, Secret { name: "B", value: "efghijkl" }];
    check(&Redactor::new(&secrets, &[]), "-abcdefghijkl-", "-***-");
}

#[test]
fn a_short_value_is_warned_about_by_name() {
    let redactor = Redactor::new(&[Secret { name: "PIN", value: "1234" }], &[]);
    check(&redactor, "1234", "1234");
    assert_eq!(redactor.warnings().len(), 1);
    assert!(redactor.warnings()[0].contains("PIN") && !redactor.warnings()[0].contains("1234"));
    assert!(!format!("{:?}", knowing("my-secret-value")).contains("my-secret"));
}

#[test]
fn shapes_are_known_without_being_told() {
    let redactor = Redactor::new(&[], &[]);
    check(&redactor, &format!("token is {JWT}."), "token is ***.");
    check(&redactor, "Authorization: Bearer abc.def", "Authorization: Bearer ***");
    check(&redactor, r#"{"authorization": "Basic dTpw", "x": 1}"#, r#"{"authorization": "Basic ***", "x": 1}"#);
    check(&redactor, "headers={'Authorization': 'Token 0123'}", "headers={'Authorization': 'Token ***'}");
    check(&redactor, "sent Bearer 0123456789abcdef0123", "sent Bearer ***");
    check(&redactor, "AKIAIOSFODNN7EXAMPLE", "***");
    check(&redactor, "x ghp_0123456789abcdefghijABCDEFGHIJ012345 y", "x *** y");
    check(&redactor, "github_pat_11ABCDEFG0123456789_abcdef", "***");
    check(&redactor, "key=sk-proj-0123456789abcdefABCDEF", "key=***");
    check(&redactor, "postgres://app:s3cr:et@db/x", "postgres://app:***@db/x");
    check(&redactor, "GET wss://h/ws?a=1&access_token=abc123&b=2", "GET wss://h/ws?a=1&access_token=***&b=2");
}

#[test]
fn ordinary_text_is_left_alone() {
    let redactor = knowing("0123456789");
    for text in [
        "authorization: denied",
        "the bearer of news",
        "task-0123-risk-management-and-other-long-names",
        "http://localhost:8000/a@b",
        "get(token=self.token, password=None)",
        "eyJust kidding",
        "-----BEGIN CERTIFICATE-----",
    ] {
        assert!(matches!(redactor.mask(text), Cow::Borrowed(same) if same == text), "{text}");
    }
}

#[test]
fn a_private_key_goes_in_one_text_and_line_by_line() {
    let redactor = Redactor::new(&[], &[]);
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----\nafter";
    check(&redactor, key, "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\nafter");
    let mut block = KeyBlock::default();
    let lines: Vec<_> = key.lines().map(|line| redactor.mask_line(line, &mut block)).collect();
    assert_eq!(lines, ["-----BEGIN RSA PRIVATE KEY-----", "***", "***", "-----END RSA PRIVATE KEY-----", "after"]);
}

#[test]
fn a_shape_can_be_switched_off() {
    let off = Redactor::new(&[], &[Shape::UrlPassword]);
    check(&off, "ftp://u:pw@h", "ftp://u:pw@h");
}

proptest! {
    #[test]
    fn no_form_of_a_known_value_stays(
        value in "[ -)+-~é漢\n]{6,40}",
        before in "[ -)+-~]{0,20}",
        after in "[ -)+-~]{0,20}",
    ) {
        prop_assume!(value.trim().len() >= SHORTEST);
        let redactor = knowing(&value);
        for form in forms::of(value.trim()) {
            let masked = redactor.mask(&format!("{before}{form}{after}")).into_owned();
            prop_assert!(masked.contains(MASK));
            prop_assert!(!masked.contains(value.trim()));
            prop_assert!(!masked.contains(&form), "{form:?} in {masked:?}");
        }
    }

    #[test]
    fn a_shape_goes_whatever_stands_around_it(
        (whole, secret) in prop::sample::select(vec![
            (JWT, JWT),
            ("Authorization: Basic dTpwOnB3", "dTpwOnB3"),
            ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_"),
            ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
            ("amqp://user:s3cr3tpw@host", "s3cr3tpw"),
            ("http://h/?token=t0k3nv4lue", "t0k3nv4lue"),
        ]),
        before in "(eyJ|Bearer |://|:|@|\\?token=|sk-|[ -~é漢]{0,9}){0,6}",
        after in "(eyJ|Bearer |://|:|@|\\?token=|sk-|[ -~é漢]{0,9}){0,6}",
    ) {
        let text = format!("{before} {whole} {after}");
        let masked = Redactor::new(&[], &[]).mask(&text).into_owned();
        prop_assert_eq!(masked.matches(secret).count(), before.matches(secret).count() + after.matches(secret).count());
    }
}
