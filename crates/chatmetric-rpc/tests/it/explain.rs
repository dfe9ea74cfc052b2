//! Explanations of captured requests: the verdict is the verifier's, every way to paste a request
//! gives the same one, and nothing that comes in breaks it.
//!
//! `CHATMETRIC_EXPLAIN_MUTATIONS` sets how many mutants are explained (default 500),
//! `CHATMETRIC_SEED` the seed.

use std::fmt::Write as _;

use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::explain::{
    Captured, ClientText, Explanation, Subject, Token, Verdict, Weight, explain,
};
use chatmetric_rpc::signature::{Verifier, VerifierSettings};
use expect_test::expect_file;

use crate::actor::{NOW_MS, SECRET, TOKEN, Wire, named, vectors, verify};
use crate::mutations::{Dice, MUTATIONS, setting, signed_vectors};

/// Explains with the captured secret, or without one.
pub(crate) fn explained(
    wire: &Wire,
    secret: Option<&str>,
    client_text: Option<&str>,
) -> Explanation {
    let secret = secret.map(SecretKey::new);
    let client_text = client_text.map(|text| ClientText::parse(text.as_bytes()).unwrap());
    wire.with_raw(|raw| {
        explain(&Subject {
            raw,
            secret: secret.as_ref(),
            client_text: client_text.as_ref(),
            verifier: &Verifier::default(),
            now_ms: NOW_MS,
        })
    })
}

pub(crate) fn codes(explanation: &Explanation) -> Vec<&str> {
    explanation
        .findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect()
}

/// The request as it would stand in a capture.
pub(crate) fn http_text(wire: &Wire, line_end: &str) -> Vec<u8> {
    let mut text = format!("{} {} HTTP/1.1{line_end}", wire.method, wire.target).into_bytes();
    for (name, value) in &wire.headers {
        text.extend([name.as_bytes(), b": ", value, line_end.as_bytes()].concat());
    }
    text.extend(line_end.as_bytes());
    text.extend(&wire.body);
    text
}

/// The request as a curl command over several lines.
fn curl_text(wire: &Wire) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let url = quoted(&format!("http://elsewhere{}", wire.target));
    let mut text = format!("curl -sS -X {} {url} -H 'Accept:'", wire.method);
    for (name, value) in &wire.headers {
        if !name.eq_ignore_ascii_case("accept") || !value.is_empty() {
            let header = format!("{name}: {}", String::from_utf8_lossy(value));
            write!(text, " \\\n  -H {}", quoted(&header)).unwrap();
        }
    }
    if !wire.body.is_empty() {
        let body = String::from_utf8(wire.body.clone()).unwrap();
        write!(text, " \\\n  --data-raw {}", quoted(&body)).unwrap();
    }
    text
}

fn snapshot(name: &str, explanation: &Explanation) -> String {
    let mut text = format!("== {name}\n{:?}\n", explanation.verdict);
    for finding in &explanation.findings {
        writeln!(
            text,
            "{:?} {}: {}",
            finding.weight, finding.code, finding.what
        )
        .unwrap();
    }
    let request = &explanation.request;
    writeln!(
        text,
        "{} {} token {:?}",
        request.method, request.dialect, request.security_token
    )
    .unwrap();
    for parameter in &request.parameters {
        writeln!(
            text,
            "  {} = {:?} ({})",
            parameter.name, parameter.value, parameter.source
        )
        .unwrap();
    }
    if let Some(signed) = &explanation.signed {
        for line in signed.canonical.iter().chain(&signed.string_to_sign) {
            let line = format!("  [{}] {}", line.part, line.text);
            writeln!(text, "{}", line.trim_end()).unwrap();
        }
        writeln!(text, "  computed {:?}", signed.computed).unwrap();
        writeln!(text, "  sent     {:?}", signed.sent).unwrap();
    }
    text
}

#[test]
fn every_captured_request_is_explained() {
    let mut text = String::new();
    for vector in vectors() {
        let explanation = explained(&vector.wire, Some(SECRET), None);
        let signed = vector.scheme.contains("HMAC");
        assert_eq!(explanation.verdict.matches(), signed, "{}", vector.name);
        if let Some(signed) = &explanation.signed {
            let expected = |name: &str| vector.expected[name].as_str();
            assert_eq!(
                signed.computed.as_deref(),
                expected("signature"),
                "{}",
                vector.name
            );
        }
        text += &snapshot(&vector.name, &explanation);
    }
    assert!(!text.contains("CAIS") && !text.contains(SECRET));
    expect_file!["explain_vectors.txt"].assert_eq(&text);
}

