//! `cargo xtask fuzz [--seconds N | --minutes N] [TARGET...]`: coverage-guided inputs for each
//! parser, on stable Rust.
//!
//! The targets are a workspace of their own in `fuzz/`; what must hold is in the crates
//! (`fuzz.rs`). A run of ten minutes or more is of an optimised build that does not trace what
//! is compared with what, which makes it several times as fast and starts from what the short
//! runs found by that; it ends early when it has tried a hundred million inputs. libFuzzer
//! needs nothing but flags of rustc, so there is no other tool to install.
//! Invariants: what was found stays below the target directory, the committed corpus is only
//! read; an input that breaks something is named, with the command that repeats it.

use crate::setup;
use crate::workspace::{cargo, root, target_dir, works};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How long each target runs in CI.
pub(crate) const CI_SECONDS: u64 = 30;
/// The least that all targets together try in a run of all; fewer is a fuzzer that stands still.
const EXECUTIONS_LEAST: u64 = 1_000_000;
/// A run of so long is worth a build that optimises.
const LONG_SECONDS: u64 = 600;
/// Such a run ends when it has tried so many inputs.
const EXECUTIONS_ENOUGH: u64 = 100_000_000;
/// More memory than this is a finding: no parser needs it.
const RSS_MB_MAX: u32 = 1024;
/// An input that takes longer is a finding.
const TIMEOUT_SECONDS: u32 = 20;
/// What makes rustc count the edges that an input takes. Not the address sanitizer, which needs
/// an unstable flag: our crates forbid unsafe code.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=3 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0";
/// What makes it also tell the operands of comparisons, which inputs are then made of.
const FLAGS_OF_COMPARISONS: &str = "-Cllvm-args=-sanitizer-coverage-trace-compares";

/// The allocator keeps large blocks that it gets back. By default it gives them to the
/// kernel and takes them again for the next input: two thirds of the time of `journal`,
/// whose tables grow with the ids in an input.
const ALLOCATOR: [(&str, &str); 3] = [
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "1073741824"),
    ("MALLOC_TOP_PAD_", "67108864"),
];

/// One parser.
#[derive(Debug)]
struct Target {
    name: &'static str,
    /// In `fuzz/dictionaries`.
    dictionary: Option<&'static str>,
    /// Longer inputs only take longer.
    input_bytes_max: u32,
}

const fn target(name: &'static str, words: Option<&'static str>, bytes: u32) -> Target {
    Target {
        name,
        dictionary: words,
        input_bytes_max: bytes,
    }
}

const TARGETS: [Target; 9] = [
    target("v1_request", Some("request"), 4096),
    target("acs3_request", Some("request"), 4096),
    target("policy", Some("policy"), 8192),
    target("whatsapp", Some("json"), 8192),
    target("receipts", Some("json"), 4096),
    target("bulk", Some("json"), 4096),
    // A section is a few hundred bytes, and the time of an input goes with its length. Of 89
    // committed inputs two are longer.
    target("config", Some("config"), 1024),
    target("journal", None, 2048),
    target("record", None, 1024),
];

/// What the arguments ask for.
#[derive(Debug)]
struct Plan {
    seconds: u64,
    targets: Vec<&'static Target>,
    /// One input to repeat.
    input: Option<PathBuf>,
}

impl Plan {
    const fn is_long(&self) -> bool {
        self.seconds >= LONG_SECONDS
    }
}

/// Builds all targets once and runs those that are named, or all.
///
/// # Errors
/// When an input breaks something, or the arguments make no sense.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let plan = parse(arguments)?;
    let binaries = build(&plan)?;
    if let Some(input) = &plan.input {
        return repeat(&binaries, &plan.targets, input);
    }
    fuzz(&binaries, &plan)
}

/// All targets, for so long each.
///
/// # Errors
/// As [`run`].
pub(crate) fn all(seconds: u64) -> Result<()> {
    let targets = TARGETS.iter().collect();
    let plan = Plan {
        seconds,
        targets,
        input: None,
    };
    fuzz(&build(&plan)?, &plan)
}

fn parse(arguments: &[&str]) -> Result<Plan> {
    let mut plan = Plan {
        seconds: CI_SECONDS,
        targets: Vec::new(),
        input: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .with_context(|| format!("`{argument}` needs a value"))
        };
        match *argument {
            "--seconds" => plan.seconds = number(value()?)?,
            "--minutes" => plan.seconds = number(value()?)?.saturating_mul(60),
            "--input" => plan.input = Some(PathBuf::from(value()?)),
            name => match TARGETS.iter().find(|target| target.name == name) {
                Some(target) => plan.targets.push(target),
                None => bail!("unknown target `{name}`: {} exist", names().join(", ")),
            },
        }
    }
    if plan.input.is_some() && plan.targets.len() != 1 {
        bail!("`--input` needs one target");
    }
    if plan.targets.is_empty() {
        plan.targets = TARGETS.iter().collect();
    }
    Ok(plan)
}

