//! Every key of the configuration, once: its name, and how its value is set.
//!
//! File and environment share this table; a key that is missing here exists
//! nowhere, and an unknown key or variable is a fault.

use super::{Fault, LogFormat, Settings, SyncMode, place, streams};
use super::{cluster_keys, watch_keys};
use chatmetric_core::PhoneNumber;
use chatmetric_rpc::credential::AccountId;
use std::fmt::Display;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use toml::de::{DeTable, DeValue};

/// The prefix of every variable.
const PREFIX: &str = "CHATMETRIC";

/// One key.
pub(super) struct Key {
    section: &'static str,
    name: &'static str,
    set: fn(&mut Settings, &Given<'_>) -> Result<(), String>,
}

/// A value as it was given.
pub(super) enum Given<'a> {
    Toml(&'a DeValue<'a>),
    Variable(&'a str),
}

/// The keys of all sections but the last two, `[watch]` and `[cluster]`.
const BEFORE_WATCH: &[Key] = &[
    key("server", "listen", |s, v| {
        put(
            &mut s.server.listen,
            v.parsed("an address such as `127.0.0.1:8080`"),
        )
    }),
    key("server", "insecure_http", |s, v| {
        put(&mut s.server.insecure_http, v.boolean())
    }),
    key("server", "tls_cert_file", |s, v| {
        put(&mut s.server.tls_cert_file, v.path().map(Some))
    }),
    key("server", "tls_key_file", |s, v| {
        put(&mut s.server.tls_key_file, v.path().map(Some))
    }),
    key("server", "public_hosts", |s, v| {
        put(&mut s.server.public_hosts, v.list("a host name"))
    }),
    key("server", "trusted_proxies", |s, v| {
        put(&mut s.server.trusted_proxies, v.list("an IP address"))
    }),
    key("server", "max_connections", |s, v| {
        put(&mut s.server.max_connections, v.integer())
    }),
    key("store", "data_dir", |s, v| {
        put(&mut s.store.data_dir, v.path())
    }),
    key("store", "sync", |s, v| {
        put(&mut s.store.sync, v.parsed("`always`, the only mode"))
    }),
    key("store", "message_horizon_days", |s, v| {
        put(&mut s.store.message_horizon_days, v.integer())
    }),
    key("store", "retention_days", |s, v| {
        put(&mut s.store.retention_days, v.integer().map(Some))
    }),
    key("store", "memory_bytes_max", |s, v| {
        put(&mut s.store.memory_bytes_max, v.integer().map(Some))
    }),
    key("limits", "body_bytes_max", |s, v| {
        put(&mut s.limits.body_bytes_max, v.integer())
    }),
    key("limits", "rows_max", |s, v| {
        put(&mut s.limits.rows_max, v.integer())
    }),
    key("limits", "daily_days_max", |s, v| {
        put(&mut s.limits.daily_days_max, v.integer())
    }),
    key("limits", "half_hour_days_max", |s, v| {
        put(&mut s.limits.half_hour_days_max, v.integer())
    }),
    key("limits", "clock_skew_seconds", |s, v| {
        put(&mut s.limits.clock_skew_seconds, v.integer())
    }),
    key("telemetry", "log", |s, v| {
        put(&mut s.telemetry.log, v.text().map(str::to_owned))
    }),
    key("telemetry", "log_format", |s, v| {
        put(&mut s.telemetry.log_format, v.parsed("`text` or `json`"))
    }),
    key("telemetry", "metrics_listen", |s, v| {
        put(
            &mut s.telemetry.metrics_listen,
            v.parsed("an address such as `127.0.0.1:9090`").map(Some),
        )
    }),
    key("telemetry", "metrics_numbers_max", |s, v| {
        put(&mut s.telemetry.metrics_numbers_max, v.integer())
    }),
    key("telemetry", "metrics_numbers", |s, v| {
        let named: Vec<String> = v.list("a phone number")?;
        let parsed = named.iter().map(|text| {
            PhoneNumber::parse(text)
                .map_err(|error| format!("`{text}` is no phone number: {error}"))
        });
        put(&mut s.telemetry.metrics_numbers, parsed.collect())
    }),
    key("telemetry", "otlp_endpoint", |s, v| {
        put(
            &mut s.telemetry.otlp_endpoint,
            v.text().map(|text| Some(text.to_owned())),
        )
    }),
    key("console", "operator_account", |s, v| {
        put(
            &mut s.console.operator_account,
            v.text().and_then(|text| {
                let id = AccountId::parse(text);
                id.map(Some).map_err(|error| error.to_string())
            }),
        )
    }),
    key("backup", "dir", |s, v| {
        put(&mut s.backup.dir, v.path().map(Some))
    }),
    key("backup", "every_hours", |s, v| {
        put(&mut s.backup.every_hours, v.integer())
    }),
    key("backup", "keep", |s, v| {
        put(&mut s.backup.keep, v.integer())
    }),
];

/// All of them.
fn all() -> impl Iterator<Item = &'static Key> {
    BEFORE_WATCH
        .iter()
        .chain(watch_keys::KEYS)
        .chain(cluster_keys::KEYS)
}

