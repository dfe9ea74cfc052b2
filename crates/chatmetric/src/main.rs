//! The binary: the command line is a part of the library, so that tests can use it.
//!
//! The allocator is chosen here, by the program: its settings are in
//! `.cargo/config.toml`.

use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    chatmetric::cli::main()
}
