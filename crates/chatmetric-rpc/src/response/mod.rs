//! Answers: request ids, success and error bodies, and the headers that go with them, as data.
//!
//! It does not write to a socket, and it never fails: whatever text comes in, the body is
//! well-formed JSON or XML. Invariant: XML is written only for [`ResponseFormat::Xml`], with the
//! exact content type that SDKs compare; an error's members are strings, because one SDK panics on
//! anything else.

mod json;
mod plain;
mod rows;
mod xml;

use std::borrow::Cow;
use std::fmt;

use crate::error::ApiError;
use crate::percent;
pub use json::JsonWriter;
pub use xml::XmlWriter;

/// Content type of JSON bodies, byte for byte.
pub const CONTENT_TYPE_JSON: &str = "application/json;charset=utf-8";
/// Content type of XML bodies, byte for byte (SDKs parse XML only under this one).
pub const CONTENT_TYPE_XML: &str = "text/xml;charset=utf-8";
/// Longest host that is repeated in `HostId`, in bytes.
pub const HOST_ID_BYTES_MAX: usize = 255;

/// How the caller reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseFormat {
    /// JSON.
    Json,
    /// XML, for V1 requests that ask for it or leave Format out.
    Xml,
}

impl ResponseFormat {
    /// The content type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => CONTENT_TYPE_JSON,
            Self::Xml => CONTENT_TYPE_XML,
        }
    }
}

/// A request id: an upper-case UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// A version 4 UUID from 16 random bytes.
    #[must_use]
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
        *version = *version & 0x0f | 0x40;
        *variant = *variant & 0x3f | 0x80;
        Self(bytes)
    }
}

impl RequestId {
    /// The text: it is written three times a call, into a header, the body and the log.
    #[must_use]
    pub fn text(&self) -> RequestIdText {
        let mut bytes = [b'-'; RequestIdText::BYTES];
        let mut places = bytes.iter_mut().enumerate();
        for digit in self.0.iter().flat_map(|byte| percent::hex_pair(*byte)) {
            let place = places.find(|(at, _)| !RequestIdText::DASHES.contains(at));
            if let Some((_, place)) = place {
                *place = digit;
            }
        }
        RequestIdText(bytes)
    }
}

/// A request id as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestIdText([u8; Self::BYTES]);

impl RequestIdText {
    const BYTES: usize = 36;
    const DASHES: [usize; 4] = [8, 13, 18, 23];

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits and dashes only, so the default is never given.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// A trace id: 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// From 16 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 32];
        // Twice as many digits as bytes, so the error arm is never reached.
        match hex::encode_to_slice(self.0, &mut text) {
            Ok(()) => f.write_str(std::str::from_utf8(&text).unwrap_or_default()),
            Err(_) => Ok(()),
        }
    }
}

/// A list of objects that have the same integers, and after them one of a few sets of texts.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a, const N: usize> {
    /// The names of the integers; there is at least one.
    pub integers: [&'static str; N],
    /// The names of the texts.
    pub texts: &'a [&'static str],
    /// The texts, a set each.
    pub sets: &'a [Vec<&'a str>],
}

impl<const N: usize> Table<'_, N> {
    /// The members of a set.
    fn set<'t>(&'t self, set: &'t [&'t str]) -> impl Iterator<Item = (&'static str, &'t str)> {
        self.texts.iter().copied().zip(set.iter().copied())
    }
}

