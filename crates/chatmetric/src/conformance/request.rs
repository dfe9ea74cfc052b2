//! What a case sends: a call in one of the dialects, and what is done to it on purpose.
//!
//! The right call is signed by the client code that everything else uses; a case that needs a
//! wrong one changes it after signing, or gives the signer something wrong.

use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::format_utc_seconds;
use chatmetric_rpc::request::Method;
use chatmetric_rpc::sign::{
    Algorithm, Call, Credentials, SignedCall, encode_pairs, sign_v1, sign_v3,
};

use super::Situation;
use crate::client::API_VERSION;

/// A body that is one byte longer than the largest that is accepted by default.
const LARGE_BODY_BYTES: usize = 4 * 1024 * 1024 + 1;
/// An AccessKey id that nobody has.
const NOBODYS_KEY: &str = "LTAIconformance000nobody";
/// How far a wrong clock is wrong, in seconds; 900 are accepted.
const WRONG_CLOCK_S: i64 = 3_600;
const FORM: &str = "application/x-www-form-urlencoded";

/// The way in which a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    V3Post,
    V3Get,
    V3Sm3,
    V3Form,
    V1Get,
    V1Post,
    V1Form,
}

impl Way {
    fn method(self) -> Method {
        match self {
            Self::V3Get | Self::V1Get => Method::Get,
            Self::V3Post | Self::V3Sm3 | Self::V3Form | Self::V1Post | Self::V1Form => Method::Post,
        }
    }
}

