//! What an answer must be: its status and code, its shape, its rows.
//!
//! Each check says what it expected and what it got; one that has nothing to look at says so.

use super::probe::Seen;
use serde_json::Value;

/// How much of an answer a report repeats, in characters.
const GOT_CHARS_MAX: usize = 200;
/// The length of a half hour, in ms.
const HALF_HOUR_MS: i64 = 1_800_000;
/// The shortest and the longest day that time zones make, in ms.
const DAY_MS_RANGE: std::ops::RangeInclusive<i64> = 22 * 3_600_000..=26 * 3_600_000;

/// Why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is otherwise.
    Differs { expected: String, got: String },
    /// There is nothing to check.
    CannotTell(&'static str),
}

type Checked = Result<(), Fault>;

pub(super) fn differs(expected: impl Into<String>, got: impl Into<String>) -> Fault {
    Fault::Differs {
        expected: expected.into(),
        got: got.into(),
    }
}

/// Text of an answer, short and harmless.
pub(super) fn short(text: &str) -> String {
    let mut out: String = text.chars().take(GOT_CHARS_MAX).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

/// What came, in one line.
pub(super) fn got(seen: &Seen) -> String {
    match (seen.text("Code"), seen.text("Message")) {
        (Some(code), _) if code == "OK" => format!("HTTP {} OK", seen.status),
        (Some(code), message) => {
            let message = message.unwrap_or_default();
            format!("HTTP {} {code}: {}", seen.status, short(&message))
        }
        (None, _) => format!("HTTP {} with the body `{}`", seen.status, short(&seen.body)),
    }
}

/// Status, code, and the shape that every answer has.
pub(super) fn answer(seen: &Seen, status: u16, code: &str) -> Checked {
    let found = seen.text("Code");
    if seen.status != status || found.as_deref() != Some(code) {
        return Err(differs(format!("HTTP {status} {code}"), got(seen)));
    }
    envelope(seen)?;
    if status == 200 {
        Ok(())
    } else {
        error_shape(seen)
    }
}

/// Body and headers of every answer.
fn envelope(seen: &Seen) -> Checked {
    let kind = seen.header("content-type").unwrap_or_default();
    let fits = kind.starts_with("application/json") || kind == "text/xml;charset=utf-8";
    if !fits {
        let expected = "Content-Type application/json;charset=utf-8 or text/xml;charset=utf-8";
        return Err(differs(expected, format!("`{}`", short(kind))));
    }
    let id = seen.text("RequestId").unwrap_or_default();
    if !is_request_id(&id) {
        let got = format!("`{}`", short(&id));
        return Err(differs("RequestId as an upper-case UUID", got));
    }
    let header = seen.header("x-acs-request-id").unwrap_or_default();
    if header != id {
        let expected = format!("the header x-acs-request-id equal to RequestId `{id}`");
        return Err(differs(expected, format!("`{}`", short(header))));
    }
    let trace = seen.header("x-acs-trace-id").unwrap_or_default();
    if trace.len() != 32 || !trace.bytes().all(|b| b.is_ascii_hexdigit()) {
        let expected = "the header x-acs-trace-id with 32 hexadecimal digits";
        return Err(differs(expected, format!("`{}`", short(trace))));
    }
    if seen.text("Message").is_none() {
        return Err(differs("Message as a string", "none"));
    }
    Ok(())
}

fn is_request_id(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
        && text
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F' | b'-'))
}

/// SDKs break on an error whose HostId is no string or whose AccessDeniedDetail is no object.
fn error_shape(seen: &Seen) -> Checked {
    if seen.text("HostId").is_none() {
        return Err(differs("HostId as a string", "none"));
    }
    let json = seen.json().unwrap_or_default();
    match json.get("AccessDeniedDetail") {
        None | Some(Value::Object(_)) => Ok(()),
        Some(other) => {
            let got = short(&other.to_string());
            Err(differs("AccessDeniedDetail as an object, or none", got))
        }
    }
}

pub(super) fn is_json(seen: &Seen) -> Checked {
    match seen.json() {
        Some(Value::Object(_)) => Ok(()),
        _ => Err(differs("a JSON object", format!("`{}`", short(&seen.body)))),
    }
}

/// Success in XML has the operation's name.
pub(super) fn is_xml(seen: &Seen) -> Checked {
    let root = "<GetChatappPhoneNumberMetricResponse>";
    if seen.is_xml() && seen.body.contains(root) {
        Ok(())
    } else {
        Err(differs(
            format!("XML with the root {root}"),
            format!("`{}`", short(&seen.body)),
        ))
    }
}

/// Errors in XML have their own root.
pub(super) fn is_xml_error(seen: &Seen) -> Checked {
    if seen.is_xml() && seen.body.contains("<Error>") {
        Ok(())
    } else {
        Err(differs(
            "XML with the root <Error>",
            format!("`{}`", short(&seen.body)),
        ))
    }
}

pub(super) fn data_is_a_list(seen: &Seen) -> Checked {
    match seen.json().as_ref().and_then(|json| json.get("Data")) {
        Some(Value::Array(_)) => Ok(()),
        other => {
            let got = other.map_or_else(|| "none".to_owned(), |other| short(&other.to_string()));
            Err(differs("Data as a list", got))
        }
    }
}

pub(super) fn data_is_empty(seen: &Seen) -> Checked {
    data_is_a_list(seen)?;
    match rows(seen).len() {
        0 => Ok(()),
        count => Err(differs("no rows", format!("{count} rows"))),
    }
}

/// One SDK throws on an object here.
pub(super) fn detail_is_text(seen: &Seen) -> Checked {
    match seen
        .json()
        .as_ref()
        .and_then(|json| json.get("AccessDeniedDetail"))
    {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(other) => {
            let got = short(&other.to_string());
            Err(differs("AccessDeniedDetail as a string", got))
        }
    }
}

fn rows(seen: &Seen) -> Vec<Value> {
    let json = seen.json().unwrap_or_default();
    let list = json.get("Data").and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

/// Looks at every row; with none there is nothing to tell.
fn every_row(seen: &Seen, check: impl Fn(&Value) -> Checked) -> Checked {
    let rows = rows(seen);
    if rows.is_empty() {
        return Err(Fault::CannotTell(
            "there are no rows in the last 30 days: let some messages be counted first",
        ));
    }
    rows.iter().try_for_each(check)
}

fn number(row: &Value, name: &str) -> i64 {
    row.get(name).and_then(Value::as_i64).unwrap_or_default()
}

fn bad(expected: &str, row: &Value) -> Fault {
    differs(expected, short(&row.to_string()))
}

pub(super) fn rows_are_typed(seen: &Seen) -> Checked {
    every_row(seen, |row| {
        let integer = |name: &str| row.get(name).is_some_and(Value::is_i64);
        let text = |name: &str| row.get(name).is_some_and(Value::is_string);
        let typed = ["SentCount", "DeliveredCount", "Start", "End"]
            .into_iter()
            .all(integer)
            && ["PhoneNumber", "Granularity"].into_iter().all(text);
        let expected = "SentCount, DeliveredCount, Start, End as integers, PhoneNumber, \
                        Granularity as strings";
        if typed {
            Ok(())
        } else {
            Err(bad(expected, row))
        }
    })
}

pub(super) fn rows_start_before_they_end(seen: &Seen) -> Checked {
    every_row(seen, |row| {
        let fits = number(row, "Start") < number(row, "End");
        if fits {
            Ok(())
        } else {
            Err(bad("Start before End", row))
        }
    })
}

pub(super) fn rows_count_something(seen: &Seen) -> Checked {
    every_row(seen, |row| {
        let (sent, delivered) = (number(row, "SentCount"), number(row, "DeliveredCount"));
        let fits = sent >= 0 && delivered >= 0 && sent + delivered > 0;
        if fits {
            Ok(())
        } else {
            Err(bad("a count above zero, and none below", row))
        }
    })
}

pub(super) fn rows_are_daily(seen: &Seen) -> Checked {
    rows_are_of(seen, "DAILY")
}

pub(super) fn rows_are_half_hours(seen: &Seen) -> Checked {
    rows_are_of(seen, "HALF_HOUR")
}

fn rows_are_of(seen: &Seen, granularity: &str) -> Checked {
    every_row(seen, |row| {
        let fits = row.get("Granularity").and_then(Value::as_str) == Some(granularity);
        let expected = format!("Granularity {granularity}");
        if fits {
            Ok(())
        } else {
            Err(bad(&expected, row))
        }
    })
}

pub(super) fn half_hours_are_aligned(seen: &Seen) -> Checked {
    every_row(seen, |row| {
        let (start, end) = (number(row, "Start"), number(row, "End"));
        let fits = start % HALF_HOUR_MS == 0 && end - start == HALF_HOUR_MS;
        if fits {
            Ok(())
        } else {
            Err(bad("a half hour of UTC", row))
        }
    })
}

/// Whatever the zone is: days have the length of days, and one begins where another ended or later.
pub(super) fn days_are_days(seen: &Seen) -> Checked {
    every_row(seen, |row| {
        let length = number(row, "End") - number(row, "Start");
        if DAY_MS_RANGE.contains(&length) {
            Ok(())
        } else {
            Err(bad("a day of 22 to 26 hours", row))
        }
    })?;
    let mut bounds: Vec<(i64, i64)> = rows(seen)
        .iter()
        .map(|row| (number(row, "Start"), number(row, "End")))
        .collect();
    bounds.sort_unstable();
    bounds.dedup();
    for pair in bounds.windows(2) {
        if let [(_, end), (start, _)] = pair
            && start < end
        {
            let got = format!("one from {start} and one until {end}");
            return Err(differs("days that do not overlap", got));
        }
    }
    Ok(())
}

pub(super) fn rows_are_sorted(seen: &Seen) -> Checked {
    every_row(seen, |_| Ok(()))?;
    let rows = rows(seen);
    let key = |row: &Value| {
        let phone = row
            .get("PhoneNumber")
            .and_then(Value::as_str)
            .unwrap_or_default();
        (number(row, "Start"), phone.to_owned())
    };
    for pair in rows.windows(2) {
        if let [a, b] = pair
            && key(a) >= key(b)
        {
            let got = short(&format!("{a} before {b}"));
            return Err(differs(
                "rows sorted by Start, then PhoneNumber, each once",
                got,
            ));
        }
    }
    Ok(())
}

/// Two SDKs compare what follows the colon with their own text.
pub(super) fn message_ends_with_string_to_sign(seen: &Seen) -> Checked {
    let message = seen.text("Message").unwrap_or_default();
    let string = message
        .split_once("server string to sign is:")
        .map(|(_, string)| string);
    if string == Some(seen.signed.string_to_sign.as_str()) {
        Ok(())
    } else {
        let expected = "a message that ends with `server string to sign is:` and the very text \
                        that was signed";
        Err(differs(
            expected,
            "another text (not shown: it may hold a token)",
        ))
    }
}

pub(super) fn message_has_canonical_request(seen: &Seen) -> Checked {
    let message = seen.text("Message").unwrap_or_default();
    let canonical = seen.signed.canonical_request.as_deref().unwrap_or_default();
    let expected = format!(
        "server StringToSign is [{}] server CanonicalRequest is [{canonical}]",
        seen.signed.string_to_sign
    );
    if message.contains(&expected) {
        Ok(())
    } else {
        let expected = "a message with the StringToSign and the CanonicalRequest that were signed";
        Err(differs(
            expected,
            "another text (not shown: it may hold a token)",
        ))
    }
}
