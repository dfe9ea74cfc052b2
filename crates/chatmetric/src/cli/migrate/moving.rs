//! The work of `chatmetric migrate`: opening both sides, refusing what does not belong
//! together, saying what is done.
//!
//! Not here: the arguments. Invariant: a refusal comes before anything is changed.

use super::super::data_dir::{
    DataDirError, DataDirLock, OpenMode, STORE_DIR, options_of_a_replica, system_clock,
    visiting_options,
};
use super::super::serve::explain_config;
use super::super::session::explain_open;
use super::super::text_table::grouped;
use super::super::{CliError, Exit, Terminal};
use super::MigrateArguments;
use crate::cluster::{installation, of_settings};
use crate::config::{Overrides, Settings};
use crate::directory::Directory;
use crate::entropy::{Entropy, SystemEntropy};
use crate::master_key::{MasterKey, key_path_beside};
use chatmetric_cluster::migrate::{Compared, Report, Told, migrate};
use chatmetric_cluster::{ClusterError, ClusterStore};
use chatmetric_store::{EmbeddedStore, Options, Store as _};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// Stores on their way to the servers, below the data directory.
const SCRATCH_DIR: &str = "migrate";

pub(in super::super) fn run(
    arguments: &MigrateArguments,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let settings = settings(arguments)?;
    let data_dir = &settings.store.data_dir;
    let mut lock = DataDirLock::acquire(data_dir, OpenMode::Existing).map_err(|error| {
        let cli = explain_open(&error);
        if matches!(error, DataDirError::InUse { .. }) {
            return cli.hint("counts are moved while nothing adds to them");
        }
        cli
    })?;
    let own = own_installation(&settings, arguments.master_key_file.as_deref())?;
    lock.write_pid().map_err(|error| explain_open(&error))?;
    let clock = system_clock();
    let began_ms = clock.monotonic_ms();
    let old = EmbeddedStore::open(data_dir.join(STORE_DIR), still(visiting_options()));
    let old = Arc::new(old.map_err(|error| explain_open(&DataDirError::Store(error)))?);
    let options = still(options_of_a_replica(&settings));
    let scratch = data_dir.join(SCRATCH_DIR);
    let store = ClusterStore::open(of_settings(&settings, &scratch, options));
    let store = store.map_err(|error| explain(&error))?;
    let partitions = settings.cluster.partitions;
    let moved = migrate(&store, &old, &own, &mut |told| {
        terminal.say(&line(&told, partitions));
    });
    store.close();
    old.close();
    let report = moved.map_err(|error| explain(&error))?;
    let seconds = clock.monotonic_ms().saturating_sub(began_ms) / 1_000;
    terminal.data(&summary(&report, seconds))?;
    say_next(&report, arguments, data_dir, terminal);
    Ok(())
}

fn settings(arguments: &MigrateArguments) -> Result<Settings, CliError> {
    let overrides = Overrides {
        data_dir: arguments.data_dir.clone(),
        allow_weak_durability: arguments.allow_weak_durability,
        ..Overrides::default()
    };
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = Settings::load(arguments.config.as_deref(), environment, &overrides)
        .map_err(|error| explain_config(&error, arguments.config.as_deref()))?;
    if settings.cluster.is_on() {
        return Ok(settings);
    }
    Err(CliError::usage("the configuration has no `[cluster]`")
        .hint("name that of the first node with `--config`; `cluster.nats_urls` are its servers"))
}

/// Nothing is dropped while it is compared.
fn still(options: Options) -> Options {
    Options {
        drops_weeks: false,
        tally_days_behind_floor: None,
        ..options
    }
}

