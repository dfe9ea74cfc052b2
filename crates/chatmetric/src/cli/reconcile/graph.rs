//! The client of Meta's Graph API: the numbers of a WhatsApp Business Account and their
//! analytics, page by page.
//!
//! Invariants: the token is in a header and nowhere else, and goes to the host that was
//! named and to no other, whatever an answer says about its next page.

use super::super::operate::secret_of;
use super::super::{CliError, error_chain};
use super::cams::ended_early;
use crate::client::{Endpoint, agent};
use crate::reconcile::{
    ANSWER_BYTES_MAX, MetaAnswer, NUMBERS_MAX, POINTS_MAX, Reason, numbers_of_page, read_meta,
};
use chatmetric_core::{EpochMs, Granularity, TimeRange};
use chatmetric_rpc::percent_encode;
use std::path::Path;
use zeroize::Zeroizing;

/// The Graph API, with the version whose answers are known.
pub(super) const URL_DEFAULT: &str = "https://graph.facebook.com/v24.0";
/// The variable with the token.
const TOKEN_VARIABLE: &str = "CHATMETRIC_META_TOKEN";
/// Most pages of one answer.
const PAGES_MAX: usize = 100;
/// Longest id of an account.
const ID_CHARS_MAX: usize = 64;

/// See the module.
pub(super) struct Graph {
    endpoint: Endpoint,
    base: String,
    waba: String,
    token: Zeroizing<String>,
    agent: ureq::Agent,
}

/// What was asked, or why it cannot be compared; the outer error ends the command.
type Told<T> = Result<Result<T, Reason>, CliError>;

impl Graph {
    pub(super) fn open(url: &str, waba: &str, token_file: Option<&Path>) -> Result<Self, CliError> {
        let (endpoint, base) = parse(url)?;
        if endpoint.is_plain_and_far() {
            return Err(CliError::usage(
                "`--graph-url` is plain HTTP on another machine: a token would be readable on the \
                 way",
            )
            .hint("use https://"));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if waba.is_empty() || waba.len() > ID_CHARS_MAX || !waba.chars().all(plain) {
            return Err(CliError::usage(
                "`--waba` is the id of a WhatsApp Business Account: digits",
            ));
        }
        let token = match token_file {
            Some(file) => secret_of(file, "--token-file")?,
            None => std::env::var(TOKEN_VARIABLE)
                .ok()
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty())
                .ok_or_else(|| {
                    CliError::usage("no access token of Meta was given").hint(format!(
                        "name a file with it with `--token-file`, or set `{TOKEN_VARIABLE}`"
                    ))
                })?,
        };
        Ok(Self {
            agent: agent(&endpoint, None),
            endpoint,
            base,
            waba: waba.to_owned(),
            token: Zeroizing::new(token),
        })
    }

    /// The numbers that the account has now.
    pub(super) fn numbers(&self) -> Told<Vec<String>> {
        let first = format!(
            "{}/{}/phone_numbers?fields=display_phone_number&limit=100",
            self.base, self.waba
        );
        let mut numbers = Vec::new();
        self.pages(first, |body| {
            let (page, next) = numbers_of_page(body)?;
            numbers.extend(page);
            if numbers.len() > NUMBERS_MAX {
                return Err(Reason::TooLarge {
                    what: "phone numbers",
                    most: NUMBERS_MAX,
                });
            }
            Ok(next)
        })
        .map(|told| told.map(|()| numbers))
    }

    /// The analytics of one number.
    pub(super) fn analytics(
        &self,
        number: &str,
        granularity: Granularity,
        range: TimeRange,
        now: EpochMs,
    ) -> Told<MetaAnswer> {
        let word = match granularity {
            Granularity::HalfHour => "HALF_HOUR",
            Granularity::Daily => "DAY",
        };
        // An end in the future is refused by Meta.
        let end = range.end().min(now);
        let end_s = end
            .0
            .div_euclid(1_000)
            .max(range.start().0.div_euclid(1_000) + 1);
        let field = format!(
            "analytics.start({}).end({end_s}).granularity({word}).phone_numbers([\"{number}\"])",
            range.start().0.div_euclid(1_000),
        );
        let first = format!(
            "{}/{}?fields={}",
            self.base,
            self.waba,
            percent_encode(&field)
        );
        let mut whole = MetaAnswer::default();
        self.pages(first, |body| {
            let mut page = read_meta(body)?;
            let next = page.next.take();
            let mut points = std::mem::take(&mut whole.points);
            points.append(&mut page.points);
            if points.len() > POINTS_MAX {
                return Err(Reason::TooLarge {
                    what: "data points",
                    most: POINTS_MAX,
                });
            }
            page.points = points;
            whole = page;
            Ok(next)
        })
        .map(|told| told.map(|()| whole))
    }

