//! `cargo xtask mutants`: proves that the tests of each promise can fail.
//!
//! Each entry breaks one protection in a copy of the tree and runs only the test
//! that is named for the promise. The test must turn red; one that stays green
//! proves nothing. The working tree is never touched. Those in bodies of functions are
//! built together, each behind a switch; the others one by one.

/// Arguments that run one test of a crate; before the lists, which use it.
macro_rules! test {
    ($krate:literal, it, $name:literal) => {
        &["test", "-p", $krate, "--test", "it", $name]
    };
    ($krate:literal, lib, $name:literal) => {
        &["test", "-p", $krate, "--lib", $name]
    };
}

mod backup;
mod cluster;
mod concurrency;
mod console;
mod edges;
mod explain;
mod files;
mod fuzz;
mod list;
mod operations;
mod overload;
mod reconcile;
pub(crate) mod seen;
mod sim;
mod store;
mod streams;
mod switch;
mod together;
mod torture;
mod transport;
mod watch;

use crate::trust;
use crate::workspace::{cargo, files, root, target_dir};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// One broken protection.
pub(super) struct Mutant {
    /// Its name on the command line.
    pub(super) id: &'static str,
    /// What the protection promises.
    pub(super) promise: &'static str,
    /// The file to change.
    pub(super) file: &'static str,
    /// The exact text that occurs once in it.
    pub(super) find: &'static str,
    /// What stands there instead.
    pub(super) replace: &'static str,
    /// Arguments of `cargo` that run the named test.
    pub(super) test: &'static [&'static str],
}

/// All of them.
fn all() -> impl Iterator<Item = &'static Mutant> {
    list::MUTANTS
        .iter()
        .chain(store::MUTANTS)
        .chain(torture::MUTANTS)
        .chain(edges::EDGES)
        .chain(files::MUTANTS)
        .chain(transport::MUTANTS)
        .chain(console::MUTANTS)
        .chain(backup::MUTANTS)
        .chain(watch::MUTANTS)
        .chain(reconcile::MUTANTS)
        .chain(streams::MUTANTS)
        .chain(explain::MUTANTS)
        .chain(cluster::MUTANTS)
        .chain(concurrency::MUTANTS)
        .chain(fuzz::MUTANTS)
        .chain(sim::MUTANTS)
        .chain(overload::MUTANTS)
        .chain(operations::MUTANTS)
}

/// What the arguments ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan<'a> {
    /// Builds each by itself, without switches.
    alone: bool,
    /// Only those that were not seen red as they are.
    unseen: bool,
    /// So many, the first of those chosen.
    limit: Option<usize>,
    /// None named means all.
    ids: Vec<&'a str>,
}

fn parse<'a>(arguments: &[&'a str]) -> Result<Plan<'a>> {
    let mut plan = Plan::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--alone" => plan.alone = true,
            "--unseen" => plan.unseen = true,
            "--limit" => {
                let told = rest.next().context("`--limit` needs a number")?;
                let limit = told.parse().ok().filter(|limit| *limit > 0);
                plan.limit = Some(limit.with_context(|| format!("`{told}` is no number"))?);
            }
            id if all().any(|mutant| mutant.id == id) => plan.ids.push(id),
            unknown => bail!("no mutant is called `{unknown}`"),
        }
    }
    Ok(plan)
}

/// Runs all mutants, or those that the arguments choose. What was seen red is remembered
/// as soon as it was.
///
/// # Errors
/// When a test stays green, does not exist, or is red without the mutation.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let plan = parse(arguments)?;
    let known = seen::all()?;
    let copy = copy_tree()?;
    let chosen: Vec<&Mutant> = all()
        .filter(|mutant| plan.ids.is_empty() || plan.ids.contains(&mutant.id))
        .filter(|mutant| !plan.unseen || !seen::is_seen(&known, mutant))
        .take(plan.limit.unwrap_or(usize::MAX))
        .collect();
    let (mut survivors, alone) = if plan.alone {
        (Vec::new(), chosen.clone())
    } else {
        together::kill(&copy, &chosen)?
    };
    for mutant in alone {
        println!("\n==> {}: {}", mutant.id, mutant.promise);
        survivors.extend(told(mutant, kill(&copy, mutant)));
    }
    trust::write()?;
    println!(
        "\n{} passed, {} failed",
        chosen.len() - survivors.len(),
        survivors.len()
    );
    if !survivors.is_empty() {
        bail!("survived: {}", survivors.join(", "));
    }
    Ok(())
}

/// Prints what became of a mutant; gives its name when it survived.
fn told(mutant: &Mutant, outcome: Result<()>) -> Option<&'static str> {
    match outcome {
        Ok(()) => {
            println!("==> {}: the named test turned red", mutant.id);
            if let Err(error) = seen::remember(mutant) {
                println!("==> {}: not remembered: {error:#}", mutant.id);
            }
            None
        }
        Err(error) => {
            println!("==> {}: SURVIVED: {error:#}", mutant.id);
            Some(mutant.id)
        }
    }
}

/// Applies one mutation, runs the test, and puts the file back.
fn kill(copy: &Path, mutant: &Mutant) -> Result<()> {
    let path = copy.join(mutant.file);
    let (original, changed) = texts(copy, mutant)?;
    // A test that is red or missing without the mutation would prove nothing.
    if tests_passed(copy, mutant)?.is_none_or(|passed| passed == 0) {
        bail!(
            "`cargo {}` runs no green test without the mutation",
            mutant.test.join(" ")
        );
    }
    fs::write(&path, changed)?;
    let built = builds(copy, mutant);
    let outcome = built.and_then(|()| tests_passed(copy, mutant));
    fs::write(&path, original)?;
    match outcome? {
        None => Ok(()),
        Some(passed) => bail!(
            "{passed} tests of `cargo {}` stayed green",
            mutant.test.join(" ")
        ),
    }
}

