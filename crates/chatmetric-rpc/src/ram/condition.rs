//! Conditions of a statement: operators over the keys of the request's context.
//!
//! Invariants: values of one key are alternatives, keys and operators must all hold; a key that the
//! context lacks does not match, whatever the operator; a negated operator holds only if no listed
//! value is equal (so `NotIpAddress` with two ranges means "in neither"); values are parsed when
//! the policy is saved.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::policy::{PolicyError, object};
use super::wildcard::Pattern;
use crate::strict_json::StrictJson;

/// What is known about the circumstances of a call: condition keys (compared without case) and
/// their values as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// By the key in lower case; the key as it was written, and the value.
    values: BTreeMap<String, (String, String)>,
}

impl Context {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key such as `acs:SourceIp`.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values
            .insert(key.to_ascii_lowercase(), (key.to_owned(), value.into()));
    }

    /// The keys, as they were set, and their values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.values.values();
        values.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn get(&self, lower_case_key: &str) -> Option<&str> {
        let found = self.values.get(lower_case_key);
        found.map(|(_, value)| value.as_str())
    }
}

/// How a number or a time is compared with the policy's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equals,
    NotEquals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Order {
    fn parse(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "Equals" => Self::Equals,
            "NotEquals" => Self::NotEquals,
            "LessThan" => Self::LessThan,
            "LessThanEquals" => Self::LessThanEquals,
            "GreaterThan" => Self::GreaterThan,
            "GreaterThanEquals" => Self::GreaterThanEquals,
            _ => return None,
        })
    }

    fn holds<T: PartialOrd>(self, actual: &T, wanted: &[T]) -> bool {
        match self {
            Self::Equals => wanted.iter().any(|value| actual == value),
            Self::NotEquals => !wanted.iter().any(|value| actual == value),
            Self::LessThan => wanted.iter().any(|value| actual < value),
            Self::LessThanEquals => wanted.iter().any(|value| actual <= value),
            Self::GreaterThan => wanted.iter().any(|value| actual > value),
            Self::GreaterThanEquals => wanted.iter().any(|value| actual >= value),
        }
    }
}

/// An address range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cidr {
    V4 { network: u32, mask: u32 },
    V6 { network: u128, mask: u128 },
}

impl Cidr {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => {
                let plain = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
                (address, Some(plain.then(|| prefix.parse::<u32>().ok())??))
            }
            None => (text, None),
        };
        match address.parse().ok()? {
            IpAddr::V4(v4) => {
                let prefix = prefix.unwrap_or(32);
                let mask = u32::MAX
                    .checked_shl(32u32.checked_sub(prefix)?)
                    .unwrap_or(0);
                Some(Self::V4 {
                    network: v4.to_bits() & mask,
                    mask,
                })
            }
            IpAddr::V6(v6) => {
                let prefix = prefix.unwrap_or(128);
                let mask = u128::MAX
                    .checked_shl(128u32.checked_sub(prefix)?)
                    .unwrap_or(0);
                Some(Self::V6 {
                    network: v6.to_bits() & mask,
                    mask,
                })
            }
        }
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Self::V4 { network, mask }, IpAddr::V4(v4)) => v4.to_bits() & mask == network,
            (Self::V6 { network, mask }, IpAddr::V6(v6)) => v6.to_bits() & mask == network,
            (Self::V4 { .. }, IpAddr::V6(_)) | (Self::V6 { .. }, IpAddr::V4(_)) => false,
        }
    }
}

/// An operator with the values that the policy gives.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Text {
        negated: bool,
        fold_case: bool,
        wanted: Vec<String>,
    },
    Like {
        negated: bool,
        wanted: Vec<Pattern>,
    },
    Number {
        order: Order,
        wanted: Vec<f64>,
    },
    /// Times in ns since the epoch.
    Time {
        order: Order,
        wanted: Vec<i128>,
    },
    Bool {
        wanted: Vec<bool>,
    },
    Address {
        negated: bool,
        wanted: Vec<Cidr>,
    },
}

/// One operator on one key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    /// In lower case.
    key: String,
    test: Test,
}

impl Condition {
    /// Whether the context fulfils it. A value of the context that is not of the operator's type
    /// is treated as absent.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let Some(actual) = context.get(&self.key) else {
            return false;
        };
        match &self.test {
            Test::Text {
                negated,
                fold_case,
                wanted,
            } => {
                let same = |value: &String| {
                    value == actual || (*fold_case && value.to_lowercase() == actual.to_lowercase())
                };
                wanted.iter().any(same) != *negated
            }
            Test::Like { negated, wanted } => {
                wanted.iter().any(|pattern| pattern.matches(actual, false)) != *negated
            }
            Test::Number { order, wanted } => {
                parse_number(actual).is_some_and(|actual| order.holds(&actual, wanted))
            }
            Test::Time { order, wanted } => {
                parse_time(actual).is_some_and(|actual| order.holds(&actual, wanted))
            }
            Test::Bool { wanted } => {
                parse_bool(actual).is_some_and(|actual| wanted.contains(&actual))
            }
            Test::Address { negated, wanted } => actual.parse().is_ok_and(|address| {
                wanted.iter().any(|range| range.contains(address)) != *negated
            }),
        }
    }
}

