//! `import`: files of each format into the real program, with a server and without.
//!
//! Rows are pairs of a sent and a delivered report, of a thousand numbers, one message
//! after the other, as an export of another system has them. Each round loads a file into
//! a new data directory. Invariant: a figure is printed only for a load of which every
//! row was new.

mod files;

use crate::arguments::Arguments;
use crate::cpu;
use crate::machine;
use crate::statistics::Spread;
use anyhow::{Context, Result, bail, ensure};
use files::Kind;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SPACE: &str = "293483938849493";
const DIRECTORY: &str = r#"
[[account]]
id = "1000000000000001"
name = "bench"
[[account.access_key]]
id = "LTAIbench"
secret = "bench-secret"
[[account.space]]
id = "293483938849493"
default = true
time_zone = "Asia/Singapore"
"#;

/// One way to load.
#[derive(Debug, Clone, Copy)]
struct Way {
    kind: Kind,
    is_served: bool,
}

const WAYS: [Way; 7] = [
    Way {
        kind: Kind::Ndjson,
        is_served: false,
    },
    Way {
        kind: Kind::Csv,
        is_served: false,
    },
    Way {
        kind: Kind::Parquet,
        is_served: false,
    },
    Way {
        kind: Kind::NdjsonGz,
        is_served: false,
    },
    Way {
        kind: Kind::NdjsonZst,
        is_served: false,
    },
    Way {
        kind: Kind::Ndjson,
        is_served: true,
    },
    Way {
        kind: Kind::Parquet,
        is_served: true,
    },
];

/// What one load took.
struct Loaded {
    rows_per_second: f64,
    cpu_us_per_row: f64,
    peak_mib: f64,
}

/// Loads each file in each way, interleaved, and prints a table.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let rows = arguments.number("events", 4_000_000)? / 2 * 2;
    let rounds = arguments.number("rounds", 3)?;
    let only = arguments.text("only");
    let program = program()?;
    let home = tempfile::tempdir_in(arguments.dir()).context("could not make a directory")?;
    println!("{}", machine::describe());
    let chosen =
        |way: &&Way| only.is_none_or(|only| only.split(',').any(|it| it == way.kind.as_str()));
    let ways: Vec<&Way> = WAYS.iter().filter(chosen).collect();
    let mut loads: Vec<Vec<Loaded>> = ways.iter().map(|_| Vec::new()).collect();
    // A server takes what is not older than its floor.
    let start_ms = wall_clock_ms() - 20 * 86_400_000;
    for round in 0..rounds {
        for (way, loads) in ways.iter().zip(&mut loads) {
            let file = home.path().join(way.kind.file_name());
            if !file.exists() {
                files::write(&file, way.kind, rows, start_ms)?;
            }
            let data_dir = home.path().join("data");
            let loaded = load(&program, &data_dir, &file, way.is_served, rows)?;
            eprintln!(
                "round {}: {} {:.0} rows/s",
                round + 1,
                name(way),
                loaded.rows_per_second
            );
            loads.push(loaded);
            std::fs::remove_dir_all(&data_dir).context("could not clear the data")?;
            std::fs::remove_file(data_dir.with_extension("key"))
                .context("could not clear the key")?;
        }
    }
    println!(
        "\n| file | rows | MB | rows/s | CPU us/row | peak memory MiB |\n|---|---|---|---|---|---|"
    );
    for (way, loads) in ways.iter().zip(&loads) {
        let file = home.path().join(way.kind.file_name());
        let bytes = file.metadata().context("the file is gone")?.len();
        let spread = |figure: fn(&Loaded) -> f64| {
            Spread::of(loads.iter().map(figure)).context("no round was loaded")
        };
        let rate = spread(|loaded| loaded.rows_per_second)?;
        let cpu = spread(|loaded| loaded.cpu_us_per_row)?;
        let peak = spread(|loaded| loaded.peak_mib)?;
        println!(
            "| {} | {rows} | {} | {:.0} ({:.0} - {:.0}) | {:.2} ({:.2} - {:.2}) | {:.0} ({:.0} - {:.0}) |",
            name(way),
            bytes / 1_000_000,
            rate.median,
            rate.min,
            rate.max,
            cpu.median,
            cpu.min,
            cpu.max,
            peak.median,
            peak.min,
            peak.max,
        );
    }
    Ok(())
}