/// Which installation the data directory is, if the cluster may have its counts.
fn own_installation(settings: &Settings, key_file: Option<&Path>) -> Result<String, CliError> {
    let usage = |error: &dyn Error| CliError::from_error(Exit::Usage, error);
    let data_dir = &settings.store.data_dir;
    if !Directory::exists(data_dir) || !data_dir.join(STORE_DIR).is_dir() {
        let none = format!("`{}` is no instance with counts", data_dir.display());
        return Err(CliError::usage(none));
    }
    let key_path = match key_file {
        Some(path) => path.to_owned(),
        None => key_path_beside(data_dir).map_err(|error| usage(&error))?,
    };
    let load = || MasterKey::load(&key_path).map_err(|error| usage(&error));
    let key = load()?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let directory = Directory::open(data_dir, load()?, entropy)
        .map_err(|error| explain_open(&DataDirError::Directory(error)))?;
    let own = directory.instance_id().to_owned();
    let found = installation(&settings.cluster, &key)
        .map_err(|error| CliError::from_error(Exit::Failed, &error))?;
    match found {
        Some(found) if found != own => Err(CliError::failed(format!(
            "the cluster has the accounts of installation {found}, and `{}` is {own}",
            data_dir.display()
        ))
        .hint("counts and accounts belong together: the cluster must be a new one")),
        Some(_) | None => Ok(own),
    }
}

fn explain(error: &ClusterError) -> CliError {
    let cli = CliError::from_error(Exit::Failed, error);
    match error {
        ClusterError::Occupied { .. } => {
            cli.hint("the cluster must be a new one; nothing that it has was changed")
        }
        ClusterError::Unlike { .. } => {
            cli.hint("nobody can use what differs; the instance is as it was")
        }
        ClusterError::Settings { .. } | ClusterError::WeakDurability { .. } => cli,
        _ => cli.hint("run the command again: it goes on with what is not done"),
    }
}

fn line(told: &Told, partitions: u16) -> String {
    match told {
        Told::Verified(report) => format!(
            "the instance is sound: {} day blocks are the sum of {} records",
            grouped(report.day_blocks),
            grouped(report.records)
        ),
        Told::Claimed { already } => format!(
            "the logs of {partitions} partitions are ready, {already} have their counts already"
        ),
        Told::Split { parts, records } => format!(
            "{} records are split into the stores of {parts} partitions",
            grouped(*records)
        ),
        Told::Moved {
            partition,
            was_there,
            compared,
        } => format!(
            "partition {partition} of {partitions}: {}, read back and equal: {}",
            if *was_there {
                "was there already"
            } else {
                "moved"
            },
            amounts(compared)
        ),
        Told::GoneOn {
            partition,
            sequence,
        } => format!(
            "partition {partition} of {partitions}: was there already; nodes have counted up to \
             {sequence} since, so it is not compared"
        ),
    }
}

fn amounts(compared: &Compared) -> String {
    format!(
        "{} numbers, {} buckets, {} records, {} items in quarantine, {} bytes",
        grouped(compared.numbers),
        grouped(compared.buckets),
        grouped(compared.records),
        grouped(compared.items),
        grouped(compared.bytes)
    )
}

fn summary(report: &Report, seconds: u64) -> String {
    let partitions = report.moved + report.already;
    if report.gone_on == partitions {
        return format!("done before: nodes have gone on from all {partitions} partitions\n");
    }
    format!(
        "ok: {} of {partitions} partitions were moved, {} were there already; equal are {}; \
         {} s\n",
        report.moved,
        report.already,
        amounts(&report.compared),
        grouped(seconds)
    )
}

fn say_next(report: &Report, arguments: &MigrateArguments, data_dir: &Path, terminal: &Terminal) {
    if !report.streams.is_empty() {
        let names: Vec<String> = report.streams.iter().map(|it| format!("`{it}`")).collect();
        terminal.warn(&format!(
            "how far these streams were read is left behind, nodes read none: {}",
            names.join(", ")
        ));
    }
    let config = arguments.config.as_deref().unwrap_or(Path::new("FILE"));
    let dir = data_dir.display();
    terminal.say(&format!(
        "next: start the first node on this data directory, which brings the accounts along:\n  \
         chatmetric serve --config {} --data-dir {dir}\n\
         then the others, each with an empty one. Nodes keep their counts in `{dir}/partitions`;\n\
         `{dir}/{STORE_DIR}` is not used any more: remove it when you are satisfied",
        config.display()
    ));
}
