//! The canonical query, in pieces that can be written wrongly on purpose, and the mistakes that
//! both signatures share.
//!
//! Invariant: an unchanged [`Query`] is the text that the verifier makes.

use std::cmp::Ordering;

use super::suspect::Suspect;
use crate::params::Param;
use crate::percent;

/// Parameters that are left out one by one.
const LEFT_OUT_MAX: usize = 64;

/// One parameter of the canonical query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) value: String,
    /// `name=value`, as it stands in the canonical query.
    text: String,
    /// Its place on the wire.
    at: usize,
}

/// The canonical query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) pieces: Vec<Piece>,
    /// Stands for all pieces, if it is there.
    whole: Option<String>,
}

impl Query {
    /// Of sorted parameters; `wire` is the raw query, and the raw form after it.
    pub(super) fn new<'a>(params: impl Iterator<Item = &'a Param>, wire: &[&[u8]]) -> Self {
        let names: Vec<String> = wire
            .iter()
            .flat_map(|text| text.split(|&b| b == b'&'))
            .filter_map(|pair| pair.split(|&b| b == b'=').next())
            .map(|name| percent::decode_form_lossy(name).into_owned())
            .collect();
        let pieces = params.map(|param| Piece {
            name: param.name().to_owned(),
            value: param.value().to_owned(),
            text: format!(
                "{}={}",
                percent::encode(param.name()),
                percent::encode(param.value())
            ),
            at: names
                .iter()
                .position(|name| name == param.name())
                .unwrap_or(usize::MAX),
        });
        Self {
            pieces: pieces.collect(),
            whole: None,
        }
    }

    pub(super) fn text(&self) -> String {
        if let Some(whole) = &self.whole {
            return whole.clone();
        }
        let texts: Vec<&str> = self
            .pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        texts.join("&")
    }

    /// Puts a text in place of all pieces.
    pub(super) fn set_whole(&mut self, text: &str) {
        self.whole = Some(text.to_owned());
    }

    /// Adds the parameters of another query, keeping the order of names.
    pub(super) fn add(&mut self, other: &Self) {
        self.pieces.extend(other.pieces.iter().cloned());
        self.pieces.sort_by(|a, b| a.name.cmp(&b.name));
    }

    pub(super) fn keep(&mut self, keep: impl Fn(&Piece) -> bool) {
        self.pieces.retain(keep);
    }

    fn sort_by(&mut self, order: impl Fn(&Piece, &Piece) -> Ordering) {
        self.pieces.sort_by(order);
    }

    fn rewrite(&mut self, write: impl Fn(&Piece) -> String) {
        for piece in &mut self.pieces {
            piece.text = write(piece);
        }
    }

    fn replace(&mut self, replacements: &[(&str, &str)]) {
        self.rewrite(|piece| {
            replacements
                .iter()
                .fold(piece.text.clone(), |text, (from, to)| {
                    text.replace(from, to)
                })
        });
    }
}

/// A draft that has a query.
pub(super) trait HasQuery {
    fn query_mut(&mut self) -> &mut Query;
}

fn on<D: HasQuery + 'static>(
    code: &'static str,
    what: &'static str,
    fix: &'static str,
    apply: impl Fn(&mut Query) + 'static,
) -> Suspect<D> {
    Suspect::new(code, what, fix, move |draft: &mut D| {
        apply(draft.query_mut())
    })
}

/// The mistakes of the canonical query that both signatures share.
pub(super) fn suspects<D: HasQuery + 'static>(query: &Query) -> Vec<Suspect<D>> {
    let mut suspects = encodings();
    suspects.extend(orders());
    suspects.extend([
        on(
            "empty-left-out",
            "The client leaves parameters without a value out of what it signs, but sends them.",
            "Sign `Name=` for an empty value, or do not send the parameter.",
            |query| query.keep(|piece| !piece.value.is_empty()),
        )
        .paired(),
        on(
            "empty-without-equals",
            "The client signs a parameter without a value as `Name`, without the `=`.",
            "Sign `Name=` for an empty value.",
            |query| {
                query.rewrite(|piece| {
                    piece
                        .text
                        .strip_suffix('=')
                        .unwrap_or(&piece.text)
                        .to_owned()
                });
            },
        ),
        on(
            "query-left-out",
            "The client signs no parameters at all.",
            "Put every parameter into what is signed.",
            |query| query.keep(|_| false),
        ),
    ]);
    let names = query
        .pieces
        .iter()
        .take(LEFT_OUT_MAX)
        .map(|piece| piece.name.clone());
    suspects.extend(names.map(|name| {
        Suspect::new(
            "parameter-left-out",
            format!(
                "The client did not sign the parameter `{}`: it was added afterwards.",
                crate::params::echo(&name)
            ),
            "Add every parameter before signing, and change nothing afterwards.",
            move |draft: &mut D| draft.query_mut().keep(|piece| piece.name != name),
        )
    }));
    suspects
}