#[test]
fn every_way_to_paste_a_request_is_the_same_request() {
    for vector in vectors() {
        let expected = explained(&vector.wire, Some(SECRET), None);
        let curl = curl_text(&vector.wire).into_bytes();
        for text in [
            http_text(&vector.wire, "\r\n"),
            http_text(&vector.wire, "\n"),
            curl,
        ] {
            let captured = Captured::parse(&text).unwrap_or_else(|error| {
                panic!(
                    "{}: {error}\n{}",
                    vector.name,
                    String::from_utf8_lossy(&text)
                )
            });
            let wire = Wire {
                method: captured.method.clone(),
                target: captured.target.clone(),
                headers: captured.headers.clone(),
                body: captured.body.clone(),
            };
            let explanation = explained(&wire, Some(SECRET), None);
            assert_eq!(explanation.verdict, expected.verdict, "{}", vector.name);
            assert_eq!(explanation.signed, expected.signed, "{}", vector.name);
        }
    }
}

/// The verdict is the verifier's, whatever is done to a request; what an explanation cannot know
/// (which keys, tokens and operations there are, what time it is) is left to the server.
#[test]
fn the_verdict_is_never_better_or_worse_than_the_verifiers() {
    let count = setting("CHATMETRIC_EXPLAIN_MUTATIONS", 500);
    let seed = setting("CHATMETRIC_SEED", 0x00e5_9141_2026);
    let originals = signed_vectors();
    let (mut matched, mut refused) = (0_u64, 0_u64);
    for index in 0..count {
        let mut dice = Dice(seed ^ index.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let vector = &originals[dice.below(originals.len())];
        let mut wire = vector.wire.clone();
        for _ in 0..=dice.below(3) {
            let (_, mutation) = *dice.pick(MUTATIONS);
            mutation(&mut wire, &mut dice);
        }
        let explanation = explained(&wire, Some(SECRET), None);
        let context = || format!("seed {seed}, mutation {index} of {}: {wire:?}", vector.name);
        match verify(&wire) {
            Ok(_) => {
                assert!(
                    explanation.verdict.matches(),
                    "{explanation:?}\n{}",
                    context()
                );
                matched += 1;
            }
            Err(error) => {
                let not_ours = [
                    "InvalidAction.NotFound",
                    "InvalidVersion",
                    "InvalidTimeStamp.Expired",
                    "InvalidAccessKeyId.NotFound",
                    "InvalidSecurityToken.Malformed",
                ];
                if !not_ours.contains(&error.code().as_ref()) {
                    assert!(!explanation.verdict.matches(), "{error}\n{}", context());
                    let causes = explanation.findings.iter();
                    let causes = causes.filter(|finding| finding.weight == Weight::Cause);
                    assert!(causes.count() > 0, "refused without a cause\n{}", context());
                }
                refused += 1;
            }
        }
        // Without a secret it says less, but never that something matches.
        assert!(
            !explained(&wire, None, None).verdict.matches(),
            "{}",
            context()
        );
    }
    println!("seed {seed}: {matched} match, {refused} refused");
    assert!(
        matched * 50 > count && refused * 4 > count,
        "both kinds occur"
    );
}

/// Bytes of pasted texts are changed at random: there is a request or an error, never a panic.
#[test]
fn no_pasted_text_breaks_the_reader() {
    let mut dice = Dice(setting("CHATMETRIC_SEED", 7));
    let texts: Vec<Vec<u8>> = vectors()
        .iter()
        .flat_map(|vector| {
            [
                http_text(&vector.wire, "\r\n"),
                curl_text(&vector.wire).into_bytes(),
            ]
        })
        .collect();
    let (mut read, mut refused) = (0, 0);
    for _ in 0..4_000 {
        let mut text = dice.pick(&texts).clone();
        for _ in 0..=dice.below(4) {
            let at = dice.below(text.len());
            match dice.below(3) {
                0 => text[at] = *dice.pick(b"'\"\\$`\n\r:;&|@-= %\xff\x00"),
                1 => drop(text.remove(at)),
                _ => text.truncate(at.max(6)),
            }
        }
        match Captured::parse(&text) {
            Ok(captured) => {
                read += 1;
                let explanation = captured.with_raw(|raw| {
                    explain(&Subject {
                        raw,
                        secret: None,
                        client_text: None,
                        verifier: &Verifier::default(),
                        now_ms: NOW_MS,
                    })
                });
                assert!(!explanation.verdict.matches());
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(
        read > 400 && refused > 400,
        "{read} read, {refused} refused"
    );
}

#[test]
fn without_a_secret_everything_but_the_signature_is_explained() {
    let vector = named("v3-py-new-basic");
    let explanation = explained(&vector.wire, None, None);
    assert_eq!(explanation.verdict, Verdict::NotChecked);
    assert_eq!(codes(&explanation), ["no-secret"]);
    let signed = explanation.signed.unwrap();
    assert_eq!(signed.computed, None);
    assert_eq!(
        signed.string_to_sign[1].text,
        vector.expected["string_to_sign"]
            .as_str()
            .unwrap()
            .split('\n')
            .nth(1)
            .unwrap()
    );
    // A changed body shows without a secret, too.
    let mut wire = named("v3-py-new-json-body").wire;
    wire.body.push(b'\n');
    assert_eq!(
        codes(&explained(&wire, None, None)),
        ["body-changed", "no-secret"]
    );
}

#[test]
fn the_clients_own_text_is_laid_beside_ours() {
    let vector = named("v3-py-new-basic");
    let canonical = vector.expected["canonical_request"].as_str().unwrap();
    let same = explained(&vector.wire, Some(SECRET), Some(canonical));
    assert_eq!((codes(&same).len(), same.comparison.len()), (0, 1));
    assert_eq!(same.comparison[0].difference, None);

    // Another secret: the texts are equal, the signatures are not.
    let other = explained(&vector.wire, Some("another secret"), Some(canonical));
    assert_eq!(codes(&other), ["other-secret"]);

    // Another text: its first difference has line and column, with and without a secret.
    let theirs = canonical.replace("x-acs-version:2020-06-06", "x-acs-version:2020-06-07");
    for secret in [Some("another secret"), None] {
        let differs = explained(&vector.wire, secret, Some(&theirs));
        assert_eq!(codes(&differs)[0], "text-differs");
        let difference = differs.comparison[0].difference.as_ref().unwrap();
        assert_eq!((difference.line, difference.column), (12, 24));
        assert_eq!(difference.part, "header x-acs-version");
        assert_eq!(
            difference.ours.text.chars().nth(difference.ours.at),
            Some('6')
        );
        assert_eq!(
            difference.theirs.text.chars().nth(difference.theirs.at),
            Some('7')
        );
    }

    // A known mistake is named from the text alone, without a secret.
    let theirs = canonical.replacen("POST", "GET", 1);
    let named = explained(&vector.wire, None, Some(&theirs));
    assert_eq!(codes(&named), ["method", "no-secret"]);

    // What the server answered serves as well.
    let string_to_sign = vector.expected["string_to_sign"].as_str().unwrap();
    let message = format!(
        "Specified signature does not match our calculation. server StringToSign is \
         [{string_to_sign}] server CanonicalRequest is [{canonical}]"
    );
    let both = explained(&vector.wire, Some(SECRET), Some(&message));
    assert_eq!(both.comparison.len(), 2);
    assert!(both.comparison.iter().all(|one| one.difference.is_none()));
}

#[test]
fn what_the_verifier_accepts_besides_is_a_note() {
    // The Java SDK's RPC 1.0 signer leaves empty values out.
    let mut wire = named("v1-popcore-get").wire;
    wire.target += "&CustSpaceId=";
    let explanation = explained(&wire, Some(SECRET), None);
    assert!(explanation.verdict.matches());
    assert_eq!(codes(&explanation), ["empty-left-out"]);
    assert_eq!(explanation.findings[0].weight, Weight::Note);

    // A proxy rewrote the host, and the client's is one of `public_hosts`.
    let mut wire = named("v3-py-new-basic").wire;
    wire.set_header("host", "inside:1");
    let secret = SecretKey::new(SECRET);
    let settings = VerifierSettings {
        public_hosts: vec!["127.0.0.1:18473".to_owned()],
        ..VerifierSettings::default()
    };
    let verifier = Verifier::new(settings);
    let explanation = wire.with_raw(|raw| {
        let secret = Some(&secret);
        explain(&Subject {
            raw,
            secret,
            client_text: None,
            verifier: &verifier,
            now_ms: NOW_MS,
        })
    });
    assert!(explanation.verdict.matches());
    assert_eq!(codes(&explanation), ["public-host"]);
}

#[test]
fn time_and_duplicates_are_warnings_of_what_the_server_says_next() {
    let wire = named("v3-py-new-basic").wire;
    let secret = SecretKey::new(SECRET);
    let at = |now_ms| {
        wire.with_raw(|raw| {
            let verifier = Verifier::default();
            let secret = Some(&secret);
            explain(&Subject {
                raw,
                secret,
                client_text: None,
                verifier: &verifier,
                now_ms,
            })
        })
    };
    assert_eq!(codes(&at(NOW_MS + 900_000)), [""; 0]);
    let late = at(NOW_MS + 900_001);
    assert!(late.verdict.matches(), "the signature itself is good");
    assert_eq!(codes(&late), ["time-stamp-expired"]);
    assert_eq!(late.findings[0].weight, Weight::Warning);
}

#[test]
fn security_tokens_are_told_as_present_and_signed_or_not() {
    let token = |wire: &Wire| explained(wire, Some(SECRET), None).request.security_token;
    assert_eq!(token(&named("v3-py-new-basic").wire), Token::Absent);
    assert_eq!(token(&named("v3-py-new-sts").wire), Token::Signed);
    assert_eq!(token(&named("v1-py-new-sts-special").wire), Token::Signed);
    let mut wire = named("v3-py-new-basic").wire;
    wire.set_header("x-acs-security-token", TOKEN);
    assert_eq!(token(&wire), Token::Unsigned);
}
