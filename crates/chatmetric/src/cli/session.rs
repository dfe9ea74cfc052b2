//! How a command reaches an instance: through the server that has it open, or
//! by opening it itself.

use super::data_dir::{DataDirError, Instance, OpenMode, system_clock, visiting_options};
use super::{CliError, Exit, InstanceArguments, Terminal};
use crate::control::{ControlClient, ControlError, Operator, Refusal};
use crate::directory::DirectoryError;
use crate::entropy::{Entropy, SystemEntropy};
use std::sync::Arc;

/// An instance within reach.
pub(super) enum Session {
    /// A server has it open.
    Server(ControlClient),
    /// This process has it open.
    Own {
        operator: Operator,
        instance: Instance,
    },
}

impl Session {
    /// Asks the running server, or opens the data directory.
    pub(super) fn open(
        arguments: &InstanceArguments,
        mode: OpenMode,
        terminal: &Terminal,
    ) -> Result<Self, CliError> {
        if let Some(client) = ControlClient::connect(&arguments.data_dir) {
            terminal.say_more("the running server does it");
            return Ok(Self::Server(client));
        }
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let instance = Instance::open(
            &arguments.data_dir,
            arguments.master_key_file.as_deref(),
            mode,
            visiting_options(),
            &entropy,
        )
        .map_err(|error| explain_open(&error))?;
        say_key(&instance, terminal);
        let operator = Operator {
            directory: Arc::clone(&instance.directory),
            store: Arc::clone(&instance.store),
            clock: system_clock(),
            backups: Arc::default(),
            streams: Arc::default(),
            peers: None,
        };
        Ok(Self::Own { operator, instance })
    }

    /// Lets the instance go.
    pub(super) fn close(self) {
        match self {
            Self::Server(_) => {}
            Self::Own { instance, .. } => instance.close(),
        }
    }
}

/// Tells the operator about a key that was made.
pub(super) fn say_key(instance: &Instance, terminal: &Terminal) {
    if instance.key_created {
        let path = instance.key_path.display();
        terminal.say(&format!(
            "created the master key `{path}`: keep a copy apart from the data, nothing can be \
             read without it"
        ));
    }
}

const WHERE_THE_KEY_IS: &str = "the master key is in `<data-dir>.key` unless \
    `--master-key-file` or `CHATMETRIC_MASTER_KEY_FILE` names another file; nothing was changed";

/// Why an instance did not open, and what to do.
pub(super) fn explain_open(error: &DataDirError) -> CliError {
    let cli = CliError::from_error(Exit::Usage, error);
    match error {
        DataDirError::Missing { .. } => cli.hint(
            "name it with `--data-dir`, or make one with `chatmetric serve` or `chatmetric apply`",
        ),
        DataDirError::InUse { .. } => CliError::from_error(Exit::Failed, error).hint(
            "one process at a time uses a data directory: stop the other one, or use another \
             `--data-dir`",
        ),
        DataDirError::MasterKey(_) => cli.hint(WHERE_THE_KEY_IS),
        DataDirError::Directory(DirectoryError::WrongMasterKey { .. }) => {
            cli.hint(WHERE_THE_KEY_IS).hint(
                "if there is a `.new` file beside it, a rotation was cut off: run \
                 `chatmetric admin rotate-master-key` again",
            )
        }
        DataDirError::OfNode { .. } => {
            cli.hint("start it with `chatmetric serve` and its `[cluster]`; commands reach it then")
        }
        DataDirError::File { .. }
        | DataDirError::Directory(_)
        | DataDirError::Store(_)
        | DataDirError::Cluster { .. } => CliError::from_error(Exit::Failed, error),
    }
}

/// What the running server said.
pub(super) fn explain_control(error: &ControlError) -> CliError {
    match error {
        ControlError::Refused(refusal) => explain_refusal(refusal),
        ControlError::Broken(_) | ControlError::Answer => CliError::from_error(Exit::Failed, error),
    }
}

pub(super) fn explain_refusal(refusal: &Refusal) -> CliError {
    if refusal.is_usage {
        CliError::usage(refusal.message.clone())
    } else {
        CliError::failed(refusal.message.clone())
    }
}
