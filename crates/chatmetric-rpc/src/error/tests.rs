//! Tests: the contract with callers, one line an error.

use expect_test::expect;

use super::*;

/// One of each variant.
fn all() -> Vec<ApiError> {
    let text = |text: &str| SignedText::new(text.to_owned());
    vec![
        ApiError::RequestTooLarge {
            limit_bytes: 4_194_304,
        },
        ApiError::UriTooLong,
        ApiError::HeadersTooLarge,
        ApiError::PathNotFound,
        ApiError::UnsupportedMethod,
        ApiError::MalformedRequest {
            reason: "The request is not valid HTTP.".into(),
        },
        ApiError::AddressThrottled { retry_after_ms: 7 },
        ApiError::ActionNotFound,
        ApiError::InvalidVersion,
        ApiError::missing("Start"),
        ApiError::Missing {
            name: "Timestamp".into(),
            header: Some("x-acs-date"),
        },
        ApiError::invalid("Granularity", "It must be DAILY or HALF_HOUR."),
        ApiError::TimestampFormat,
        ApiError::TimestampExpired,
        ApiError::AccessKeyNotFound,
        ApiError::AccessKeyInactive,
        ApiError::SecurityTokenExpired,
        ApiError::SecurityTokenMalformed,
        ApiError::SecurityTokenMismatch,
        ApiError::incomplete("The Authorization header is not UTF-8."),
        ApiError::SignatureMismatchV1 {
            string_to_sign: text("GET&%2F&A%3D1"),
        },
        ApiError::SignatureMismatchV3 {
            string_to_sign: text("ACS3-HMAC-SHA256\nabc"),
            canonical_request: text("GET\n/\n"),
        },
        ApiError::NonceUsed,
        ApiError::LimitControl { retry_after_ms: 0 },
        ApiError::ProductUnsubscribed,
        ApiError::PermissionDeny { detail: None },
        ApiError::UnknownResourceOwner,
        ApiError::NoPermission {
            message: "You are not authorized to do this action.".into(),
            detail: None,
        },
        ApiError::RoleNotExist,
        ApiError::UserThrottled { retry_after_ms: 3 },
        ApiError::Ram(RamError::NotExist(NotExist::User)),
        ApiError::InternalError,
        ApiError::ServiceUnavailable,
    ]
}

#[test]
fn code_status_and_message_of_every_error() {
    let mut table = String::new();
    for error in all() {
        let wait = error
            .retry_after_ms()
            .map_or(String::new(), |ms| format!(" (+{ms} ms)"));
        let line = format!(
            "{} {}{wait}: {:?}\n",
            error.http_status(),
            error.code(),
            error.message()
        );
        table.push_str(&line);
    }
    expect![[r#"
        413 RequestTooLarge: "The request body is larger than the limit of 4194304 bytes."
        414 RequestUriTooLong: "The request line is too long."
        431 RequestHeadersTooLarge: "The request headers are too large."
        404 InvalidAction.NotFound: "Specified api is not found, please check your url and method."
        405 UnsupportedHTTPMethod: "This http method is not supported."
        400 MalformedRequest: "The request is not valid HTTP."
        429 Throttling (+7 ms): "Request was denied due to request throttling."
        404 InvalidAction.NotFound: "Specified api is not found, please check your url and method."
        400 InvalidVersion: "Specified parameter Version is not valid."
        400 MissingStart: "Start is mandatory for this action."
        400 MissingTimestamp: "Timestamp is mandatory for this action. It goes in header x-acs-date."
        400 InvalidParameter.Granularity: "Specified parameter Granularity is not valid. It must be DAILY or HALF_HOUR."
        400 InvalidTimeStamp.Format: "Specified time stamp or date value is not well formatted."
        400 InvalidTimeStamp.Expired: "Specified time stamp or date value is expired."
        404 InvalidAccessKeyId.NotFound: "Specified access key is not found."
        400 InvalidAccessKeyId.Inactive: "Specified access key is disabled."
        400 InvalidSecurityToken.Expired: "Specified SecurityToken is expired."
        400 InvalidSecurityToken.Malformed: "Specified SecurityToken is malformed."
        400 InvalidSecurityToken.MismatchWithAccessKey: "Specified SecurityToken mismatch with the AccessKey."
        400 IncompleteSignature: "The request signature does not conform to Aliyun standards. The Authorization header is not UTF-8."
        400 SignatureDoesNotMatch: "Specified signature is not matched with our calculation. server string to sign is:GET&%2F&A%3D1"
        400 SignatureDoesNotMatch: "Specified signature does not match our calculation. server StringToSign is [ACS3-HMAC-SHA256\nabc] server CanonicalRequest is [GET\n/\n]"
        400 SignatureNonceUsed: "Specified signature nonce was used already."
        400 System.LimitControl (+1 ms): "The system is under flow control."
        400 Product.Unsubscript: "You have not subscribed to the specified product."
        400 Ram.PermissionDeny: "You are not authorized to perform the operation."
        400 Unknown.ResourceOwnerId: "The resource does not belong to the current user."
        403 NoPermission: "You are not authorized to do this action."
        404 EntityNotExist.Role: "The specified Role not exists."
        400 Throttling.User (+3 ms): "Request was denied due to user flow control."
        404 EntityNotExist.User: "The user does not exist."
        500 InternalError: "The request processing has failed due to some unknown error."
        503 ServiceUnavailable: "The request has failed due to a temporary failure of the server."
    "#]].assert_eq(&table);
}

#[test]
fn a_v1_mismatch_ends_with_the_string_to_sign_because_sdks_compare_it() {
    let string_to_sign = "GET&%2F&A%3D1".to_owned();
    let error = ApiError::SignatureMismatchV1 {
        string_to_sign: SignedText::new(string_to_sign),
    };
    let message = error.message().into_owned();
    let (_, after) = message.split_once("server string to sign is:").unwrap();
    assert_eq!(after, "GET&%2F&A%3D1");
}

#[test]
fn names_that_callers_choose_cannot_shape_a_code() {
    for name in ["", "a b", "a\nb", "<x>", "é", &"n".repeat(65)] {
        assert_eq!(
            ApiError::invalid(name.to_owned(), "No.").code(),
            "InvalidParameter.Parameter"
        );
        let message = ApiError::invalid(name.to_owned(), "No.")
            .message()
            .into_owned();
        assert_eq!(message, "Specified parameter Parameter is not valid. No.");
    }
    assert_eq!(
        ApiError::invalid("A.1_b-c", "No.").code(),
        "InvalidParameter.A.1_b-c"
    );
}

#[test]
fn signed_text_is_shown_to_the_caller_alone() {
    let secret = "SecurityToken%3Dsecret";
    let error = ApiError::SignatureMismatchV1 {
        string_to_sign: SignedText::new(secret.to_owned()),
    };
    assert!(error.message().contains(secret));
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn a_long_signed_text_is_not_repeated() {
    let long = "x".repeat(SignedText::ECHO_BYTES_MAX + 1);
    let error = ApiError::SignatureMismatchV1 {
        string_to_sign: SignedText::new(long),
    };
    assert!(
        error
            .message()
            .ends_with("server string to sign is:(32769 bytes, not shown)")
    );
}