/// The file of a mutant as it is, and with the protection broken.
fn texts(copy: &Path, mutant: &Mutant) -> Result<(String, String)> {
    let path = copy.join(mutant.file);
    let original =
        fs::read_to_string(&path).with_context(|| format!("could not read `{}`", mutant.file))?;
    let occurrences = original.matches(mutant.find).count();
    if occurrences != 1 {
        bail!(
            "its text occurs {occurrences} times in `{}`, it must be once",
            mutant.file
        );
    }
    let changed = original.replacen(mutant.find, mutant.replace, 1);
    Ok((original, changed))
}

/// A mutant that does not compile proves nothing either.
fn builds(copy: &Path, mutant: &Mutant) -> Result<()> {
    let mut arguments: Vec<&str> = mutant.test.to_vec();
    let end = arguments
        .iter()
        .position(|argument| *argument == "--")
        .unwrap_or(arguments.len());
    arguments.insert(end, "--no-run");
    let output = in_copy(copy)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!(
            "it does not compile:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// How many tests passed, or `None` when the run was red.
fn tests_passed(copy: &Path, mutant: &Mutant) -> Result<Option<u64>> {
    let output = in_copy(copy)
        .args(mutant.test)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Ok(None);
    }
    Ok(Some(together::passed(&String::from_utf8_lossy(
        &output.stdout,
    ))))
}

fn in_copy(copy: &Path) -> std::process::Command {
    let mut command = cargo();
    // One target directory for all mutants: only the changed crate is built again.
    command
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy_target());
    command
}

/// The target directory of the copy.
fn copy_target() -> PathBuf {
    target_dir().join("mutants/target")
}

/// Copies the committed and the new files to a scratch directory.
fn copy_tree() -> Result<PathBuf> {
    let copy = target_dir().join("mutants/tree");
    for path in files()? {
        let to = copy.join(&path);
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)
                .with_context(|| format!("could not make `{}`", dir.display()))?;
        }
        let bytes = fs::read(root().join(&path))?;
        // Unchanged files keep their time, so cargo builds only what differs.
        if fs::read(&to).is_ok_and(|found| found == bytes) {
            continue;
        }
        fs::write(&to, bytes).with_context(|| format!("could not write `{}`", to.display()))?;
    }
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_choose_mutants() {
        assert_eq!(parse(&[]).unwrap(), Plan::default());
        let id = all().next().unwrap().id;
        let plan = parse(&["--alone", "--unseen", "--limit", "5", id]).unwrap();
        assert_eq!(
            plan,
            Plan {
                alone: true,
                unseen: true,
                limit: Some(5),
                ids: vec![id],
            }
        );
        for wrong in [
            &["everything"][..],
            &["--limit"],
            &["--limit", "0"],
            &["--limit", "x"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    /// The page lists more of them, to be tried by hand; it must fit the sources too.
    #[test]
    fn every_mutation_of_the_page_fits_its_file() {
        let page = fs::read_to_string(root().join("docs/internals/mutations.md")).unwrap();
        let mut lines = 0;
        for line in page.lines().filter(|line| line.starts_with("- `crates/")) {
            lines += 1;
            let parts: Vec<&str> = line.split('`').collect();
            let (file, find, test) = (parts[1], parts[3], parts[parts.len() - 2]);
            let text = fs::read_to_string(root().join(file)).unwrap_or_default();
            assert_eq!(text.matches(find).count(), 1, "`{find}` in `{file}`");
            let name = test.strip_prefix("lib:").unwrap_or(test);
            assert!(declared(file, name), "no test is called `{name}`");
        }
        assert!(lines > 0, "the page lists nothing");
    }

    /// Whether a test of that name is declared in the crate of `file`. Without git,
    /// because a released archive has none.
    fn declared(file: &str, name: &str) -> bool {
        let krate: PathBuf = Path::new(file).iter().take(2).collect();
        let mut folders = vec![root().join(krate)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if fs::read_to_string(&path).is_ok_and(|text| {
                    text.contains(&format!("fn {name}(")) || text.contains(&format!("    {name},"))
                }) {
                    return true;
                }
            }
        }
        false
    }

    /// Each that does not is a build of its own.
    #[test]
    fn nearly_all_are_built_together() {
        let fits = |mutant: &&Mutant| {
            let text = fs::read_to_string(root().join(mutant.file)).unwrap_or_default();
            together::Asked::of(mutant).is_some() && switch::fits(&text, mutant)
        };
        let (switched, alone): (Vec<_>, Vec<_>) = all().partition(fits);
        let names: Vec<&str> = alone.iter().map(|mutant| mutant.id).collect();
        assert!(names.len() * 8 < switched.len(), "{names:?}");
    }

    /// A list that no longer fits the sources would be found only when somebody
    /// runs the long task.
    #[test]
    fn every_entry_fits_its_file() {
        for mutant in all() {
            let text = fs::read_to_string(root().join(mutant.file)).unwrap_or_default();
            assert_eq!(
                text.matches(mutant.find).count(),
                1,
                "{}: text in `{}`",
                mutant.id,
                mutant.file
            );
            assert_ne!(mutant.find, mutant.replace, "{}", mutant.id);
            assert!(
                !mutant.promise.is_empty() && mutant.test.first() == Some(&"test"),
                "{}",
                mutant.id
            );
        }
        let mut ids: Vec<&str> = all().map(|mutant| mutant.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all().count(), "two entries share an id");
    }
}
