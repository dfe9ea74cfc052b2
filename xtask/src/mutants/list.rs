//! The protections that are broken one by one, each with the test that must see it.
//!
//! An entry names text that occurs exactly once; when the code around it changes,
//! `every_entry_fits_its_file` asks for the entry to follow.

use super::Mutant;

/// All mutants.
pub(super) const MUTANTS: &[Mutant] = &[];
