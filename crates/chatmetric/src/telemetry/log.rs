//! Starts the log, and traces when the program is built with them.
//!
//! Invariant: what is logged does not depend on whether traces are sent.

#[cfg(feature = "otlp")]
use super::otlp;
use crate::config::{LogFormat, TelemetrySettings};
use std::io::IsTerminal as _;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, filter_fn};
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
    let lines = lines(settings.log_format, filter);
    #[cfg(feature = "otlp")]
    if let Some(endpoint) = &settings.otlp_endpoint {
        return start_with_traces(lines, endpoint);
    }
    drop(tracing_subscriber::registry().with(lines).try_init());
    TraceExport::default()
}

/// The lines on stderr. Spans are in no line.
fn lines(format: LogFormat, filter: Targets) -> impl Layer<Registry> + Send + Sync + 'static {
    let lines = tracing_subscriber::fmt::layer::<Registry>()
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(has_colors()).boxed(),
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
