//! The suites of official SDKs in `compat/`: Python, Node, Java and Go, and the samples
//! of the console, which run in all of them.
//!
//! Each starts the built program itself; here they are only installed and run, and
//! told where their results go. A suite whose toolchain is missing is skipped, and
//! says so, on a laptop; in CI that is a failure. The invariant: a part's results
//! are those of its last run, never a mixture.

pub(crate) mod table;

use crate::setup;
use crate::step::Steps;
use crate::workspace::{program, root, target_dir, works};
use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The parts, by the names of `cargo xtask test`.
pub(crate) const PARTS: [&str; 5] = ["python", "node", "java", "go", "samples"];

/// Each Python environment: name and requirements file in `compat/python`.
const PYTHON_SUITES: [(&str, &str); 2] = [
    ("current", "requirements.txt"),
    ("oldest", "requirements-oldest.txt"),
];

/// What reads the samples of languages whose SDKs cannot be had: programs, and the Debian
/// packages that bring them. Swift's compiler is in none; its grammar is a Python package.
const SAMPLE_COMPILERS: [(&str, &str); 4] = [
    ("php", "php-cli"),
    ("mcs", "mono-mcs"),
    ("mono", "mono-runtime"),
    ("g++", "g++"),
];

/// Where a part's results are written, one JSON object on each line.
fn results(part: &str) -> PathBuf {
    target_dir()
        .join("compat/results")
        .join(format!("{part}.jsonl"))
}

/// Runs one part.
pub(crate) fn run(steps: &mut Steps, part: &str) {
    if !steps.check(&format!("{part} SDKs: forget old results"), || forget(part)) {
        return;
    }
    match part {
        "python" => {
            for (suite, requirements) in PYTHON_SUITES {
                python(steps, suite, requirements, |_| {});
            }
        }
        "node" => node(steps),
        "java" => java(steps),
        "go" => go(steps),
        _ => samples(steps),
    }
}

/// Runs the model that is asked through the current Python SDKs, with a variable of
/// its own.
pub(crate) fn python_model(steps: &mut Steps, (name, value): (&str, &str)) {
    let [(suite, requirements), ..] = PYTHON_SUITES;
    python(steps, suite, requirements, |command| {
        command.arg("tests/test_model.py").env(name, value);
    });
}

fn forget(part: &str) -> Result<()> {
    let path = results(part);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("could not make `{}`", folder.display()))?;
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

fn python(steps: &mut Steps, suite: &str, requirements: &str, more: impl FnOnce(&mut Command)) {
    let dir = root().join("compat/python");
    let mut interpreter = None;
    let installed = steps.check(&format!("python SDKs ({suite}): install"), || {
        interpreter = Some(setup::python(suite, &dir.join(requirements))?);
        Ok(())
    });
    if let (true, Some(interpreter)) = (installed, interpreter) {
        let mut command = Command::new(interpreter);
        command.args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-v"]);
        suite_environment(command.current_dir(&dir), "python");
        // Zones come from the pinned package, not from the machine.
        command.env("PYTHONTZPATH", "");
        more(&mut command);
        steps.command(&format!("python SDKs ({suite})"), &mut command);
    }
}

fn node(steps: &mut Steps) {
    if !steps.check("node SDKs: install", || setup::node("compat/node", &[])) {
        return;
    }
    let dir = root().join("compat/node");
    match node_tests(&dir.join("test")) {
        Ok(files) => {
            let mut command = Command::new("node");
            command.args(["--test", "--test-reporter=spec"]).args(files);
            suite_environment(command.current_dir(&dir), "node");
            steps.command("node SDKs", &mut command);
        }
        Err(error) => {
            steps.check("node SDKs", || Err(error));
        }
    }
}

fn node_tests(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("could not list `{}`", dir.display()))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn java(steps: &mut Steps) {
    let ready = || works("mvn", &["--version"]);
    if in_ci() && !ready() {
        steps.check("java SDKs: install Maven", || {
            setup::apt(&["default-jdk-headless", "maven"])
        });
    }
    if !toolchain(
        steps,
        "java SDKs",
        ready(),
        "a JDK and Maven are not installed",
    ) {
        return;
    }
    let mut command = Command::new("mvn");
    // Not quietly: the closing line is counted.
    command.args(["-B", "-ntp", "-Dstyle.color=never", "test"]);
    suite_environment(command.current_dir(root().join("compat/java")), "java");
    steps.command("java SDKs", &mut command);
}

