//! The mistakes that ACS3 clients make. Those of the query are in [`super::query`].

use super::draft_v3::{DraftV3, Hashed, Written, raw_query};
use super::query::{self, Query};
use super::secret_suspects::secret_suspects;
use super::suspect::Suspect;
use super::suspects_v3_headers::{header_suspects, hosts};
use crate::params::ParamSource;
use crate::request::ParsedRequest;
use crate::signature::VerifierSettings;
use crate::signature::v3::Algorithm;

type V3Suspect = Suspect<DraftV3>;

/// All mistakes that fit the request, the likely ones first.
pub(super) fn suspects(
    request: &ParsedRequest<'_>,
    draft: &DraftV3,
    settings: &VerifierSettings,
) -> Vec<V3Suspect> {
    let mut suspects = vec![
        Suspect::new(
            "key-with-ampersand",
            "The client uses the secret with a `&` behind it as the key, as RPC 1.0 does.",
            "The key of ACS3 is the secret itself, without `&`.",
            |draft: &mut DraftV3| with_secret(draft, b"", b"&"),
        )
        .paired(),
    ];
    suspects.extend(secret_suspects(
        draft.secret.as_ref(),
        |draft: &mut DraftV3, secret| {
            draft.secret = Some(secret);
        },
    ));
    suspects.extend(raw_query_suspects(request));
    suspects.extend(query::suspects(&draft.query));
    suspects.extend(methods(&draft.method));
    suspects.extend(hosts(request, settings));
    suspects.extend(header_suspects(draft));
    suspects.extend(body_suspects(request, draft));
    suspects.extend(shape_suspects());
    suspects.extend(algorithm_suspects(draft));
    suspects
}

fn with_secret(draft: &mut DraftV3, before: &[u8], after: &[u8]) {
    if let Some(secret) = &draft.secret {
        let changed = [before, secret.expose(), after].concat();
        draft.secret = Some(crate::credential::SecretKey::new(changed));
    }
}

fn raw_query_suspects(request: &ParsedRequest<'_>) -> Vec<V3Suspect> {
    let raw = raw_query(request.raw.target).to_owned();
    let mut parts: Vec<String> = raw.split('&').map(str::to_owned).collect();
    parts.sort();
    let sorted = parts.join("&");
    let with_mark = format!("?{raw}");
    let fix = "Decode the query, sort it, and encode it again: never sign it as it was sent.";
    let whole = |code, what: &'static str, text: String| {
        Suspect::new(code, what, fix, move |draft: &mut DraftV3| {
            draft.query.set_whole(&text);
        })
    };
    vec![
        whole(
            "raw-query",
            "The client signs the query as it was sent.",
            raw,
        )
        .paired(),
        whole(
            "raw-query-sorted",
            "The client sorts the query as it was sent, without decoding and encoding it again.",
            sorted,
        )
        .paired(),
        whole(
            "query-with-mark",
            "The client signs the query with its `?`.",
            with_mark,
        ),
    ]
}

fn methods(own: &str) -> Vec<V3Suspect> {
    let fix = format!("Sign the method that is sent, in capitals: `{own}`.");
    let others = ["GET", "POST", "get", "post", "Get", "Post", ""];
    let others = others.into_iter().filter(|other| *other != own);
    others
        .map(|other| {
            let what = format!("The client signs the method `{other}`, but sends `{own}`.");
            let suspect = Suspect::new("method", what, fix.clone(), move |draft: &mut DraftV3| {
                other.clone_into(&mut draft.method);
            });
            if other.len() > 1 {
                suspect.paired()
            } else {
                suspect
            }
        })
        .collect()
}

fn body_suspects(request: &ParsedRequest<'_>, draft: &DraftV3) -> Vec<V3Suspect> {
    let body = request.raw.body;
    let sent = String::from_utf8_lossy(request.known.content_hash.unwrap_or_default()).into_owned();
    let hash = draft.hash;
    let correct = draft.body_hash.clone();
    let mut suspects = Vec::new();
    if sent != correct {
        let how = changed_body(body, &sent, hash);
        suspects.push(
            Suspect::new(
                "body-changed",
                format!("The client signed another body than the one that arrived: {how}."),
                "Hash exactly the bytes that are sent, and change nothing afterwards.",
                {
                    let sent = sent.clone();
                    move |draft: &mut DraftV3| sent.clone_into(&mut draft.body_hash)
                },
            )
            .paired(),
        );
    }
    let empty = hash.hash_hex(b"");
    let others = [
        ("body-hash-of-nothing", "the hash of an empty body", empty),
        (
            "body-hash-upper-case",
            "the hash of the body in upper case",
            correct.to_ascii_uppercase(),
        ),
        (
            "body-unsigned",
            "`UNSIGNED-PAYLOAD`",
            "UNSIGNED-PAYLOAD".to_owned(),
        ),
        ("body-hash-left-out", "nothing", String::new()),
    ];
    suspects.extend(
        others
            .into_iter()
            .filter(|(_, _, other)| *other != correct)
            .map(|(code, what, other)| {
                Suspect::new(
                    code,
                    format!("The last line of the client's canonical request is {what}."),
                    "The last line is the hash of the body, in lower-case hexadecimal digits.",
                    move |draft: &mut DraftV3| other.clone_into(&mut draft.body_hash),
                )
            }),
    );
    let form = request
        .params
        .iter()
        .filter(|param| param.source() == ParamSource::Form);
    let form = Query::new(form, &[body]);
    if !form.pieces.is_empty() {
        suspects.push(Suspect::new(
            "form-in-query",
            "The client signs the parameters of the form as a part of the query, as RPC 1.0 does.",
            "In ACS3 the canonical query holds the query only; the body is covered by its hash.",
            move |draft: &mut DraftV3| draft.query.add(&form),
        ));
    }
    suspects
}