pub(super) const fn key(
    section: &'static str,
    name: &'static str,
    set: fn(&mut Settings, &Given<'_>) -> Result<(), String>,
) -> Key {
    Key { section, name, set }
}

pub(super) fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

impl Key {
    fn dotted(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    fn variable(&self) -> String {
        format!("{PREFIX}_{}_{}", self.section, self.name).to_ascii_uppercase()
    }
}

impl Given<'_> {
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Variable(text) => Ok(text),
            Self::Toml(DeValue::String(text)) => Ok(text),
            Self::Toml(other) => Err(format!("must be a string, not a {}", other.type_str())),
        }
    }

    pub(super) fn path(&self) -> Result<PathBuf, String> {
        self.text().map(PathBuf::from)
    }

    pub(super) fn parsed<T: FromStr>(&self, wanted: &str) -> Result<T, String> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| format!("`{text}` is not {wanted}"))
    }

    /// As [`Self::parsed`], of a text that may be a secret and is not shown.
    pub(super) fn parsed_unshown<T: FromStr>(&self, wanted: &str) -> Result<T, String> {
        self.text()?
            .parse()
            .map_err(|_| format!("must be {wanted}"))
    }

    pub(super) fn integer<T: FromStr>(&self) -> Result<T, String> {
        let (digits, radix) = match self {
            Self::Variable(text) => ((*text).to_owned(), 10),
            Self::Toml(DeValue::Integer(integer)) => {
                (integer.as_str().replace('_', ""), integer.radix())
            }
            Self::Toml(other) => {
                return Err(format!("must be an integer, not a {}", other.type_str()));
            }
        };
        i128::from_str_radix(&digits, radix)
            .ok()
            .and_then(|value| value.to_string().parse().ok())
            .ok_or_else(|| format!("`{digits}` is not a whole number in the allowed range"))
    }

    pub(super) fn boolean(&self) -> Result<bool, String> {
        match self {
            Self::Toml(DeValue::Boolean(value)) => Ok(*value),
            Self::Toml(other) => Err(format!(
                "must be `true` or `false`, not a {}",
                other.type_str()
            )),
            Self::Variable("true" | "1") => Ok(true),
            Self::Variable("false" | "0") => Ok(false),
            Self::Variable(other) => Err(format!("must be `true` or `false`, not `{other}`")),
        }
    }

    /// A list; in a variable its items stand between commas.
    pub(super) fn list<T: FromStr>(&self, wanted: &str) -> Result<Vec<T>, String>
    where
        T::Err: Display,
    {
        let items: Vec<&str> = match self {
            Self::Variable(text) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .collect(),
            Self::Toml(DeValue::Array(items)) => items
                .iter()
                .map(|item| item.get_ref().as_str())
                .collect::<Option<_>>()
                .ok_or_else(|| "must be a list of strings".to_owned())?,
            Self::Toml(other) => {
                return Err(format!(
                    "must be a list of strings, not a {}",
                    other.type_str()
                ));
            }
        };
        items
            .into_iter()
            .map(|item| {
                item.parse()
                    .map_err(|error| format!("`{item}` is not {wanted}: {error}"))
            })
            .collect()
    }
}

