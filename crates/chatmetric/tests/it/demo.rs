//! `chatmetric demo` to its end, with less traffic: it compares by itself and
//! fails when the counts differ.

use crate::process::run;

#[test]
fn the_demo_counts_what_it_sent() {
    let ran = run(&[
        "demo",
        "--no-live",
        "--events",
        "20000",
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "✓ equal to our own count",
        "Messages of 10 numbers",
        "AccessKeySecret",
        "/console/",
        "console sign-in  user demo, password ",
        "X-Hub-Signature-256: sha256=",
        "GetChatappPhoneNumberMetricRequest",
        "200 too late to count",
    ] {
        assert!(
            ran.stdout.contains(part),
            "{part} is missing in {}",
            ran.stdout
        );
    }
    assert!(!ran.stdout.contains('\u{1b}'), "colours in a pipe");
    // What is to be pasted begins at the margin: Python insists on it.
    for pasted in [
        "import time",
        "export CHATMETRIC_ENDPOINT=http://",
        "curl -i http://",
    ] {
        assert!(
            ran.stdout.lines().any(|line| line.starts_with(pasted)),
            "no line begins with {pasted} in {}",
            ran.stdout
        );
    }
    assert!(
        ran.stdout
            .lines()
            .take(16)
            .all(|line| line.chars().count() <= 80),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_demo_keeps_out_of_old_data_and_off_the_network() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("precious"), "x").expect("writes");
    let path = folder.path().display().to_string();
    let ran = run(&["demo", "--no-live", "--data-dir", &path]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("is not empty"), "{}", ran.stderr);
    let ran = run(&["demo", "--no-live", "--listen", "0.0.0.0:0"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("not a loopback address"),
        "{}",
        ran.stderr
    );
}
