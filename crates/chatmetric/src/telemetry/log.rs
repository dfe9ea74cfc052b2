//! Starts the log, and traces when the program is built with them.
//!
//! Invariant: what is logged does not depend on whether traces are sent.

#[cfg(feature = "otlp")]
use super::otlp;
use crate::config::{LogFormat, TelemetrySettings};
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// What sends traces, if there is such a thing; it sends the last ones when it is dropped.
#[derive(Debug, Default)]
#[must_use]
pub struct TraceExport {
    #[cfg(feature = "otlp")]
    _traces: Option<otlp::Traces>,
}

/// The filter of `telemetry.log`. Values of fields are literal: as regular expressions,
/// which they are by default, a dozen dots are compiled into an automaton for minutes.
///
/// Spaces around a directive go here: the parser leaves them out when it counts where a name
/// ends and not when it takes it, so it takes the wrong bytes, or half of a letter and panics.
///
/// # Errors
/// When it is no filter.
pub(crate) fn log_filter(text: &str) -> Result<EnvFilter, ParseError> {
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    EnvFilter::builder()
        .with_regex(false)
        .parse(directives.join(","))
}

/// Starts the log. A second call changes nothing (tests start many servers).
///
/// A line that cannot be written is lost without a word: the word would go to the
/// same stream, and panic where that is closed or full.
pub fn start_log(settings: &TelemetrySettings) -> TraceExport {
    let filter = log_filter(&settings.log).unwrap_or_else(|_| EnvFilter::new("info"));
    #[cfg(feature = "otlp")]
    if let Some(endpoint) = &settings.otlp_endpoint {
        return start_log_and_traces(settings.log_format, filter, endpoint);
    }
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let started = match settings.log_format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(has_colors()).try_init(),
    };
    drop(started);
    TraceExport::default()
}

fn has_colors() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// The same lines, and spans to a receiver. Spans are in no line.
#[cfg(feature = "otlp")]
fn start_log_and_traces(format: LogFormat, filter: EnvFilter, endpoint: &str) -> TraceExport {
    use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    use tracing_subscriber::{Layer as _, Registry};

    let lines = tracing_subscriber::fmt::layer::<Registry>()
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(has_colors()).boxed(),
    };
    let no_spans = filter_fn(|metadata| !metadata.is_span());
    let lines = lines.with_filter(filter.and(no_spans.with_max_level_hint(LevelFilter::TRACE)));
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