fn number(told: &str) -> Result<u64> {
    match told.parse() {
        Ok(0) | Err(_) => bail!("`{told}` is no length of time"),
        Ok(number) => Ok(number),
    }
}

/// The parsers that are fuzzed.
pub(crate) fn names() -> Vec<&'static str> {
    TARGETS.iter().map(|target| target.name).collect()
}

fn dir() -> PathBuf {
    target_dir().join("fuzz")
}

/// Builds the targets; gives the folder that they are in.
fn build(plan: &Plan) -> Result<PathBuf> {
    if !works("c++", &["--version"]) {
        setup::apt(&["g++"])?;
    }
    let host = host()?;
    let (profile, folder, flags) = if plan.is_long() {
        ("long", "long", FLAGS.to_owned())
    } else {
        ("dev", "debug", format!("{FLAGS} {FLAGS_OF_COMPARISONS}"))
    };
    // A target is named, so that build scripts and macros are not counted.
    let status = cargo()
        .args(["build", "--locked", "--manifest-path", "fuzz/Cargo.toml"])
        .args(["--profile", profile, "--target", &host, "--target-dir"])
        .arg(dir())
        .env("RUSTFLAGS", flags)
        .stdin(Stdio::null())
        .status()
        .context("could not start cargo")?;
    if !status.success() {
        bail!(
            "the targets do not build; after a change of dependencies, \
             `cargo update --workspace --manifest-path fuzz/Cargo.toml` brings their lock forward"
        );
    }
    Ok(dir().join(host).join(folder))
}

fn host() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("could not start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc does not tell its host")?.to_owned())
}

fn repeat(binaries: &Path, targets: &[&Target], input: &Path) -> Result<()> {
    for target in targets {
        let mut command = Command::new(binaries.join(target.name));
        let status = command.arg(input).stdin(Stdio::null()).status()?;
        if !status.success() {
            bail!("`{}` still breaks `{}`", input.display(), target.name);
        }
    }
    Ok(())
}

