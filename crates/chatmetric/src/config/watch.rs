//! `[watch]`: what the server looks out for by itself, and whom it tells.
//!
//! Not here: the rules (`crate::watch`). Invariants: every value has a range, and a value
//! outside of it is a fault of its key; neither the secret nor the path of an address is
//! ever in a text that is made of the settings.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use zeroize::Zeroizing;

/// Shortest secret of the webhook, in bytes.
pub const WATCH_SECRET_BYTES_MIN: usize = 16;
/// Longest secret of the webhook, in bytes.
pub const WATCH_SECRET_BYTES_MAX: usize = 512;
/// Longest address, in bytes.
const URL_BYTES_MAX: usize = 2_048;

/// Where something is sent: http or https, and no user in it.
#[derive(Clone, PartialEq, Eq)]
pub struct WatchUrl {
    text: String,
    origin: String,
    is_plain: bool,
}

impl WatchUrl {
    /// All of it, for the call alone: its path may be a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, for people.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl FromStr for WatchUrl {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let uri: http::Uri = text.parse().map_err(|_| ())?;
        let authority = uri.authority().ok_or(())?;
        let is_plain = match uri.scheme_str() {
            Some("http") => true,
            Some("https") => false,
            _ => return Err(()),
        };
        let is_whole = !authority.host().is_empty() && !authority.as_str().contains('@');
        if !is_whole || text.len() > URL_BYTES_MAX {
            return Err(());
        }
        let scheme = if is_plain { "http" } else { "https" };
        Ok(Self {
            text: text.to_owned(),
            origin: format!("{scheme}://{authority}"),
            is_plain,
        })
    }
}

impl fmt::Debug for WatchUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatchUrl({}, redacted)", self.origin)
    }
}

/// What messages to the webhook are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct WatchSecret(Zeroizing<String>);

impl WatchSecret {
    /// Takes a secret over.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Its bytes, for signing alone.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Reads it from a file; white space around it is not part of it.
    ///
    /// # Errors
    /// What is wrong, without the secret.
    pub fn read(file: &Path) -> Result<Self, String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * WATCH_SECRET_BYTES_MAX));
        let limit = u64::try_from(2 * WATCH_SECRET_BYTES_MAX).unwrap_or(u64::MAX);
        std::fs::File::open(file)
            .and_then(|file| file.take(limit).read_to_string(&mut text))
            .map_err(|error| format!("could not read `{}`: {error}", file.display()))?;
        let secret = Self::new(text.trim());
        match secret.fault() {
            None => Ok(secret),
            Some(fault) => Err(format!("`{}` {fault}", file.display())),
        }
    }

    fn fault(&self) -> Option<String> {
        let range = WATCH_SECRET_BYTES_MIN..=WATCH_SECRET_BYTES_MAX;
        let is_good =
            range.contains(&self.0.len()) && self.0.bytes().all(|byte| byte.is_ascii_graphic());
        (!is_good).then(|| {
            format!(
                "must have {WATCH_SECRET_BYTES_MIN} to {WATCH_SECRET_BYTES_MAX} letters, digits and signs of ASCII, and no blanks"
            )
        })
    }
}

impl fmt::Debug for WatchSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchSecret(redacted)")
    }
}

/// `[watch]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchSettings {
    /// Whether anything is looked at.
    pub enabled: bool,
    /// Days before now that say what is usual.
    pub baseline_days: u32,
    /// How long something must be wrong before it is told, in minutes.
    pub for_minutes: u32,
    /// How long it must be right again before it is over, in minutes.
    pub clear_minutes: u32,
    /// Whether the delivery rate of numbers is looked at.
    pub delivery_rate: bool,
    /// How many percentage points below its usual rate a number must be.
    pub delivery_rate_drop_percent: u32,
    /// Fewest messages that say something of a rate.
    pub delivery_rate_sent_min: u32,
    /// How old messages must be at least before their rate is looked at, in minutes.
    pub settle_minutes: u32,
    /// Whether sources that fall silent are looked for.
    pub silent_source: bool,
    /// Shortest silence that is told, in minutes.
    pub silent_source_minutes_min: u32,
    /// Whether messages without any report are looked at.
    pub no_report: bool,
    /// How many percentage points above its usual share a number must be.
    pub no_report_rise_percent: u32,
    /// Fewest messages that say something of that share.
    pub no_report_sent_min: u32,
    /// Whether the disk is looked at.
    pub disk_full: bool,
    /// Told when the disk will be full within so many days.
    pub disk_full_days: u32,
    /// Told when less than this is free, in bytes.
    pub disk_free_bytes_min: u64,
    /// From so many numbers of one account on, one alert stands for all of them.
    pub group_from: u32,
    /// Most messages to the webhook an hour.
    pub notifications_per_hour: u32,
    /// How long alerts that are over are kept, in days.
    pub history_days: u32,
    /// Where alerts are posted to.
    pub webhook_url: Option<WatchUrl>,
    /// What they are signed with.
    pub webhook_secret: Option<WatchSecret>,
    /// The file with that secret.
    pub webhook_secret_file: Option<PathBuf>,
    /// An Alertmanager.
    pub alertmanager_url: Option<WatchUrl>,
    /// The certificates of the CA that issued theirs, instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Allows addresses of private networks and of this machine, and plain HTTP.
    pub allow_private: bool,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            baseline_days: 14,
            for_minutes: 15,
            clear_minutes: 30,
            delivery_rate: true,
            delivery_rate_drop_percent: 10,
            delivery_rate_sent_min: 50,
            settle_minutes: 60,
            silent_source: true,
            silent_source_minutes_min: 30,
            no_report: true,
            no_report_rise_percent: 5,
            no_report_sent_min: 200,
            disk_full: true,
            disk_full_days: 3,
            disk_free_bytes_min: 1 << 30,
            group_from: 5,
            notifications_per_hour: 20,
            history_days: 90,
            webhook_url: None,
            webhook_secret: None,
            webhook_secret_file: None,
            alertmanager_url: None,
            ca_file: None,
            allow_private: false,
        }
    }
}