    /// Reads page after page, from a path on.
    fn pages(
        &self,
        first: String,
        mut read: impl FnMut(&[u8]) -> Result<Option<String>, Reason>,
    ) -> Told<()> {
        let mut target = first;
        for _ in 0..PAGES_MAX {
            let body = match self.get(&target)? {
                Ok(body) => body,
                Err(reason) => return Ok(Err(reason)),
            };
            let next = match read(&body) {
                Ok(Some(next)) => next,
                Ok(None) => return Ok(Ok(())),
                Err(reason) => return Ok(Err(reason)),
            };
            match self.target_of(&next) {
                Some(next) => target = next,
                None => {
                    let what = "its next page is on another host".to_owned();
                    return Ok(Err(Reason::Malformed { what }));
                }
            }
        }
        Ok(Err(Reason::TooLarge {
            what: "pages",
            most: PAGES_MAX,
        }))
    }

    /// Path and query of a next page on the same host, without the token that Meta puts
    /// into it.
    fn target_of(&self, next: &str) -> Option<String> {
        let uri: http::Uri = next.parse().ok()?;
        let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
        if Endpoint::parse(&origin).ok()? != self.endpoint {
            return None;
        }
        let query = uri.query().unwrap_or_default().split('&');
        let query: Vec<&str> = query
            .filter(|pair| !pair.starts_with("access_token="))
            .collect();
        Some(format!("{}?{}", uri.path(), query.join("&")))
    }

    fn get(&self, target: &str) -> Told<Vec<u8>> {
        let unreachable = |error: &ureq::Error| {
            let cause = error_chain(error);
            CliError::failed(format!("could not reach `{}`: {cause}", self.endpoint))
                .hint("check `--graph-url`")
        };
        let request = self.agent.get(format!("{}{target}", self.endpoint));
        let bearer = Zeroizing::new(format!("Bearer {}", self.token.as_str()));
        let sent = request
            .header("authorization", bearer.as_str())
            .header("accept", "application/json")
            .call();
        let mut response = sent.map_err(|error| unreachable(&error))?;
        let status = response.status().as_u16();
        let most = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
        let body = response.body_mut().with_config().limit(most).read_to_vec();
        match body {
            // Errors of Meta have a body of their own, which says more than the status.
            Ok(body) if status == 200 || body.trim_ascii().starts_with(b"{") => Ok(Ok(body)),
            Ok(_) => Ok(Err(Reason::Refused {
                what: format!("HTTP {status}"),
            })),
            Err(ureq::Error::BodyExceedsLimit(_)) => Ok(Err(Reason::TooLarge {
                what: "bytes",
                most: ANSWER_BYTES_MAX,
            })),
            Err(error) if ended_early(&error) => Ok(Err(Reason::Cut {
                what: "the connection ended before its end".to_owned(),
            })),
            Err(error) => Err(unreachable(&error)),
        }
    }
}

/// `https://host/v24.0` as host and path.
fn parse(url: &str) -> Result<(Endpoint, String), CliError> {
    let fail = || {
        CliError::usage(format!(
            "`--graph-url`: `{}` is not a base like `{URL_DEFAULT}`",
            super::super::output::plain(url)
        ))
    };
    let uri: http::Uri = url.parse().map_err(|_| fail())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(fail());
    };
    if uri.query().is_some() {
        return Err(fail());
    }
    let endpoint = Endpoint::parse(&format!("{scheme}://{authority}")).map_err(|_| fail())?;
    Ok((endpoint, uri.path().trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(url: &str) -> Graph {
        let (endpoint, base) = parse(url).expect("a base");
        Graph {
            agent: agent(&endpoint, None),
            endpoint,
            base,
            waba: "1".to_owned(),
            token: Zeroizing::new("token".to_owned()),
        }
    }

    #[test]
    fn a_next_page_is_on_the_same_host_and_has_no_token() {
        let graph = graph("https://graph.example/v24.0");
        assert_eq!(
            graph.target_of("https://graph.example/v24.0/1?access_token=X&after=Y"),
            Some("/v24.0/1?after=Y".to_owned())
        );
        for next in [
            "https://evil.example/v24.0/1?after=Y",
            "http://graph.example/v24.0/1?after=Y",
            "https://graph.example:444/v24.0/1",
            "https://graph.example@evil.example/",
            "/v24.0/1",
            "",
        ] {
            assert_eq!(graph.target_of(next), None, "{next}");
        }
    }

    #[test]
    fn a_base_has_a_scheme_and_no_query() {
        assert_eq!(
            parse("https://graph.example/v24.0/").expect("a base").1,
            "/v24.0"
        );
        assert_eq!(parse("http://127.0.0.1:1").expect("a base").1, "");
        for url in [
            "",
            "graph.example",
            "https://graph.example/?a=b",
            "ftp://x/",
        ] {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}
