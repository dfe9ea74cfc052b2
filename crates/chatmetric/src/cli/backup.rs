//! `chatmetric backup`: a consistent copy of an instance, here or elsewhere, into a
//! directory of backups.

use super::data_dir::system_clock;
use super::operate::{Http, Reach, ReachArguments};
use super::output::OutputFormat;
use super::session::{Session, explain_control, explain_refusal};
use super::text_table::{Align, TextTable, grouped};
use super::{CliError, Exit, InstanceArguments, Terminal};
use crate::backup::{BACKUPS_MAX, BackupError, Listed, Made, Progress, Wanted, list, make_remote};
use crate::master_key::key_path_beside;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(
    after_help = "Everything that was acknowledged before is in it; a running server goes on \
meanwhile.\nThe directory is made when it is not there. Later backups into it copy only what is \
new; each\ncan be restored.\nThe master key is not in it: keep a copy of <data-dir>.key in another \
place.\nWith `--endpoint` the server may be on another machine; the token is one that may \
write.\n\nExamples:\n  chatmetric backup /mnt/backups/chatmetric --keep 14\n  chatmetric backup \
/mnt/backups/chatmetric --list\n  chatmetric backup /mnt/backups/chatmetric --endpoint \
https://metrics.example \\\n                    --token-file token.txt"
)]
pub(super) struct BackupArguments {
    /// The directory for backups of this instance
    #[arg(value_name = "DEST")]
    dest: PathBuf,
    #[command(flatten)]
    reach: ReachArguments,
    /// Remove older backups, so that so many stay [default: all stay]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=most_backups()))]
    keep: Option<u32>,
    /// Show the backups that are there; make none
    #[arg(long, conflicts_with_all = ["keep", "endpoint"])]
    list: bool,
    /// The form of the output: table or json [default: table on a terminal, else json]
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    output: Option<BackupOutput>,
}

/// `-o` of backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum BackupOutput {
    /// For people
    Table,
    /// One JSON document
    Json,
}

impl BackupOutput {
    /// What was chosen, or what fits where the output goes.
    pub(super) fn or_default(chosen: Option<Self>, terminal: &Terminal) -> Self {
        chosen.unwrap_or(match OutputFormat::or_default(None, terminal) {
            OutputFormat::Table => Self::Table,
            _ => Self::Json,
        })
    }
}

fn most_backups() -> i64 {
    i64::try_from(BACKUPS_MAX).unwrap_or(i64::MAX)
}

pub(super) fn run(arguments: &BackupArguments, terminal: &Terminal) -> Result<(), CliError> {
    let output = BackupOutput::or_default(arguments.output, terminal);
    if arguments.list {
        let listed = list(&arguments.dest).map_err(|error| explain(&error))?;
        return terminal.data(&render_list(&listed, output, terminal)?);
    }
    let wanted = Wanted {
        // The server has a working directory of its own.
        dest: std::path::absolute(&arguments.dest)
            .map_err(|error| CliError::usage(format!("`DEST` is no path: {error}")))?,
        keep: arguments.keep,
    };
    if wanted.dest.to_str().is_none() {
        return Err(CliError::usage("`DEST` must be valid UTF-8"));
    }
    let mut reach = Reach::open(&arguments.reach, terminal)?;
    let bar = Bar::new(terminal);
    let made = match &mut reach {
        Reach::Session(session) => match session.as_mut() {
            Session::Server(client) => client
                .backup(wanted, &mut |progress| bar.show(progress))
                .map_err(|error| explain_control(&error)),
            Session::Own { operator, .. } => operator
                .backup(&wanted, &mut |progress| {
                    bar.show(progress);
                    true
                })
                .map_err(|refusal| explain_refusal(&refusal)),
        },
        Reach::Http(http) => from_elsewhere(http, &wanted, &bar),
    };
    bar.finish();
    reach.close();
    let made = made?;
    if let Some(error) = &made.prune_error {
        terminal.warn(&format!(
            "the backup is made, but older ones could not be removed: {error}"
        ));
    }
    for id in &made.damaged {
        terminal.warn(&format!(
            "the older backup `{id}` is damaged; files that it may share are not removed"
        ));
    }
    terminal.data(&render(&made, output)?)?;
    say_key(&arguments.reach, terminal);
    Ok(())
}

/// A backup of a server elsewhere; its files are written here.
fn from_elsewhere(http: &Http, wanted: &Wanted, bar: &Bar) -> Result<Made, CliError> {
    make_remote(
        system_clock().as_ref(),
        wanted,
        |request| http.stream("backup", request),
        &mut |progress| {
            bar.show(progress);
            true
        },
    )
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        explain(&error)
    }
}

