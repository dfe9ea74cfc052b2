//! Which browser may speak: calls come from our own pages and from nowhere else.
//!
//! Beside the cookie's SameSite: a header that no form can set and that other sites
//! may not send without asking first, which we never allow; and for everything that
//! changes something, the browser's own word for where the call comes from.

use super::ask::Ask;
use super::error::ConsoleError;
use crate::server::exchange::is_readable_on_the_way;
use http::{Method, header};

/// The header that every call has.
const OWN_HEADER: &str = "x-chatmetric";
/// What a browser opens by itself, without the header: downloads and the event stream.
const WITHOUT_HEADER: [&str; 3] = ["metrics.csv", "usage.csv", "live"];

/// Refuses what did not come from our pages.
pub(super) fn check(ask: &Ask<'_>, path: &str) -> Result<(), ConsoleError> {
    let is_get = ask.parts.method == Method::GET;
    // Who asks only whether he is signed in learns by it which page to draw.
    if !(is_get && path == "session") {
        check_encryption(ask)?;
    }
    if !is_get {
        check_origin(ask)?;
    }
    let own = ask.parts.headers.get(OWN_HEADER);
    let has_header = own.is_some_and(|value| value.as_bytes() == b"1");
    if has_header || (is_get && WITHOUT_HEADER.contains(&path)) {
        Ok(())
    } else {
        Err(ConsoleError::MissingHeader)
    }
}

/// Passwords and the cookie go over TLS, or do not leave the machine.
fn check_encryption(ask: &Ask<'_>) -> Result<(), ConsoleError> {
    if is_readable_on_the_way(ask.app, ask.caller, ask.parts) {
        return Err(ConsoleError::NotEncrypted);
    }
    Ok(())
}

fn check_origin(ask: &Ask<'_>) -> Result<(), ConsoleError> {
    let headers = &ask.parts.headers;
    if let Some(site) = headers.get("sec-fetch-site") {
        return match site.as_bytes() {
            b"same-origin" | b"none" => Ok(()),
            _ => Err(ConsoleError::ForeignOrigin),
        };
    }
    let origin = headers.get(header::ORIGIN).and_then(|o| o.to_str().ok());
    let scheme = if ask.caller.tls {
        "https://"
    } else {
        "http://"
    };
    let host = origin.and_then(|origin| origin.strip_prefix(scheme));
    let public = &ask.app.settings.server.public_hosts;
    match host {
        Some(host) if !host.is_empty() && host.eq_ignore_ascii_case(ask.host()) => Ok(()),
        Some(host) if public.iter().any(|own| own.eq_ignore_ascii_case(host)) => Ok(()),
        Some(_) | None => Err(ConsoleError::ForeignOrigin),
    }
}
