//! Mutants of functions, built once and run one after the other: first each test as it is,
//! then with its mutant on.
//!
//! Not here: how a function gets its bodies (`switch`). Invariants: the files of the copy are
//! put back whatever happens; a mutant that does not compile beside the others is built alone.

use super::switch::{self, Switched};
use super::{Mutant, in_copy, told};
use crate::setup;
use crate::step::closing_line;
use crate::workspace::target_dir;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// All targets with tests of all crates: another choice would build the dependencies again,
/// with other features.
const EVERYTHING: [&str; 4] = ["--workspace", "--lib", "--bins", "--tests"];
/// A build tells the mutants that do not compile; those that depend on them are told by the
/// next one.
const BUILDS_MAX: usize = 12;
/// A test that takes longer does not end.
const TEST_SECONDS_MAX: u64 = 300;

/// What `cargo test` of a mutant is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    /// Options that make another build of everything, such as other flags of the compiler.
    options: Vec<&'static str>,
    krate: &'static str,
    /// `lib`, `bin`, or the name of an integration test.
    target: &'static str,
    /// What the test program is told.
    filter: Vec<&'static str>,
}

impl Asked {
    /// `None` when it is asked for in a way that this does not know.
    pub(super) fn of(mutant: &Mutant) -> Option<Self> {
        let (mut krate, mut target) = (None, None);
        let (mut options, mut filter) = (Vec::new(), Vec::new());
        let mut told = mutant.test.iter().skip(1).copied();
        while let Some(argument) = told.next() {
            match argument {
                "-p" => krate = told.next(),
                "--test" => target = told.next(),
                "--lib" => target = Some("lib"),
                "--bins" => target = Some("bin"),
                "--config" => options.extend(["--config", told.next()?]),
                "--" => {}
                option if option.starts_with("--") && target.is_none() => return None,
                other => filter.push(other),
            }
        }
        Some(Self {
            options,
            krate: krate?,
            target: target?,
            filter,
        })
    }

    /// What is built for it: with other flags only its own crate, because not all of them
    /// know those.
    fn build(&self) -> Vec<&'static str> {
        if self.options.is_empty() {
            return EVERYTHING.to_vec();
        }
        let target = match self.target {
            "lib" => vec!["--lib"],
            "bin" => vec!["--bins"],
            test => vec!["--test", test],
        };
        [&self.options[..], &["-p", self.krate], &target].concat()
    }
}

/// Kills those that can be built together; gives the names of survivors, and those that have
/// to be built alone.
pub(super) fn kill<'m>(
    copy: &Path,
    mutants: &[&'m Mutant],
) -> Result<(Vec<&'static str>, Vec<&'m Mutant>)> {
    link_what_tests_start()?;
    let (mut survivors, mut alone) = (Vec::new(), Vec::new());
    let mut builds: BTreeMap<Vec<&str>, Vec<(&Mutant, Asked)>> = BTreeMap::new();
    for mutant in mutants {
        let text = fs::read_to_string(copy.join(mutant.file)).unwrap_or_default();
        match Asked::of(mutant).filter(|_| switch::fits(&text, mutant)) {
            Some(asked) => builds
                .entry(asked.build())
                .or_default()
                .push((*mutant, asked)),
            None => alone.push(*mutant),
        }
    }
    for (build, group) in builds {
        println!("\n==> {} in one build", group.len());
        let mut files = Files::new(copy);
        let built = build_all(copy, &build, group, &mut files, &mut alone);
        let outcome = built.map(|(programs, group)| run_all(copy, &programs, &group));
        files.put_back()?;
        survivors.extend(outcome?);
    }
    Ok((survivors, alone))
}

