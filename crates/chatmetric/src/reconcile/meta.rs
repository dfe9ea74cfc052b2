//! What the field `analytics` of a WhatsApp Business Account holds: times in seconds,
//! half-open buckets, empty ones left out, all numbers asked for in one series.
//!
//! Read as the field of an account (`{"analytics":{…}}`), as an edge (`{"data":[…]}`), and as
//! the field's value alone. Not here: how it is asked for.
//!
//! Invariant: what is read has at most [`POINTS_MAX`] points, and each begins before it ends.

use super::bounds::Step;
use super::{NUMBERS_MAX, Point, Reason};
use chatmetric_core::{EpochMs, Granularity, PhoneNumber, Window};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest answer, in bytes.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most points of one answer: a year has 17,568 half hours.
pub const POINTS_MAX: usize = 20_000;
/// Longest text of the provider in a message of ours.
const MESSAGE_CHARS_MAX: usize = 300;
/// Other fields of an account that hold points, which are counted otherwise.
const OTHER_FIELDS: [&str; 5] = [
    "conversation_analytics",
    "pricing_analytics",
    "template_analytics",
    "template_group_analytics",
    "call_analytics",
];

/// An answer, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetaAnswer {
    /// The numbers that it says it sums.
    pub numbers: Vec<String>,
    /// The countries that it says it is of.
    pub countries: Vec<String>,
    /// What it says its buckets are.
    step: Option<Step>,
    /// Its points.
    pub points: Vec<Point>,
    /// Where the next page is.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    analytics: Option<Field>,
    #[serde(flatten)]
    bare: Field,
    error: Option<GraphError>,
}

/// The field, or one of the entries of an edge.
#[derive(Deserialize, Default)]
struct Field {
    phone_numbers: Option<Vec<Value>>,
    country_codes: Option<Vec<Value>>,
    granularity: Option<String>,
    data_points: Option<Vec<DataPoint>>,
    data: Option<Vec<Value>>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct DataPoint {
    start: i64,
    end: i64,
    sent: u64,
    delivered: u64,
}

#[derive(Deserialize)]
struct Paging {
    next: Option<String>,
}

#[derive(Deserialize)]
struct GraphError {
    message: Option<String>,
    code: Option<i64>,
}

fn malformed(what: impl Into<String>) -> Reason {
    Reason::Malformed { what: what.into() }
}

/// What a body of JSON is, or why it cannot be read.
fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Reason> {
    if body.len() > ANSWER_BYTES_MAX {
        return Err(Reason::TooLarge {
            what: "bytes",
            most: ANSWER_BYTES_MAX,
        });
    }
    if body.trim_ascii().is_empty() {
        return Err(Reason::Empty {
            what: "it has no bytes",
        });
    }
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_eof() {
            let what = format!("it ends at line {line}, column {column}");
            Reason::Cut { what }
        } else {
            malformed(format!("at line {line}, column {column}"))
        }
    })
}

fn refused(error: &GraphError) -> Reason {
    let said = error.message.as_deref().unwrap_or("no message");
    let said = shortened(said);
    let what = match error.code {
        Some(code) => format!("{said} (code {code})"),
        None => said,
    };
    Reason::Refused { what }
}

/// What somebody else wrote, as it may stand in a message of ours.
fn shortened(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(MESSAGE_CHARS_MAX).collect()
}

/// Reads an answer.
///
/// # Errors
/// [`Reason`]
pub fn read(body: &[u8]) -> Result<MetaAnswer, Reason> {
    let whole: Value = parsed(body)?;
    let other = OTHER_FIELDS
        .iter()
        .find(|field| whole.get(**field).is_some());
    let fields = serde_json::from_value(whole);
    let Body {
        analytics,
        bare,
        error,
    } = fields.map_err(|error| malformed(shortened(&error.to_string())))?;
    if let Some(error) = error {
        return Err(refused(&error));
    }
    let mut answer = MetaAnswer::default();
    match (analytics, other) {
        (Some(field), _) => answer.take(field)?,
        (None, Some(other)) => {
            return Err(malformed(format!(
                "it is of `{other}` and not of `analytics`"
            )));
        }
        (None, None) if bare.data_points.is_some() || bare.data.is_some() => answer.take(bare)?,
        (None, None) => return Err(malformed("it has no `analytics` with `data_points`")),
    }
    answer.points.sort_by_key(|point| point.window.start);
    Ok(answer)
}