/// What a backup cannot replace.
fn say_key(reach: &ReachArguments, terminal: &Terminal) {
    let InstanceArguments {
        data_dir,
        master_key_file,
    } = &reach.instance;
    let key = match (&reach.endpoint, master_key_file) {
        (Some(_), _) => "<data-dir>.key` of the server".to_owned(),
        (None, Some(path)) => format!("{}`", path.display()),
        (None, None) => format!("{}`", key_place(data_dir)),
    };
    terminal.say(&format!(
        "the master key is not in the backup: keep a copy of `{key} in another place"
    ));
}

fn render(made: &Made, output: BackupOutput) -> Result<String, CliError> {
    match output {
        BackupOutput::Json => json(made),
        BackupOutput::Table => Ok(format!(
            "backup {}: {} files, {} bytes copied, {} bytes were there; position {}; {}.{:03} s{}\n",
            made.id,
            grouped(made.files),
            grouped(made.copied_bytes),
            grouped(made.present_bytes),
            positions(&made.positions),
            made.took_ms / 1_000,
            made.took_ms % 1_000,
            match made.removed_backups {
                0 => String::new(),
                1 => "; 1 older backup removed".to_owned(),
                more => format!("; {} older backups removed", grouped(more)),
            },
        )),
    }
}

/// The position of each shard.
pub(super) fn positions(positions: &[u64]) -> String {
    let texts: Vec<String> = positions.iter().map(u64::to_string).collect();
    texts.join("/")
}

fn render_list(
    listed: &[Listed],
    output: BackupOutput,
    terminal: &Terminal,
) -> Result<String, CliError> {
    if output == BackupOutput::Json {
        return json(listed);
    }
    if listed.is_empty() {
        return Ok("no backup is complete\n".to_owned());
    }
    let mut table = TextTable::new(&[
        ("BACKUP", Align::Left),
        ("MADE", Align::Left),
        ("FILES", Align::Right),
        ("BYTES", Align::Right),
        ("POSITION", Align::Left),
    ]);
    for backup in listed {
        table.row(vec![
            backup.id.clone(),
            backup
                .created_at
                .clone()
                .unwrap_or_else(|| "damaged".to_owned()),
            grouped(backup.files),
            grouped(backup.bytes),
            positions(&backup.positions),
        ]);
    }
    Ok(terminal.rendered(&table))
}

/// One JSON document.
pub(super) fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(value);
    let mut text =
        text.map_err(|error| CliError::failed(format!("could not write JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// What went wrong with backups, and what to do.
pub(super) fn explain(error: &BackupError) -> CliError {
    let cli = CliError::from_error(Exit::Failed, error);
    match error {
        BackupError::NoBackups { .. } => {
            cli.hint("name the directory that `chatmetric backup` was given")
        }
        BackupError::WrongMasterKey { .. } | BackupError::MasterKey(_) => cli.hint(
            "the master key is in `<data-dir>.key` unless `--master-key-file` or \
             `CHATMETRIC_MASTER_KEY_FILE` names another file",
        ),
        BackupError::Damaged { .. } => cli.hint(
            "nothing was restored; `chatmetric backup DEST --list` shows the backups, `--at` \
             takes another one",
        ),
        BackupError::StreamCut { .. } | BackupError::ServerFailed => {
            cli.hint("try again: files of the store that came whole are not sent again")
        }
        _ => cli,
    }
}

/// The progress bar; on a terminal only.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(terminal: &Terminal) -> Self {
        let bar = ProgressBar::new(0);
        let template = "{wide_bar:.green/dim} {bytes}/{total_bytes}  ETA {eta}\n{msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_draw_target(if terminal.stderr_is_terminal() && !terminal.quiet() {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        });
        Self(bar)
    }

    pub(super) fn show(&self, progress: Progress) {
        self.0.set_length(progress.bytes_all.max(progress.bytes));
        self.0.set_position(progress.bytes);
        self.0.set_message(format!(
            "{} of {} files",
            grouped(progress.files),
            grouped(progress.files_all)
        ));
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// Where the key of an instance belongs, for people.
pub(super) fn key_place(data_dir: &Path) -> String {
    key_path_beside(data_dir).map_or_else(
        |_| "<data-dir>.key".to_owned(),
        |path| path.display().to_string(),
    )
}