/// Runs each test as it is and with its mutant.
fn run_all(copy: &Path, programs: &Programs, group: &[(&Mutant, Asked)]) -> Vec<&'static str> {
    let mut green: HashMap<&Asked, Result<(), String>> = HashMap::new();
    let mut survivors = Vec::new();
    for (mutant, asked) in group {
        println!("\n==> {}: {}", mutant.id, mutant.promise);
        let sound = green
            .entry(asked)
            .or_insert_with(|| is_green(copy, programs, asked).map_err(|it| format!("{it:#}")));
        let outcome = match sound {
            Ok(()) => is_red(copy, programs, asked, mutant),
            Err(why) => Err(anyhow::anyhow!("without the mutation: {why}")),
        };
        survivors.extend(told(mutant, outcome));
    }
    survivors
}

/// A test that is red or missing without the mutation would prove nothing.
fn is_green(copy: &Path, programs: &Programs, asked: &Asked) -> Result<()> {
    let (status, text) = run(copy, programs, asked, None)?;
    match passed(&text) {
        0 => bail!("no test ran ({status})"),
        _ if !status.success() => bail!("{status}\n{}", end_of(&text)),
        _ => Ok(()),
    }
}

fn is_red(copy: &Path, programs: &Programs, asked: &Asked, mutant: &Mutant) -> Result<()> {
    let (status, text) = run(copy, programs, asked, Some(mutant))?;
    if status.success() {
        bail!("{} tests stayed green", passed(&text));
    }
    Ok(())
}

/// How many tests passed, as their runner says.
pub(super) fn passed(text: &str) -> u64 {
    let counts = text.lines().filter_map(closing_line);
    counts.map(|counts| counts.passed).sum()
}

fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(20)..)
        .unwrap_or_default()
        .join("\n")
}

/// Test programs by crate and target.
type Programs = HashMap<(String, String), PathBuf>;

fn run(
    copy: &Path,
    programs: &Programs,
    asked: &Asked,
    mutant: Option<&Mutant>,
) -> Result<(ExitStatus, String)> {
    let key = (asked.krate.to_owned(), asked.target.to_owned());
    let program = programs.get(&key).context("it has no test program")?;
    let dir = copy.join("crates").join(asked.krate);
    let log = target_dir().join("mutants/test.log");
    let out = fs::File::create(&log).context("could not make the log of a test")?;
    let mut command = Command::new(program);
    command
        .args(&asked.filter)
        .current_dir(&dir)
        .env("CARGO_MANIFEST_DIR", &dir)
        .env("CARGO_PKG_NAME", asked.krate)
        .env_remove(switch::VARIABLE)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out);
    if let Some(mutant) = mutant {
        command.env(switch::VARIABLE, mutant.id);
    }
    let mut child = command.spawn().context("could not start a test")?;
    let mut waited = Duration::ZERO;
    let pause = Duration::from_millis(20);
    loop {
        if let Some(status) = child.try_wait()? {
            let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
            return Ok((status, text));
        }
        if waited >= Duration::from_secs(TEST_SECONDS_MAX) {
            child.kill()?;
            child.wait()?;
            bail!("it did not end in {TEST_SECONDS_MAX} s");
        }
        std::thread::sleep(pause);
        waited += pause;
    }
}

/// Builds a group; those that do not compile are taken out of it.
fn build_all<'m>(
    copy: &Path,
    build: &[&str],
    mut group: Vec<(&'m Mutant, Asked)>,
    files: &mut Files,
    alone: &mut Vec<&'m Mutant>,
) -> Result<(Programs, Vec<(&'m Mutant, Asked)>)> {
    for _ in 0..BUILDS_MAX {
        let out = files.write(&group)?;
        let taken = take(&mut group, &out);
        if !taken.is_empty() {
            alone.extend(taken);
            continue;
        }
        match cargo_build(copy, build)? {
            Built::Programs(programs) => return Ok((programs, group)),
            Built::Errors { places, text } => {
                let broken = files.mutants_at(&places);
                if broken.is_empty() {
                    bail!("they do not compile together:\n{text}");
                }
                println!("==> to be built alone: {}", broken.join(", "));
                alone.extend(take(&mut group, &broken));
            }
        }
    }
    bail!("they did not compile together in {BUILDS_MAX} builds")
}

/// Takes those that are named out of a group.
fn take<'m>(group: &mut Vec<(&'m Mutant, Asked)>, ids: &[&str]) -> Vec<&'m Mutant> {
    group
        .extract_if(.., |(mutant, _)| ids.contains(&mutant.id))
        .map(|(mutant, _)| mutant)
        .collect()
}

