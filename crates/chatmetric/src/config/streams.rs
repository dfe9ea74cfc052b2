//! `[[stream]]`: streams of events that are read, each from a NATS JetStream.
//!
//! A list, so it is in the file alone: an environment variable names no item of one. Not
//! here: how streams are read (`ingest::stream`), and whether account and space exist,
//! which the directory knows. Invariant: what a stream needs to connect was read once
//! when the settings were.

use super::keys::{Given, put, unknown};
use super::{Fault, place};
use crate::tls::{CaFile, FileFault, Pair, PairFiles, read_secret};
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::AccountId;
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use toml::de::{DeTable, DeValue};

/// Most streams.
pub const STREAMS_MAX: usize = 32;
/// Most servers of a stream.
pub const STREAM_URLS_MAX: usize = 16;
/// Most servers of anything.
pub(super) const NATS_SERVERS_MAX: usize = STREAM_URLS_MAX;
/// Most subjects of a stream.
pub const STREAM_SUBJECTS_MAX: usize = 32;
/// Longest name of a stream here, in bytes.
pub const STREAM_NAME_BYTES_MAX: usize = 64;
/// Longest name or subject of NATS, in bytes.
pub const NATS_NAME_BYTES_MAX: usize = 255;
/// Most messages of a batch.
pub const STREAM_BATCH_MESSAGES_MAX: usize = 10_000;
/// Least and most bytes of a batch.
pub const STREAM_BATCH_BYTES: std::ops::RangeInclusive<usize> = 65_536..=67_108_864;

/// The section.
pub(super) const SECTION: &str = "stream";

/// One `[[stream]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSettings {
    /// Its name here: in the books it is `stream/NAME`.
    pub name: String,
    /// The servers, `nats://HOST:PORT` or `tls://HOST:PORT`.
    pub urls: Vec<String>,
    /// A credentials file of NATS: a JWT and the seed of its key.
    pub credentials_file: Option<PathBuf>,
    /// A file with a token.
    pub token_file: Option<PathBuf>,
    /// A user, with `password_file`.
    pub user: Option<String>,
    /// The user's password.
    pub password_file: Option<PathBuf>,
    /// Speak TLS also where the URL does not say so.
    pub tls: bool,
    /// The CA of the servers, PEM; without it the CAs of the machine.
    pub tls_ca_file: Option<PathBuf>,
    /// The certificate that is shown to the servers, PEM.
    pub tls_cert_file: Option<PathBuf>,
    /// Its key.
    pub tls_key_file: Option<PathBuf>,
    /// Allows a token or a password over a network without TLS.
    pub insecure_plain_text: bool,
    /// The stream of JetStream.
    pub stream: String,
    /// Only these subjects; empty for all.
    pub subjects: Vec<String>,
    /// The durable consumer that acknowledges; without it messages are not acknowledged.
    pub durable: Option<String>,
    /// What a message is; must be given.
    pub format: Option<StreamFormat>,
    /// Whose events they are.
    pub account: String,
    /// Which space they go to; without it that of the account which owns the number.
    pub space: Option<String>,
    /// Where to begin when nothing was read yet.
    pub start: StreamStart,
    /// What to do when messages are gone that were not read.
    pub on_gap: OnGap,
    /// Most messages that are committed together.
    pub batch_messages_max: usize,
    /// About how many bytes of messages are on the way at a time.
    pub batch_bytes_max: usize,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            urls: Vec::new(),
            credentials_file: None,
            token_file: None,
            user: None,
            password_file: None,
            tls: false,
            tls_ca_file: None,
            tls_cert_file: None,
            tls_key_file: None,
            insecure_plain_text: false,
            stream: String::new(),
            subjects: Vec::new(),
            durable: None,
            format: None,
            account: String::new(),
            space: None,
            start: StreamStart::All,
            on_gap: OnGap::Continue,
            batch_messages_max: 1_000,
            batch_bytes_max: 8 * 1024 * 1024,
        }
    }
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFormat {
    /// Events of ours, one a line.
    Ndjson,
    /// CloudEvents 1.0 as JSON: one, or an array of them.
    CloudEvents,
    /// A webhook body of Meta.
    Whatsapp,
    /// Receipts of CAMS: an array, or one.
    Cams,
}

/// Where to begin when nothing was read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamStart {
    /// With the first message that there is.
    All,
    /// Behind the last message that there is.
    New,
    /// With the first message that came at this time or later.
    At(EpochMs),
}

/// What to do when messages are gone that were not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnGap {
    /// Count them as missing and go on.
    Continue,
    /// Read nothing until somebody decided.
    Stop,
}

