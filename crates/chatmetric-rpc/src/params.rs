//! Request parameters: decoding of query, form and JSON bodies, merging, limits, typed getters.
//!
//! It does not know which parameters an operation has, and unknown ones are kept and ignored.
//!
//! Invariants: a name is unique over query and body together before any parameter is acted on (a
//! second one is refused, because two readers could pick different ones); parameters are sorted by the bytes of their names; what
//! was decoded here is what is signed and what is dispatched.

use std::borrow::Cow;

use crate::error::ApiError;
use crate::percent;
use crate::strict_json::{self, StrictJson};

/// Most parameters in one request.
pub const PARAMS_MAX: usize = 512;
/// Longest name, in bytes, decoded.
pub const NAME_BYTES_MAX: usize = 256;
/// Longest value, in bytes, decoded.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// All names and values together, in bytes, decoded; also the longest query, form or JSON text.
pub const TOTAL_BYTES_MAX: usize = 256 * 1024;
/// Deepest nesting of a JSON body.
pub const JSON_DEPTH_MAX: usize = 8;
/// How much of a bad value is repeated in a message, in bytes.
const ECHO_BYTES_MAX: usize = 64;

/// Where a parameter came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ParamSource {
    /// The query of the request line.
    Query,
    /// A form body.
    Form,
    /// A JSON body.
    Json,
}

/// One decoded parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    name: String,
    value: String,
    source: ParamSource,
}

impl Param {
    /// The decoded name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The decoded value, perhaps empty.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> ParamSource {
        self.source
    }
}

/// The merged parameters of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    sorted: Vec<Param>,
    /// A name that is in the query and in the body.
    in_query_and_body: Option<String>,
}

impl Params {
    /// The value, which may be empty; `None` if the parameter is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self
            .sorted
            .binary_search_by(|param| param.name.as_str().cmp(name))
            .ok()?;
        self.sorted.get(at).map(Param::value)
    }

    /// The value of an optional parameter: empty is absent.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The value of a mandatory parameter.
    ///
    /// # Errors
    /// `Missing<name>` if it is absent or empty.
    pub fn required(&self, name: &'static str) -> Result<&str, ApiError> {
        self.optional(name).ok_or_else(|| ApiError::missing(name))
    }

    /// An optional 64-bit integer in decimal.
    ///
    /// # Errors
    /// `InvalidParameter.<name>` if it is something else.
    pub fn optional_i64(&self, name: &'static str) -> Result<Option<i64>, ApiError> {
        self.optional(name)
            .map(|text| parse_i64(name, text))
            .transpose()
    }

    /// A mandatory 64-bit integer in decimal.
    ///
    /// # Errors
    /// `Missing<name>` or `InvalidParameter.<name>`.
    pub fn required_i64(&self, name: &'static str) -> Result<i64, ApiError> {
        parse_i64(name, self.required(name)?)
    }

    /// A mandatory integer from 0 to 2^63 − 1, such as a time in ms since the epoch.
    ///
    /// # Errors
    /// `Missing<name>` or `InvalidParameter.<name>`.
    pub fn required_non_negative_i64(&self, name: &'static str) -> Result<i64, ApiError> {
        let value = self.required_i64(name)?;
        if value < 0 {
            return Err(ApiError::invalid(
                name,
                format!("{value} is negative; it must be 0 or more."),
            ));
        }
        Ok(value)
    }

    /// All parameters, sorted by the bytes of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.sorted.iter()
    }

    /// Refuses a name that is in the query and in the body. An ACS3 signature covers the two apart,
    /// so the request is verified all the same; it is refused when its parameters are due, before
    /// any of them is read: [`crate::ram::authorize`] does that.
    ///
    /// # Errors
    /// `InvalidParameter.<name>`.
    pub fn check_unique(&self) -> Result<(), ApiError> {
        match &self.in_query_and_body {
            None => Ok(()),
            Some(name) => Err(given_twice(name)),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Drops what a signature does not cover.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Param) -> bool) {
        self.sorted.retain(keep);
    }
}

fn parse_i64(name: &'static str, text: &str) -> Result<i64, ApiError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain && let Ok(value) = text.parse() {
        return Ok(value);
    }
    Err(ApiError::invalid(
        name,
        format!("'{}' is not a 64-bit decimal integer.", echo(text)),
    ))
}

/// A bad value as it may be repeated to the caller: short, and without control characters.
#[must_use]
pub fn echo(text: &str) -> String {
    let mut out: String = text
        .chars()
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .scan(0, |bytes, c| {
            *bytes += c.len_utf8();
            (*bytes <= ECHO_BYTES_MAX).then_some(c)
        })
        .collect();
    if text.len() > ECHO_BYTES_MAX {
        out.push('…');
    }
    out
}

/// Collects decoded parameters before they are merged; duplicates are still in it.
#[derive(Debug, Default)]
pub(crate) struct ParamList {
    list: Vec<Param>,
    total_bytes: usize,
}

impl ParamList {
    pub(crate) fn new() -> Self {
        Self {
            list: Vec::with_capacity(16),
            total_bytes: 0,
        }
    }

