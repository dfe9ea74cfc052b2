//! The spans of traces: calls of the API, webhooks, commits. Without the feature `otlp` there
//! are none, and what is wrapped here is what was given.
//!
//! Invariant: a span carries request ids, our own words and counts, and nothing of a
//! message or of a caller's body.

use chatmetric_rpc::response::RequestId;

#[cfg(feature = "otlp")]
mod real {
    use super::RequestId;
    use tracing::Instrument as _;

    pub(crate) fn rpc<F: Future>(
        request_id: RequestId,
        work: F,
    ) -> impl Future<Output = F::Output> {
        work.instrument(tracing::info_span!("rpc", %request_id))
    }

    pub(crate) fn webhook<F: Future>(
        kind: &'static str,
        work: F,
    ) -> impl Future<Output = F::Output> {
        let status = tracing::field::Empty;
        work.instrument(tracing::info_span!("webhook", kind, status))
    }

    /// What the webhook of the current span was answered.
    pub(crate) fn answered(status: u16) {
        tracing::Span::current().record("status", status);
    }

    pub(crate) fn commit<F: Future>(events: usize, work: F) -> impl Future<Output = F::Output> {
        work.instrument(tracing::info_span!("commit", events))
    }
}

#[cfg(not(feature = "otlp"))]
mod real {
    use super::RequestId;

    pub(crate) const fn rpc<F>(_: RequestId, work: F) -> F {
        work
    }

    pub(crate) const fn webhook<F>(_: &'static str, work: F) -> F {
        work
    }

    pub(crate) const fn answered(_: u16) {}

    pub(crate) const fn commit<F>(_: usize, work: F) -> F {
        work
    }
}

pub(crate) use real::{answered, commit, rpc, webhook};
