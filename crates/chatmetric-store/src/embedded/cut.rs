//! A cut: one state of a running store, held until it was copied.
//!
//! It is what a crash would leave at that moment: the catalog as a snapshot, the runs
//! that its manifest names, and the open segments up to their last published frame. The
//! catalog and the ends of the journals are taken while nothing can be committed to the
//! one and no writer moves the other, so a frame that is in the cut brings all that was
//! acknowledged before it, in every shard. Files that are removed meanwhile, by a merge
//! or a seal, stay readable: they are open.
//!
//! Not here: where the copies go. Invariant: everything that was acknowledged before
//! the call is in the cut, and taking it changes nothing in the store.

use super::catalog::{RunEntry, View, segment_key};
use super::catalog_stream;
use super::fault;
use super::generation::lock;
use super::journal::{Position, scan, segment_path};
use super::recovery::FORMAT;
use super::sealer::{run_path, sealed_key};
use super::shared::{Shard, Shared};
use crate::api::StoreError;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use xxhash_rust::xxh3::Xxh3;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 1024 * 1024;
/// Where the content of a run begins, and where its header has the digest of it.
const RUN_CONTENT_AT: u64 = super::run::BLOCK_BYTES as u64;
const RUN_HEADER_BYTES: usize = 64;

/// One state of a store, held.
#[derive(Debug)]
pub struct StoreCut {
    /// The version of the bytes, for [`StoreRestore`](crate::StoreRestore).
    pub format: u32,
    /// For each shard, the place behind the last frame that is in it.
    pub positions: Vec<u64>,
    /// What there is to copy. Together they are the store.
    pub parts: Vec<CutPart>,
}

/// A part of a cut.
#[derive(Debug)]
pub struct CutPart {
    /// Its name, with `/` between its pieces; for [`StoreRestore`](crate::StoreRestore).
    pub name: String,
    /// Two parts of one identity have the same bytes, whenever they were taken; only
    /// parts that never change have one. Letters, digits and `-`.
    pub identity: Option<String>,
    /// How many bytes it has, where that is known before it is read.
    pub bytes: Option<u64>,
    source: Source,
}

enum Source {
    Catalog(Arc<Shared>, Arc<View>),
    Run {
        file: Arc<File>,
        path: PathBuf,
        digest: u128,
    },
    Segment {
        file: File,
        path: PathBuf,
        place: (u32, u64),
    },
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Catalog(..) => "Catalog",
            Self::Run { .. } => "Run",
            Self::Segment { .. } => "Segment",
        })
    }
}

impl CutPart {
    /// Gives the bytes in order; `give` says `false` to stop. Tells whether all was
    /// taken. What is damaged in the store is not given as if it were whole.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] and [`StoreError::Io`]; what was given is of no use then.
    pub fn read(&self, give: &mut dyn FnMut(&[u8]) -> bool) -> Result<bool, StoreError> {
        match &self.source {
            Source::Catalog(shared, view) => catalog_stream::write(&shared.catalog, view, give),
            Source::Run { file, path, digest } => {
                let mut found = Xxh3::new();
                let taken = read_file(file, path, self.bytes, |bytes, at| {
                    let skip = RUN_CONTENT_AT.saturating_sub(at) as usize;
                    found.update(bytes.get(skip..).unwrap_or_default());
                    give(bytes)
                })?;
                if taken && found.digest128() != *digest {
                    let detail = "the content is not what the header of the run says";
                    return Err(fault::corrupt(path, 0, detail));
                }
                Ok(taken)
            }
            Source::Segment { file, path, place } => {
                let end = self.bytes.unwrap_or(0);
                let mut bytes = vec![0; end as usize];
                file.read_exact_at(&mut bytes, 0)
                    .map_err(|error| fault::io("read", path, error))?;
                let scanned = scan(path, &bytes, *place, |_, _| Ok(()))?;
                if scanned.end != end {
                    let detail = "a synced frame is damaged";
                    return Err(fault::corrupt(path, scanned.end, detail));
                }
                Ok(give(&bytes))
            }
        }
    }
}

/// Gives a file in pieces, each with its offset; tells whether all was taken.
fn read_file(
    file: &File,
    path: &Path,
    bytes: Option<u64>,
    mut give: impl FnMut(&[u8], u64) -> bool,
) -> Result<bool, StoreError> {
    let end = bytes.unwrap_or(0);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = 0;
    while at < end {
        let length = (end - at).min(CHUNK_BYTES as u64) as usize;
        let piece = &mut chunk[..length];
        file.read_exact_at(piece, at)
            .map_err(|error| fault::io("read", path, error))?;
        if !give(piece, at) {
            return Ok(false);
        }
        at += length as u64;
    }
    Ok(true)
}

/// A segment up to where it was published.
struct Open {
    shard: u32,
    segment: u64,
    end: u64,
    path: PathBuf,
}

