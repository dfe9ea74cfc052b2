//! From drafts and requests to what may be shown: lines with their parts, differences with a piece
//! of text around them, facts of the request.

use super::client_text::{ClientText, first_difference};
use super::draft_v1::DraftV1;
use super::draft_v3::DraftV3;
use super::redact::Redactor;
use super::report::{
    Comparison, Difference, Excerpt, Header, Line, Parameter, RequestFacts, Signed, Token,
};
use super::suspect::Draft;
use crate::params::ParamSource;
use crate::request::{Credentials, Dialect, ParsedRequest, RawRequest};
use crate::signature::authorization::Authorization;
use crate::signature::v1::SIGNATURE_METHOD;

/// How much of a line is shown before a difference, in characters.
const BEFORE_MAX: usize = 24;
/// How much from it on.
const AFTER_MAX: usize = 40;
/// Lines of a canonical request before its headers.
const HEAD_LINES: usize = 3;

#[derive(Clone, Copy)]
pub(super) struct Shower<'a> {
    pub(super) redactor: &'a Redactor,
}

impl Shower<'_> {
    pub(super) fn signed_v3(&self, draft: &DraftV3, authorization: &Authorization<'_>) -> Signed {
        let canonical = draft.canonical_request().unwrap_or_default();
        let lines: Vec<&str> = canonical.split('\n').collect();
        let count = lines.len();
        let canonical = lines.iter().enumerate().map(|(index, line)| Line {
            part: part_v3(index, count),
            text: self.redactor.shown(line),
        });
        let string_to_sign = draft.string_to_sign();
        let parts = ["algorithm", "hash of the canonical request"];
        let string_to_sign = string_to_sign
            .split('\n')
            .zip(parts)
            .map(|(line, part)| Line {
                part,
                text: line.to_owned(),
            });
        Signed {
            algorithm: authorization.algorithm.as_str(),
            canonical: canonical.collect(),
            string_to_sign: string_to_sign.collect(),
            key: "the secret",
            computed: draft.signature(),
            sent: self.redactor.shown(authorization.signature),
        }
    }

    pub(super) fn signed_v1(&self, draft: &DraftV1, sent: &str) -> Signed {
        let query = draft.query.text();
        let canonical = query.split('&').map(|pair| Line {
            part: "parameter",
            text: self.redactor.shown(pair),
        });
        let string_to_sign = vec![Line {
            part: "string to sign",
            text: self.redactor.shown(&draft.string_to_sign()),
        }];
        Signed {
            algorithm: SIGNATURE_METHOD,
            canonical: canonical.collect(),
            string_to_sign,
            key: "the secret with a & behind it",
            computed: draft.signature(),
            sent: self.redactor.shown(sent),
        }
    }

    /// Both texts of the client beside ours, as far as they were given.
    pub(super) fn compare<D: Draft>(&self, draft: &D, client: &ClientText) -> Vec<Comparison> {
        let mut comparison = Vec::new();
        if let (Some(ours), Some(theirs)) = (draft.canonical_request(), &client.canonical_request) {
            comparison.push(Comparison {
                text: CANONICAL,
                difference: self.difference_of(CANONICAL, &ours, theirs),
            });
        }
        if let Some(theirs) = &client.string_to_sign {
            comparison.push(Comparison {
                text: TO_SIGN,
                difference: self.difference_of(TO_SIGN, &draft.string_to_sign(), theirs),
            });
        }
        comparison
    }

    /// Where a draft with a mistake leaves the right one.
    pub(super) fn difference<D: Draft>(&self, ours: &D, theirs: &D) -> Option<Difference> {
        let canonical = ours.canonical_request().zip(theirs.canonical_request());
        canonical
            .and_then(|(ours, theirs)| self.difference_of(CANONICAL, &ours, &theirs))
            .or_else(|| {
                self.difference_of(TO_SIGN, &ours.string_to_sign(), &theirs.string_to_sign())
            })
    }

    fn difference_of(&self, text: &'static str, ours: &str, theirs: &str) -> Option<Difference> {
        let place = first_difference(ours, theirs)?;
        let line_of = |text: &str| {
            let masked = self.redactor.masked(text);
            let mut lines = masked.split('\n').skip(place.line - 1);
            let mut line = lines.next().unwrap_or_default().to_owned();
            // Where one text ends its line and the other does not, the line end is the difference.
            if lines.next().is_some() && line.chars().count() < place.column {
                line.push('⏎');
            }
            line
        };
        let (our_line, their_line) = (line_of(ours), line_of(theirs));
        let part = match text {
            CANONICAL => {
                let part = part_v3(place.line - 1, ours.split('\n').count());
                let name = our_line.split(':').next().filter(|_| part == "header");
                name.map_or_else(|| part.to_owned(), |name| format!("header {name}"))
            }
            _ => part_to_sign(&our_line, place.line, place.column).to_owned(),
        };
        Some(Difference {
            text,
            part,
            line: place.line,
            column: place.column,
            ours: excerpt(&our_line, place.column),
            theirs: excerpt(&their_line, place.column),
        })
    }

    pub(super) fn request(
        &self,
        request: &ParsedRequest<'_>,
        stamp: Option<String>,
    ) -> RequestFacts {
        let authorization = match &request.credentials {
            Credentials::V3(authorization) => Some(authorization),
            Credentials::V1
            | Credentials::Bearer
            | Credentials::Anonymous
            | Credentials::Faulty(..) => None,
        };
        let signs = |name: &str| authorization.is_some_and(|list| list.signs(name));
        let parameters = request.params.iter().map(|param| Parameter {
            name: self.redactor.shown(param.name()),
            value: self.value(Redactor::hides_parameter(param.name()), param.value()),
            source: match param.source() {
                ParamSource::Query => "query",
                ParamSource::Form => "form",
                ParamSource::Json => "json",
            },
        });
        let headers = request.raw.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.trim_ascii());
            Header {
                name: self.redactor.shown(name),
                value: self.value(Redactor::hides_header(name, &value), &value),
                signed: signs(name),
            }
        });
        let own = |text: Option<&str>| text.map(|text| self.redactor.shown(text));
        RequestFacts {
            method: request.raw.method.to_owned(),
            dialect: dialect_name(request.dialect()),
            action: own(request.action()),
            version: own(request.version()),
            access_key_id: own(request.claimed_access_key_id()),
            time_stamp: own(stamp.as_deref()),
            security_token: token(request, signs("x-acs-security-token")),
            parameters: parameters.collect(),
            headers: headers.collect(),
            body_bytes: request.raw.body.len(),
        }
    }

    /// What can be said of a request that could not be parsed.
    pub(super) fn unread_request(&self, raw: &RawRequest<'_>) -> RequestFacts {
        let headers = raw.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.trim_ascii());
            Header {
                name: self.redactor.shown(name),
                value: self.value(Redactor::hides_header(name, &value), &value),
                signed: false,
            }
        });
        RequestFacts {
            method: self.redactor.shown(raw.method),
            dialect: "not read",
            action: None,
            version: None,
            access_key_id: None,
            time_stamp: None,
            security_token: Token::Absent,
            parameters: Vec::new(),
            headers: headers.collect(),
            body_bytes: raw.body.len(),
        }
    }

    fn value(&self, hidden: bool, value: &str) -> String {
        if hidden && !value.is_empty() {
            "(hidden)".to_owned()
        } else {
            self.redactor.shown(value)
        }
    }
}

