//! A mutator over bytes, parameters, headers and encodings of captured requests: whatever is
//! accepted has the original's method, action, parameters, signed headers and body.
//!
//! `CHATMETRIC_MUTATIONS` sets how many (default 100,000), `CHATMETRIC_SEED` the seed; both are
//! printed when a mutant passes that should not.

use std::collections::BTreeMap;

use chatmetric_rpc::request::Dialect;

use crate::actor::{Vector, Verified, Wire, vectors, verify};

const MUTATIONS_DEFAULT: u64 = 100_000;
const SEED_DEFAULT: u64 = 0x5eed_0000_2026;

/// SplitMix64: small, seeded, good enough to choose mutations.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// What a request means, as far as its signature must protect it.
#[derive(Debug, PartialEq)]
struct Meaning {
    dialect: Dialect,
    method: &'static str,
    action: String,
    version: String,
    principal: &'static str,
    /// By name; a V1 signer may leave empty values out, so they count as absent there.
    params: BTreeMap<String, String>,
    /// V3 only.
    signed_headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

fn meaning(wire: &Wire, verified: &Verified) -> Meaning {
    let v3 = verified.dialect() == Dialect::V3;
    let params = verified.params().iter();
    let params = params.filter(|param| v3 || !param.value().is_empty());
    let mut signed_headers = Vec::new();
    if v3 {
        let authorization = wire.header("authorization").unwrap();
        let authorization = std::str::from_utf8(authorization).unwrap();
        let names = authorization.split("SignedHeaders=").nth(1).unwrap();
        let names = names.split(",Signature=").next().unwrap();
        for name in names.split([';', ',']) {
            let mut values = wire
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(name));
            let (_, value) = values.next().expect("a signed header is there");
            assert!(values.next().is_none(), "a signed header is there once");
            signed_headers.push((name.to_owned(), value.trim_ascii().to_vec()));
        }
    }
    Meaning {
        dialect: verified.dialect(),
        method: verified.method().as_str(),
        action: verified.action().to_owned(),
        version: verified.version().to_owned(),
        principal: verified.principal(),
        params: params
            .map(|p| (source_and_name(v3, p), p.value().to_owned()))
            .collect(),
        signed_headers,
        body: if v3 { wire.body.clone() } else { Vec::new() },
    }
}

/// An ACS3 signature tells query and body apart; a V1 signature covers their union.
fn source_and_name(v3: bool, param: &chatmetric_rpc::params::Param) -> String {
    if v3 {
        format!("{:?}:{}", param.source(), param.name())
    } else {
        param.name().to_owned()
    }
}

pub(crate) fn signed_vectors() -> Vec<Vector> {
    let signed = |vector: &Vector| vector.scheme.contains("HMAC");
    vectors().into_iter().filter(signed).collect()
}

pub(crate) fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a number")),
        Err(_) => default,
    }
}

