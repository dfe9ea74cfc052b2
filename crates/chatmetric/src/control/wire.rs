//! What goes over the control socket: where it is, one request a line, one answer a line.
//!
//! Not here: who asks (`client`) and who answers (`server`). Invariant: what is read is
//! bounded.

use super::{
    ApplyFlags, ClusterTask, LogPage, Refusal, SourceSwitch, TallyPlace, TallyQuery, TokenFor,
    TokenTask,
};
use crate::backup::Wanted;
use crate::directory::GatheredSecrets;
use crate::operator::OperatorCall;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The socket below the data directory.
pub const SOCKET_FILE: &str = "control.sock";
/// Longest request and answer, in bytes: a document of the longest kind, escaped.
pub const MESSAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Paths longer than this do not fit into a socket's address.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// A request; secrets in it never leave the machine.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Request {
    Apply {
        text: String,
        json: bool,
        secrets: GatheredSecrets,
        flags: ApplyFlags,
    },
    Export {
        json: bool,
        with_secrets: bool,
    },
    AuditLog {
        page: LogPage,
    },
    SetupToken {
        whose: TokenFor,
    },
    SwitchSource {
        wanted: SourceSwitch,
    },
    OperatorToken {
        task: TokenTask,
    },
    Operate {
        call: OperatorCall,
    },
    Verify {},
    Streams {},
    Cluster {
        task: ClusterTask,
    },
    Backup {
        wanted: Wanted,
    },
    Zone {
        space: String,
    },
    Tallies {
        query: TallyQuery,
        from: Option<TallyPlace>,
    },
    /// What follows on the connection are chunks of events.
    ImportOpen {
        space: String,
    },
}

/// What is answered.
pub(super) type Answer = Result<serde_json::Value, Refusal>;

/// A socket's address holds about 100 bytes of path; a data directory may be
/// deeper. Its own file descriptor gives it a short name.
pub(super) fn with_short_path<T>(
    path: &Path,
    open: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<T> {
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return open(path);
    }
    let parent = path.parent().unwrap_or(Path::new("."));
    let directory = std::fs::File::open(parent)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    open(&short.join(path.file_name().unwrap_or_default()))
}

/// One line, without its end; `None` at the end of the connection.
pub(super) fn read_message(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = reader
        .by_ref()
        .take(MESSAGE_BYTES_MAX + 1)
        .read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        let whole = u64::try_from(read).unwrap_or(u64::MAX) <= MESSAGE_BYTES_MAX;
        let kind = if whole {
            io::ErrorKind::UnexpectedEof
        } else {
            io::ErrorKind::InvalidData
        };
        return Err(io::Error::new(
            kind,
            "a message on the control socket is cut off or too long",
        ));
    }
    Ok(Some(line))
}
