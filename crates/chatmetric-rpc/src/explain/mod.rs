//! Explains a signature: what was signed, line by line, and why it does not match.
//!
//! It is for people who write or debug a client: `chatmetric sign explain` and the console. It
//! reads no file and no clock, it accepts nothing, and it is no second verifier: [`explain`] asks
//! [`Verifier`] for the verdict and puts texts together with the verifier's own code. A cause is
//! named only if making that mistake gives exactly what the client sent.
//!
//! Invariants: the verdict is [`Verdict::Matches`] exactly if the verifier accepts the request at
//! the time that it names; no text holds the secret or a token.

mod client_text;
mod curl;
mod draft_v1;
mod draft_v3;
mod http_text;
mod input;
mod judge;
mod query;
mod redact;
mod refusal;
mod report;
mod secret_suspects;
mod shell;
mod show;
mod suspect;
mod suspects_v3;
mod suspects_v3_headers;

pub use client_text::ClientText;
pub use input::{Captured, INPUT_BYTES_MAX, InputError};
pub use report::{
    Comparison, Difference, Excerpt, Explanation, Finding, Header, Line, Parameter, RequestFacts,
    Signed, Token, Verdict, Weight,
};
pub use shell::ShellError;

use self::draft_v1::DraftV1;
use self::draft_v3::DraftV3;
use self::redact::Redactor;
use self::show::Shower;
use self::suspect::{Culprit, Draft, Evidence, search};
use crate::credential::SecretKey;
use crate::error::ApiError;
use crate::request::{BODY_BYTES_MAX_DEFAULT, Credentials, ParsedRequest, RawRequest, text};
use crate::signature::Verifier;

/// What is to be explained, and against what.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The request.
    pub raw: RawRequest<'a>,
    /// The secret of its AccessKey.
    pub secret: Option<&'a SecretKey>,
    /// What the client says that it signed.
    pub client_text: Option<&'a ClientText>,
    /// Who judges.
    pub verifier: &'a Verifier,
    /// The time, in ms, to say whether the time stamp is still good.
    pub now_ms: i64,
}

/// Explains a request.
#[must_use]
pub fn explain(subject: &Subject<'_>) -> Explanation {
    // The verifier consumes what it verifies, so the request is parsed once for it and once here.
    let parsed = ParsedRequest::parse(subject.raw, BODY_BYTES_MAX_DEFAULT).ok();
    let stamp = parsed.as_ref().and_then(time_stamp).map(str::to_owned);
    let (verdict, error) = judge::judge(
        subject.raw,
        BODY_BYTES_MAX_DEFAULT,
        subject.verifier,
        subject.secret,
        stamp.as_deref(),
    );
    let tokens = parsed.as_ref().map(tokens).unwrap_or_default();
    let redactor = Redactor::new(subject.secret, &tokens);
    let shower = Shower {
        redactor: &redactor,
    };
    let mut work = Work {
        subject,
        shower,
        verdict,
        findings: Vec::new(),
        signed: None,
        comparison: Vec::new(),
    };
    if let Some(error) = error.as_ref().filter(|error| !judge::is_mismatch(error)) {
        let known = parsed.as_ref().map(|parsed| &parsed.known);
        let finding = refusal::explain(error, known, stamp.as_deref());
        work.findings.push(finding);
    }
    match parsed.as_ref().map(|parsed| (parsed, &parsed.credentials)) {
        Some((request, Credentials::V3(authorization))) => {
            let draft = DraftV3::new(request, authorization, subject.secret);
            let settings = subject.verifier.settings();
            let suspects = suspects_v3::suspects(request, &draft, settings);
            work.signed = Some(shower.signed_v3(&draft, authorization));
            work.follow(&draft, &suspects, authorization.signature);
            work.look_at_the_body(request, &draft);
        }
        Some((request, Credentials::V1)) => {
            let draft = DraftV1::new(request, subject.secret);
            let suspects = draft_v1::suspects(request, &draft);
            let sent = request.params.get("Signature").unwrap_or_default();
            work.signed = Some(shower.signed_v1(&draft, sent));
            work.follow(&draft, &suspects, sent);
        }
        Some((_, Credentials::Bearer | Credentials::Anonymous | Credentials::Faulty(..)))
        | None => {}
    }
    if let Some(request) = &parsed {
        work.look_around(request, stamp.as_deref());
    }
    work.finish(parsed.as_ref(), stamp)
}

/// The time stamp, from wherever the dialect keeps it.
fn time_stamp<'r>(request: &'r ParsedRequest<'_>) -> Option<&'r str> {
    match &request.credentials {
        Credentials::V3(_) => request.known.date.and_then(text),
        Credentials::V1 => request.params.optional("Timestamp"),
        Credentials::Bearer | Credentials::Anonymous | Credentials::Faulty(..) => {
            let header = request.known.date.and_then(text);
            header.or_else(|| request.params.optional("Timestamp"))
        }
    }
}

fn tokens<'r>(request: &'r ParsedRequest<'_>) -> Vec<&'r str> {
    let headers = request.raw.headers.iter().filter_map(|(name, value)| {
        let value = text(value.trim_ascii())?;
        Redactor::hides_header(name, value).then_some(value)
    });
    let params = request
        .params
        .iter()
        .filter(|param| Redactor::hides_parameter(param.name()));
    headers.chain(params.map(|param| param.value())).collect()
}

struct Work<'a> {
    subject: &'a Subject<'a>,
    shower: Shower<'a>,
    verdict: Verdict,
    findings: Vec<Finding>,
    signed: Option<Signed>,
    comparison: Vec<Comparison>,
}

