//! Who competes in the store bench: names, targets, and how each is opened.
//!
//! Not how they work (`ours.rs`, `rivals/`). Invariant: the order is that of the
//! rounds and of the table; ours, waiting for each batch, is the first.

use crate::ours::Ours;
use crate::rivals::{Fjall, HotFjall, Lmdb, Postgres, Redis, Rival, Sqlite};
use anyhow::{Context, Result};
use std::path::Path;

/// Batches that the pipelined candidate keeps queued.
const IN_FLIGHT: usize = 4;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrant {
    Ours,
    OursQueued,
    Postgres,
    Sqlite,
    Redis,
    Lmdb,
    Fjall,
    HotFjall,
}

impl Entrant {
    pub(crate) const ALL: [Self; 8] = [
        Self::Ours,
        Self::OursQueued,
        Self::Postgres,
        Self::Sqlite,
        Self::Redis,
        Self::Lmdb,
        Self::Fjall,
        Self::HotFjall,
    ];

    /// The word for the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursQueued => "ours-queued",
            Self::Postgres => "postgresql",
            Self::Sqlite => "sqlite",
            Self::Redis => "redis",
            Self::Lmdb => "lmdb",
            Self::Fjall => "fjall",
            Self::HotFjall => "fjall-hot",
        }
    }

    pub(crate) fn from_word(word: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|entrant| entrant.word() == word)
            .with_context(|| format!("no candidate is called `{word}`"))
    }

    /// The name in the table.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Ours => "chatmetric, one caller that waits",
            Self::OursQueued => "chatmetric, 4 batches queued",
            Self::Postgres => "PostgreSQL 15, one-statement upsert",
            Self::Sqlite => "SQLite, WAL, synchronous=FULL",
            Self::Redis => "Redis 7, appendfsync always, one script",
            Self::Lmdb => "LMDB, default sync",
            Self::Fjall => "fjall 3, SyncAll",
            Self::HotFjall => "fjall 3, hot table in memory in front",
        }
    }

    pub(crate) const fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursQueued)
    }

    /// How many times our CPU per event it must use at least.
    pub(crate) const fn ratio_min(self) -> Option<f64> {
        match self {
            Self::Postgres => Some(28.0),
            Self::Sqlite => Some(20.0),
            Self::Redis => Some(17.0),
            Self::Lmdb | Self::Fjall => Some(5.0),
            Self::Ours | Self::OursQueued | Self::HotFjall => None,
        }
    }

    /// Whether this machine has what it needs.
    pub(crate) fn is_installed(self) -> bool {
        match self {
            Self::Postgres => Postgres::is_installed(),
            Self::Redis => Redis::is_installed(),
            Self::Ours
            | Self::OursQueued
            | Self::Sqlite
            | Self::Lmdb
            | Self::Fjall
            | Self::HotFjall => true,
        }
    }

    /// Starts it with nothing in it, in a directory that does not exist yet.
    pub(crate) fn open(self, dir: &Path) -> Result<Box<dyn Rival>> {
        let opened: Box<dyn Rival> = match self {
            Self::Ours => Box::new(Ours::open(dir, 1)?),
            Self::OursQueued => Box::new(Ours::open(dir, IN_FLIGHT)?),
            Self::Postgres => Box::new(Postgres::open(dir)?),
            Self::Sqlite => Box::new(Sqlite::open(dir)?),
            Self::Redis => Box::new(Redis::open(dir)?),
            Self::Lmdb => Box::new(Lmdb::open(dir)?),
            Self::Fjall => Box::new(Fjall::open(dir)?),
            Self::HotFjall => Box::new(HotFjall::open(dir)?),
        };
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_one() {
        for entrant in Entrant::ALL {
            assert_eq!(Entrant::from_word(entrant.word()).ok(), Some(entrant));
        }
        assert!(Entrant::from_word("mysql").is_err());
    }
}
