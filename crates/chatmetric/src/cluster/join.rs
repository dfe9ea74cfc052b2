//! How a node comes to the directory of its cluster.
//!
//! The first node gives its own directory to the cluster; every other one begins with a
//! picture. Not here: what happens afterwards (`changes`). Invariant: a directory with
//! accounts that is not the cluster's is never replaced and never mixed with it; a node
//! with another master key is refused before its data directory is touched.

use super::pictures::Picture;
use super::{ChangeStream, follow, pictures};
use crate::config::ClusterSettings;
use crate::directory::{Directory, DirectoryError, ProposeError};
use crate::entropy::Entropy;
use crate::master_key::{MasterKey, MasterKeyError, SealError};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often joining begins anew because another node was faster.
const TRIES_MAX: usize = 8;
/// The list of pictures and a picture come from whichever server holds a replica; one that
/// has just come back does not have them yet. So often it is asked again…
const PICTURE_TRIES_MAX: usize = 60;
/// … after this pause.
const PICTURE_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A node does not get into its cluster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JoinError {
    /// No server is reached.
    #[error("the servers of `cluster.nats_urls` are not reached: {reason}")]
    Connect {
        /// Why.
        reason: String,
    },
    /// A server refused something.
    #[error("could not {operation}: {reason}")]
    Servers {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// The cluster's directory is sealed under another key.
    #[error(
        "wrong master key: the directory of this cluster is sealed under another one than \
         `{given}`; every node needs the same key file"
    )]
    MasterKey {
        /// The public name of the key that was given.
        given: String,
    },
    /// The data directory has accounts that the cluster does not know.
    #[error(
        "`{}` has accounts of its own (installation {own}), and the cluster is another \
         installation ({cluster}): use an empty data directory", data_dir.display()
    )]
    Foreign {
        /// The data directory.
        data_dir: PathBuf,
        /// Its installation.
        own: String,
        /// The cluster's.
        cluster: String,
    },
    /// The cluster's counts came from another instance.
    #[error(
        "the cluster was given the counts of installation {counts}, and `{}` is another one \
         ({own}): start the first node on the data directory that was migrated",
        data_dir.display()
    )]
    Counts {
        /// The data directory.
        data_dir: PathBuf,
        /// Its installation.
        own: String,
        /// Whose counts there are.
        counts: String,
    },
    /// The servers know less than this node.
    #[error(
        "this node has change {own} of the directory and the servers end with {servers}: they \
         lost some, or are another cluster's"
    )]
    Behind {
        /// The last change here.
        own: u64,
        /// The last change there.
        servers: u64,
    },
    /// Nothing to begin with.
    #[error("the servers have changes of a directory and no picture to begin with")]
    NoPicture,
    /// Again and again another node was faster.
    #[error("other nodes begin the cluster at the same moment: start this one again")]
    Busy,
    /// The directory.
    #[error(transparent)]
    Directory(DirectoryError),
    /// The key.
    #[error(transparent)]
    Key(#[from] MasterKeyError),
}

impl JoinError {
    pub(super) fn servers(operation: &'static str, error: &(dyn Error + 'static)) -> Self {
        let reason = crate::cli::error_chain(error);
        Self::Servers { operation, reason }
    }
}

/// What a node has to join with.
pub(crate) struct Joiner<'a> {
    pub(crate) data_dir: &'a Path,
    pub(crate) entropy: &'a Arc<dyn Entropy>,
    /// Reads the master key; a directory keeps the one it is opened with.
    pub(crate) key: &'a dyn Fn() -> Result<MasterKey, MasterKeyError>,
}

/// Which installation's directory the cluster has; `None` while it has none.
///
/// # Errors
/// [`JoinError::MasterKey`] when it is sealed under another key; else as [`join`].
pub(crate) fn installation(
    settings: &ClusterSettings,
    key: &MasterKey,
) -> Result<Option<String>, JoinError> {
    let stream = ChangeStream::open(settings)?;
    let (_, last) = stream.numbers()?;
    if last == 0 {
        return Ok(None);
    }
    check_key(&stream, key, last)?;
    let picture = patiently(&stream, || newest(&stream, key))?;
    Ok(Some(picture.instance))
}

/// Opens the directory of the cluster, and follows it from then on.
///
/// # Errors
/// [`JoinError`]
pub(crate) fn join(
    settings: &ClusterSettings,
    joiner: &Joiner<'_>,
) -> Result<Arc<Directory>, JoinError> {
    let stream = ChangeStream::open(settings)?;
    let directory = joiner.open_all(&stream)?;
    stream.read_behind(directory.revision()?);
    let (stream, directory) = (Arc::new(stream), Arc::new(directory));
    let log: Arc<ChangeStream> = Arc::clone(&stream);
    directory.share(log)?;
    follow(&directory, stream).map_err(|error| JoinError::servers("start a thread", &error))?;
    Ok(directory)
}