/// Writes the members of a body, in JSON or XML alike. Names are the wire's own, so they need no
/// escaping; values are escaped.
pub trait FieldWriter {
    /// A string.
    fn text(&mut self, name: &'static str, value: &str);
    /// An integer.
    fn integer(&mut self, name: &'static str, value: i64);
    /// An integer without sign.
    fn unsigned(&mut self, name: &'static str, value: u64);
    /// A boolean.
    fn boolean(&mut self, name: &'static str, value: bool);
    /// An object.
    fn object(&mut self, name: &'static str, fields: impl FnOnce(&mut Self));
    /// A list of objects: an array in JSON, a repeated element in XML.
    fn list<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        fields: impl FnMut(&mut Self, T),
    );
    /// As [`Self::list`] of objects of one shape, given by which set of texts and which integers
    /// each has; much faster when there are many.
    fn table<const N: usize>(
        &mut self,
        name: &'static str,
        table: &Table<'_, N>,
        rows: impl Iterator<Item = (usize, [i64; N])>,
    );
    /// A list of strings: an array in JSON, a repeated element in XML.
    fn text_list<'a>(&mut self, name: &'static str, items: impl IntoIterator<Item = &'a str>);
}

/// A success body of the program.
pub trait Document {
    /// Writes the members in wire order.
    fn write_fields<W: FieldWriter>(&self, writer: &mut W);

    /// About how many bytes the body will have, to allocate once.
    fn size_hint_bytes(&self) -> usize {
        512
    }
}

/// Renders a success body; the XML root is `<ActionResponse>`.
pub fn render<D: Document>(format: ResponseFormat, action: &str, document: &D) -> Vec<u8> {
    match format {
        ResponseFormat::Json => {
            let mut writer = JsonWriter::with_capacity(document.size_hint_bytes());
            document.write_fields(&mut writer);
            writer.finish()
        }
        ResponseFormat::Xml => {
            let mut writer = XmlWriter::with_capacity(action, document.size_hint_bytes());
            document.write_fields(&mut writer);
            writer.finish()
        }
    }
}

/// What an error body says besides the error.
#[derive(Clone, Copy, Debug)]
pub struct ErrorContext<'a> {
    /// The request's id.
    pub request_id: RequestId,
    /// The Host header as it came.
    pub host: &'a str,
    /// The product, as in `Cams`.
    pub product: &'a str,
}

/// Renders an error body.
///
/// `Recommend` has the vendor's shape, `…/troubleshoot?q=<Code>&product=<Product>&requestId=<id>`,
/// but as a reference relative to this server: the vendor's own host knows nothing of our request
/// ids, and a link to it would tell a third party about them.
#[must_use]
pub fn render_error(
    format: ResponseFormat,
    error: &ApiError,
    context: &ErrorContext<'_>,
) -> Vec<u8> {
    let code = error.code();
    let message = error.message();
    let request_id = context.request_id.text();
    let request_id = request_id.as_str();
    let recommend = format!(
        "/troubleshoot?q={}&product={}&requestId={request_id}",
        percent::encode(&code),
        percent::encode(context.product),
    );
    let host = host_id(context.host);
    let capacity = message.len() + 512;
    match format {
        ResponseFormat::Json => {
            let mut writer = JsonWriter::with_capacity(capacity);
            writer.text("RequestId", request_id);
            writer.text("Message", &message);
            writer.text("Recommend", &recommend);
            writer.text("HostId", host);
            writer.text("Code", &code);
            write_detail(&mut writer, error);
            writer.finish()
        }
        ResponseFormat::Xml => {
            let mut writer = XmlWriter::with_root("Error", capacity);
            writer.text("RequestId", request_id);
            writer.text("HostId", host);
            writer.text("Code", &code);
            writer.text("Message", &message);
            writer.cdata("Recommend", &recommend);
            write_detail(&mut writer, error);
            writer.finish()
        }
    }
}

fn write_detail<W: FieldWriter>(writer: &mut W, error: &ApiError) {
    if let Some(detail) = error.access_denied_detail() {
        writer.object("AccessDeniedDetail", |writer| {
            detail
                .members()
                .for_each(|(name, value)| writer.text(name, value));
        });
    }
}

/// The host is the caller's text: it is cut, on a character boundary.
fn host_id(host: &str) -> &str {
    let mut end = host.len().min(HOST_ID_BYTES_MAX);
    while !host.is_char_boundary(end) {
        end -= 1;
    }
    host.get(..end).unwrap_or_default()
}

/// The headers of an answer on `/`, besides content type and length; `error` is the error that it
/// carries, if any. Connection headers (`Keep-Alive`) are the transport's.
#[must_use]
pub fn headers(
    request_id: RequestId,
    trace_id: TraceId,
    error: Option<&ApiError>,
) -> Vec<(&'static str, Cow<'static, str>)> {
    let mut headers: Vec<(&'static str, Cow<'static, str>)> = vec![
        ("x-acs-request-id", request_id.to_string().into()),
        ("x-acs-trace-id", trace_id.to_string().into()),
        ("access-control-allow-origin", "*".into()),
        ("access-control-expose-headers", "*".into()),
    ];
    if let Some(wait_ms) = error.and_then(ApiError::retry_after_ms) {
        headers.push(("x-acs-retry-after", wait_ms.to_string().into()));
    }
    if matches!(error, Some(ApiError::UnsupportedMethod)) {
        headers.push(("allow", "GET, POST".into()));
    }
    headers
}

/// A whole answer, ready for the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Exact content type.
    pub content_type: &'static str,
    /// Further headers, lower-case names.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The answer that carries an error.
#[must_use]
pub fn error_response(
    format: ResponseFormat,
    error: &ApiError,
    context: &ErrorContext<'_>,
    trace_id: TraceId,
) -> Response {
    Response {
        status: error.http_status(),
        content_type: format.content_type(),
        headers: headers(context.request_id, trace_id, Some(error)),
        body: render_error(format, error, context),
    }
}

/// The answer that carries a document.
pub fn success_response<D: Document>(
    format: ResponseFormat,
    action: &str,
    document: &D,
    request_id: RequestId,
    trace_id: TraceId,
) -> Response {
    Response {
        status: 200,
        content_type: format.content_type(),
        headers: headers(request_id, trace_id, None),
        body: render(format, action, document),
    }
}

#[cfg(test)]
mod tests;
