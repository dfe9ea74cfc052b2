//! Traces by OTLP over HTTP (protobuf), when the program is built with the feature `otlp`.
//!
//! Not here: which spans there are. Invariants: what waits to be sent is bounded and is
//! dropped when the receiver is slow or gone; nothing of the server waits for it.

use crate::client::{Endpoint, agent};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider,
};
use std::time::Duration;

/// Spans that wait to be sent; more are dropped.
const QUEUE_SPANS_MAX: usize = 4_096;
/// Spans of one request.
const BATCH_SPANS_MAX: usize = 512;
/// How long spans are collected before they are sent.
const BATCH_DELAY: Duration = Duration::from_secs(1);
/// Longest answer of the receiver that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Where traces go at a receiver that is named by its host.
const PATH: &str = "/v1/traces";

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum OtlpError {
    /// The address is none.
    #[error("`{endpoint}` is not an address of an OTLP receiver such as `http://127.0.0.1:4318`")]
    Endpoint {
        /// What was given.
        endpoint: String,
    },
    /// The exporter could not be made.
    #[error("could not make the exporter of traces")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Sends with the client that the program has anyway.
#[derive(Debug)]
struct Client(ureq::Agent);

#[async_trait::async_trait]
impl HttpClient for Client {
    /// Blocks: it is called on the thread of the exporter.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let mut sending = self.0.post(parts.uri.to_string());
        for (name, value) in &parts.headers {
            sending = sending.header(name, value);
        }
        let mut answer = sending.send(body.as_ref())?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let body = Bytes::from(body.read_to_vec()?);
        Ok(Response::builder().status(status).body(body)?)
    }
}

/// Sends what is left when it is dropped.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        // A receiver that is gone loses the last spans; nothing else can be done.
        let _ = self.0.shutdown();
    }
}

/// Begins to send spans there.
pub(super) fn start(endpoint: &str) -> Result<(SdkTracer, Traces), OtlpError> {
    let (url, host) = parse(endpoint)?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client(agent(&host, None)))
        .with_endpoint(url)
        .build()?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_SPANS_MAX)
        .with_max_export_batch_size(BATCH_SPANS_MAX)
        .with_scheduled_delay(BATCH_DELAY)
        .build();
    let processor = BatchSpanProcessor::builder(exporter)
        .with_batch_config(batches)
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_resource(
            Resource::builder_empty()
                .with_service_name("chatmetric")
                .build(),
        )
        .build();
    Ok((provider.tracer("chatmetric"), Traces(provider)))
}

/// Whether it is an address.
pub(super) fn check(endpoint: &str) -> Result<(), OtlpError> {
    parse(endpoint).map(drop)
}

fn parse(endpoint: &str) -> Result<(String, Endpoint), OtlpError> {
    let fail = || OtlpError::Endpoint {
        endpoint: endpoint.to_owned(),
    };
    let uri: http::Uri = endpoint.parse().map_err(|_| fail())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(fail());
    };
    let host = Endpoint::parse(&format!("{scheme}://{authority}")).map_err(|_| fail())?;
    let path = match uri.path() {
        "" | "/" => PATH,
        path => path,
    };
    if uri.query().is_some() {
        return Err(fail());
    }
    Ok((format!("{host}{path}"), host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_named_by_host_or_by_path() {
        for (endpoint, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            ("https://otel.example/x/y", "https://otel.example/x/y"),
        ] {
            assert_eq!(parse(endpoint).expect("an address").0, url);
        }
        for endpoint in [
            "",
            "127.0.0.1:4318",
            "grpc://x",
            "http://x/?q=1",
            "http://u@x",
        ] {
            assert!(check(endpoint).is_err(), "{endpoint}");
        }
    }
}