impl Work<'_> {
    /// Compares with what the client has, and looks for the mistake behind a difference.
    fn follow<D: Draft>(&mut self, draft: &D, suspects: &[suspect::Suspect<D>], sent: &str) {
        let client_text = self.subject.client_text;
        if let Some(client) = client_text {
            self.comparison = self.shower.compare(draft, client);
        }
        let computed = draft.signature();
        let equal = computed.as_deref() == Some(sent);
        let texts_differ = self.comparison.iter().any(|one| one.difference.is_some());
        if equal && !texts_differ {
            return;
        }
        // A text that is equal to ours says nothing about what is wrong.
        let evidence = Evidence {
            signature: sent,
            client_text: client_text.filter(|_| texts_differ),
        };
        if let Some(culprit) = search(draft, suspects, &evidence) {
            self.accuse(draft, &culprit);
        } else if texts_differ {
            self.push(
                Weight::Cause,
                "text-differs",
                "The client signs another text than the server; see the first difference.",
                "Make the client's text equal to the server's.",
            );
        } else if !self.comparison.is_empty() && !equal && computed.is_some() {
            self.push(
                Weight::Cause,
                "other-secret",
                "The client signs the same text as the server, but its signature differs: it \
                 uses another secret.",
                "Check that the secret belongs to this AccessKey id, and how the key is made of \
                 it.",
            );
        } else if self.verdict == Verdict::DoesNotMatch {
            self.push(
                Weight::Cause,
                "no-known-mistake",
                "No known mistake gives the signature that was sent: most often the secret is \
                 not that of this AccessKey id, or the request was changed on its way.",
                "Give the client's own string to sign or canonical request too, to see where it \
                 differs.",
            );
        }
    }

    /// Names the mistake. Where the verifier accepts it, it is no cause.
    fn accuse<D: Draft>(&mut self, draft: &D, culprit: &Culprit<'_, D>) {
        let weight = if self.verdict.matches() {
            Weight::Note
        } else {
            Weight::Cause
        };
        let mut difference = self.shower.difference(draft, &culprit.draft);
        for suspect in &culprit.suspects {
            self.findings.push(Finding {
                weight,
                code: suspect.code.to_owned(),
                what: self.shower.redactor.shown(&suspect.what),
                fix: suspect.fix.clone().into_owned(),
                difference: difference.take(),
            });
        }
    }

    /// That the body is another than the one that was signed shows without a secret.
    fn look_at_the_body(&mut self, request: &ParsedRequest<'_>, draft: &DraftV3) {
        let sent = request
            .known
            .content_hash
            .and_then(text)
            .unwrap_or_default();
        let told = self
            .findings
            .iter()
            .any(|finding| finding.code == "body-changed");
        if sent == draft.body_hash || sent.is_empty() || told {
            return;
        }
        let how = suspects_v3::changed_body(request.raw.body, sent, draft.hash);
        let what =
            format!("The body is not the one that x-acs-content-sha256 is the hash of: {how}.");
        let fix = "Hash exactly the bytes that are sent, and change nothing afterwards.";
        self.push(Weight::Cause, "body-changed", &what, fix);
    }

    /// What does not touch the signature but the call.
    fn look_around(&mut self, request: &ParsedRequest<'_>, stamp: Option<&str>) {
        let checked =
            stamp.map(|stamp| self.subject.verifier.check_time(stamp, self.subject.now_ms));
        if let Some(Err(ApiError::TimestampExpired)) = checked {
            let skew_s = self.subject.verifier.settings().skew_ms / 1000;
            let what = format!(
                "The time stamp is more than {skew_s} seconds from the time of this machine; a \
                 server answers InvalidTimeStamp.Expired."
            );
            let fix = "Sign again at the time of the call. If this is a call of just now, one of \
                       the clocks is wrong.";
            self.push(Weight::Warning, "time-stamp-expired", &what, fix);
        }
        if let Err(error) = request.params.check_unique() {
            let message = error.message().into_owned();
            self.push(
                Weight::Warning,
                "parameter-twice",
                &message,
                "Send each parameter once.",
            );
        }
        if self.verdict == Verdict::NotChecked {
            self.push(
                Weight::Note,
                "no-secret",
                "There is no secret, so the signature was not computed.",
                "Set ALIBABA_CLOUD_ACCESS_KEY_SECRET to the secret of this AccessKey id.",
            );
        }
    }

    fn push(&mut self, weight: Weight, code: &str, what: &str, fix: &str) {
        self.findings.push(Finding {
            weight,
            code: code.to_owned(),
            what: self.shower.redactor.shown(what),
            fix: fix.to_owned(),
            difference: None,
        });
    }

    fn finish(self, parsed: Option<&ParsedRequest<'_>>, stamp: Option<String>) -> Explanation {
        let request = match parsed {
            Some(parsed) => self.shower.request(parsed, stamp),
            None => self.shower.unread_request(&self.subject.raw),
        };
        let mut verdict = self.verdict;
        if let Verdict::Refused { message, .. } = &mut verdict {
            *message = self.shower.redactor.shown(message);
        }
        let mut findings = self.findings;
        for finding in &mut findings {
            finding.what = self.shower.redactor.shown(&finding.what);
        }
        findings.sort_by_key(|finding| match finding.weight {
            Weight::Cause => 0,
            Weight::Warning => 1,
            Weight::Note => 2,
        });
        Explanation {
            verdict,
            findings,
            request,
            signed: self.signed,
            comparison: self.comparison,
        }
    }
}

#[cfg(test)]
mod tests;
