//! strace: kills a child at a system call, or makes the call fail.
//!
//! It counts the calls of each thread apart, so calls are chosen by the file they
//! go to: which calls there are is found out by a life that is only watched.
//! Where strace is missing or may not trace, the tests say so loudly; in CI they
//! fail (`cargo xtask test` installs it where it may).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// The calls that change files.
const CALLS: &str = "fdatasync,fsync,pwrite64,write,ftruncate,rename,renameat,renameat2,unlink,\
                     unlinkat,mkdir,mkdirat";

/// Whether strace can be used.
///
/// # Panics
/// In CI when it cannot: there nothing of this may be left out.
pub(crate) fn usable() -> bool {
    let tried = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    let usable = tried.is_ok_and(|status| status.success());
    if !usable {
        super::skipped("strace is missing or may not trace; no call was hit");
    }
    usable
}

/// The command before a child: watched, every call written to `log`.
pub(crate) fn watch(log: &Path) -> Vec<String> {
    words(log, &[&format!("--trace={CALLS}"), "-y"])
}

/// The command before a child whose call number `when` to `path` meets `fate`
/// (`signal=KILL`, `error=EIO`).
pub(crate) fn inject(log: &Path, point: &Call, fate: &str) -> Vec<String> {
    let inject = format!("--inject={}:{fate}:when={}", point.call, point.nth);
    let trace = format!("--trace={}", point.call);
    words(log, &["-y", "-P", &point.path, &trace, &inject])
}

/// The same for the calls of any thread to any file, each kind of call for itself.
pub(crate) fn inject_any(log: &Path, nth: u64, fate: &str) -> Vec<String> {
    let inject = format!("--inject={CALLS}:{fate}:when={nth}");
    words(log, &[&format!("--trace={CALLS}"), &inject])
}

fn words(log: &Path, more: &[&str]) -> Vec<String> {
    let log = log.display().to_string();
    // Without `--seccomp-bpf`, which forgets to send signals (strace 6.1).
    let first = ["strace", "-f", "-qq", "-o", &log];
    let words = first.iter().chain(more);
    words.map(|word| (*word).to_owned()).collect()
}

/// One call to one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) call: String,
    pub(crate) nth: u64,
}

impl Call {
    /// The call and the kind of file, without what tells two of a kind apart.
    pub(crate) fn kind(&self, dir: &Path) -> String {
        let inside = self.path.strip_prefix(&*dir.to_string_lossy());
        let inside = inside.unwrap_or(&self.path);
        let plain: String = inside.chars().filter(|it| !it.is_ascii_digit()).collect();
        format!("{} {plain}", self.call)
    }
}

/// The calls of a watched life to files below `dir`: for each kind at most `most`,
/// spread evenly over the life, and of the journal four times as many. Some of its
/// calls only prepare a file ahead, and their failure need not stop anything.
pub(crate) fn calls(log: &Path, dir: &Path, most: usize) -> Vec<Call> {
    let text = std::fs::read_to_string(log).expect("a log");
    let mut counts: BTreeMap<(&str, String, String), u64> = BTreeMap::new();
    let mut kinds: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    for line in text.lines() {
        let Some((call, path)) = call_and_path(line, dir) else {
            continue;
        };
        // A name that nobody can know before.
        if path[dir.as_os_str().len()..].contains("/.tmp") {
            continue;
        }
        let thread = line.split_whitespace().next().unwrap_or_default();
        let place = (thread, path.clone(), call.clone());
        let nth = counts.entry(place).or_default();
        *nth += 1;
        let call = Call {
            path,
            call,
            nth: *nth,
        };
        kinds.entry(call.kind(dir)).or_default().push(call);
    }
    let journal = dir.join("journal").display().to_string();
    let spread = |calls: Vec<Call>| {
        let first = calls.first().map(|call| call.path.starts_with(&journal));
        let most = if first == Some(true) { 4 * most } else { most };
        let step = calls.len().div_ceil(most).max(1);
        // The first calls to a file only prepare it.
        calls.into_iter().skip(step / 2).step_by(step)
    };
    kinds.into_values().flat_map(spread).collect()
}

/// `123 fsync(7</dir/file>) = 0` or `123 unlink("/dir/file") = 0`.
fn call_and_path(line: &str, dir: &Path) -> Option<(String, String)> {
    let dir = dir.to_string_lossy();
    let (_pid, rest) = line.trim_start().split_once(' ')?;
    let (call, arguments) = rest.trim_start().split_once('(')?;
    let start = arguments.find(&*dir)?;
    let path = &arguments[start..];
    let end = path.find(['>', '"'])?;
    // What was unlinked while it was open.
    let path = path[..end].trim_end_matches(" (deleted)");
    Some((call.to_owned(), path.to_owned()))
}

/// The call in another directory.
pub(crate) fn moved(call: &Call, from: &Path, to: &Path) -> Call {
    let path = call
        .path
        .replacen(&*from.to_string_lossy(), &to.to_string_lossy(), 1);
    Call {
        path,
        ..call.clone()
    }
}

/// Whether an injection was met, by the log.
pub(crate) fn met(log: &Path) -> bool {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.contains("(INJECTED)")
}

#[test]
fn lines_of_strace_are_understood() {
    let dir = Path::new("/tmp/a");
    let check = |line: &str, expected: Option<(&str, &str)>| {
        let seen = call_and_path(line, dir);
        let expected = expected.map(|(call, path)| (call.to_owned(), path.to_owned()));
        assert_eq!(seen, expected, "{line}");
    };
    check(
        "12 fsync(7</tmp/a/runs>) = 0",
        Some(("fsync", "/tmp/a/runs")),
    );
    check(
        r#"12 unlink("/tmp/a/runs/0001.run") = 0"#,
        Some(("unlink", "/tmp/a/runs/0001.run")),
    );
    check(
        "12 pwrite64(9</tmp/a/x.log>, \"a\"..., 96, 0 <unfinished ...>",
        Some(("pwrite64", "/tmp/a/x.log")),
    );
    check("12 write(1<pipe:[1]>, \"ack 1\\n\", 6) = 6", None);
    check("12 +++ killed by SIGKILL +++", None);
}