/// Runs the targets, as many at a time as there are processors.
fn fuzz(binaries: &Path, plan: &Plan) -> Result<()> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers.min(plan.targets.len()) {
            scope.spawn(|| {
                while let Some(target) = plan.targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = one(binaries, target, plan);
                    match &result {
                        Ok(told) => println!("figure: {}: {told}", target.name),
                        Err(error) => println!("{}: {error:#}", target.name),
                    }
                    if let Ok(mut results) = results.lock() {
                        results.push(result.map_err(|_| target.name));
                    }
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_default();
    let executions: u64 = results.iter().flatten().map(|told| told.executions).sum();
    println!("{executions} executions of {} targets", results.len());
    let broken: Vec<&str> = results
        .iter()
        .filter_map(|it| it.as_ref().err().copied())
        .collect();
    if !broken.is_empty() || results.len() != plan.targets.len() {
        bail!("broken: {}", broken.join(", "));
    }
    if plan.targets.len() == TARGETS.len()
        && plan.seconds >= CI_SECONDS
        && executions < EXECUTIONS_LEAST
    {
        bail!("at least {EXECUTIONS_LEAST} executions were to be tried");
    }
    Ok(())
}

fn one(binaries: &Path, target: &Target, plan: &Plan) -> Result<Told> {
    let name = target.name;
    let (found, broken) = (dir().join("found").join(name), dir().join("broken"));
    for folder in [&found, &broken] {
        fs::create_dir_all(folder)
            .with_context(|| format!("could not make `{}`", folder.display()))?;
    }
    let log = dir().join(format!("{name}.log"));
    let mut command = Command::new(binaries.join(name));
    command
        .current_dir(root())
        .envs(ALLOCATOR)
        // New inputs go into the first folder.
        .arg(&found)
        .arg(Path::new("fuzz/corpus").join(name))
        .arg(format!("-max_total_time={}", plan.seconds))
        .arg(format!("-max_len={}", target.input_bytes_max))
        .arg(format!("-rss_limit_mb={RSS_MB_MAX}"))
        .arg(format!("-timeout={TIMEOUT_SECONDS}"))
        .arg(format!("-artifact_prefix={}/{name}-", broken.display()))
        .arg("-print_final_stats=1");
    if plan.is_long() {
        command.arg(format!("-runs={EXECUTIONS_ENOUGH}"));
    }
    if let Some(words) = target.dictionary {
        command.arg(format!("-dict=fuzz/dictionaries/{words}.dict"));
    }
    let out = fs::File::create(&log).context("could not make the log")?;
    let status = command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .status()
        .with_context(|| format!("could not start `{name}`"))?;
    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if !status.success() {
        bail!(
            "{}\nall of it is in `{}`",
            what_broke(name, &text),
            log.display()
        );
    }
    Told::of(&text).with_context(|| format!("no figures in `{}`", log.display()))
}

/// The end of what the target said, and how to repeat it.
fn what_broke(name: &str, log: &str) -> String {
    let mut said: Vec<&str> = log.lines().rev().take(20).collect();
    said.reverse();
    let panic = log
        .lines()
        .skip_while(|line| !line.contains("panicked at"))
        .take(6);
    let panic: Vec<&str> = panic.collect();
    let said = if panic.is_empty() { said } else { panic };
    let input = log
        .lines()
        .find_map(|line| line.split("Test unit written to ").nth(1));
    let how = match input {
        Some(input) => {
            format!("the input: {input}\nto repeat it: cargo xtask fuzz {name} --input {input}")
        }
        None => "no input was written".to_owned(),
    };
    format!("FAILED\n{}\n{how}", said.join("\n"))
}

/// What a run tells at its end.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    executions: u64,
    edges: u64,
    inputs: String,
    peak_rss_mb: u64,
}

impl Told {
    fn of(log: &str) -> Option<Self> {
        let figure = |name: &str| {
            let line = log.lines().rev().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        let done = log.lines().rev().find(|line| line.contains("DONE"))?;
        let mut words = done.split_whitespace();
        let mut after = |wanted: &str| {
            words.by_ref().find(|word| *word == wanted)?;
            words.next()
        };
        Some(Self {
            edges: after("cov:")?.parse().ok()?,
            inputs: after("corp:")?.to_owned(),
            executions: figure("stat::number_of_executed_units:")?,
            peak_rss_mb: figure("stat::peak_rss_mb:")?,
        })
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} executions, {} edges covered, corpus {}, {} MB",
            self.executions, self.edges, self.inputs, self.peak_rss_mb
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A corpus is read on every `cargo test`, and is in every clone.
    const CORPUS_BYTES_MAX: u64 = 100 * 1024;
    const CORPUS_FILES_MAX: usize = 200;

    #[test]
    fn arguments_name_targets_and_a_time() {
        let plan = parse(&[]).unwrap();
        assert_eq!(
            (plan.seconds, plan.targets.len()),
            (CI_SECONDS, TARGETS.len())
        );
        let plan = parse(&["--minutes", "2", "policy"]).unwrap();
        assert_eq!((plan.seconds, plan.targets[0].name), (120, "policy"));
        assert!(!plan.is_long() && parse(&["--minutes", "10"]).unwrap().is_long());
        let plan = parse(&["record", "--input", "x"]).unwrap();
        assert_eq!(plan.input.as_deref(), Some(Path::new("x")));
        for wrong in [
            &["everything"][..],
            &["--seconds"],
            &["--seconds", "0"],
            &["--minutes", "x"],
            &["--input", "x"],
            &["--input", "x", "policy", "record"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_libfuzzer_tells_is_read() {
        let log = "#2\tINITED cov: 5 ft: 9 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                   #1201\tDONE   cov: 345 ft: 999 corp: 87/4096b lim: 40 exec/s: 40 rss: 61Mb\n\
                   stat::number_of_executed_units: 1201\nstat::peak_rss_mb:              61\n";
        let told = Told::of(log).unwrap();
        assert_eq!(
            told.to_string(),
            "1201 executions, 345 edges covered, corpus 87/4096b, 61 MB"
        );
        assert_eq!(Told::of("#2\tINITED cov: 5"), None);
        let broke = what_broke(
            "policy",
            "INFO: x\nthread '<unnamed>' panicked at a.rs:1:1:\nleft\n\
             artifact_prefix='/t/policy-'; Test unit written to /t/policy-crash-1\n",
        );
        assert!(broke.contains("panicked at a.rs:1:1:\nleft"), "{broke}");
        let how = "cargo xtask fuzz policy --input /t/policy-crash-1";
        assert!(broke.ends_with(how), "{broke}");
    }

    /// Each target has its door, its small corpus, and its dictionary.
    #[test]
    fn every_target_is_whole() {
        let fuzz = root().join("fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        let doors = fs::read_dir(fuzz.join("fuzz_targets")).unwrap().count();
        assert_eq!(doors, TARGETS.len());
        for target in &TARGETS {
            let name = target.name;
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            let corpus: Vec<_> = fs::read_dir(fuzz.join("corpus").join(name))
                .unwrap()
                .map(|entry| entry.unwrap().metadata().unwrap().len())
                .collect();
            let bytes: u64 = corpus.iter().sum();
            assert!(
                !corpus.is_empty() && corpus.len() < CORPUS_FILES_MAX,
                "{name}"
            );
            assert!(bytes < CORPUS_BYTES_MAX, "{name}: {bytes}");
            if let Some(words) = target.dictionary {
                assert!(
                    fuzz.join(format!("dictionaries/{words}.dict")).is_file(),
                    "{name}"
                );
            }
        }
    }
}