enum Built {
    Programs(Programs),
    Errors {
        /// Files from the root, and lines from 1.
        places: Vec<(String, usize)>,
        text: String,
    },
}

fn cargo_build(copy: &Path, build: &[&str]) -> Result<Built> {
    let output = in_copy(copy)
        .arg("test")
        .args(build)
        .args(["--no-run", "--no-fail-fast", "--message-format", "json"])
        .stdin(Stdio::null())
        .output()
        .context("could not start cargo")?;
    let (mut programs, mut places, mut text) = (Programs::new(), Vec::new(), String::new());
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if let Some((key, program)) = test_program(&message) {
            programs.insert(key, program);
        }
        if message.pointer("/message/level").and_then(Value::as_str) == Some("error") {
            let rendered = message.pointer("/message/rendered").and_then(Value::as_str);
            text.push_str(rendered.unwrap_or_default());
            places.extend(spans(&message));
        }
    }
    if output.status.success() {
        return Ok(Built::Programs(programs));
    }
    if text.is_empty() {
        text = String::from_utf8_lossy(&output.stderr).into_owned();
    }
    Ok(Built::Errors { places, text })
}

fn spans(message: &Value) -> Vec<(String, usize)> {
    let spans = message.pointer("/message/spans").and_then(Value::as_array);
    let place = |span: &Value| {
        let line = usize::try_from(span.get("line_start")?.as_u64()?).ok()?;
        Some((span.get("file_name")?.as_str()?.to_owned(), line))
    };
    spans.into_iter().flatten().filter_map(place).collect()
}

fn test_program(message: &Value) -> Option<((String, String), PathBuf)> {
    let program = message.get("executable")?.as_str()?;
    if !message.pointer("/profile/test")?.as_bool()? {
        return None;
    }
    let manifest = Path::new(message.get("manifest_path")?.as_str()?);
    let krate = manifest.parent()?.file_name()?.to_str()?.to_owned();
    let target = match message.pointer("/target/kind/0")?.as_str()? {
        "test" => message.pointer("/target/name")?.as_str()?,
        kind => kind,
    };
    Some(((krate, target.to_owned()), PathBuf::from(program)))
}

/// The files of the copy that were changed, and what was in them.
struct Files<'c> {
    copy: &'c Path,
    originals: BTreeMap<&'static str, String>,
    places: Vec<(&'static str, std::ops::Range<usize>, Vec<&'static str>)>,
}

impl<'c> Files<'c> {
    const fn new(copy: &'c Path) -> Self {
        Self {
            copy,
            originals: BTreeMap::new(),
            places: Vec::new(),
        }
    }

    /// Writes the files of a group; gives those that do not go with the others of their file.
    fn write(&mut self, group: &[(&Mutant, Asked)]) -> Result<Vec<&'static str>> {
        let mut out = Vec::new();
        self.places.clear();
        for (mutant, _) in group {
            if !self.originals.contains_key(mutant.file) {
                let text = fs::read_to_string(self.copy.join(mutant.file))
                    .with_context(|| format!("could not read `{}`", mutant.file))?;
                self.originals.insert(mutant.file, text);
            }
        }
        for (file, original) in &self.originals {
            let mut inside: Vec<&Mutant> = Vec::new();
            let mut whole = Switched {
                text: original.clone(),
                places: Vec::new(),
            };
            for (mutant, _) in group.iter().filter(|(mutant, _)| mutant.file == *file) {
                inside.push(mutant);
                match switch::switched(original, &inside) {
                    Ok(switched) => whole = switched,
                    Err(_) => out.extend(inside.pop().map(|mutant| mutant.id)),
                }
            }
            write_if_other(&self.copy.join(file), &whole.text)?;
            let places = whole.places.into_iter();
            self.places
                .extend(places.map(|(lines, ids)| (*file, lines, ids)));
        }
        Ok(out)
    }

    /// Those in the functions at these places.
    fn mutants_at(&self, places: &[(String, usize)]) -> Vec<&'static str> {
        let is_at = |file: &str, lines: &std::ops::Range<usize>| {
            places
                .iter()
                .any(|(named, line)| named == file && lines.contains(line))
        };
        self.places
            .iter()
            .filter(|(file, lines, _)| is_at(file, lines))
            .flat_map(|(_, _, ids)| ids.iter().copied())
            .collect()
    }

    fn put_back(self) -> Result<()> {
        for (file, original) in &self.originals {
            write_if_other(&self.copy.join(file), original)?;
        }
        Ok(())
    }
}