/// What is wrong with a call, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoil {
    Nothing,
    WrongSecret,
    UnknownKey,
    SlowClock,
    FastClock,
    FractionOfSecond,
    /// Takes a header away after signing.
    WithoutHeader(&'static str),
    /// Adds a header that is not signed.
    WithHeader(&'static str, &'static str),
    /// Changes the body after signing.
    BodyChanged,
    Method(&'static str),
    Path(&'static str),
    LargeBody,
    /// Leaves the signature out and puts this header in its place.
    Unsigned(Option<(&'static str, &'static str)>),
    /// Adds a pair to the query of an ACS3 call, after signing.
    WithQuery(&'static str),
}

/// A call of a case.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) way: Way,
    pub(super) action: &'static str,
    pub(super) version: &'static str,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) spoil: Spoil,
}

impl Plan {
    /// A right call for the last days, in whole days.
    pub(super) fn daily(way: Way, situation: &Situation) -> Self {
        let (start, end) = situation.range();
        Self {
            way,
            action: "GetChatappPhoneNumberMetric",
            version: API_VERSION,
            params: vec![
                ("Start", start.to_string()),
                ("End", end.to_string()),
                ("Granularity", "DAILY".to_owned()),
            ],
            spoil: Spoil::Nothing,
        }
    }

    /// The same in half hours.
    pub(super) fn half_hours(way: Way, situation: &Situation) -> Self {
        Self::daily(way, situation).with("Granularity", "HALF_HOUR")
    }

    /// `EnableWhatsappROIMetric`.
    pub(super) fn enable() -> Self {
        Self {
            way: Way::V3Post,
            action: "EnableWhatsappROIMetric",
            version: API_VERSION,
            params: Vec::new(),
            spoil: Spoil::Nothing,
        }
    }

    /// Sets a parameter.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.params.retain(|(known, _)| *known != name);
        self.params.push((name, value.to_string()));
        self
    }

    /// Adds a parameter, perhaps a second time.
    pub(super) fn and(mut self, name: &'static str, value: impl ToString) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.params.retain(|(known, _)| *known != name);
        self
    }

    pub(super) fn spoiled(mut self, spoil: Spoil) -> Self {
        self.spoil = spoil;
        self
    }

    pub(super) fn called(mut self, action: &'static str, version: &'static str) -> Self {
        self.action = action;
        self.version = version;
        self
    }

    /// Signs, with what is wrong on purpose.
    pub(super) fn prepare(
        &self,
        host: &str,
        credentials: &Credentials,
        now_s: i64,
        nonce: &str,
    ) -> Prepared {
        let credentials = self.credentials(credentials);
        let date = self.date(now_s);
        let pairs: Vec<(&str, &str)> = self
            .params
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let form_body = match (self.way, self.spoil) {
            (_, Spoil::LargeBody) => "a".repeat(LARGE_BODY_BYTES),
            (Way::V3Form, _) => encode_pairs(pairs.iter().copied()),
            _ => String::new(),
        };
        let in_query = !matches!(self.way, Way::V3Form | Way::V1Form);
        let call = Call {
            method: self.way.method(),
            host,
            action: self.action,
            version: self.version,
            query: if in_query { &pairs } else { &[] },
            headers: &[("accept", "application/json")],
            body: form_body.as_bytes(),
            content_type: (!form_body.is_empty()).then_some(FORM),
            form: if in_query { &[] } else { &pairs },
            date: &date,
            nonce,
        };
        let signed = match self.way {
            Way::V3Post | Way::V3Get | Way::V3Form => {
                sign_v3(Algorithm::HmacSha256, &credentials, &call)
            }
            Way::V3Sm3 => sign_v3(Algorithm::HmacSm3, &credentials, &call),
            Way::V1Get | Way::V1Post | Way::V1Form => sign_v1(&credentials, &call),
        };
        self.spoil_signed(signed)
    }

    fn credentials(&self, own: &Credentials) -> Credentials {
        match self.spoil {
            Spoil::WrongSecret => Credentials {
                secret: SecretKey::new(*b"not the secret of this key"),
                ..own.clone()
            },
            Spoil::UnknownKey => Credentials {
                access_key_id: NOBODYS_KEY.to_owned(),
                security_token: None,
                ..own.clone()
            },
            _ => own.clone(),
        }
    }

    fn date(&self, now_s: i64) -> String {
        let at = |seconds| format_utc_seconds(seconds).unwrap_or_default();
        match self.spoil {
            Spoil::SlowClock => at(now_s - WRONG_CLOCK_S),
            Spoil::FastClock => at(now_s + WRONG_CLOCK_S),
            Spoil::FractionOfSecond => at(now_s).replace('Z', ".000Z"),
            _ => at(now_s),
        }
    }

    fn spoil_signed(&self, signed: SignedCall) -> Prepared {
        let mut prepared = Prepared {
            method: self.way.method().as_str(),
            signed,
        };
        let signed = &mut prepared.signed;
        match self.spoil {
            Spoil::Nothing
            | Spoil::WrongSecret
            | Spoil::UnknownKey
            | Spoil::SlowClock
            | Spoil::FastClock
            | Spoil::FractionOfSecond
            | Spoil::LargeBody => {}
            Spoil::WithoutHeader(name) => signed.headers.retain(|(known, _)| known != name),
            Spoil::WithHeader(name, value) => {
                signed.headers.push((name.to_owned(), value.to_owned()));
            }
            Spoil::BodyChanged => signed.body.extend_from_slice(b"&More=1"),
            Spoil::Method(method) => prepared.method = method,
            Spoil::Path(path) => signed.target = signed.target.replacen('/', path, 1),
            Spoil::Unsigned(instead) => {
                signed.headers.retain(|(name, _)| {
                    !matches!(
                        name.as_str(),
                        "authorization" | "x-acs-accesskey-id" | "x-acs-security-token"
                    )
                });
                let instead = instead.map(|(name, value)| (name.to_owned(), value.to_owned()));
                signed.headers.extend(instead);
            }
            Spoil::WithQuery(pair) => {
                let joint = if signed.target.contains('?') {
                    '&'
                } else {
                    '?'
                };
                signed.target = format!("{}{joint}{pair}", signed.target);
            }
        }
        prepared
    }
}

/// What goes on the wire.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) method: &'static str,
    pub(super) signed: SignedCall,
}