    /// The first value of a name, for decisions that are needed before duplicates are refused.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.list
            .iter()
            .find(|param| param.name == name)
            .map(Param::value)
    }

    /// Adds `a=b&c=d` of a query or a form; empty pairs are tolerated.
    pub(crate) fn add_encoded(&mut self, text: &[u8], source: ParamSource) -> Result<(), ApiError> {
        for pair in text.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |&b| b == b'=');
            let raw_name = halves.next().unwrap_or_default();
            let raw_value = halves.next().unwrap_or_default();
            let name = percent::decode_form(raw_name).map_err(|error| {
                ApiError::invalid("Name", name_reason(raw_name, error.reason()))
            })?;
            let value = percent::decode_form(raw_value)
                .map_err(|error| ApiError::invalid(name.clone(), error.reason()))?;
            self.add(name, value, source)?;
        }
        Ok(())
    }

    /// Adds the members of a JSON object; lists become `Name.1`, objects `Name.Member`, as the
    /// SDKs write them in a query.
    pub(crate) fn add_json(&mut self, text: &[u8]) -> Result<(), ApiError> {
        if text.len() > TOTAL_BYTES_MAX {
            return Err(too_much("The JSON body", TOTAL_BYTES_MAX));
        }
        let tree = strict_json::parse(text).map_err(|error| {
            ApiError::invalid("Body", format!("It is not valid JSON: {error}."))
        })?;
        let StrictJson::Object(members) = tree else {
            return Err(ApiError::invalid("Body", "A JSON body must be an object."));
        };
        for (name, value) in members {
            self.add_tree(name, value, 1)?;
        }
        Ok(())
    }

    fn add_tree(&mut self, name: String, tree: StrictJson, depth: usize) -> Result<(), ApiError> {
        if depth > JSON_DEPTH_MAX {
            return Err(ApiError::invalid(
                "Body",
                format!("The JSON body is nested deeper than {JSON_DEPTH_MAX} levels."),
            ));
        }
        match tree {
            StrictJson::Null => Ok(()),
            StrictJson::Bool(value) => self.add(name, value.to_string(), ParamSource::Json),
            StrictJson::Number(text) | StrictJson::String(text) => {
                self.add(name, text, ParamSource::Json)
            }
            StrictJson::Array(items) => (1..).zip(items).try_for_each(|(n, item): (u32, _)| {
                self.add_tree(format!("{name}.{n}"), item, depth + 1)
            }),
            StrictJson::Object(members) => members.into_iter().try_for_each(|(member, value)| {
                self.add_tree(format!("{name}.{member}"), value, depth + 1)
            }),
        }
    }

    fn add(&mut self, name: String, value: String, source: ParamSource) -> Result<(), ApiError> {
        if name.is_empty() {
            return Err(ApiError::invalid(
                "Name",
                "A parameter has a value but no name.",
            ));
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(ApiError::invalid(
                "Name",
                format!("A parameter name is longer than {NAME_BYTES_MAX} bytes."),
            ));
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(ApiError::invalid(
                name,
                format!("It is longer than {VALUE_BYTES_MAX} bytes."),
            ));
        }
        if self.list.len() >= PARAMS_MAX {
            return Err(ApiError::invalid(
                "Count",
                format!("There are more than {PARAMS_MAX} parameters."),
            ));
        }
        self.total_bytes += name.len() + value.len();
        if self.total_bytes > TOTAL_BYTES_MAX {
            return Err(too_much("The parameters", TOTAL_BYTES_MAX));
        }
        self.list.push(Param {
            name,
            value,
            source,
        });
        Ok(())
    }

    /// Sorts, and refuses a name that occurs twice in the query or twice in the body. One that is
    /// in both is left to [`Params::check_unique`].
    pub(crate) fn finish(mut self) -> Result<Params, ApiError> {
        self.list
            .sort_unstable_by(|a, b| (&a.name, a.source).cmp(&(&b.name, b.source)));
        let mut in_query_and_body = None;
        for pair in self.list.windows(2) {
            if let [a, b] = pair
                && a.name == b.name
            {
                if a.source == b.source {
                    return Err(given_twice(&a.name));
                }
                in_query_and_body.get_or_insert_with(|| a.name.clone());
            }
        }
        Ok(Params {
            sorted: self.list,
            in_query_and_body,
        })
    }
}

fn given_twice(name: &str) -> ApiError {
    let reason = "It is given more than once; query and body count together.";
    ApiError::invalid(name.to_owned(), reason)
}

fn name_reason(raw_name: &[u8], reason: &str) -> Cow<'static, str> {
    let shown = percent::decode_form_lossy(raw_name);
    Cow::Owned(format!(
        "The parameter name '{}' cannot be decoded. {reason}",
        echo(&shown)
    ))
}

fn too_much(what: &str, limit_bytes: usize) -> ApiError {
    ApiError::invalid(
        "Size",
        format!("{what} are longer than {limit_bytes} bytes in total."),
    )
}

#[cfg(test)]
mod tests;
