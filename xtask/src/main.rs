//! Repository tasks: one entry for a laptop and for CI.
//!
//! `cargo xtask ci` is what CI runs; `cargo xtask test` is its part that
//! installs what a fresh machine lacks and runs every test. Nothing here is
//! shipped, and nothing needs more than cargo, the standard library and the
//! language toolchains whose official SDKs are tested.

mod bench;
mod ci;
mod codegen;
mod compat;
mod concurrency;
mod console;
mod deny;
mod fuzz;
mod mutants;
mod package;
mod release;
mod sbom;
mod setup;
mod sim;
mod step;
mod test;
mod tidy;
mod tls_scan;
mod torture;
mod trust;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <task>

  test               install what is missing, then run every test
  test rust|python|node|java|go|samples|tls|console|package
                     only that part
  ci                 everything that CI checks, tests included
  tidy               the rules of CONTRIBUTING.md that a machine can check
  codegen [--check]  write docs/reference/cli.md from the program's own help
  compat-table [--check]
                     write what the SDK suites reported into COMPATIBILITY.md
  bench store|scale|http|overload|timing|rpc|import|cluster
                     the benches of crates/chatmetric-bench, in release
  torture [kill|whitebox|power|io|corrupt] [--cycles N]
                     the tests of durability alone; 200 cycles of each are CI's, of
                     power 20
  concurrency [--schedules N] [TEST...]
                     what threads share, in many orders of them
  fuzz [--seconds N | --minutes N] [TARGET...]
                     inputs for each parser, 30 seconds each
  fuzz TARGET --input FILE
                     one input again
  sim [--hours N] [--seed S] [--seeds N]
                     lives of a server in virtual time; 50 seeds are CI's
  mutants [--alone] [--unseen] [--limit N] [ID...]
                     break each protection once; its named test must turn red
  trust [--check]    write TRUST.md from what the last long runs said
  trust run [ID...]  the long run of each promise; `fuzz/policy` is a part of one
  deny               licences, bans and sources of all crates, by cargo-deny
  package            the Debian package, in release, below the target directory
  release [PART...]  ci, then the long runs: ci, deny, mutants, counting, signatures,
                     store, kills, fuzz, sim, model, concurrency, overload, bench
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", parts @ ..] => test::run(parts),
        ["ci"] => ci::run(),
        ["tidy"] => tidy::run(),
        ["codegen"] => codegen::write(),
        ["codegen", "--check"] => codegen::check(),
        ["compat-table"] => compat::table::write(),
        ["compat-table", "--check"] => compat::table::check(),
        ["bench", rest @ ..] => bench::run(rest),
        ["deny"] => deny::run(),
        ["package"] => package::make(),
        ["release", parts @ ..] => release::run(parts),
        ["trust"] => trust::write(),
        ["trust", "--check"] => trust::check(),
        ["trust", "run", ids @ ..] => trust::run(ids),
        ["torture", rest @ ..] => torture::run(rest),
        ["concurrency", rest @ ..] => concurrency::run(rest),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["sim", rest @ ..] => sim::run(rest),
        ["mutants", ids @ ..] => mutants::run(ids),
        ["--help" | "-h" | "help"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown task\n\n{USAGE}"),
    }
}
