//! Benches against a rival in the same run, and load over HTTP.
//!
//! `store`: batches of 1,000 events, durable, into our store in process and into
//! PostgreSQL 15 by one statement a batch, interleaved, each result compared
//! with the independent model. `http`: signed queries and webhooks against the
//! real program. `rpc`: what verification and RAM cost a call. `scale`: 100
//! million events into one store. Not shipped. Invariant: a number is printed only
//! for a run whose counts were right.

mod arguments;
mod cpu;
mod http;
mod machine;
mod ours;
mod postgres;
mod rpc;
mod scale;
mod statistics;
mod store;
mod workload;

use anyhow::{Result, bail};
use arguments::Arguments;
use std::process::ExitCode;

const USAGE: &str = "usage: chatmetric-bench store|scale|http|rpc [options]

  store  --events N             events a round for our store (default 4000000: enough for several seals)
         --postgres-events N    events a round for PostgreSQL (default 200000)
         --rounds N             rounds (default 5)
         --numbers N            business numbers (default 100)
  scale  --events N             events a round (default 100000000)
         --rounds N             rounds (default 5)
         --numbers N            business numbers (default 10000)
         --shards N             writers (default 1)
         --memory-mib N         memory of the store (default 192)
         --in-flight N          batches that wait for their acknowledgement (default 1)
         --events-file FILE     keep the events there, or take those that are there
  http   --seconds N            seconds of query load (default 10)
         --rate N               queries a second (default 1000)
         --events N             statuses sent as webhooks (default 200000)
  rpc    --calls N              verifications and decisions a round (default 200000)
         --rounds N             rounds (default 5)
  both   --dir DIR              where data goes (default: the temporary directory)
         --out DIR              where STORE.json, HTTP.json go (default: target/bench)
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let bench = words.next().unwrap_or_default();
    let arguments = Arguments::parse(words)?;
    match bench.as_str() {
        "store" => store::run(&arguments),
        "scale" => scale::run(&arguments),
        // The children of `scale`.
        "scale-load" => scale::load(&arguments),
        "scale-open" => scale::open(&arguments),
        "http" => http::run(&arguments),
        "rpc" => rpc::run(&arguments),
        _ => bail!("which bench?\n\n{USAGE}"),
    }
}
