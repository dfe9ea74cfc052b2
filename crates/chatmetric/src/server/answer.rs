//! An answer as data, and the three shapes that answers have: the vendor's
//! (everything at `/`), small JSON (webhooks), plain text (health).
//!
//! Not here: sockets, and what an answer says.

use crate::api::spec::Product;
use crate::server::stream::AnswerBody;
use bytes::Bytes;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::response::{
    self, ErrorContext, RequestId, ResponseFormat, TraceId, error_response,
};
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;
use std::borrow::Cow;
use tokio::sync::mpsc;

/// How long a client may keep an idle connection, as we tell it, in seconds. We
/// keep it longer, so that a request never meets a closing connection.
pub(crate) const KEEP_ALIVE: &str = "timeout=25";
/// When to come back, in seconds, after a 503 of a webhook.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 5;

/// Headers of every answer: ours, and those that hyper adds.
const OWN_HEADERS: usize = 6;

/// The product in error bodies; a call that names none is taken for one of CAMS.
const fn product_name(product: Option<Product>) -> &'static str {
    match product {
        None | Some(Product::Cams) => "Cams",
        Some(Product::Sts) => "Sts",
        Some(Product::Ram) => "Ram",
    }
}

/// The two ids of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestIds {
    pub(crate) request: RequestId,
    pub(crate) trace: TraceId,
}

impl RequestIds {
    pub(crate) fn draw(entropy: &dyn crate::entropy::Entropy) -> Self {
        let mut random = [0_u8; 32];
        entropy.fill(&mut random);
        let (mut request, mut trace) = ([0_u8; 16], [0_u8; 16]);
        request
            .iter_mut()
            .zip(&random)
            .for_each(|(to, from)| *to = *from);
        trace
            .iter_mut()
            .zip(random.iter().skip(16))
            .for_each(|(to, from)| *to = *from);
        Self {
            request: RequestId::from_random(request),
            trace: TraceId::from_random(trace),
        }
    }
}

/// An answer before it is written.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// What comes instead of the body, piece by piece.
    pub(crate) stream: Option<mpsc::Receiver<Bytes>>,
    /// Whether the connection ends with it.
    pub(crate) close: bool,
}

impl Answer {
    pub(crate) fn new(
        status: StatusCode,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        Self {
            status,
            content_type,
            headers: Vec::new(),
            body: body.into(),
            stream: None,
            close: false,
        }
    }

    /// The vendor's answer.
    pub(crate) fn vendor(response: response::Response) -> Self {
        let headers = response.headers.into_iter().filter_map(|(name, value)| {
            // The values are ours: hexadecimal, numbers, fixed words.
            let value = match value {
                Cow::Borrowed(word) => HeaderValue::from_static(word),
                Cow::Owned(text) => HeaderValue::try_from(text).ok()?,
            };
            Some((HeaderName::from_static(name), value))
        });
        Self {
            status: StatusCode::from_u16(response.status)
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            content_type: response.content_type,
            headers: headers.collect(),
            body: response.body.into(),
            stream: None,
            close: false,
        }
    }

    /// The vendor's error body.
    pub(crate) fn vendor_error(
        format: ResponseFormat,
        error: &ApiError,
        host: &str,
        ids: RequestIds,
        product: Option<Product>,
    ) -> Self {
        let context = ErrorContext {
            request_id: ids.request,
            host,
            product: product_name(product),
        };
        Self::vendor(error_response(format, error, &context, ids.trace))
    }

    /// Small JSON of a webhook: a word for programs and a sentence for people.
    pub(crate) fn small(status: StatusCode, code: &str, message: &str) -> Self {
        let body = serde_json::json!({ "code": code, "message": message }).to_string();
        Self::new(status, "application/json;charset=utf-8", body)
    }

    /// Plain text.
    pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body)
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn retry_after(self) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))
    }

    /// An answer whose body comes piece by piece.
    pub(crate) fn streaming(content_type: &'static str, pieces: mpsc::Receiver<Bytes>) -> Self {
        let mut answer = Self::new(StatusCode::OK, content_type, Bytes::new());
        answer.stream = Some(pieces);
        answer
    }

    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Head and body as HTTP/1.1 bytes, for where there is no hyper.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let status = self.status;
        let body = self.body.clone();
        let mut bytes =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for (name, value) in self.into_response().headers() {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        bytes
    }

    pub(super) fn into_response(self) -> Response<AnswerBody> {
        let body = match self.stream {
            None => AnswerBody::Whole(Full::new(self.body)),
            Some(pieces) => AnswerBody::Stream(pieces),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.reserve(self.headers.len() + OWN_HEADERS);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            http::header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        } else {
            headers.insert(
                HeaderName::from_static("keep-alive"),
                HeaderValue::from_static(KEEP_ALIVE),
            );
        }
        for (name, value) in self.headers {
            if name == CACHE_CONTROL {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
        response
    }
}