/// Parses a `Condition` element.
pub(super) fn parse_all(path: &str, tree: StrictJson) -> Result<Vec<Condition>, PolicyError> {
    let mut conditions = Vec::new();
    for (operator, keys) in object(path, tree)? {
        let at = format!("{path}.{operator}");
        let keys = object(&at, keys)?;
        if keys.is_empty() {
            return Err(PolicyError::new(
                at,
                "it must name at least one condition key",
            ));
        }
        for (key, values) in keys {
            let at = format!("{at}.{key}");
            let shaped = key
                .split_once(':')
                .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
            if !shaped {
                let reason = "a condition key is `<service>:<name>`, as in `acs:SourceIp`";
                return Err(PolicyError::new(at, reason));
            }
            let test = parse_test(&at, &operator, &texts(&at, values)?)?;
            conditions.push(Condition {
                key: key.to_ascii_lowercase(),
                test,
            });
        }
    }
    Ok(conditions)
}

fn parse_test(path: &str, operator: &str, values: &[String]) -> Result<Test, PolicyError> {
    if operator == "Null" || operator.ends_with("IfExists") {
        let reason = "the condition operator 'IfExists/Null' is not supported";
        return Err(PolicyError::new(path, reason));
    }
    let unknown = || {
        PolicyError::new(
            path,
            "the operator is not known; there are String(Not)Equals(IgnoreCase), String(Not)Like, \
             Numeric… and Date… with (Not)Equals, LessThan(Equals), GreaterThan(Equals), Bool, \
             IpAddress and NotIpAddress",
        )
    };
    let text = |negated, fold_case| Test::Text {
        negated,
        fold_case,
        wanted: values.to_vec(),
    };
    Ok(match operator {
        "StringEquals" => text(false, false),
        "StringNotEquals" => text(true, false),
        "StringEqualsIgnoreCase" => text(false, true),
        "StringNotEqualsIgnoreCase" => text(true, true),
        "StringLike" => Test::Like {
            negated: false,
            wanted: values.iter().cloned().map(Pattern::new).collect(),
        },
        "StringNotLike" => Test::Like {
            negated: true,
            wanted: values.iter().cloned().map(Pattern::new).collect(),
        },
        "Bool" => Test::Bool {
            wanted: parse_each(path, values, parse_bool, "`true` or `false`")?,
        },
        "IpAddress" | "NotIpAddress" => Test::Address {
            negated: operator == "NotIpAddress",
            wanted: parse_each(
                path,
                values,
                Cidr::parse,
                "an address or range such as 10.0.0.0/8",
            )?,
        },
        other => {
            if let Some(order) = other.strip_prefix("Numeric").and_then(Order::parse) {
                Test::Number {
                    order,
                    wanted: parse_each(path, values, parse_number, "a number")?,
                }
            } else if let Some(order) = other.strip_prefix("Date").and_then(Order::parse) {
                let hint = "a time such as 2026-01-02T03:04:05Z";
                Test::Time {
                    order,
                    wanted: parse_each(path, values, parse_time, hint)?,
                }
            } else {
                return Err(unknown());
            }
        }
    })
}

fn parse_each<T>(
    path: &str,
    values: &[String],
    parse: impl Fn(&str) -> Option<T>,
    wanted: &str,
) -> Result<Vec<T>, PolicyError> {
    values
        .iter()
        .map(|value| {
            parse(value).ok_or_else(|| {
                let shown = crate::params::echo(value);
                PolicyError::new(path, format!("`{shown}` is not {wanted}"))
            })
        })
        .collect()
}

fn parse_number(text: &str) -> Option<f64> {
    let decimal = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    text.parse()
        .ok()
        .filter(|number: &f64| decimal && number.is_finite())
}

fn parse_time(text: &str) -> Option<i128> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_nanosecond)
}

fn parse_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// One value or a list of values; numbers and booleans may stand without quotes.
fn texts(path: &str, value: StrictJson) -> Result<Vec<String>, PolicyError> {
    let one = |value: StrictJson| match value {
        StrictJson::String(text) | StrictJson::Number(text) => Ok(text),
        StrictJson::Bool(value) => Ok(value.to_string()),
        StrictJson::Null | StrictJson::Array(_) | StrictJson::Object(_) => Err(PolicyError::new(
            path,
            "a value must be a string, a number or a boolean",
        )),
    };
    match value {
        StrictJson::Array(items) if items.is_empty() => {
            Err(PolicyError::new(path, "the list of values is empty"))
        }
        StrictJson::Array(items) => items.into_iter().map(one).collect(),
        single => Ok(vec![one(single)?]),
    }
}
