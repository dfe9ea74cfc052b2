//! Questions to replicas, and their answers.
//!
//! ```text
//! request:  version (1) | place to wait for | question
//! answer:   kind (1) | number of the piece | piece of the answer
//! ```
//! A replica that cannot answer at once says so at once: a silent one is asked again
//! elsewhere. An answer that is longer than a message comes in pieces.
//!
//! Not here: whom to ask (`query/ask.rs`), who answers (`query/serve.rs`). Invariant: the
//! size of an answer is bounded on both sides.

pub(crate) mod answer;
pub(crate) mod ask;
mod end;
pub(crate) mod own;
mod question;
pub(crate) mod serve;
pub(crate) mod wire;

pub use answer::Answer;
pub use ask::Asker;
pub use question::Question;

/// The longest answer, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a piece of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// More follow.
    More,
    /// The last one.
    Last,
    /// No answer, but why.
    Error,
    /// It will take a while.
    Working,
}

impl Piece {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::More => 0,
            Self::Last => 1,
            Self::Error => 2,
            Self::Working => 3,
        }
    }

    pub(crate) const fn of(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::More,
            1 => Self::Last,
            2 => Self::Error,
            3 => Self::Working,
            _ => return None,
        })
    }
}
