use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::env;
use std::error::Error;

const URL: &str = ⟦url:string⟧;
const HOST: &str = ⟦host:string⟧;
const ACTION: &str = "⟦action:name⟧";
const VERSION: &str = ⟦version:string⟧;

fn main() -> Result<(), Box<dyn Error>> {
    let id = env::var("ALIBABA_CLOUD_ACCESS_KEY_ID")?;
    let secret = env::var("ALIBABA_CLOUD_ACCESS_KEY_SECRET")?;

    let mut parameters: Vec<(&str, &str)> = vec![
⟦*⟧        (⟦key:string⟧, ⟦value:string⟧),
⟦/⟧    ];
    parameters.sort();
    let query = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect::<Vec<_>>()
        .join("&");

    let body_hash = hex::encode(Sha256::digest(b""));
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let nonce = hex::encode(nonce);
    let headers = [
        ("host", HOST),
        ("x-acs-action", ACTION),
        ("x-acs-content-sha256", &body_hash),
        ("x-acs-date", &now),
        ("x-acs-signature-nonce", &nonce),
        ("x-acs-version", VERSION),
    ];
    let signed_headers = headers.map(|(name, _)| name).join(";");
    let header_lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let canonical_request = format!("POST\n/\n{query}\n{header_lines}\n{signed_headers}\n{body_hash}");
    let string_to_sign = format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical_request)));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(string_to_sign.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());

    let mut request = ureq::post(format!("{URL}/?{query}")).header(
        "authorization",
        format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={signed_headers},Signature={signature}"),
    );
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.config().http_status_as_error(false).build().send_empty()?;
    println!("{}", answer.into_body().read_to_string()?);
    Ok(())
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
