//! `chatmetric apply`: brings the directory to what a document says.

use super::data_dir::OpenMode;
use super::session::{Session, explain_control, explain_refusal};
use super::terminal::{Painter, Style};
use super::{CliError, InstanceArguments, Terminal};
use crate::control::{Applied, ApplyFlags};
use crate::directory::{DOCUMENT_BYTES_MAX, Format, GatheredSecrets, SystemSecrets};
use clap::Args;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(
    after_help = "Works while the server runs (at once, without a restart) and when it does \
not.\nApplying a document twice changes nothing the second time.\n\nExamples:\n  chatmetric apply -f \
directory.toml --dry-run\n  chatmetric apply -f directory.toml\n  chatmetric directory export \
--with-secrets | chatmetric apply -f - --data-dir ./copy"
)]
pub(super) struct ApplyArguments {
    /// The document, TOML or JSON (by its name); `-` is stdin
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    instance: InstanceArguments,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// Remove what the document does not list
    #[arg(long)]
    prune: bool,
}

pub(super) fn run(arguments: ApplyArguments, terminal: &Terminal) -> Result<(), CliError> {
    let text = read_document(&arguments.file)?;
    let format = if is_stdin(&arguments.file) && text.trim_start().starts_with('{') {
        Format::Json
    } else {
        Format::of_path(&arguments.file)
    };
    let base = arguments
        .file
        .parent()
        .filter(|_| !is_stdin(&arguments.file));
    let source = SystemSecrets {
        base: base.map(Path::to_owned).unwrap_or_default(),
    };
    let name = if is_stdin(&arguments.file) {
        "stdin".to_owned()
    } else {
        arguments.file.display().to_string()
    };
    // Faults that the text shows are told before anything is opened or made.
    let secrets = GatheredSecrets::gather(&text, format, &source)
        .map_err(|faults| CliError::usage(format!("`{name}` was not applied\n{faults}")))?;
    let flags = ApplyFlags {
        prune: arguments.prune,
        dry_run: arguments.dry_run,
    };
    let mode = if arguments.dry_run {
        OpenMode::Existing
    } else {
        OpenMode::Create
    };
    let mut session = Session::open(&arguments.instance, mode, terminal)?;
    let applied = match &mut session {
        Session::Server(client) => client
            .apply(text, format, secrets, flags)
            .map_err(|error| explain_control(&error)),
        Session::Own { operator, .. } => operator
            .apply(&text, format, &secrets, flags)
            .map_err(|refusal| explain_refusal(&refusal)),
    };
    session.close();
    let applied = applied.map_err(|error| {
        if error.exit() == super::Exit::Usage {
            CliError::usage(format!("`{name}` was not applied\n{error}"))
        } else {
            error
        }
    })?;
    terminal.data(&render(&applied, terminal.paint_stdout()))?;
    summarize(&applied, arguments.dry_run, terminal);
    Ok(())
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn read_document(file: &Path) -> Result<String, CliError> {
    let limit = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = if is_stdin(file) {
        std::io::stdin()
            .lock()
            .take(limit + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    let name = file.display();
    read.map_err(|error| CliError::usage(format!("could not read `{name}`: {error}")))?;
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(CliError::usage(format!(
            "`{name}` has more than {DOCUMENT_BYTES_MAX} bytes"
        )));
    }
    String::from_utf8(bytes).map_err(|_| CliError::usage(format!("`{name}` is not UTF-8")))
}

/// The diff, and the keys that were made: data, on stdout.
fn render(applied: &Applied, paint: Painter) -> String {
    let mut text = String::new();
    for change in &applied.changes {
        let style = match change.chars().next() {
            Some('+') => Style::Green,
            Some('-') => Style::Red,
            _ => Style::Yellow,
        };
        text.push_str(&paint.paint(style, change));
        text.push('\n');
    }
    for key in &applied.made_keys {
        let owner = match &key.user {
            Some(user) => format!("user `{user}` of account {}", key.account),
            None => format!("the owner of account {}", key.account),
        };
        text.push_str(&format!(
            "\nAccessKey of {owner}, shown once:\n  id      {}\n",
            key.id
        ));
        if let Some(secret) = &key.secret {
            text.push_str(&format!("  secret  {secret}\n"));
        }
    }
    text
}

fn summarize(applied: &Applied, dry_run: bool, terminal: &Terminal) {
    for note in &applied.notes {
        terminal.say(&format!("note: {note}"));
    }
    let count = applied.changes.len();
    let changes = if count == 1 {
        "1 change".to_owned()
    } else {
        format!("{count} changes")
    };
    terminal.say(&match (count, dry_run) {
        (0, _) => "nothing to change".to_owned(),
        (_, true) => format!("{changes} would be made (dry run, nothing was changed)"),
        (_, false) => format!("{changes} made"),
    });
}