fn name(way: &Way) -> String {
    let through = if way.is_served {
        ", through a server"
    } else {
        ""
    };
    format!("{}{through}", way.kind.as_str())
}

fn program() -> Result<PathBuf> {
    let given = std::env::var_os("CHATMETRIC_BIN").map(PathBuf::from);
    given.context("CHATMETRIC_BIN must name the program; `cargo xtask bench` sets it")
}

fn wall_clock_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Loads a file into a new directory.
fn load(
    program: &Path,
    data_dir: &Path,
    file: &Path,
    is_served: bool,
    rows: u64,
) -> Result<Loaded> {
    let document = data_dir.with_extension("toml");
    std::fs::write(&document, DIRECTORY).context("could not write the document")?;
    let mut apply = Command::new(program);
    apply
        .args(["apply", "-q", "-f"])
        .arg(&document)
        .arg("--data-dir")
        .arg(data_dir);
    let status = apply
        .stdout(Stdio::null())
        .status()
        .context("could not start the program")?;
    ensure!(status.success(), "`apply` failed: {status}");
    let mut server = is_served
        .then(|| Server::start(program, data_dir))
        .transpose()?;
    let mut import = Command::new(program);
    import
        .arg("import")
        .arg(file)
        .args(["--space", SPACE, "--data-dir"])
        .arg(data_dir);
    let began = cpu::now();
    let child = import
        .stderr(Stdio::piped())
        .spawn()
        .context("could not start the program")?;
    let (text, import_cpu_s, import_peak) = watch(child)?;
    let took_s = began.elapsed().as_secs_f64();
    let (server_cpu_s, server_peak) = match &mut server {
        Some(server) => server.figures()?,
        None => (0.0, 0.0),
    };
    drop(server);
    let digits: String = text.chars().filter(|c| *c != ',').collect();
    ensure!(
        digits.contains(&format!("{rows} rows: new {rows} ")),
        "not every row was new: {text}"
    );
    Ok(Loaded {
        rows_per_second: rows as f64 / took_s,
        cpu_us_per_row: (import_cpu_s + server_cpu_s) * 1e6 / rows as f64,
        peak_mib: import_peak.max(server_peak),
    })
}

/// Waits for a command: what it said, its CPU seconds, its most memory in MiB.
fn watch(mut child: Child) -> Result<(String, f64, f64)> {
    let stderr = child.stderr.take().context("no stderr")?;
    let reader = std::thread::spawn(move || std::io::read_to_string(stderr));
    let (mut cpu_s, mut peak) = (0.0_f64, 0.0_f64);
    let status = loop {
        // What it took in its last 5 ms is not seen.
        if let Ok((now_s, now_peak)) = figures_of(child.id()) {
            cpu_s = cpu_s.max(now_s);
            peak = peak.max(now_peak);
        }
        if let Some(status) = child.try_wait().context("could not wait")? {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let Ok(text) = reader.join() else {
        bail!("stderr could not be read");
    };
    let text = text.context("stderr could not be read")?;
    ensure!(status.success(), "`import` failed: {status}: {text}");
    Ok((text, cpu_s, peak))
}

fn figures_of(pid: u32) -> Result<(f64, f64)> {
    let cpu_s = cpu::of_family(pid)?.as_secs_f64();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok((cpu_s, peak.context("no peak")? / 1024.0))
}

/// A running server.
struct Server {
    child: Child,
    cpu_before_s: f64,
}

impl Server {
    fn start(program: &Path, data_dir: &Path) -> Result<Self> {
        let mut serve = Command::new(program);
        serve
            .args(["serve", "-q", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir);
        serve.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = serve.spawn().context("could not start the server")?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line.contains("listening"), "the server did not start");
        let (cpu_before_s, _) = figures_of(child.id())?;
        Ok(Self {
            child,
            cpu_before_s,
        })
    }

    fn figures(&mut self) -> Result<(f64, f64)> {
        let (cpu_s, peak) = figures_of(self.child.id())?;
        Ok((cpu_s - self.cpu_before_s, peak))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
