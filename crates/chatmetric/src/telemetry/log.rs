//! Starts the log, and traces when the program is built with them.
//!
//! Invariant: what is logged does not depend on whether traces are sent.

use super::one_line;
#[cfg(feature = "otlp")]
use super::otlp;
use crate::config::{LogFormat, TelemetrySettings};
use std::io::IsTerminal as _;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

/// What sends traces, if there is such a thing; it sends the last ones when it is dropped.
#[derive(Debug, Default)]
#[must_use]
pub struct TraceExport {
    #[cfg(feature = "otlp")]
    _traces: Option<otlp::Traces>,
}

/// The filter of `telemetry.log`: levels, and targets with their level. Not the larger
/// language that has spans and fields too: its parser compiles regular expressions for
/// minutes, takes the wrong bytes behind a space, and panics on some texts.
///
/// # Errors
/// What is no such filter, in words.
pub(crate) fn log_filter(text: &str) -> Result<Targets, String> {
    let named = text.split(',').map(str::trim);
    let named: Vec<&str> = named.filter(|one| !one.is_empty()).collect();
    if named.is_empty() {
        return Ok(Targets::new().with_default(LevelFilter::ERROR));
    }
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '=');
    if let Some(other) = named.iter().find(|one| !one.chars().all(is_known)) {
        return Err(format!("`{other}` is no level, and no target with a level"));
    }
    let parsed = named.join(",").parse::<Targets>();
    parsed.map_err(|error| error.to_string())
}

/// Starts the log. A second call changes nothing (tests start many servers).
///
/// A line that cannot be written is lost without a word: the word would go to the
/// same stream, and panic where that is closed or full.
pub fn start_log(settings: &TelemetrySettings) -> TraceExport {
    let by_default = || Targets::new().with_default(LevelFilter::INFO);
    let filter = log_filter(&settings.log).unwrap_or_else(|_| by_default());
    let lines = lines(settings.log_format, filter, std::io::stderr);
    #[cfg(feature = "otlp")]
    if let Some(endpoint) = &settings.otlp_endpoint {
        return start_with_traces(lines, endpoint);
    }
    drop(tracing_subscriber::registry().with(lines).try_init());
    TraceExport::default()
}

/// The lines. Spans are in no line.
fn lines(
    format: LogFormat,
    filter: Targets,
    out: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> impl Layer<Registry> + Send + Sync + 'static {
    let lines = tracing_subscriber::fmt::layer::<Registry>()
        .log_internal_errors(false)
        .with_writer(out);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines
            .with_ansi(has_colors())
            .fmt_fields(one_line::fields())
            .boxed(),
    };
    let no_spans = filter_fn(|metadata| !metadata.is_span());
    lines.with_filter(filter.and(no_spans.with_max_level_hint(LevelFilter::TRACE)))
}

fn has_colors() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// The same lines, and spans to a receiver.
#[cfg(feature = "otlp")]
fn start_with_traces(
    lines: impl Layer<Registry> + Send + Sync + 'static,
    endpoint: &str,
) -> TraceExport {
    let registry = tracing_subscriber::registry().with(lines);
    match otlp::start(endpoint) {
        Ok((tracer, traces)) => {
            let ours = filter_fn(|metadata| metadata.target().starts_with("chatmetric"));
            let spans = tracing_opentelemetry::layer()
                .with_tracer(tracer)
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_filter(
                    ours.with_max_level_hint(LevelFilter::INFO)
                        .and(LevelFilter::INFO),
                );
            drop(registry.with(spans).try_init());
            TraceExport {
                _traces: Some(traces),
            }
        }
        Err(error) => {
            drop(registry.try_init());
            let error = crate::cli::error_chain(&error);
            tracing::error!(error, "traces cannot be sent");
            TraceExport::default()
        }
    }
}

/// What is wrong with a receiver of traces; `None` when nothing is.
pub(crate) fn fault_of_otlp(endpoint: &str) -> Option<String> {
    #[cfg(feature = "otlp")]
    return otlp::check(endpoint).err().map(|error| error.to_string());
    #[cfg(not(feature = "otlp"))]
    {
        let _ = endpoint;
        Some("this program is built without traces (feature `otlp`): leave it out".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of what `log` logs.
    fn written(format: LogFormat, log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let out = lines.clone();
        let filter = Targets::new().with_default(LevelFilter::INFO);
        let layer = self::lines(format, filter, move || out.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = lines.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("text")
    }

    const HOSTILE: &str = "a\r\nERROR chatmetric: forged account=1\u{1b}[2J\u{9b}31m\u{7}\u{8}\u{0}\u{85}\u{7f}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\tz\u{e9}";

    fn hostile() {
        let error = io::Error::other(HOSTILE);
        let source: &(dyn std::error::Error + 'static) = &error;
        tracing::warn!(%error, text = HOSTILE, source, debug = ?HOSTILE, "said: {HOSTILE}");
    }

    #[test]
    fn what_is_logged_of_others_is_one_line_and_does_nothing() {
        let text = written(LogFormat::Text, hostile);
        let line = text.strip_suffix('\n').expect("it ends");
        let acts = |c: char| {
            c.is_control()
                || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}"
                    .contains(c)
        };
        assert!(!line.contains(acts), "{line:?}");
        // Nothing is left out either, and letters stay letters.
        assert_eq!(
            line.matches("forged account=1\\u{1b}[2J").count(),
            5,
            "{line}"
        );
        assert_eq!(line.matches("z\u{e9}").count(), 5, "{line}");
        let json = written(LogFormat::Json, hostile);
        assert_eq!(json.lines().count(), 1, "{json:?}");
        let line: serde_json::Value = serde_json::from_str(json.trim_end()).expect("JSON");
        assert_eq!(line["error"], HOSTILE);
        // What reads JSON is a program: only what JSON may not have is escaped.
        let acts = |c: char| c < ' ';
        assert!(!json.trim_end().contains(acts), "{json:?}");
    }

    #[test]
    fn a_line_is_its_message_and_its_fields() {
        let text = written(LogFormat::Text, || {
            tracing::info!(rows = 3, code = "OK", path = %"/a b", "call");
        });
        let (_, line) = text.split_once(" INFO ").expect("its level");
        let target = module_path!();
        assert_eq!(
            line,
            format!("{target}: call rows=3 code=\"OK\" path=/a b\n")
        );
    }
}