const CANONICAL: &str = "canonical request";
const TO_SIGN: &str = "string to sign";

fn part_v3(index: usize, count: usize) -> &'static str {
    match (index, count.saturating_sub(index)) {
        (_, 1) => "hash of the body",
        (_, 2) => "signed headers",
        (0, _) => "method",
        (1, _) => "path",
        (2, _) => "query",
        (HEAD_LINES.., 3) => "empty line",
        (HEAD_LINES.., _) => "header",
    }
}

/// RPC 1.0 has one line, in which the parameter is told.
fn part_to_sign(line: &str, number: usize, column: usize) -> &'static str {
    let before: String = line.chars().take(column.saturating_sub(1)).collect();
    match (line.contains('&'), before.matches('&').count(), number) {
        (true, 0, _) => "method",
        (true, 1, _) => "path",
        (true, _, _) => "parameters",
        (false, _, 1) => "algorithm",
        (false, _, _) => "hash of the canonical request",
    }
}

fn excerpt(line: &str, column: usize) -> Excerpt {
    let at = column.saturating_sub(1);
    let start = at.saturating_sub(BEFORE_MAX);
    let mut text: String = if start > 0 {
        "…".to_owned()
    } else {
        String::new()
    };
    let lead = text.chars().count();
    text.extend(line.chars().skip(start).take(at - start + AFTER_MAX));
    if line.chars().count() > at + AFTER_MAX {
        text.push('…');
    }
    Excerpt {
        text,
        at: lead + at - start,
    }
}

fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V3 => "ACS3",
        Dialect::V1 => "RPC 1.0",
        Dialect::Bearer => "bearer token",
        Dialect::Anonymous => "anonymous",
    }
}

fn token(request: &ParsedRequest<'_>, header_signed: bool) -> Token {
    let in_header = request
        .known
        .security_token
        .is_some_and(|token| !token.is_empty());
    let in_params = request.params.optional("SecurityToken").is_some();
    match (in_header, in_params, request.dialect()) {
        (false, false, _) => Token::Absent,
        (true, _, Dialect::V3) if header_signed => Token::Signed,
        (false, true, Dialect::V1) => Token::Signed,
        (_, _, Dialect::V3 | Dialect::V1 | Dialect::Bearer | Dialect::Anonymous) => Token::Unsigned,
    }
}
