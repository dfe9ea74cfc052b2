//! What an explanation says, without a word about how it looks: for the command line, the console
//! and tests.
//!
//! It is made to be shown, so it serializes; its names are a stable interface. Invariant: no text
//! in it holds the secret or a token.

use serde::Serialize;

/// How a signature comes about, step by step, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The outcome.
    pub verdict: Verdict,
    /// What was found, the first difference first.
    pub findings: Vec<Finding>,
    /// The request as it was read.
    pub request: RequestFacts,
    /// What was signed, if the request has a signature that can be followed.
    pub signed: Option<Signed>,
    /// The client's own text beside ours, if it was given.
    pub comparison: Vec<Comparison>,
}

/// The outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Verdict {
    /// The verifier accepts the signature.
    Matches,
    /// The signature is not the one that the verifier computes.
    DoesNotMatch,
    /// There is no secret to compute it with.
    NotChecked,
    /// The verifier refuses the request whatever its signature is.
    Refused {
        /// The error code.
        code: String,
        /// The error message.
        message: String,
    },
}

impl Verdict {
    /// Whether the verifier accepts the signature.
    #[must_use]
    pub fn matches(&self) -> bool {
        match self {
            Self::Matches => true,
            Self::DoesNotMatch | Self::NotChecked | Self::Refused { .. } => false,
        }
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It is why the signature does not match, or the request is refused.
    Cause,
    /// It will matter later, or would elsewhere.
    Warning,
    /// It explains.
    Note,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// Its stable name.
    pub code: String,
    /// What is the case.
    pub what: String,
    /// What to do; may be empty.
    pub fix: String,
    /// Where the client's text leaves ours, if its mistake shows there.
    pub difference: Option<Difference>,
}

/// The first place at which two texts differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which text: `canonical request` or `string to sign`.
    pub text: &'static str,
    /// Which part of it.
    pub part: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Our text around the place.
    pub ours: Excerpt,
    /// The client's text around the place.
    pub theirs: Excerpt,
}

/// A part of one line; `…` stands for what is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// The part.
    pub text: String,
    /// Where the difference is in it, in characters, from 0.
    pub at: usize,
}

/// The request as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestFacts {
    /// The method.
    pub method: String,
    /// `ACS3`, `RPC 1.0`, or what it has instead of a signature.
    pub dialect: &'static str,
    /// The action.
    pub action: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// The AccessKey id that is claimed.
    pub access_key_id: Option<String>,
    /// The time stamp.
    pub time_stamp: Option<String>,
    /// Whether there is a security token.
    pub security_token: Token,
    /// The decoded parameters, sorted.
    pub parameters: Vec<Parameter>,
    /// The headers, in wire order.
    pub headers: Vec<Header>,
    /// Length of the body, in bytes.
    pub body_bytes: usize,
}

/// Whether there is a security token, and whether the signature covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Token {
    /// There is none.
    Absent,
    /// There is one, and it is signed.
    Signed,
    /// There is one that is not signed.
    Unsigned,
}

/// A decoded parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// `query`, `form` or `json`.
    pub source: &'static str,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Header {
    /// As it was sent.
    pub name: String,
    /// Trimmed.
    pub value: String,
    /// Whether the signature covers it.
    pub signed: bool,
}

/// What was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// The algorithm.
    pub algorithm: &'static str,
    /// ACS3: the canonical request, line by line. RPC 1.0: the sorted, encoded parameters.
    pub canonical: Vec<Line>,
    /// The string to sign, line by line.
    pub string_to_sign: Vec<Line>,
    /// What the key is made of.
    pub key: &'static str,
    /// The signature that we compute, if there is a secret.
    pub computed: Option<String>,
    /// The signature that was sent.
    pub sent: String,
}

/// A line of a text that is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is.
    pub part: &'static str,
    /// The line itself.
    pub text: String,
}

/// A text of the client beside ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Which text: `canonical request` or `string to sign`.
    pub text: &'static str,
    /// The first difference; `None` if they are equal.
    pub difference: Option<Difference>,
}