#[test]
fn whatever_is_accepted_means_what_the_original_meant() {
    let count = setting("CHATMETRIC_MUTATIONS", MUTATIONS_DEFAULT);
    let seed = setting("CHATMETRIC_SEED", SEED_DEFAULT);
    let originals: Vec<(Vector, Meaning)> = signed_vectors()
        .into_iter()
        .map(|vector| {
            let verified = verify(&vector.wire).unwrap();
            let meaning = meaning(&vector.wire, &verified);
            (vector, meaning)
        })
        .collect();
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    for index in 0..count {
        let mut dice = Dice(seed ^ index.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let (vector, original) = &originals[dice.below(originals.len())];
        let mut wire = vector.wire.clone();
        let mut done = Vec::new();
        for _ in 0..=dice.below(3) {
            let (name, mutation) = *dice.pick(MUTATIONS);
            mutation(&mut wire, &mut dice);
            done.push(name);
        }
        match verify(&wire) {
            Err(_) => refused += 1,
            Ok(verified) => {
                accepted += 1;
                let now = meaning(&wire, &verified);
                assert_eq!(
                    &now, original,
                    "seed {seed}, mutation {index} of {}: {done:?}\n{wire:?}",
                    vector.name
                );
            }
        }
    }
    println!(
        "figure: {count} changed requests from seed {seed} on: {refused} refused, \
         {accepted} accepted as what was signed, 0 wrongly"
    );
    // Both kinds occur, or the mutator would show nothing.
    assert!(
        accepted * 50 > count,
        "only {accepted} of {count} mutants kept their meaning"
    );
    assert!(
        refused * 4 > count,
        "only {refused} of {count} mutants were refused"
    );
}

/// Negative control: the comparison sees what a verifier that forgets a part would let pass.
#[test]
fn the_comparison_would_catch_a_verifier_that_forgets_the_body_a_header_or_a_parameter() {
    let vector = crate::actor::named("v3-py-new-nested-form");
    let verified = verify(&vector.wire).unwrap();
    let original = meaning(&vector.wire, &verified);
    let mut body = vector.wire.clone();
    body.body.push(b'&');
    assert_ne!(meaning(&body, &verified), original);
    let mut header = vector.wire.clone();
    header.set_header("accept", "text/html");
    assert_ne!(meaning(&header, &verified), original);
    let other = verify(&crate::actor::named("v3-py-new-get").wire).unwrap();
    assert_ne!(meaning(&vector.wire, &other), original);
}

pub(crate) type Mutation = fn(&mut Wire, &mut Dice);

pub(crate) const MUTATIONS: &[(&str, Mutation)] = &[
    ("flip a byte of the query", |wire, dice| {
        flip(&mut wire.target, dice)
    }),
    ("flip a byte of the body", |wire, dice| {
        if !wire.body.is_empty() {
            let at = dice.below(wire.body.len());
            wire.body[at] ^= 1 << dice.below(8);
        }
    }),
    ("drop a byte of the query", |wire, dice| {
        let at = 1 + dice.below(wire.target.len());
        if at < wire.target.len() && wire.target.is_char_boundary(at) {
            wire.target.remove(at);
        }
    }),
    ("insert a delimiter into the query", |wire, dice| {
        let at = 1 + dice.below(wire.target.len());
        let what = *dice.pick(&[
            "&", "=", "%", "+", "%26", "%3D", "%00", "%0A", "?", ";", "#", "é",
        ]);
        if wire.target.is_char_boundary(at) {
            wire.target.insert_str(at, what);
        }
    }),
    ("encode a character of the query otherwise", |wire, dice| {
        let (path, query) = split(&wire.target);
        wire.target = format!("{path}?{}", recode(&query, dice));
    }),
    ("encode a character of the body otherwise", |wire, dice| {
        if let Ok(body) = String::from_utf8(wire.body.clone()) {
            wire.body = recode(&body, dice).into_bytes();
        }
    }),
    (
        "encode a delimiter, so that two parameters become one",
        |wire, dice| {
            let which = *dice.pick(&[("&", "%26"), ("=", "%3D"), ("%", "%25"), (".", "%2E")]);
            let (path, query) = split(&wire.target);
            let places: Vec<usize> = query.match_indices(which.0).map(|(at, _)| at).collect();
            if !places.is_empty() {
                let at = *dice.pick(&places);
                wire.target = format!("{path}?{}{}{}", &query[..at], which.1, &query[at + 1..]);
            }
        },
    ),
    ("reorder parameters", |wire, dice| {
        pairs(wire, |pairs| swap(pairs, dice))
    }),
    ("drop a parameter", |wire, dice| {
        pairs(wire, |pairs| {
            pairs.remove(dice.below(pairs.len()));
        });
    }),
    ("repeat a parameter", |wire, dice| {
        pairs(wire, |pairs| {
            let pair = dice.pick(pairs).clone();
            pairs.push(pair);
        });
    }),
    ("add a parameter", |wire, dice| {
        let pair = *dice.pick(&[
            "CustSpaceId=",
            "CustSpaceId=1",
            "Format=XML",
            "SecurityToken=x",
            "SignatureType=",
            "Action=EnableWhatsappROIMetric",
            "Zz",
            "A%26B=1",
            "&",
            "",
        ]);
        pairs(wire, |pairs| {
            pairs.insert(dice.below(pairs.len() + 1), pair.to_owned())
        });
    }),
    ("change a value", |wire, dice| {
        pairs(wire, |pairs| {
            let at = dice.below(pairs.len());
            let name = pairs[at].split('=').next().unwrap_or_default().to_owned();
            pairs[at] = format!(
                "{name}={}",
                dice.pick(&["", "1", "HALF_HOUR", "DAILY", "x%20y"])
            );
        });
    }),
    ("move a parameter between query and form", |wire, dice| {
        let mut moved = None;
        pairs(wire, |pairs| {
            moved = Some(pairs.remove(dice.below(pairs.len())))
        });
        if let Some(pair) = moved {
            let separator: &[u8] = if wire.body.is_empty() { b"" } else { b"&" };
            wire.body = [wire.body.as_slice(), separator, pair.as_bytes()].concat();
            wire.set_header("content-type", "application/x-www-form-urlencoded");
        }
    }),
    ("change the method", |wire, _| {
        wire.method = if wire.method == "GET" { "POST" } else { "GET" }.to_owned();
    }),
    ("change the path", |wire, dice| {
        let (_, query) = split(&wire.target);
        wire.target = format!(
            "{}?{query}",
            dice.pick(&["/", "", "//", "/x", "/%2F", "/."])
        );
    }),
    ("flip a byte of a header value", |wire, dice| {
        let at = dice.below(wire.headers.len());
        let value = &mut wire.headers[at].1;
        if !value.is_empty() {
            let at = dice.below(value.len());
            value[at] ^= 1 << dice.below(8);
        }
    }),
    ("change the case of a header name", |wire, dice| {
        let at = dice.below(wire.headers.len());
        wire.headers[at].0 = wire.headers[at].0.to_uppercase();
    }),
    ("reorder headers", |wire, dice| {
        swap(&mut wire.headers, dice)
    }),
    ("drop a header", |wire, dice| {
        wire.headers.remove(dice.below(wire.headers.len()));
    }),
    ("repeat a header", |wire, dice| {
        let mut header = dice.pick(&wire.headers).clone();
        if dice.below(2) == 0 {
            header.1.push(b'x');
        }
        wire.headers
            .insert(dice.below(wire.headers.len() + 1), header);
    }),
    ("add a header", |wire, dice| {
        let (name, value) = *dice.pick(&[
            ("x-acs-action", "EnableWhatsappROIMetric"),
            ("x-acs-extra", "1"),
            ("x-acs-security-token", "CAISvectorToken+/=~* 0001"),
            ("x-acs-bearer-token", "t"),
            ("content-type", "application/json"),
            ("content-type", "application/octet-stream"),
            ("host", "evil.example"),
            ("accept", "text/html"),
            ("x-forwarded-for", "10.0.0.1"),
            ("authorization", "Basic x"),
        ]);
        wire.headers
            .push((name.to_owned(), value.as_bytes().to_vec()));
    }),
    ("pad a header value", |wire, dice| {
        let at = dice.below(wire.headers.len());
        let value = &mut wire.headers[at].1;
        value.insert(0, b' ');
        value.extend_from_slice(b"\t ");
    }),
    ("change Authorization", |wire, dice| {
        let Some(value) = wire.header("authorization") else {
            return;
        };
        let value = String::from_utf8_lossy(value).into_owned();
        let (from, to) = *dice.pick(&[
            (";", ","),
            (";user-agent", ""),
            ("accept;", ""),
            ("host;", ""),
            ("content-type;", ""),
            ("SHA256", "SM3"),
            ("SM3", "SHA256"),
            ("Signature=", "Signature= "),
            (" ", "  "),
            ("Credential=", "credential="),
            (",Signature=", ",X=1,Signature="),
            ("host", "Host"),
            ("0000001", "0000002"),
        ]);
        wire.set_header("authorization", &value.replacen(from, to, 1));
    }),
    ("add to the body", |wire, dice| {
        let what = *dice.pick(&["&", "&A=1", "&A=", " ", "\0", "{}"]);
        wire.body.extend_from_slice(what.as_bytes());
    }),
    ("empty the body", |wire, _| wire.body.clear()),
];

fn split(target: &str) -> (String, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (path.to_owned(), query.to_owned())
}

fn pairs(wire: &mut Wire, change: impl FnOnce(&mut Vec<String>)) {
    let (path, query) = split(&wire.target);
    if query.is_empty() {
        return;
    }
    let mut list: Vec<String> = query.split('&').map(str::to_owned).collect();
    change(&mut list);
    wire.target = format!("{path}?{}", list.join("&"));
}

fn swap<T>(items: &mut [T], dice: &mut Dice) {
    if !items.is_empty() {
        let (a, b) = (dice.below(items.len()), dice.below(items.len()));
        items.swap(a, b);
    }
}

fn flip(text: &mut String, dice: &mut Dice) {
    let mut bytes = std::mem::take(text).into_bytes();
    let at = dice.below(bytes.len());
    // Seven bits, so that it stays text, as a request line does.
    bytes[at] ^= 1 << dice.below(7);
    *text = String::from_utf8_lossy(&bytes).into_owned();
}

/// Another spelling of one character: mostly the same meaning, as encoders differ.
fn recode(text: &str, dice: &mut Dice) -> String {
    if text.is_empty() {
        return String::new();
    }
    let at = dice.below(text.len());
    let Some(rest) = text.get(at..) else {
        return text.to_owned();
    };
    let first = rest.chars().next().unwrap_or('x');
    let (used, spelt) = match first {
        '%' => (
            3.min(rest.len()),
            rest.get(..3).unwrap_or(rest).to_lowercase(),
        ),
        '+' => (1, "%20".to_owned()),
        '&' | '=' => (1, first.to_string()),
        c => (
            c.len_utf8(),
            c.to_string().bytes().map(|b| format!("%{b:02x}")).collect(),
        ),
    };
    format!(
        "{}{}{}",
        &text[..at],
        spelt,
        rest.get(used..).unwrap_or_default()
    )
}