/// Takes a cut; the store goes on.
pub(crate) fn cut(shared: &Arc<Shared>) -> Result<StoreCut, StoreError> {
    let commit = lock(&shared.commit);
    // Before the journals: a clean stop may note an end that they must reach.
    let view = Arc::new(shared.catalog.view());
    let (mut positions, mut open) = (Vec::new(), Vec::new());
    {
        let publishing = shared.publishing.write();
        let _publishing = publishing.unwrap_or_else(PoisonError::into_inner);
        for shard in &shared.shards {
            positions.push(open_segments(shared, shard, &view, &mut open)?);
        }
    }
    // First, so that whoever copies lets go of the snapshot soon.
    let mut parts = vec![CutPart {
        name: "catalog".to_owned(),
        identity: None,
        bytes: None,
        source: Source::Catalog(Arc::clone(shared), Arc::clone(&view)),
    }];
    for segment in open {
        parts.push(segment_part(segment)?);
    }
    let known = shared.runs();
    let mut runs = Vec::new();
    for entry in shared.catalog.manifest(&view)? {
        let path = run_path(shared, entry.id);
        // The look-ups have nearly all of them open; weeks that are being dropped are
        // not among those, and keep their files as long as the manifest names them.
        let file = match known.runs.iter().find(|run| run.id == entry.id) {
            Some(run) => run.pin(),
            None => {
                let opened = File::open(&path);
                Arc::new(opened.map_err(|error| fault::io("open", &path, error))?)
            }
        };
        runs.push((entry, path, file));
    }
    drop(commit);
    for (entry, path, file) in runs {
        parts.push(run_part(&entry, path, file)?);
    }
    Ok(StoreCut {
        format: FORMAT,
        positions,
        parts,
    })
}

/// Adds what the view does not hold of a shard; gives the place behind all of it.
fn open_segments(
    shared: &Shared,
    shard: &Shard,
    view: &View,
    open: &mut Vec<Open>,
) -> Result<u64, StoreError> {
    let get = |key: String| shared.catalog.get_u64(view, &key);
    let first = get(segment_key(shard.number))?.unwrap_or(1);
    let mut position = get(sealed_key(shard.number))?.unwrap_or(Position::FIRST.0);
    let pinned = shard.view();
    for generation in pinned.generations().filter(|it| it.segment >= first) {
        let end = generation.journal_end.load(Ordering::Acquire);
        if end == 0 {
            continue;
        }
        position = generation.journal_next.load(Ordering::Relaxed);
        open.push(Open {
            shard: shard.number,
            segment: generation.segment,
            end,
            path: segment_path(&shard.dir, generation.segment),
        });
    }
    Ok(position)
}

fn segment_part(open: Open) -> Result<CutPart, StoreError> {
    let file = File::open(&open.path).map_err(|error| fault::io("open", &open.path, error))?;
    Ok(CutPart {
        name: segment_name(open.shard, open.segment),
        identity: None,
        bytes: Some(open.end),
        source: Source::Segment {
            file,
            path: open.path,
            place: (open.shard, open.segment),
        },
    })
}

fn run_part(entry: &RunEntry, path: PathBuf, file: Arc<File>) -> Result<CutPart, StoreError> {
    let failed = |error| fault::io("read", &path, error);
    let bytes = file.metadata().map_err(failed)?.len();
    let mut header = [0; RUN_HEADER_BYTES];
    file.read_exact_at(&mut header, 0).map_err(failed)?;
    let stored = u32::from_le_bytes([header[60], header[61], header[62], header[63]]);
    if stored != entry.header_crc || crc32c::crc32c(&header[..60]) != stored {
        let detail = "the header is not the one that the manifest names";
        return Err(fault::corrupt(&path, 0, detail));
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&header[44..60]);
    let mut digest = u128::from_le_bytes(digest);
    if digest == 0 {
        // Written before runs had a digest.
        let mut found = Xxh3::new();
        read_file(&file, &path, Some(bytes), |bytes, at| {
            let skip = RUN_CONTENT_AT.saturating_sub(at) as usize;
            found.update(bytes.get(skip..).unwrap_or_default());
            true
        })?;
        digest = found.digest128();
    }
    let (id, crc) = (entry.id, entry.header_crc);
    Ok(CutPart {
        name: run_name(id),
        identity: Some(format!("{id:016}-{digest:032x}-{crc:08x}")),
        bytes: Some(bytes),
        source: Source::Run { file, path, digest },
    })
}

/// The name of the part that holds a run.
pub(crate) fn run_name(id: u64) -> String {
    format!("runs/{id:016}.run")
}

/// The name of the part that holds a segment.
pub(crate) fn segment_name(shard: u32, segment: u64) -> String {
    format!("journal/{shard:04}/{segment:016}.log")
}
