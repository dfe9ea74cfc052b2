//! Pictures of the whole directory, in a bucket of objects: what a new node begins with.
//!
//! The name of one says which changes are in it and of which installation it is. Not here:
//! who begins with one (`join`). Invariant: a picture is sealed under the master key; the
//! newest two stay, and so do the changes behind the older one.

use super::{ChangeStream, JoinError};
use crate::directory::{Directory, DirectoryError};
use async_nats::jetstream::object_store::{Config, ObjectStore};
use futures_util::StreamExt;
use tokio::io::AsyncReadExt;

/// How many pictures stay.
const KEPT: usize = 2;

/// A picture by its name, `REVISION.INSTANCE.NONCE`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Picture {
    pub(super) revision: u64,
    pub(super) instance: String,
    pub(super) name: String,
}

impl Picture {
    fn of(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let (revision, instance) = (parts.next()?, parts.next()?);
        Some(Self {
            revision: revision.parse().ok()?,
            instance: instance.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// Puts one on the servers that has the changes up to `revision`.
pub(super) fn put(
    stream: &ChangeStream,
    (revision, sealed): (u64, &[u8]),
    instance: &str,
    nonce: &str,
) -> Result<(), JoinError> {
    let name = format!("{revision:020}.{instance}.{nonce}");
    let mut bytes = sealed;
    stream.wait(async {
        let bucket = bucket(stream).await?;
        let put = bucket.put(name.as_str(), &mut bytes).await;
        put.map(drop)
            .map_err(|error| JoinError::servers("keep a picture of the directory", &error))
    })
}

/// All of them, the newest first.
pub(super) fn all(stream: &ChangeStream) -> Result<Vec<Picture>, JoinError> {
    let list = "list the pictures of the directory";
    let mut all = stream.wait(async {
        let listed = bucket(stream).await?.list().await;
        let mut listed = listed.map_err(|error| JoinError::servers(list, &error))?;
        let mut all = Vec::new();
        while let Some(one) = listed.next().await {
            let one = one.map_err(|error| JoinError::servers(list, &error))?;
            all.extend(Picture::of(&one.name));
        }
        Ok::<_, JoinError>(all)
    })?;
    all.sort();
    all.reverse();
    Ok(all)
}

/// The bytes of one, sealed.
pub(super) fn get(stream: &ChangeStream, picture: &Picture) -> Result<Vec<u8>, JoinError> {
    let read = "read a picture of the directory";
    stream.wait(async {
        let object = bucket(stream).await?.get(&picture.name).await;
        let mut object = object.map_err(|error| JoinError::servers(read, &error))?;
        let mut bytes = Vec::new();
        let all = object.read_to_end(&mut bytes).await;
        all.map_err(|error| JoinError::servers(read, &error))?;
        Ok(bytes)
    })
}

/// Makes one of the directory as it is, and lets go of what is not needed any more.
pub(super) fn make(directory: &Directory, stream: &ChangeStream) -> Result<(), JoinError> {
    let (revision, sealed) = directory.picture()?;
    let nonce = directory.nonce();
    put(stream, (revision, &sealed), directory.instance_id(), &nonce)?;
    let pictures = all(stream)?;
    let Some(oldest) = pictures.get(KEPT.saturating_sub(1)) else {
        return Ok(());
    };
    let remove = "let an old picture of the directory go";
    for old in pictures.iter().skip(KEPT) {
        stream.wait(async {
            let deleted = bucket(stream).await?.delete(&old.name).await;
            deleted.map_err(|error| JoinError::servers(remove, &error))
        })?;
    }
    stream.purge_before(oldest.revision.saturating_add(1))
}

async fn bucket(stream: &ChangeStream) -> Result<ObjectStore, JoinError> {
    let name = stream.bucket();
    if let Ok(bucket) = stream.context.get_object_store(&name).await {
        return Ok(bucket);
    }
    let made = stream.context.create_object_store(Config {
        bucket: name,
        description: Some("The directory of chatmetric as it was, sealed".to_owned()),
        num_replicas: stream.replicas,
        ..Config::default()
    });
    let made = made.await;
    made.map_err(|error| JoinError::servers("make the bucket of pictures", &error))
}

impl From<DirectoryError> for JoinError {
    fn from(error: DirectoryError) -> Self {
        Self::Directory(error)
    }
}
