//! A curl command line as the request that curl would send.
//!
//! Nothing is read or sent. Invariant: whatever changes the request is in it or refused.

use super::input::{Captured, InputError};
use super::shell;
use crate::params::echo;
use crate::percent;

mod options;

use self::options::{long_name, takes_value};

/// Reads a command that begins with `curl`.
pub(super) fn parse(text: &str) -> Result<Captured, InputError> {
    let split = shell::split(text)?;
    let mut command = Command::default();
    if split.cut {
        command
            .notes
            .push("what follows `|`, `<` or `>` is left out".to_owned());
    }
    let mut words = split.words.into_iter().skip(1);
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
            let value = takes_value(long, &word)?.then(|| words.next());
            command.option(long, &word, value)?;
        } else if word.len() > 1 && word.starts_with('-') && word != "--" {
            short_options(&word, &mut words, &mut command)?;
        } else if word != "--" {
            command.urls.push(word);
        }
    }
    command.finish()
}

/// `-sSX POST`, `-XPOST`
fn short_options(
    word: &str,
    words: &mut impl Iterator<Item = String>,
    command: &mut Command,
) -> Result<(), InputError> {
    let mut letters = word.chars().skip(1);
    while let Some(letter) = letters.next() {
        let option = format!("-{letter}");
        let Some(long) = long_name(letter) else {
            return Err(InputError::UnknownOption { option });
        };
        if takes_value(long, &option)? {
            let attached: String = letters.collect();
            let value = if attached.is_empty() {
                words.next()
            } else {
                Some(attached)
            };
            return command.option(long, &option, Some(value));
        }
        command.option(long, &option, None)?;
    }
    Ok(())
}

/// What was said so far.
#[derive(Default)]
struct Command {
    method: Option<String>,
    urls: Vec<String>,
    headers: Vec<(String, Option<String>)>,
    data: Vec<String>,
    json: bool,
    get: bool,
    head: bool,
    notes: Vec<String>,
}

impl Command {
    /// Takes an option; `value` is `Some(None)` if it needs one and the command ended.
    fn option(
        &mut self,
        long: &str,
        option: &str,
        value: Option<Option<String>>,
    ) -> Result<(), InputError> {
        let value = match value {
            Some(None) => {
                let option = option.to_owned();
                return Err(InputError::NoValue { option });
            }
            Some(Some(value)) => value,
            None => String::new(),
        };
        match long {
            "request" => self.method = Some(value),
            "url" => self.urls.push(value),
            "header" => self.header(&value)?,
            "user-agent" => self.headers.push(("User-Agent".to_owned(), Some(value))),
            "referer" => self.headers.push(("Referer".to_owned(), Some(value))),
            "cookie" => self.headers.push(("Cookie".to_owned(), Some(value))),
            "data" | "data-ascii" | "data-binary" => self.data.push(no_file(value, option)?),
            "data-raw" => self.data.push(value),
            "json" => {
                self.json = true;
                self.data.push(no_file(value, option)?);
            }
            "data-urlencode" => self.data.push(url_encoded(&value, option)?),
            "get" => self.get = true,
            "head" => self.head = true,
            "user" => self.notes.push(format!(
                "`{option}` is left out: user and password are no part of the protocol"
            )),
            _ => {}
        }
        Ok(())
    }

