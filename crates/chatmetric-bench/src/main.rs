//! Benches against rivals in the same run, and load over HTTP.
//!
//! `store`: batches of 1,000 events, durable, into our store and into six rivals,
//! interleaved, each result compared with the independent model; it starts this
//! program again as `candidate`, once a round of each. `scale`: 100 million events
//! into one store. `http`: signed queries and webhooks against the real program.
//! `cluster`: one node of a cluster beside three. `overload`: twice what it can take, under
//! a cap of memory. `timing`: what the time of an
//! answer tells.
//! `rpc`: what verification and RAM cost a call. `import`: files into the real program.
//! `cluster-shape`: shapes of streams on three nats-servers.
//! Not shipped. Invariant: a number
//! is printed only for a run whose counts were right.

mod arguments;
mod candidate;
mod cluster_shape;
mod cpu;
mod feed;
mod http;
mod import;
mod lineup;
mod machine;
mod ours;
mod plot;
mod resources;
mod rivals;
mod rpc;
mod scale;
mod statistics;
mod store;
mod table;
mod workload;

use anyhow::{Result, bail};
use arguments::Arguments;
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// That of the program.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const USAGE: &str = "usage: chatmetric-bench store|scale|http|overload|timing|rpc|import|cluster
       |cluster-shape
       [options]

  store  --events N             events a round for our store (default 4000000: enough for several seals)
         --rival-events N       events a round for each rival (default 1000000)
         --rounds N             rounds (default 5)
         --numbers N            business numbers (default 10000)
         --only NAME,...        ours, ours-queued, postgresql, sqlite, redis, lmdb, fjall,
                                fjall-hot (default: all)
  scale  --events N             events a round (default 100000000)
         --rounds N             rounds (default 5)
         --numbers N            business numbers (default 10000)
         --shards N             writers (default 1)
         --memory-mib N         memory of the store (default 192)
         --in-flight N          batches that wait for their acknowledgement (default 1)
         --events-file FILE     keep the events there, or take those that are there
  http   --seconds N            seconds of query load (default 10)
         --rate N               queries a second (default 1000)
         --connections N        connections that send webhooks (default 16)
         --rounds N             rounds (default 3)
  overload --seconds N           seconds of each of four loads (default 20)
         --events N             statuses a body (default 100)
         --connections N        connections of twice the capacity (default 1250)
         --bars 1               fail when a bar of speed is lost
  timing --calls N               calls of each kind (default 20000)
  rpc    --calls N              verifications and decisions a round (default 200000)
         --rounds N             rounds (default 5)
  import --events N             rows of each file (default 4000000)
         --rounds N             rounds (default 3)
         --only NAME,...        ndjson, csv, parquet, ndjson.gz, ndjson.zst (default: all)
  cluster --seconds N            no cluster, one node and three on three nats-servers; seconds of
                                 each load (default 10)
  cluster-shape                  shapes of streams on three nats-servers
         --nats-server FILE     (default target/compat/python-nats/bin/nats-server)
         --seconds N            seconds of each shape (default 5)
         --streams, --batches, --windows, --readers N,...
         --no-sync              servers acknowledge before they sync
  all    --dir DIR              where data goes (default: the temporary directory)
         --out DIR              where STORE.json, STORE.svg, HTTP.json go (default: target/bench)
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
    if bench == "cluster-shape" {
        return cluster_shape::run(words);
    }
    let arguments = Arguments::parse(words)?;
    match bench.as_str() {
        "store" => store::run(&arguments),
        "scale" => scale::run(&arguments),
        // The children of `scale`.
        "scale-load" => scale::load(&arguments),
        "scale-open" => scale::open(&arguments),
        // The child of `http`.
        "http-ceiling" => http::ceiling::run(&arguments),
        "candidate" => candidate::run(&arguments),
        "http" => http::run(&arguments),
        "overload" => http::overload::run(&arguments),
        "cluster" => http::cluster::run(&arguments),
        "timing" => http::timing::run(&arguments),
        "rpc" => rpc::run(&arguments),
        "import" => import::run(&arguments),
        _ => bail!("which bench?\n\n{USAGE}"),
    }
}
