//! What makes several processes one chatmetric, as far as the program is concerned: the
//! connection to NATS and the shared directory.
//!
//! Events, partitions and queries are in `chatmetric-cluster`; the settings in
//! `config::cluster`. Invariant: a node serves nothing before its directory has every
//! change that was made before it started.

mod changes;
mod connection;
mod deciding;
mod join;
mod node;
mod nonces;
mod pictures;
mod snapshots;

use changes::ChangeStream;
use join::JoinError;
pub(crate) use join::{Joiner, installation, join};
pub(crate) use node::{ClusterNode, of_settings};
pub(crate) use snapshots::keep as keep_snapshots;

use crate::directory::Directory;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How long the follower sleeps when nothing comes, so that it sees the end.
const FOLLOW_STEP: Duration = Duration::from_millis(500);

/// Takes in what other nodes change, until the directory is gone, and makes a picture of
/// it when one is due.
///
/// # Errors
/// When there is no thread for it.
pub(crate) fn follow(directory: &Arc<Directory>, stream: Arc<ChangeStream>) -> std::io::Result<()> {
    let directory = Arc::downgrade(directory);
    std::thread::Builder::new()
        .name("directory-follow".to_owned())
        .spawn(move || follow_all(&directory, &stream))
        .map(drop)
}

fn follow_all(directory: &Weak<Directory>, stream: &ChangeStream) {
    let mut seen = 0;
    loop {
        seen = stream.wait_beyond(seen, FOLLOW_STEP);
        let Some(directory) = directory.upgrade() else {
            return;
        };
        if let Err(error) = directory.follow() {
            tracing::error!(%error, "a change of another node cannot be taken in");
        }
        if stream.take_picture_due()
            && let Err(error) = pictures::make(&directory, stream)
        {
            tracing::warn!(
                error = crate::cli::error_chain(&error),
                "no picture of the directory was made; a later change tries again"
            );
        }
    }
}