/// What was done to the body after it was signed, if that can be told.
pub(super) fn changed_body(body: &[u8], sent_hash: &str, hash: Algorithm) -> &'static str {
    let is = |bytes: &[u8]| hash.hash_hex(bytes) == sent_hash;
    let text = String::from_utf8_lossy(body);
    if sent_hash.eq_ignore_ascii_case(&hash.hash_hex(body)) {
        "x-acs-content-sha256 is the right hash in upper case"
    } else if is(b"") {
        "x-acs-content-sha256 is the hash of an empty body"
    } else if is(body.trim_ascii()) || is(body.trim_ascii_end()) {
        "blanks or a line end were added at its end"
    } else if is(&[body, b"\n"].concat()) || is(&[body, b"\r\n"].concat()) {
        "a line end was removed from its end"
    } else if is(text.replace("\r\n", "\n").as_bytes()) || is(text.replace('\n', "\r\n").as_bytes())
    {
        "its line ends were changed"
    } else if is(text.replace(['\r', '\n'], "").as_bytes()) {
        "line ends were put into it"
    } else if [Algorithm::HmacSha256, Algorithm::HmacSm3]
        .into_iter()
        .any(|other| other != hash && other.hash_hex(body) == sent_hash)
    {
        "x-acs-content-sha256 was made with the hash of another algorithm"
    } else {
        "x-acs-content-sha256 is not the hash of what arrived"
    }
}

fn shape_suspects() -> Vec<V3Suspect> {
    const SHAPE: &str = "The canonical request is method, path, query, one line for each header, \
                         an empty line, the names, the hash, joined with LF and without one at \
                         the end.";
    vec![
        Suspect::new(
            "no-empty-line",
            "The client's canonical request lacks the empty line after the headers.",
            SHAPE,
            |draft: &mut DraftV3| draft.blank_line = false,
        )
        .paired(),
        Suspect::new(
            "no-path",
            "The path is empty in the client's canonical request.",
            SHAPE,
            |draft: &mut DraftV3| draft.uri.clear(),
        )
        .paired(),
        Suspect::new(
            "encoded-path",
            "The client signs the path as `%2F`, as RPC 1.0 does.",
            SHAPE,
            |draft: &mut DraftV3| "%2F".clone_into(&mut draft.uri),
        ),
        Suspect::new(
            "line-end-at-the-end",
            "The client's string to sign has a line end at its end.",
            "The string to sign is `<algorithm>`, LF, `<hash>`, and nothing behind it.",
            |draft: &mut DraftV3| draft.line_end = true,
        ),
        Suspect::new(
            "hash-upper-case",
            "The client writes the hash of the canonical request in upper case.",
            "Write hashes in lower-case hexadecimal digits.",
            |draft: &mut DraftV3| draft.hashed = Hashed::Upper,
        ),
        Suspect::new(
            "not-hashed",
            "The client signs the canonical request itself instead of its hash.",
            "The string to sign is `<algorithm>`, LF, and the hash of the canonical request.",
            |draft: &mut DraftV3| draft.hashed = Hashed::Not,
        ),
        Suspect::new(
            "signature-upper-case",
            "The client sends the signature in upper case.",
            "Write the signature in lower-case hexadecimal digits.",
            |draft: &mut DraftV3| draft.written = Written::UpperHex,
        )
        .paired(),
        Suspect::new(
            "signature-base64",
            "The client sends the signature in Base64, as RPC 1.0 does.",
            "Write the signature in lower-case hexadecimal digits.",
            |draft: &mut DraftV3| draft.written = Written::Base64,
        )
        .paired(),
    ]
}

fn algorithm_suspects(draft: &DraftV3) -> Vec<V3Suspect> {
    let own = draft.algorithm_name.clone();
    let other = match draft.mac {
        Algorithm::HmacSha256 => Algorithm::HmacSm3,
        Algorithm::HmacSm3 => Algorithm::HmacSha256,
    };
    let other_name = other.as_str();
    let fix = "Name the algorithm that is used, the same in Authorization and in the first line \
               of the string to sign.";
    let mut suspects = vec![
        Suspect::new(
            "other-algorithm",
            format!("The client computes {other_name}, but says {own}."),
            fix,
            move |draft: &mut DraftV3| {
                draft.mac = other;
                draft.hash = other;
            },
        ),
        Suspect::new(
            "other-algorithm",
            format!(
                "The client computes {other_name}, and says so in the string to sign, but says \
                 {own} in Authorization."
            ),
            fix,
            move |draft: &mut DraftV3| {
                draft.mac = other;
                draft.hash = other;
                other_name.clone_into(&mut draft.algorithm_name);
            },
        ),
        Suspect::new(
            "other-mac",
            format!("The client hashes as {own} says, but its HMAC is that of {other_name}."),
            fix,
            move |draft: &mut DraftV3| draft.mac = other,
        ),
    ];
    let names = [
        other_name,
        "HMAC-SHA256",
        "ACS4-HMAC-SHA256",
        "acs3-hmac-sha256",
        "ACS3-HMAC-SHA1",
    ];
    suspects.extend(names.into_iter().filter(|name| *name != own).map(|name| {
        Suspect::new(
            "algorithm-name",
            format!(
                "The client's string to sign begins with `{name}`, Authorization with `{own}`."
            ),
            fix,
            move |draft: &mut DraftV3| name.clone_into(&mut draft.algorithm_name),
        )
    }));
    suspects
}