fn encodings<D: HasQuery + 'static>() -> Vec<Suspect<D>> {
    const RFC_3986: &str =
        "Encode as RFC 3986 says: all but `A-Z a-z 0-9 - _ . ~` becomes `%XX`, a space `%20`.";
    const UNRESERVED: [(&str, &str); 5] = [
        ("%21", "!"),
        ("%27", "'"),
        ("%28", "("),
        ("%29", ")"),
        ("%2A", "*"),
    ];
    vec![
        on(
            "plus-for-space",
            "The client signs a space as `+`.",
            RFC_3986,
            |query| query.replace(&[("%20", "+")]),
        )
        .paired(),
        on(
            "star-not-encoded",
            "The client signs `*` as it is.",
            RFC_3986,
            |query| query.replace(&[("%2A", "*")]),
        )
        .paired(),
        on(
            "tilde-encoded",
            "The client signs `~` as `%7E`.",
            RFC_3986,
            |query| query.replace(&[("~", "%7E")]),
        )
        .paired(),
        on(
            "form-encoding",
            "The client encodes as a form does: `+` for a space, `*` as it is, `%7E` for `~`.",
            RFC_3986,
            |query| query.replace(&[("%20", "+"), ("%2A", "*"), ("~", "%7E")]),
        )
        .paired(),
        on(
            "component-encoding",
            "The client encodes as JavaScript's `encodeURIComponent` does: `!'()*` stay as they are.",
            RFC_3986,
            |query| query.replace(&UNRESERVED),
        )
        .paired(),
        on(
            "lower-case-escapes",
            "The client writes escapes in lower case, as `%2f`.",
            "Write the digits of escapes in upper case, as `%2F`.",
            |query| query.rewrite(|piece| lower_case_escapes(&piece.text)),
        )
        .paired(),
        on(
            "encoded-twice",
            "The client encodes the parameters once too often: `%` of an escape became `%25`.",
            "Encode each name and value once before they are joined.",
            |query| {
                query.rewrite(|piece| {
                    let twice = |text: &str| percent::encode(&percent::encode(text));
                    format!("{}={}", twice(&piece.name), twice(&piece.value))
                });
            },
        )
        .paired(),
        on(
            "not-encoded",
            "The client signs names and values as they are, without encoding them.",
            RFC_3986,
            |query| query.rewrite(|piece| format!("{}={}", piece.name, piece.value)),
        )
        .paired(),
        on(
            "names-not-encoded",
            "The client encodes values but not names.",
            RFC_3986,
            |query| {
                query.rewrite(|piece| format!("{}={}", piece.name, percent::encode(&piece.value)));
            },
        ),
    ]
}

fn orders<D: HasQuery + 'static>() -> Vec<Suspect<D>> {
    const BY_BYTES: &str = "Sort by the bytes of the names: `A` to `Z` before `a` to `z`.";
    vec![
        on(
            "unsorted",
            "The client signs the parameters in the order in which they are sent.",
            BY_BYTES,
            |query| query.sort_by(|a, b| a.at.cmp(&b.at)),
        )
        .paired(),
        on(
            "sorted-without-case",
            "The client sorts the parameters without regard to case.",
            BY_BYTES,
            |query| {
                query.sort_by(|a, b| {
                    let lower = |piece: &Piece| piece.name.to_lowercase();
                    lower(a).cmp(&lower(b))
                });
            },
        )
        .paired(),
        on(
            "sorted-as-pairs",
            "The client sorts `Name=value` texts, not names: `A.1=` comes before `A=`.",
            BY_BYTES,
            |query| query.sort_by(|a, b| a.text.cmp(&b.text)),
        ),
        on(
            "sorted-backwards",
            "The client sorts the parameters backwards.",
            BY_BYTES,
            |query| query.sort_by(|a, b| b.name.cmp(&a.name)),
        ),
    ]
}

fn lower_case_escapes(text: &str) -> String {
    let mut left = 0;
    text.chars()
        .map(|c| {
            if c == '%' {
                left = 2;
                c
            } else if left > 0 {
                left -= 1;
                c.to_ascii_lowercase()
            } else {
                c
            }
        })
        .collect()
}