impl FromStr for StreamFormat {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "ndjson" => Ok(Self::Ndjson),
            "cloudevents" => Ok(Self::CloudEvents),
            "whatsapp" => Ok(Self::Whatsapp),
            "cams" => Ok(Self::Cams),
            _ => Err(()),
        }
    }
}

impl FromStr for StreamStart {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "all" => Ok(Self::All),
            "new" => Ok(Self::New),
            time => {
                let time: jiff::Timestamp = time.parse().map_err(|_| ())?;
                Ok(Self::At(EpochMs(time.as_millisecond())))
            }
        }
    }
}

impl FromStr for OnGap {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "continue" => Ok(Self::Continue),
            "stop" => Ok(Self::Stop),
            _ => Err(()),
        }
    }
}

/// One key of a stream.
struct Key {
    name: &'static str,
    set: fn(&mut StreamSettings, &Given<'_>) -> Result<(), String>,
}

const KEYS: &[Key] = &[
    key("name", |s, v| put(&mut s.name, v.text().map(str::to_owned))),
    key("urls", |s, v| put(&mut s.urls, v.list("an address"))),
    key("credentials_file", |s, v| {
        put(&mut s.credentials_file, v.path().map(Some))
    }),
    key("token_file", |s, v| {
        put(&mut s.token_file, v.path().map(Some))
    }),
    key("user", |s, v| put(&mut s.user, owned(v).map(Some))),
    key("password_file", |s, v| {
        put(&mut s.password_file, v.path().map(Some))
    }),
    key("tls", |s, v| put(&mut s.tls, v.boolean())),
    key("tls_ca_file", |s, v| {
        put(&mut s.tls_ca_file, v.path().map(Some))
    }),
    key("tls_cert_file", |s, v| {
        put(&mut s.tls_cert_file, v.path().map(Some))
    }),
    key("tls_key_file", |s, v| {
        put(&mut s.tls_key_file, v.path().map(Some))
    }),
    key("insecure_plain_text", |s, v| {
        put(&mut s.insecure_plain_text, v.boolean())
    }),
    key("stream", |s, v| put(&mut s.stream, owned(v))),
    key("subjects", |s, v| put(&mut s.subjects, v.list("a subject"))),
    key("durable", |s, v| put(&mut s.durable, owned(v).map(Some))),
    key("format", |s, v| {
        let known = "`ndjson`, `cloudevents`, `whatsapp` or `cams`";
        put(&mut s.format, v.parsed(known).map(Some))
    }),
    key("account", |s, v| put(&mut s.account, owned(v))),
    key("space", |s, v| put(&mut s.space, owned(v).map(Some))),
    key("start", |s, v| {
        let known = "`all`, `new` or a time such as `2026-01-31T00:00:00Z`";
        put(&mut s.start, v.parsed(known))
    }),
    key("on_gap", |s, v| {
        put(&mut s.on_gap, v.parsed("`continue` or `stop`"))
    }),
    key("batch_messages_max", |s, v| {
        put(&mut s.batch_messages_max, v.integer())
    }),
    key("batch_bytes_max", |s, v| {
        put(&mut s.batch_bytes_max, v.integer())
    }),
];

const fn key(
    name: &'static str,
    set: fn(&mut StreamSettings, &Given<'_>) -> Result<(), String>,
) -> Key {
    Key { name, set }
}

fn owned(given: &Given<'_>) -> Result<String, String> {
    given.text().map(str::to_owned)
}

/// Reads all `[[stream]]` of the file.
pub(super) fn apply(
    streams: &mut Vec<StreamSettings>,
    (section, value): (&Range<usize>, &DeValue<'_>),
    text: &str,
    faults: &mut Vec<Fault>,
    places: &mut Vec<(String, Range<usize>)>,
) {
    let mut fault = |key: String, span: &Range<usize>, message: String| {
        let place = Some(place(text, span.start));
        faults.push(Fault {
            key,
            place,
            message,
        });
    };
    let must = || format!("must be a list of sections: write `[[{SECTION}]]`");
    let DeValue::Array(items) = value else {
        return fault(SECTION.to_owned(), section, must());
    };
    for (at, item) in items.iter().enumerate() {
        let DeValue::Table(members) = item.get_ref() else {
            fault(dotted(at, ""), &item.span(), must());
            continue;
        };
        places.push((dotted(at, ""), item.span()));
        streams.push(read_one(members, at, &mut fault, places));
    }
}

fn read_one(
    members: &DeTable<'_>,
    at: usize,
    fault: &mut impl FnMut(String, &Range<usize>, String),
    places: &mut Vec<(String, Range<usize>)>,
) -> StreamSettings {
    let mut stream = StreamSettings::default();
    for (member, value) in members {
        let name: &str = member.get_ref();
        let key = dotted(at, name);
        let Some(known) = KEYS.iter().find(|key| key.name == name) else {
            let names = KEYS.iter().map(|key| key.name);
            fault(key, &member.span(), unknown("key", name, names));
            continue;
        };
        match (known.set)(&mut stream, &Given::Toml(value.get_ref())) {
            Ok(()) => places.push((key, value.span())),
            Err(message) => fault(key, &value.span(), message),
        }
    }
    stream
}

/// The key of a member in faults; of the section without one.
fn dotted(at: usize, member: &str) -> String {
    if member.is_empty() {
        format!("{SECTION}[{at}]")
    } else {
        format!("{SECTION}[{at}].{member}")
    }
}

/// Everything that is wrong with the streams.
pub(super) fn validate(streams: &[StreamSettings], fault: &mut impl FnMut(&str, String)) {
    if !cfg!(feature = "nats") && !streams.is_empty() {
        let message = "this program was built without the feature `nats`".to_owned();
        fault(&dotted(0, ""), message);
    }
    if streams.len() > STREAMS_MAX {
        let message = format!("there are {}, at most {STREAMS_MAX}", streams.len());
        fault(&dotted(STREAMS_MAX, ""), message);
    }
    for (at, stream) in streams.iter().enumerate() {
        let mut fault = |member: &str, message: String| fault(&dotted(at, member), message);
        let before = streams.get(..at).unwrap_or_default();
        if before.iter().any(|other| other.name == stream.name) {
            let message = format!("another stream is called `{}` already", stream.name);
            fault("name", message);
        }
        stream.validate_what(&mut fault);
        stream.validate_servers(&mut fault);
        stream.validate_secrets(&mut fault);
        stream.validate_tls(&mut fault);
    }
}

/// Whether a name in the books is that of a stream.
pub(crate) fn is_stream(source: &str) -> bool {
    let rest = source.strip_prefix(SECTION);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

impl StreamSettings {
    /// Its name in the books. No webhook has a `/` in its id.
    #[must_use]
    pub fn source(&self) -> String {
        format!("{SECTION}/{}", self.name)
    }

    fn validate_what(&self, fault: &mut impl FnMut(&str, String)) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_name = (1..=STREAM_NAME_BYTES_MAX).contains(&self.name.len());
        if !is_name || !self.name.bytes().all(is_plain) {
            let message =
                format!("must be 1 to {STREAM_NAME_BYTES_MAX} letters, digits, `-` or `_`");
            fault("name", message);
        }
        if !is_nats_name(&self.stream) {
            fault("stream", "must name a stream of JetStream".to_owned());
        }
        if self.durable.as_deref().is_some_and(|it| !is_nats_name(it)) {
            let message = "is no name of a consumer: no spaces, dots, `*`, `>` or slashes";
            fault("durable", message.to_owned());
        }
        if self.subjects.len() > STREAM_SUBJECTS_MAX {
            fault("subjects", format!("at most {STREAM_SUBJECTS_MAX}"));
        }
        if let Some(subject) = self.subjects.iter().find(|it| !is_subject(it)) {
            fault("subjects", format!("`{subject}` is no subject of NATS"));
        }
        if self.format.is_none() {
            let message = "is missing: `ndjson`, `cloudevents`, `whatsapp` or `cams`";
            fault("format", message.to_owned());
        }
        if let Err(error) = AccountId::parse(&self.account) {
            fault("account", error.to_string());
        }
        if self.space.as_deref() == Some("") {
            let message = "must not be empty; leave it out for the space that owns the number";
            fault("space", message.to_owned());
        }
        if !(1..=STREAM_BATCH_MESSAGES_MAX).contains(&self.batch_messages_max) {
            let message = format!("must be from 1 to {STREAM_BATCH_MESSAGES_MAX}");
            fault("batch_messages_max", message);
        }
        if !STREAM_BATCH_BYTES.contains(&self.batch_bytes_max) {
            let (least, most) = (STREAM_BATCH_BYTES.start(), STREAM_BATCH_BYTES.end());
            fault("batch_bytes_max", format!("must be from {least} to {most}"));
        }
    }

    fn validate_servers(&self, fault: &mut impl FnMut(&str, String)) {
        if self.urls.is_empty() || self.urls.len() > STREAM_URLS_MAX {
            let message = format!("must be 1 to {STREAM_URLS_MAX} servers");
            fault("urls", message);
        }
        for url in &self.urls {
            if let Err(message) = Server::of(url) {
                fault("urls", message);
            }
        }
    }

    fn validate_secrets(&self, fault: &mut impl FnMut(&str, String)) {
        let files = [
            ("credentials_file", &self.credentials_file),
            ("token_file", &self.token_file),
            ("password_file", &self.password_file),
        ];
        let given: Vec<_> = files
            .iter()
            .filter_map(|(key, path)| Some((*key, path.as_deref()?)))
            .collect();
        if let [_, (second, _), ..] = given.as_slice() {
            let message = "is one way too many: a credentials file, a token, or a user";
            fault(second, message.to_owned());
        }
        for (key, path) in &given {
            if let Err(message) = secret(path) {
                fault(key, message);
            }
        }
        match (&self.user, &self.password_file) {
            (Some(_), None) => fault("password_file", "is missing: `user` is set".to_owned()),
            (None, Some(_)) => fault("user", "is missing: `password_file` is set".to_owned()),
            (Some(user), Some(_)) if user.is_empty() => {
                fault("user", "must not be empty".to_owned());
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        let is_readable = self.token_file.is_some() || self.password_file.is_some();
        if is_readable && !self.tls && !self.insecure_plain_text {
            let mut servers = self.urls.iter().filter_map(|url| Server::of(url).ok());
            if let Some(server) = servers.find(|it| !it.tls && !it.is_local()) {
                let message = format!(
                    "`{}` would get the token or the password over a network without TLS: write \
                     `tls://`, or say `insecure_plain_text = true`",
                    server.host
                );
                fault("urls", message);
            }
        }
    }

    fn validate_tls(&self, fault: &mut impl FnMut(&str, String)) {
        if let Some(Err(error)) = self.tls_ca_file.as_deref().map(CaFile::read) {
            fault("tls_ca_file", crate::cli::error_chain(&error));
        }
        let missing = |given: &str| format!("is missing: `{given}` is set, and both are needed");
        match (&self.tls_cert_file, &self.tls_key_file) {
            (None, None) => {}
            (Some(_), None) => fault("tls_key_file", missing("tls_cert_file")),
            (None, Some(_)) => fault("tls_cert_file", missing("tls_key_file")),
            (Some(certificate), Some(key)) => {
                let files = PairFiles {
                    certificate: certificate.clone(),
                    key: key.clone(),
                };
                for error in Pair::read(&files).err().into_iter().flatten() {
                    let key = error.setting().rsplit('.').next().unwrap_or_default();
                    fault(key, crate::cli::error_chain(&error));
                }
            }
        }
    }
}

/// What a file with a secret holds, without the end of its last line.
pub(crate) fn secret(path: &Path) -> Result<zeroize::Zeroizing<String>, String> {
    let told = |why: String| format!("`{}`: {why}", path.display());
    let bytes = read_secret(path).map_err(|fault: FileFault| told(fault.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| told("it is not text".to_owned()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(told("it is empty".to_owned()));
    }
    Ok(zeroize::Zeroizing::new(text.to_owned()))
}

/// What a file with credentials of NATS holds. Its client wants a line to end behind the last
/// mark, which nothing follows in files that were not made by `nsc`.
#[cfg(feature = "nats")]
pub(crate) fn nats_credentials(path: &Path) -> Result<zeroize::Zeroizing<String>, String> {
    let text = secret(path)?;
    Ok(zeroize::Zeroizing::new(format!("{}\n", *text)))
}

/// Whether it is the address of a server of NATS.
pub(super) fn check_url(url: &str) -> Result<(), String> {
    Server::of(url).map(drop)
}

/// A server of NATS, as its URL names it.
struct Server<'a> {
    host: &'a str,
    tls: bool,
}

impl<'a> Server<'a> {
    fn of(url: &'a str) -> Result<Self, String> {
        let bad = || format!("`{url}` is not `nats://HOST:PORT` or `tls://HOST:PORT`");
        if url.contains('@') {
            // Not with the URL: there may be a password in it.
            let message = "a URL has an `@`: secrets belong into files, for example `token_file`";
            return Err(message.to_owned());
        }
        let (scheme, rest) = url.split_once("://").ok_or_else(bad)?;
        let tls = match scheme {
            "nats" => false,
            "tls" => true,
            _ => return Err(bad()),
        };
        let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic()) && !rest.contains('/');
        // An address of IPv6 stands in brackets.
        let (host, port) = match rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(rest))),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        if !is_plain || host.is_empty() || !is_port || url.len() > NATS_NAME_BYTES_MAX {
            return Err(bad());
        }
        Ok(Self { host, tls })
    }

    fn is_local(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

/// Whether NATS takes it for the name of a stream or a consumer.
fn is_nats_name(name: &str) -> bool {
    (1..=NATS_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| {
            byte.is_ascii_graphic() && !matches!(byte, b'.' | b'*' | b'>' | b'/' | b'\\')
        })
}

fn is_subject(subject: &str) -> bool {
    subject.len() <= NATS_NAME_BYTES_MAX
        && subject
            .split('.')
            .all(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()))
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

#[cfg(test)]
mod tests;
