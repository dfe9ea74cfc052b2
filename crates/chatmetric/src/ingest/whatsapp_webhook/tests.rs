//! The signature over the raw bytes; the vectors were checked with openssl.

use super::*;
use http::HeaderValue;

const VECTORS: &str = include_str!("../../../../../testdata/webhooks/signature_vectors.json");

fn headers(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        SIGNATURE_HEADER,
        HeaderValue::from_str(value).expect("a value"),
    );
    headers
}

#[test]
fn the_vectors_fit_and_nothing_else_does() {
    let vectors: Vec<serde_json::Value> = serde_json::from_str(VECTORS).expect("vectors");
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().expect("a string").to_owned();
        let path = format!(
            "{}/../../testdata/webhooks/{}",
            env!("CARGO_MANIFEST_DIR"),
            text("body_file")
        );
        let body = std::fs::read(path).expect("the body");
        let secret = SecretKey::new(text("app_secret"));
        let other = SecretKey::new("something else");
        let signature = text("X-Hub-Signature-256");
        let fits = |value: &str, secrets: &[SecretKey], body: &[u8]| {
            signature_fits(&headers(value), secrets, body)
        };
        assert!(fits(&signature, std::slice::from_ref(&secret), &body));
        // Rotation: either of two.
        assert!(fits(&signature, &[other.clone(), secret.clone()], &body));
        assert!(fits(&signature, &[secret.clone(), other.clone()], &body));

        assert!(!fits(&signature, &[other], &body));
        assert!(!fits(&signature, &[], &body));
        let mut changed = body.clone();
        changed.push(b' ');
        let secrets = [secret];
        assert!(!fits(&signature, &secrets, &changed));
        for bad in [
            &signature[7..],
            "sha256=",
            "sha1=00",
            &signature[..signature.len() - 2],
            &format!("{signature}00"),
        ] {
            assert!(!fits(bad, &secrets, &body), "{bad}");
        }
        let mut twice = headers(&signature);
        twice.append(
            SIGNATURE_HEADER,
            HeaderValue::from_str(&signature).expect("a value"),
        );
        assert!(!signature_fits(&twice, &secrets, &body));
        assert!(!signature_fits(&HeaderMap::new(), &secrets, &body));
    }
}