impl WatchSettings {
    /// The secret of the webhook, from wherever it is.
    ///
    /// # Errors
    /// What is wrong with its file.
    pub fn secret(&self) -> Result<Option<WatchSecret>, String> {
        match (&self.webhook_secret, &self.webhook_secret_file) {
            (Some(secret), _) => Ok(Some(secret.clone())),
            (None, Some(file)) => WatchSecret::read(file).map(Some),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn validate(&self, fault: &mut impl FnMut(&str, String)) {
        self.validate_ranges(fault);
        self.validate_delivery(fault);
    }

    fn validate_ranges(&self, fault: &mut impl FnMut(&str, String)) {
        let mut range = |key: &str, value: u32, least: u32, most: u32| {
            if !(least..=most).contains(&value) {
                fault(
                    &format!("watch.{key}"),
                    format!("must be from {least} to {most}"),
                );
            }
        };
        range("baseline_days", self.baseline_days, 7, 28);
        range("for_minutes", self.for_minutes, 0, 1_440);
        range("clear_minutes", self.clear_minutes, 0, 1_440);
        let drop = self.delivery_rate_drop_percent;
        range("delivery_rate_drop_percent", drop, 1, 100);
        range(
            "delivery_rate_sent_min",
            self.delivery_rate_sent_min,
            10,
            1_000_000,
        );
        range("settle_minutes", self.settle_minutes, 15, 1_440);
        let silent = self.silent_source_minutes_min;
        range("silent_source_minutes_min", silent, 15, 10_080);
        range(
            "no_report_rise_percent",
            self.no_report_rise_percent,
            1,
            100,
        );
        range("no_report_sent_min", self.no_report_sent_min, 10, 1_000_000);
        range("disk_full_days", self.disk_full_days, 1, 365);
        range("group_from", self.group_from, 2, 1_000);
        range(
            "notifications_per_hour",
            self.notifications_per_hour,
            2,
            1_000,
        );
        range("history_days", self.history_days, 1, 3_660);
        let most = u64::MAX / 2;
        if self.disk_free_bytes_min > most {
            fault(
                "watch.disk_free_bytes_min",
                format!("must be at most {most}"),
            );
        }
    }

    fn validate_delivery(&self, fault: &mut impl FnMut(&str, String)) {
        for (key, url) in [
            ("watch.webhook_url", &self.webhook_url),
            ("watch.alertmanager_url", &self.alertmanager_url),
        ] {
            if url.as_ref().is_some_and(|url| url.is_plain) && !self.allow_private {
                fault(
                    key,
                    "must be https; plain HTTP is for networks of your own, with `watch.allow_private = true`"
                        .to_owned(),
                );
            }
        }
        if let Some(found) = self.webhook_secret.as_ref().and_then(WatchSecret::fault) {
            fault("watch.webhook_secret", found);
        }
        match (&self.webhook_secret, &self.webhook_secret_file) {
            (Some(_), Some(_)) => fault(
                "watch.webhook_secret_file",
                "there is `watch.webhook_secret` too: leave one of them out".to_owned(),
            ),
            (None, Some(file)) => {
                if let Err(reason) = WatchSecret::read(file) {
                    fault("watch.webhook_secret_file", reason);
                }
            }
            (None, None) if self.webhook_url.is_some() => fault(
                "watch.webhook_secret_file",
                "is missing: `watch.webhook_url` is set, and what is sent there is signed"
                    .to_owned(),
            ),
            (Some(_) | None, None) => {}
        }
        if let Some(file) = &self.ca_file
            && let Err(error) = crate::tls::CaFile::read(file)
        {
            fault("watch.ca_file", crate::cli::error_chain(&error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_http_or_https_and_shows_its_host_alone() {
        for wrong in [
            "ftp://a",
            "hooks.example",
            "/x",
            "https://",
            "http://u:p@a/",
        ] {
            assert_eq!(wrong.parse::<WatchUrl>(), Err(()), "{wrong}");
        }
        let url: WatchUrl = "https://hooks.example:8443/T000/secret?x=1"
            .parse()
            .expect("one");
        assert_eq!(url.origin(), "https://hooks.example:8443");
        assert!(!format!("{url:?}").contains("secret"));
        let settings = WatchSettings {
            webhook_url: Some(url),
            webhook_secret: Some(WatchSecret::new("a-secret-of-enough-bytes")),
            ..WatchSettings::default()
        };
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("a-secret") && !shown.contains("T000"),
            "{shown}"
        );
    }
}
