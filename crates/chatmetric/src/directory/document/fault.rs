//! What is wrong with a document, and where.
//!
//! A fault never shows a secret: messages quote ids, names and numbers only.

use std::fmt;

use crate::directory::limits::FAULTS_MAX;

/// A place in a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The field, for example `account[0].space[1].time_zone`; empty for the
    /// whole document.
    pub path: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What, and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column, path } = &self.place;
        write!(f, "line {line}, column {column}: ")?;
        if !path.is_empty() {
            write!(f, "`{path}`: ")?;
        }
        f.write_str(&self.message)
    }
}

/// All faults of a document, in the order of their places, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    list: Vec<Fault>,
    left_out: usize,
}

impl Faults {
    /// The faults, at most [`FAULTS_MAX`].
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.list
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(fault, f)?;
        }
        if self.left_out > 0 {
            write!(f, "\nand {} more", self.left_out)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// Collects faults while a document is read or merged.
#[derive(Debug, Default)]
pub(in crate::directory) struct FaultList {
    list: Vec<Fault>,
}

impl FaultList {
    pub(in crate::directory) fn add(&mut self, place: &Place, message: impl Into<String>) {
        self.list.push(Fault {
            place: place.clone(),
            message: message.into(),
        });
    }

    /// `Ok` when there was none.
    pub(in crate::directory) fn finish(mut self) -> Result<(), Faults> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list
            .sort_by_key(|fault| (fault.place.line, fault.place.column));
        self.list.dedup();
        let left_out = self.list.len().saturating_sub(FAULTS_MAX);
        self.list.truncate(FAULTS_MAX);
        Err(Faults {
            list: self.list,
            left_out,
        })
    }
}
