//! The mistakes that ACS3 clients make with headers: the host, names, values and their order.

use super::draft_v3::DraftV3;
use super::suspect::Suspect;
use crate::params::echo;
use crate::request::ParsedRequest;
use crate::signature::VerifierSettings;

/// Headers that are left out one by one.
const LEFT_OUT_MAX: usize = 64;

type V3Suspect = Suspect<DraftV3>;

/// The client may know the server by another name than the request that arrived.
pub(super) fn hosts(request: &ParsedRequest<'_>, settings: &VerifierSettings) -> Vec<V3Suspect> {
    let host = String::from_utf8_lossy(request.known.host.unwrap_or_default()).into_owned();
    let mut others: Vec<(&'static str, String)> = Vec::new();
    let bare = host
        .split_once("://")
        .map_or(host.as_str(), |(_, rest)| rest);
    let bare = bare.trim_end_matches('/');
    let name = match bare.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => bare,
    };
    if name != bare {
        others.push(("host-without-port", name.to_owned()));
    }
    for port in ["80", "443", "8080"] {
        others.push(("host-with-port", format!("{name}:{port}")));
    }
    for text in [
        bare.to_owned(),
        format!("http://{bare}"),
        format!("https://{bare}"),
    ] {
        others.push(("host-as-url", text));
    }
    others.push(("host-case", host.to_ascii_lowercase()));
    let forwarded = request.raw.headers.iter().filter(|(name, _)| {
        ["x-forwarded-host", "x-original-host"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    });
    others.extend(forwarded.map(|(_, value)| {
        (
            "host-rewritten",
            String::from_utf8_lossy(value.trim_ascii()).into_owned(),
        )
    }));
    others.extend(
        settings
            .public_hosts
            .iter()
            .map(|host| ("public-host", host.clone())),
    );
    others
        .into_iter()
        .filter(|(_, other)| *other != host)
        .map(|(code, other)| {
            let what = format!(
                "The client signs the host `{}`, but `{}` arrived.",
                echo(&other),
                echo(&host)
            );
            let fix = "Sign the Host header as it is sent, with its port; a proxy in between must \
                       not rewrite it (or name the client's host in `server.public_hosts`).";
            let suspect = Suspect::new(code, what, fix, move |draft: &mut DraftV3| {
                let lines = draft.headers.iter_mut().filter(|line| line.name == "host");
                lines.for_each(|line| line.value = other.as_bytes().to_vec());
            });
            if code == "host-without-port" {
                suspect.paired()
            } else {
                suspect
            }
        })
        .collect()
}

pub(super) fn header_suspects(draft: &DraftV3) -> Vec<V3Suspect> {
    const LIST: &str =
        "Sort the lower-case names, join them with `;`, and use that order for both.";
    let sorted_names = |draft: &DraftV3| {
        let mut names: Vec<String> = draft.headers.iter().map(|line| line.name.clone()).collect();
        names.sort();
        names.join(";")
    };
    let mut suspects: Vec<V3Suspect> = vec![
        Suspect::new(
            "header-untrimmed",
            "The client signs header values with the blanks around them.",
            "Trim header values before signing.",
            |draft: &mut DraftV3| {
                let lines = draft.headers.iter_mut();
                lines.for_each(|line| line.value.clone_from(&line.sent_value));
            },
        )
        .paired(),
        Suspect::new(
            "header-names-as-sent",
            "The client signs header names in the case in which they are sent.",
            "Write header names in lower case in the canonical request.",
            |draft: &mut DraftV3| {
                let lines = draft.headers.iter_mut();
                lines.for_each(|line| line.name.clone_from(&line.sent_name));
            },
        )
        .paired(),
        Suspect::new(
            "headers-in-another-order",
            "The client's canonical headers are sorted, its SignedHeaders are not.",
            LIST,
            |draft: &mut DraftV3| draft.headers.sort_by(|a, b| a.name.cmp(&b.name)),
        )
        .paired(),
        Suspect::new(
            "headers-in-wire-order",
            "The client's canonical headers stand in the order in which they are sent, not in \
             that of SignedHeaders.",
            LIST,
            |draft: &mut DraftV3| draft.headers.sort_by_key(|line| line.at),
        ),
        Suspect::new(
            "signed-headers-in-another-order",
            "The client signs a sorted list of names, but sends SignedHeaders in another order.",
            LIST,
            move |draft: &mut DraftV3| draft.signed_headers = sorted_names(draft),
        ),
        Suspect::new(
            "header-list-order",
            "The client signs sorted headers and a sorted list, but sends SignedHeaders in \
             another order.",
            LIST,
            move |draft: &mut DraftV3| {
                draft.signed_headers = sorted_names(draft);
                draft.headers.sort_by(|a, b| a.name.cmp(&b.name));
            },
        ),
    ];
    for (from, to) in [(';', ","), (',', ";")] {
        suspects.push(Suspect::new(
            "signed-headers-separator",
            format!(
                "The client signs the names of headers joined with `{to}`, but sends `{from}`."
            ),
            LIST,
            move |draft: &mut DraftV3| {
                draft.signed_headers = draft.signed_headers.replace(from, to)
            },
        ));
    }
    let names = draft
        .headers
        .iter()
        .take(LEFT_OUT_MAX)
        .map(|line| line.name.clone());
    suspects.extend(names.map(|name| {
        Suspect::new(
            "header-left-out",
            format!(
                "The client names `{}` in SignedHeaders, but its canonical headers lack it.",
                echo(&name)
            ),
            "Every name in SignedHeaders needs its line `name:value` in the canonical request.",
            move |draft: &mut DraftV3| draft.headers.retain(|line| line.name != name),
        )
    }));
    suspects
}
