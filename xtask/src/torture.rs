//! `cargo xtask torture [kill|whitebox|power|io|corrupt] [--cycles N]`: the tests of
//! durability alone, in the size of CI or in a larger one.
//!
//! They are tests of the workspace: `cargo xtask test` runs them too. Not here:
//! what they do. `--cycles` is the sum over all tests of a kind; 200 is CI's, of power
//! cuts 20, with 10 more of each control.

use crate::setup;
use crate::step::Steps;
use crate::workspace::cargo;
use anyhow::{Context, Result, bail};

/// What the tests ask how many cycles they shall make.
const CYCLES_VARIABLE: &str = "CHATMETRIC_TORTURE_CYCLES";

/// A kind of torture and the tests that belong to it.
struct Kind {
    name: &'static str,
    what: &'static str,
    /// Parts of the names of its tests, in any integration test of the workspace.
    tests: &'static [&'static str],
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "kill",
        what: "kill -9 under load, in starts, in migrations, at every change of a file",
        tests: &["torture::kill", "restart::"],
    },
    Kind {
        name: "whitebox",
        what: "stops and power cuts at each step, and at each step after it",
        tests: &[
            "torture::whitebox",
            "crash::",
            "crash_quarantine::",
            "a_crash_while_weeks_are_dropped",
        ],
    },
    Kind {
        name: "power",
        what: "power cuts of ext4 and xfs on a disk with a volatile cache, and controls",
        tests: &["torture::power", "torture::supply", "torture::volatile"],
    },
    Kind {
        name: "io",
        what: "calls that fail, and disks that are full",
        tests: &["torture::io", "disk::"],
    },
    Kind {
        name: "corrupt",
        what: "flipped bits, files cut short, pages of zeros, files swapped",
        tests: &[
            "torture::corrupt",
            "damage::",
            "flipped_bits_are_found_or_harmless",
            "a_swapped_or_missing_file_is_refused",
        ],
    },
];

/// Runs the kinds that are named, or all.
///
/// # Errors
/// When a test fails, or the arguments make no sense.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (kinds, cycles) = parse(arguments)?;
    let mut steps = Steps::default();
    install(&mut steps);
    for kind in kinds {
        add(&mut steps, kind, cycles, &[]);
    }
    steps.finish()
}

/// Installs the servers of a cluster; and what traces system calls and what makes file
/// systems, or says that those tests do nothing here.
pub(crate) fn install(steps: &mut Steps) {
    if let Err(error) = setup::strace() {
        let why = format!("{error:#}");
        steps.skip("kills and failures of system calls (strace)", &why);
    }
    if let Err(error) = setup::file_systems() {
        let why = format!("{error:#}");
        steps.skip("power cuts of some file system", &why);
    }
    // The power of the servers of a cluster is cut, too.
    steps.check("nats-server: install", setup::nats_server);
}

/// Adds one kind to a run, with more arguments for cargo.
pub(crate) fn add(steps: &mut Steps, name: &str, cycles: Option<u64>, more: &[&str]) {
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        return steps.skip(name, "there is no such torture");
    };
    let mut command = cargo();
    // The whole workspace, so that nothing is built with other features.
    command
        .args(["test", "--workspace", "--lib", "--bins", "--tests"])
        .args(more)
        .arg("--")
        .args(kind.tests);
    if let Some(cycles) = cycles {
        // What was seen, not only that it passed.
        command.arg("--show-output");
        command.env(CYCLES_VARIABLE, cycles.to_string());
    }
    steps.command(
        &format!("torture {}: {}", kind.name, kind.what),
        &mut command,
    );
}

fn parse<'a>(arguments: &[&'a str]) -> Result<(Vec<&'a str>, Option<u64>)> {
    let (mut kinds, mut cycles) = (Vec::new(), None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--cycles" => {
                let told = rest.next().context("`--cycles` needs a number")?;
                let number: u64 = told
                    .parse()
                    .with_context(|| format!("`{told}` is no number of cycles"))?;
                if number == 0 {
                    bail!("no cycles prove nothing");
                }
                cycles = Some(number);
            }
            kind if KINDS.iter().any(|it| it.name == kind) => kinds.push(kind),
            unknown => {
                let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
                bail!("unknown torture `{unknown}`: {} exist", names.join(", "));
            }
        }
    }
    if kinds.is_empty() {
        kinds = KINDS.iter().map(|kind| kind.name).collect();
    }
    Ok((kinds, cycles))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_kinds_and_cycles() {
        let all = vec!["kill", "whitebox", "power", "io", "corrupt"];
        assert_eq!(parse(&[]).unwrap(), (all.clone(), None));
        assert_eq!(parse(&["--cycles", "1000"]).unwrap(), (all, Some(1000)));
        assert_eq!(
            parse(&["io", "--cycles", "7"]).unwrap(),
            (vec!["io"], Some(7))
        );
        for wrong in [
            &["fire"][..],
            &["--cycles"],
            &["--cycles", "x"],
            &["--cycles", "0"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    /// A filter that fits nothing would be a torture that does nothing.
    #[test]
    fn every_filter_names_tests_that_exist() {
        let root = crate::workspace::root();
        let mut names = Vec::new();
        let mut dirs = vec![root.join("crates")];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                    continue;
                }
                let Some((_, inside)) = path.to_str().and_then(|it| it.split_once("/tests/it/"))
                else {
                    continue;
                };
                let module = inside.trim_end_matches(".rs").replace('/', "::");
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                for part in text.split("#[test]\nfn ").skip(1) {
                    let name = part.split('(').next().unwrap_or_default();
                    names.push(format!("{module}::{name}"));
                }
            }
        }
        for filter in KINDS.iter().flat_map(|kind| kind.tests) {
            assert!(names.iter().any(|it| it.contains(filter)), "{filter}");
        }
    }
}