impl Joiner<'_> {
    fn open(&self) -> Result<Directory, JoinError> {
        let key = (self.key)()?;
        let entropy = Arc::clone(self.entropy);
        Ok(Directory::open(self.data_dir, key, entropy)?)
    }

    fn open_all(&self, stream: &ChangeStream) -> Result<Directory, JoinError> {
        for _ in 0..TRIES_MAX {
            let (first, last) = stream.numbers()?;
            let found = if last == 0 {
                self.found(stream)?
            } else {
                Some(self.enter(stream, first, last)?)
            };
            if let Some(directory) = found {
                return Ok(directory);
            }
        }
        Err(JoinError::Busy)
    }

    /// Makes this node's directory the cluster's; `None` when another node was faster.
    fn found(&self, stream: &ChangeStream) -> Result<Option<Directory>, JoinError> {
        let directory = self.open()?;
        let own = directory.revision()?;
        if own > 0 {
            return Err(JoinError::Behind { own, servers: 0 });
        }
        // Counts say the spaces that they are in by the numbers of the directory.
        let counts = patiently(stream, || stream.counts_of())?;
        if let Some(counts) = counts.filter(|it| it != directory.instance_id()) {
            return Err(JoinError::Counts {
                data_dir: self.data_dir.to_owned(),
                own: directory.instance_id().to_owned(),
                counts,
            });
        }
        let (_, sealed) = directory.picture()?;
        let (instance, nonce) = (directory.instance_id(), directory.nonce());
        pictures::put(stream, (1, &sealed), instance, &nonce)?;
        match directory.begin_sharing(stream) {
            Ok(()) => Ok(Some(directory)),
            Err(ProposeError::Taken) => Ok(None),
            Err(ProposeError::Unknown(reason)) => Err(JoinError::Servers {
                operation: "begin the directory of the cluster",
                reason,
            }),
        }
    }

    /// The cluster's directory: the one that is here, or a picture.
    fn enter(&self, stream: &ChangeStream, first: u64, last: u64) -> Result<Directory, JoinError> {
        let key = (self.key)()?;
        check_key(stream, &key, last)?;
        let picture = patiently(stream, || newest(stream, &key))?;
        if Directory::exists(self.data_dir) {
            let directory = self.open()?;
            let own = directory.revision()?;
            let is_same = directory.instance_id() == picture.instance;
            let is_new = own == 0 && directory.snapshot().is_empty();
            if !is_same && !is_new {
                return Err(JoinError::Foreign {
                    data_dir: self.data_dir.to_owned(),
                    own: directory.instance_id().to_owned(),
                    cluster: picture.instance.clone(),
                });
            }
            if own > last {
                return Err(JoinError::Behind { own, servers: last });
            }
            if is_same && own > 0 && own.saturating_add(1) >= first {
                return Ok(directory);
            }
        }
        let sealed = patiently(stream, || pictures::get(stream, &picture))?;
        Directory::place_picture(self.data_dir, &key, picture.revision, &sealed)?;
        let directory = self.open()?;
        directory.begin_at(picture.revision)?;
        Ok(directory)
    }
}

/// Refuses a key that does not open the last change.
fn check_key(stream: &ChangeStream, key: &MasterKey, last: u64) -> Result<(), JoinError> {
    let checked = Directory::check_change(key, last, &stream.change(last)?);
    checked.map_err(|error| match error {
        SealError::OtherKey => JoinError::MasterKey {
            given: key.id().to_string(),
        },
        error => JoinError::servers("open the last change of the directory", &error),
    })
}

/// The newest picture of the cluster's installation that no change is missing behind.
fn newest(stream: &ChangeStream, key: &MasterKey) -> Result<Picture, JoinError> {
    let (first, _) = stream.numbers()?;
    // Pictures of nodes that were too late to begin are there, too: they are of no
    // installation that anybody has.
    let began = Directory::instance_of(key, first, &stream.change(first)?);
    let mut all = pictures::all(stream)?.into_iter();
    let found = all.find(|picture| match &began {
        Some(instance) => picture.instance == *instance,
        None => picture.revision > 1 && picture.revision.saturating_add(1) >= first,
    });
    found.ok_or(JoinError::NoPicture)
}

/// Asks again for what a server that lags may not have.
fn patiently<T>(
    stream: &ChangeStream,
    mut ask: impl FnMut() -> Result<T, JoinError>,
) -> Result<T, JoinError> {
    let mut tries = 1;
    loop {
        match ask() {
            Err(JoinError::NoPicture | JoinError::Servers { .. }) if tries < PICTURE_TRIES_MAX => {
                tries += 1;
                stream.pause(PICTURE_AGAIN_AFTER);
            }
            settled => return settled,
        }
    }
}