impl MetaAnswer {
    fn take(&mut self, field: Field) -> Result<(), Reason> {
        let numbers: BTreeSet<String> = field
            .phone_numbers
            .iter()
            .flatten()
            .map(number)
            .collect::<Result<_, _>>()?;
        if numbers.len() > NUMBERS_MAX {
            return Err(Reason::TooLarge {
                what: "phone numbers",
                most: NUMBERS_MAX,
            });
        }
        if !numbers.is_empty() {
            self.numbers = numbers.into_iter().collect();
        }
        let countries = field.country_codes.iter().flatten();
        self.countries
            .extend(countries.filter_map(Value::as_str).map(str::to_owned));
        if let Some(word) = field.granularity {
            self.step = Some(step(&word)?);
        }
        for point in field.data_points.unwrap_or_default() {
            self.points.push(read_point(&point)?);
            if self.points.len() > POINTS_MAX {
                return Err(Reason::TooLarge {
                    what: "data points",
                    most: POINTS_MAX,
                });
            }
        }
        if let Some(Paging { next: Some(next) }) = field.paging {
            self.next = Some(next);
        }
        for entry in field.data.unwrap_or_default() {
            let entry: Entry = serde_json::from_value(entry).map_err(|error| {
                let error = shortened(&error.to_string());
                malformed(format!("an entry of `data`: {error}"))
            })?;
            self.take(Field {
                phone_numbers: entry.phone_numbers,
                country_codes: entry.country_codes,
                granularity: entry.granularity,
                data_points: Some(entry.data_points),
                ..Field::default()
            })?;
        }
        Ok(())
    }
}

/// An entry of an edge, which holds no further ones.
#[derive(Deserialize)]
struct Entry {
    phone_numbers: Option<Vec<Value>>,
    country_codes: Option<Vec<Value>>,
    granularity: Option<String>,
    data_points: Vec<DataPoint>,
}

fn number(value: &Value) -> Result<String, Reason> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let number = PhoneNumber::parse(&text);
    let number = number.map_err(|error| malformed(format!("a phone number: {error}")))?;
    Ok(number.to_string())
}

fn step(word: &str) -> Result<Step, Reason> {
    match word.to_ascii_uppercase().as_str() {
        "HALF_HOUR" => Ok(Step::HalfHour),
        "DAY" | "DAILY" => Ok(Step::Day),
        "MONTH" | "MONTHLY" => Ok(Step::Month),
        _ => Err(malformed(
            "its granularity is none of HALF_HOUR, DAY and MONTH",
        )),
    }
}

fn read_point(point: &DataPoint) -> Result<Point, Reason> {
    let time = |seconds: i64| seconds.checked_mul(1_000).and_then(EpochMs::checked);
    let (Some(start), Some(end)) = (time(point.start), time(point.end)) else {
        return Err(malformed(format!(
            "a data point has the bounds {} and {}, which are not seconds since the epoch",
            point.start, point.end
        )));
    };
    if start >= end {
        let what = format!("a data point begins at {start} and ends at {end}");
        return Err(malformed(what));
    }
    Ok(Point {
        window: Window { start, end },
        sent: point.sent,
        delivered: point.delivered,
    })
}

/// What the buckets of an answer cover: as it says, or as they are long.
///
/// # Errors
/// [`Reason::OtherGranularity`] when it is not what was asked for, or nothing that we have;
/// [`Reason::Empty`] when nothing tells.
pub fn granularity_of(
    answer: &MetaAnswer,
    asked: Option<Granularity>,
) -> Result<Granularity, Reason> {
    let first = answer.points.first();
    let length = first.map(|point| point.window.end.0 - point.window.start.0);
    let found = answer.step.or_else(|| Step::of_length(length?));
    let words = asked.map_or("half hours or days", |asked| Step::of(asked).words());
    match (found, asked) {
        (Some(Step::HalfHour), None | Some(Granularity::HalfHour)) => Ok(Granularity::HalfHour),
        (Some(Step::Day), None | Some(Granularity::Daily)) => Ok(Granularity::Daily),
        (Some(found), _) => Err(Reason::OtherGranularity {
            found: found.words(),
            asked: words,
        }),
        (None, Some(asked)) => Ok(asked),
        (None, None) => Err(Reason::Empty {
            what: "it has no data points and does not say its granularity",
        }),
    }
}

/// Numbers of a page of an account's `phone_numbers`, and where the next page is.
///
/// # Errors
/// [`Reason`]
pub fn numbers_of_page(body: &[u8]) -> Result<(Vec<String>, Option<String>), Reason> {
    #[derive(Deserialize)]
    struct Page {
        data: Option<Vec<Entry>>,
        paging: Option<Paging>,
        error: Option<GraphError>,
    }
    #[derive(Deserialize)]
    struct Entry {
        display_phone_number: Value,
    }
    let page: Page = parsed(body)?;
    if let Some(error) = page.error {
        return Err(refused(&error));
    }
    let entries = page
        .data
        .ok_or_else(|| malformed("the account's `phone_numbers` have no `data`"))?;
    let numbers = entries
        .iter()
        .map(|entry| number(&entry.display_phone_number));
    let next = page.paging.and_then(|paging| paging.next);
    Ok((numbers.collect::<Result<_, _>>()?, next))
}