fn go(steps: &mut Steps) {
    let ready = works("go", &["version"]);
    if !toolchain(steps, "go SDKs", ready, "Go is not installed") {
        return;
    }
    let mut command = Command::new("go");
    command.args(["test", "-count=1", "-v", "./..."]);
    suite_environment(command.current_dir(root().join("compat/go")), "go");
    steps.command("go SDKs", &mut command);
}

/// The samples of the API Explorer: their literals, their templates, and all of them run
/// as they are shown. What a laptop lacks the tests skip; in CI that is a failure.
fn samples(steps: &mut Steps) {
    let dir = root().join("console/samples");
    let [(suite, requirements), ..] = PYTHON_SUITES;
    let mut python = None;
    let mut swift = None;
    sample_compilers(steps);
    let installed = steps.check("samples: install", || {
        setup::node("console/samples", &["--ignore-scripts"])?;
        setup::node("compat/node", &[])?;
        let requirements = root().join("compat/python").join(requirements);
        python = Some(setup::python(suite, &requirements)?);
        let requirements = root().join("compat/samples/requirements.txt");
        swift = Some(setup::python("swift", &requirements)?);
        Ok(())
    });
    let (true, Some(python), Some(swift)) = (installed, python, swift) else {
        return;
    };
    let mut current = Command::new("node");
    current.args(["generate.mjs", "--check"]).current_dir(&dir);
    steps.command("samples: templates are current", &mut current);
    for (name, tests) in [
        ("samples: literals and templates", dir.join("test")),
        ("samples: run as shown", root().join("compat/samples")),
    ] {
        let mut command = Command::new("node");
        command.args(["--test", "--test-reporter=spec"]);
        match node_tests(&tests) {
            Ok(files) => command.args(files),
            Err(error) => {
                steps.check(name, || Err(error));
                continue;
            }
        };
        suite_environment(command.current_dir(&tests), "samples");
        command
            .env("CHATMETRIC_SAMPLES_PYTHON", &python)
            .env("CHATMETRIC_SAMPLES_SWIFT", &swift)
            .env("CARGO_TARGET_DIR", target_dir());
        steps.command(name, &mut command);
    }
}

/// Installs what is missing of [`SAMPLE_COMPILERS`]; where that cannot be done, it is said
/// here, and the tests skip their languages.
fn sample_compilers(steps: &mut Steps) {
    let missing = |(program, _): &&(&str, &str)| !works(program, &["--version"]);
    let packages: Vec<&str> = SAMPLE_COMPILERS
        .iter()
        .filter(missing)
        .map(|it| it.1)
        .collect();
    if packages.is_empty() {
        return;
    }
    let name = "samples: compilers of PHP, C# and C++";
    if in_ci() {
        steps.check(name, || setup::apt(&packages));
    } else if let Err(error) = setup::apt(&packages) {
        steps.skip(name, &format!("{error:#}"));
    }
}

/// A missing toolchain is said loudly; in CI it is a failure.
fn toolchain(steps: &mut Steps, name: &str, ready: bool, why: &str) -> bool {
    if !ready && in_ci() {
        steps.check(name, || bail!("{why}"));
    } else if !ready {
        steps.skip(name, why);
    }
    ready
}

fn in_ci() -> bool {
    env::var_os("CI").is_some()
}

/// Tells a suite which program to start and where its results go; a program that is
/// set already stays. The script that all suites share leaves no compiled files.
pub(crate) fn suite_environment(command: &mut Command, part: &str) {
    if env::var_os("CHATMETRIC_BIN").is_none() {
        command.env("CHATMETRIC_BIN", program("debug"));
    }
    command
        .env("CHATMETRIC_COMPAT_RESULTS", results(part))
        .env("PYTHONDONTWRITEBYTECODE", "1");
}