/// A file that stays as it is keeps its time, so that nothing is built for it.
fn write_if_other(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("could not write `{}`", path.display()))
}

/// What tests start: Debian's packages, and servers that they look for below their target
/// directory. A test that misses something is red without its mutation.
fn link_what_tests_start() -> Result<()> {
    let wanted = [
        setup::strace(),
        setup::file_systems(),
        setup::clocks_and_networks(),
        setup::nats_server(),
    ];
    for missing in wanted.into_iter().filter_map(Result::err) {
        println!("==> {missing:#}");
    }
    let there = super::copy_target().join("compat");
    if there.exists() {
        return Ok(());
    }
    fs::create_dir_all(super::copy_target())?;
    std::os::unix::fs::symlink(target_dir().join("compat"), &there)
        .with_context(|| format!("could not link `{}`", there.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn mutant(test: &'static [&'static str]) -> Mutant {
        Mutant {
            id: "x",
            promise: "x",
            file: "x.rs",
            find: "x",
            replace: "y",
            test,
        }
    }

    #[test]
    fn tests_are_asked_for_as_cargo_is() {
        let it = Asked::of(&mutant(&["test", "-p", "k", "--test", "it", "name"])).unwrap();
        assert_eq!(
            (it.krate, it.target, &it.filter[..]),
            ("k", "it", &["name"][..])
        );
        assert_eq!(it.build(), EVERYTHING);
        let lib = ["test", "-p", "k", "--lib", "name", "--", "--exact"].as_slice();
        let lib = Asked::of(&mutant(Vec::leak(lib.to_vec()))).unwrap();
        assert_eq!(
            (lib.target, &lib.filter[..]),
            ("lib", &["name", "--exact"][..])
        );
        let flags = ["test", "--config", "c", "-p", "k", "--lib", "name"].as_slice();
        let flags = Asked::of(&mutant(Vec::leak(flags.to_vec()))).unwrap();
        assert_eq!(flags.build(), ["--config", "c", "-p", "k", "--lib"]);
        assert_eq!(
            Asked::of(&mutant(&["test", "--release", "-p", "k", "--lib"])),
            None
        );
        assert_eq!(Asked::of(&mutant(&["test", "--lib"])), None);
    }

    #[test]
    fn what_cargo_tells_is_read() {
        let built = serde_json::json!({
            "reason": "compiler-artifact",
            "manifest_path": "/w/crates/chatmetric-store/Cargo.toml",
            "target": { "kind": ["test"], "name": "it" },
            "profile": { "test": true },
            "executable": "/w/target/debug/deps/it-1",
        });
        let key = ("chatmetric-store".to_owned(), "it".to_owned());
        assert_eq!(
            test_program(&built),
            Some((key, PathBuf::from("/w/target/debug/deps/it-1")))
        );
        let broken = serde_json::json!({ "message": { "level": "error", "spans": [
            { "file_name": "crates/a/src/b.rs", "line_start": 7 },
        ]}});
        assert_eq!(spans(&broken), [("crates/a/src/b.rs".to_owned(), 7)]);
        assert_eq!(test_program(&broken), None);
        let said = "test result: FAILED. 2 passed; 1 failed; 0 ignored\n\
                    test result: ok. 3 passed; 0 failed";
        assert_eq!(passed(said), 5);
    }
}