impl FromStr for SyncMode {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "always" => Ok(Self::Always),
            _ => Err(()),
        }
    }
}

impl FromStr for LogFormat {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

/// Applies the file; `places` receives where each key that was set stands.
pub(super) fn apply_file(
    settings: &mut Settings,
    text: &str,
    faults: &mut Vec<Fault>,
    places: &mut Vec<(String, Range<usize>)>,
) {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        faults.push(Fault {
            key: super::FILE_NAME.to_owned(),
            place: error.span().map(|span| place(text, span.start)),
            message: error.message().to_owned(),
        });
    }
    for (section, value) in table.get_ref() {
        let section_at = section.span();
        let name: &str = section.get_ref();
        if name == streams::SECTION {
            let given = (&section_at, value.get_ref());
            streams::apply(&mut settings.streams, given, text, faults, places);
            continue;
        }
        let mut fault = |key: String, span: &Range<usize>, message: String| {
            faults.push(Fault {
                key,
                place: Some(place(text, span.start)),
                message,
            });
        };
        if !all().any(|key| key.section == name) {
            fault(
                name.to_owned(),
                &section_at,
                unknown("section", name, sections().chain([streams::SECTION])),
            );
            continue;
        }
        let DeValue::Table(members) = value.get_ref() else {
            fault(
                name.to_owned(),
                &section_at,
                format!("must be a section `[{name}]`"),
            );
            continue;
        };
        for (member, value) in members {
            let member_name: &str = member.get_ref();
            let dotted = format!("{name}.{member_name}");
            let Some(key) = find(name, member_name) else {
                let known = all().filter(|key| key.section == name).map(|key| key.name);
                fault(dotted, &member.span(), unknown("key", member_name, known));
                continue;
            };
            match (key.set)(settings, &Given::Toml(value.get_ref())) {
                Ok(()) => places.push((dotted, value.span())),
                Err(message) => fault(dotted, &value.span(), message),
            }
        }
    }
}

/// Applies `CHATMETRIC_SECTION_KEY`; other variables are not looked at.
pub(super) fn apply_environment(
    settings: &mut Settings,
    environment: impl IntoIterator<Item = (String, String)>,
    faults: &mut Vec<Fault>,
) {
    let ours: Vec<String> = sections()
        .map(|section| format!("{PREFIX}_{section}_").to_ascii_uppercase())
        .collect();
    for (variable, value) in environment {
        if !ours.iter().any(|prefix| variable.starts_with(prefix)) {
            continue;
        }
        let Some(key) = all().find(|key| key.variable() == variable) else {
            faults.push(Fault {
                message: unknown("variable", &variable, std::iter::empty()),
                key: variable,
                place: None,
            });
            continue;
        };
        if let Err(message) = (key.set)(settings, &Given::Variable(&value)) {
            faults.push(Fault {
                key: key.dotted(),
                place: None,
                message: format!("{message} (from `{variable}`)"),
            });
        }
    }
}

fn find(section: &str, name: &str) -> Option<&'static Key> {
    all().find(|key| key.section == section && key.name == name)
}

fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    all().map(|key| key.section).filter(move |section| {
        let fresh = *section != last;
        last = section;
        fresh
    })
}

pub(super) fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    if known.is_empty() {
        format!("unknown {kind} `{name}`")
    } else {
        format!("unknown {kind} `{name}`; known are {}", known.join(", "))
    }
}

#[cfg(test)]
pub(super) fn dotted_names() -> impl Iterator<Item = String> {
    all().map(Key::dotted)
}

#[cfg(test)]
pub(super) fn variable_names() -> impl Iterator<Item = String> {
    all().map(Key::variable)
}