    /// `Name: value` sets, `Name;` sets to nothing, `Name:` removes what curl adds.
    fn header(&mut self, text: &str) -> Result<(), InputError> {
        let fault = |name: &str| InputError::Header { name: echo(name) };
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
        };
        if text.contains(['\r', '\n']) {
            return Err(fault(text.split(':').next().unwrap_or_default()));
        }
        let Some((name, value)) = text.split_once(':') else {
            let name = text.strip_suffix(';').filter(|name| is_name(name));
            let name = name.ok_or_else(|| fault(text))?;
            self.headers.push((name.to_owned(), Some(String::new())));
            return Ok(());
        };
        if !is_name(name) {
            return Err(fault(name));
        }
        let value = value.strip_prefix(' ').unwrap_or(value);
        let kept = (!value.trim().is_empty()).then(|| value.to_owned());
        self.headers.push((name.to_owned(), kept));
        Ok(())
    }

    fn finish(mut self) -> Result<Captured, InputError> {
        let [url] = self.urls.as_slice() else {
            let count = self.urls.len();
            return Err(InputError::Urls { count });
        };
        let mut url = Url::parse(url)?;
        if url.had_user {
            self.notes
                .push("user and password of the URL are left out".to_owned());
        }
        let data = self.data.join(if self.json { "" } else { "&" });
        let has_body = !self.data.is_empty() && !self.get;
        if self.get && !data.is_empty() {
            let joint = if url.target.contains('?') { '&' } else { '?' };
            url.target.push(joint);
            url.target.push_str(&data);
        }
        let method = match (self.method, self.head, has_body) {
            (Some(method), _, _) => method,
            (None, true, _) => "HEAD".to_owned(),
            (None, false, true) => "POST".to_owned(),
            (None, false, false) => "GET".to_owned(),
        };
        let mut headers = Headers::default();
        headers.own("Host", url.host);
        let json = "application/json";
        headers.own("Accept", if self.json { json } else { "*/*" }.to_owned());
        if has_body {
            let form = "application/x-www-form-urlencoded";
            headers.own(
                "Content-Type",
                if self.json { json } else { form }.to_owned(),
            );
        }
        for (name, value) in self.headers {
            headers.user(&name, value);
        }
        if headers.is_absent("User-Agent") {
            self.notes.push(
                "curl also sends `User-Agent: curl/<its version>`, which the command does not show"
                    .to_owned(),
            );
        }
        let body = if has_body {
            data.into_bytes()
        } else {
            Vec::new()
        };
        Ok(Captured {
            method,
            target: url.target,
            headers: headers.into_captured(),
            body,
            tls: url.tls,
            notes: self.notes,
        })
    }
}

/// Headers in order; curl's own give way to the user's, which may stand twice.
#[derive(Default)]
struct Headers {
    list: Vec<(String, String, bool)>,
}

impl Headers {
    fn own(&mut self, name: &str, value: String) {
        self.list.push((name.to_owned(), value, true));
    }

    fn user(&mut self, name: &str, value: Option<String>) {
        self.list
            .retain(|(known, _, own)| !(*own && known.eq_ignore_ascii_case(name)));
        let value = value.map(|value| (name.to_owned(), value, false));
        self.list.extend(value);
    }

    fn is_absent(&self, name: &str) -> bool {
        !self
            .list
            .iter()
            .any(|(known, _, _)| known.eq_ignore_ascii_case(name))
    }

    fn into_captured(self) -> Vec<(String, Vec<u8>)> {
        let pairs = self.list.into_iter();
        pairs
            .map(|(name, value, _)| (name, value.into_bytes()))
            .collect()
    }
}

/// curl reads a file for `@name`.
fn no_file(value: String, option: &str) -> Result<String, InputError> {
    if value.starts_with('@') {
        let option = option.to_owned();
        return Err(InputError::File { option });
    }
    Ok(value)
}

/// `content`, `=content`, `name=content`; `@file` and `name@file` are refused.
fn url_encoded(value: &str, option: &str) -> Result<String, InputError> {
    match value.find(['=', '@']).map(|at| value.split_at(at)) {
        Some((_, file)) if file.starts_with('@') => {
            let option = option.to_owned();
            Err(InputError::File { option })
        }
        Some((name, content)) => {
            let content = percent::encode(content.strip_prefix('=').unwrap_or(content));
            let equals = if name.is_empty() { "" } else { "=" };
            Ok(format!("{name}{equals}{content}"))
        }
        None => Ok(percent::encode(value)),
    }
}

struct Url {
    tls: bool,
    host: String,
    target: String,
    had_user: bool,
}

impl Url {
    fn parse(text: &str) -> Result<Self, InputError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let tls = scheme.eq_ignore_ascii_case("https");
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (user, host) = match authority.rsplit_once('@') {
            Some((_, host)) => (true, host),
            None => (false, authority),
        };
        let known_scheme = tls || scheme.eq_ignore_ascii_case("http");
        if !known_scheme || host.is_empty() || rest.contains([' ', '\t', '\n', '\r']) {
            let url = echo(&format!("{scheme}://{host}{target}"));
            return Err(InputError::Url { url });
        }
        // curl leaves the scheme's own port out of the Host header.
        let default_port = if tls { ":443" } else { ":80" };
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            tls,
            host: host.strip_suffix(default_port).unwrap_or(host).to_owned(),
            target: format!("{slash}{target}"),
            had_user: user,
        })
    }
}

#[cfg(test)]
mod tests;
