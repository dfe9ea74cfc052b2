//! The binary: the command line is a part of the library, so that tests can use it.

use std::process::ExitCode;

fn main() -> ExitCode {
    chatmetric::cli::main()
}
