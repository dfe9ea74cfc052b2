//! `chatmetric sign explain`, with requests that official SDKs made: what is printed, what is not,
//! and the exit codes.

use crate::process::{Ran, command};
use crate::world::{World, key};
use expect_test::{Expect, expect};
use std::io::Write as _;
use std::process::Stdio;

const SECRET: &str = "vectorSecret0123456789abcdefgh";
const TOKEN: &str = "CAISvectorToken";

/// A captured request, as raw HTTP.
fn captured(name: &str) -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/signature-vectors.json"
    );
    let text = std::fs::read_to_string(path).expect("the vectors");
    let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let vectors = all.as_array().expect("a list");
    let vector = vectors
        .iter()
        .find(|vector| vector["name"] == name)
        .expect("known");
    let request = &vector["request"];
    let mut text = format!("{}\r\n", request["request_line"].as_str().expect("text"));
    for header in request["headers"].as_array().expect("a list") {
        let (name, value) = (
            header[0].as_str().expect("text"),
            header[1].as_str().expect("text"),
        );
        text += &format!("{name}: {value}\r\n");
    }
    text + "\r\n" + request["body"].as_str().expect("text")
}

fn explain(more: &[&str], input: &str, secret: Option<&str>) -> Ran {
    let mut arguments = vec!["sign", "explain"];
    arguments.extend(more);
    let mut command = command(&arguments);
    if let Some(secret) = secret {
        command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    // It may refuse before it has read everything.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    child.wait_with_output().expect("it ends").into()
}

fn check(ran: &Ran, code: i32, expected: &Expect) {
    assert_eq!(ran.code, code, "{ran:?}");
    let trimmed = |text: &str| -> String {
        text.lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    };
    expected.assert_eq(&(trimmed(&ran.stdout) + "--\n" + &trimmed(&ran.stderr)));
}

#[test]
fn a_match_is_shown_step_by_step() {
    check(
        &explain(&[], &captured("v3-py-new-sts"), Some(SECRET)),
        0,
        &expect![[r#"
            the signature matches

            warning time-stamp-expired
              The time stamp is more than 900 seconds from the time of this machine; a
              server answers InvalidTimeStamp.Expired.
              fix: Sign again at the time of the call. If this is a call of just now, one of
                   the clocks is wrong.

            Request
              method          POST
              signature       ACS3
              action          GetChatappPhoneNumberMetric
              version         2020-06-06
              AccessKey id    LTAI5tVectorKey000000001
              time stamp      2026-01-02T03:04:05Z
              security token  present, signed
              body            0 bytes

            Parameters, decoded
              NAME         VALUE          FROM
              End          1693407714687  query
              Granularity  DAILY          query
              PhoneNumber  861380000      query
              Start        1693107714687  query

            Headers
              SIGNED  NAME                        VALUE
              no      Accept-Encoding             identity
              yes     host                        127.0.0.1:18473
              yes     x-acs-version               2020-06-06
              yes     x-acs-action                GetChatappPhoneNumberMetric
              yes     user-agent                  AlibabaCloud (Linux; x86_64) Python/3.1…
              yes     x-acs-date                  2026-01-02T03:04:05Z
              yes     x-acs-signature-nonce       0123456789abcdef0123456789abcdef
              yes     accept                      application/json
              yes     x-acs-content-sha256        e3b0c44298fc1c149afbf4c8996fb92427ae41e…
              yes     x-acs-credentials-provider  static_sts
              yes     x-acs-accesskey-id          LTAI5tVectorKey000000001
              yes     x-acs-security-token        (hidden)
              no      Authorization               ACS3-HMAC-SHA256 Credential=LTAI5tVecto…
              no      Content-Length              0

            Canonical request
              method
                POST
              path
                /
              query
                End=1693407714687&Granularity=DAILY&PhoneNumber=861380000&Start=1693107714687
              header
                accept:application/json
                host:127.0.0.1:18473
                user-agent:AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2 vec/1
                x-acs-accesskey-id:LTAI5tVectorKey000000001
                x-acs-action:GetChatappPhoneNumberMetric
                x-acs-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
                x-acs-credentials-provider:static_sts
                x-acs-date:2026-01-02T03:04:05Z
                x-acs-security-token:(hidden)
                x-acs-signature-nonce:0123456789abcdef0123456789abcdef
                x-acs-version:2020-06-06
              empty line

              signed headers
                accept;host;user-agent;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version
              hash of the body
                e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

            String to sign
              algorithm
                ACS3-HMAC-SHA256
              hash of the canonical request
                fd3c77ea018a04a28eb848886dcdfb1cfb3f7924153067dadb0664dde22b6349

            Signature
              algorithm  ACS3-HMAC-SHA256
              key        the secret
              computed   c2815086c0b3cec72366d9ac38d7f8b40926fc9b83563126ae8cd25939e2205f
              sent       c2815086c0b3cec72366d9ac38d7f8b40926fc9b83563126ae8cd25939e2205f
            --
        "#]],
    );
    check(
        &explain(&["-"], &captured("v1-popcore-post"), Some(SECRET)),
        0,
        &expect![[r#"
            the signature matches

            warning time-stamp-expired
              The time stamp is more than 900 seconds from the time of this machine; a
              server answers InvalidTimeStamp.Expired.
              fix: Sign again at the time of the call. If this is a call of just now, one of
                   the clocks is wrong.

            Request
              method          POST
              signature       RPC 1.0
              action          GetChatappPhoneNumberMetric
              version         2020-06-06
              AccessKey id    LTAI5tVectorKey000000001
              time stamp      2026-01-02T03:04:05Z
              security token  none
              body            351 bytes

            Parameters, decoded
              NAME              VALUE                             FROM
              AccessKeyId       LTAI5tVectorKey000000001          form
              Action            GetChatappPhoneNumberMetric       form
              End               1693407714687                     form
              Format            JSON                              form
              Granularity       DAILY                             form
              PhoneNumber       861380000                         form
              Signature         0oSI2MAofetkbXX8VIQQHCWFv7o=      form
              SignatureMethod   HMAC-SHA1                         form
              SignatureNonce    0123456789abcdef0123456789abcdef  form
              SignatureVersion  1.0                               form
              Start             1693107714687                     form
              Timestamp         2026-01-02T03:04:05Z              form
              Version           2020-06-06                        form

            Headers
              SIGNED  NAME            VALUE
              no      x-sdk-client    Node.js(v20.20.2), @alicloud/pop-core: 1.8.0
              no      user-agent      AlibabaCloud (linux; x64) Node.js/v20.20.2 Core/1.8…
              no      x-acs-action    GetChatappPhoneNumberMetric
              no      x-acs-version   2020-06-06
              no      content-type    application/x-www-form-urlencoded
              no      Host            127.0.0.1:18475
              no      Connection      keep-alive
              no      Content-Length  351

            Parameters, sorted and encoded
              parameter
                AccessKeyId=LTAI5tVectorKey000000001
                Action=GetChatappPhoneNumberMetric
                End=1693407714687
                Format=JSON
                Granularity=DAILY
                PhoneNumber=861380000
                SignatureMethod=HMAC-SHA1
                SignatureNonce=0123456789abcdef0123456789abcdef
                SignatureVersion=1.0
                Start=1693107714687
                Timestamp=2026-01-02T03%3A04%3A05Z
                Version=2020-06-06

            String to sign
              string to sign
                POST&%2F&AccessKeyId%3DLTAI5tVectorKey000000001%26Action%3DGetChatappPhoneNumberMetric%26End%3D1693407714687%26Format%3DJSON%26Granularity%3DDAILY%26PhoneNumber%3D861380000%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3D0123456789abcdef0123456789abcdef%26SignatureVersion%3D1.0%26Start%3D1693107714687%26Timestamp%3D2026-01-02T03%253A04%253A05Z%26Version%3D2020-06-06

            Signature
              algorithm  HMAC-SHA1
              key        the secret with a & behind it
              computed   0oSI2MAofetkbXX8VIQQHCWFv7o=
              sent       0oSI2MAofetkbXX8VIQQHCWFv7o=
            --
        "#]],
    );
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let text = captured("v3-py-new-get").replace("Start=1&", "Start=2&");
    let ran = explain(&[], &text, Some(SECRET));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("no-known-mistake"), "{}", ran.stdout);
    assert!(
        ran.stderr
            .contains("error: the signature does not match: `no-known-mistake`"),
        "{}",
        ran.stderr
    );
    let ran = explain(
        &[],
        &captured("v3-py-new-get").replacen("GET", "POST", 1),
        Some(SECRET),
    );
    let top: String = ran
        .stdout
        .split("\nRequest")
        .next()
        .unwrap_or_default()
        .to_owned();
    let ran = Ran { stdout: top, ..ran };
    check(
        &ran,
        1,
        &expect![[r#"
            the signature does not match

            cause method
              The client signs the method `GET`, but sends `POST`.
              first difference: canonical request, line 1, column 1 (method)
                server  POST
                client  GET
                        ^
              fix: Sign the method that is sent, in capitals: `POST`.

            warning time-stamp-expired
              The time stamp is more than 900 seconds from the time of this machine; a
              server answers InvalidTimeStamp.Expired.
              fix: Sign again at the time of the call. If this is a call of just now, one of
                   the clocks is wrong.
            --
            error: the signature does not match: `method`
        "#]],
    );
}

#[test]
fn without_a_secret_the_rest_is_shown_and_the_lack_is_said() {
    let ran = explain(&[], &captured("v1-node-post"), None);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("String to sign"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("computed   - (there is no secret)"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.contains("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        "{}",
        ran.stderr
    );
}

#[test]
fn json_is_for_programs_and_colours_are_for_terminals() {
    let ran = explain(&["-o", "json"], &captured("v3-node-basic"), Some(SECRET));
    assert_eq!(ran.code, 0, "{ran:?}");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["verdict"]["outcome"], "matches");
    assert_eq!(json["signed"]["computed"], json["signed"]["sent"]);
    assert_eq!(json["request"]["security_token"], "absent");
    let plain = explain(&[], &captured("v3-node-basic"), Some(SECRET));
    assert!(!plain.stdout.contains('\u{1b}'), "colours in a pipe");
    let colours = explain(
        &["--color", "always"],
        &captured("v3-node-basic"),
        Some(SECRET),
    );
    let mut stripped = colours.stdout.clone();
    for code in ["0", "1", "2", "31", "32", "33", "36"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_ne!(stripped, colours.stdout);
    assert_eq!(
        stripped, plain.stdout,
        "colours add nothing and take nothing away"
    );
}

#[test]
fn secrets_and_tokens_are_never_printed() {
    for name in ["v3-py-new-sts", "v1-py-new-sts-special", "v3-node-sts"] {
        for secret in [Some(SECRET), Some("another-secret-canary"), None] {
            for format in ["table", "json"] {
                // The secret also stands where it has no business.
                let text = captured(name).replacen(
                    "Granularity=",
                    &format!("Note={SECRET}&Granularity="),
                    1,
                );
                let ran = explain(&["-v", "-o", format], &text, secret);
                let all = format!("{}{}", ran.stdout, ran.stderr);
                assert!(
                    !all.contains(TOKEN) && !all.contains("another-secret-canary"),
                    "{all}"
                );
                assert!(secret != Some(SECRET) || !all.contains(SECRET), "{all}");
            }
        }
    }
}

#[test]
fn what_cannot_be_read_exits_with_1_and_a_bad_command_line_with_2() {
    for (input, part) in [
        ("", "there is no text"),
        ("hello", "neither a curl command nor an HTTP request"),
        ("curl -d @file http://h", "reads a file"),
        ("GET / HTTP/1.1\nno colon", "line 2"),
    ] {
        let ran = explain(&[], input, None);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains(part), "{input}: {}", ran.stderr);
    }
    let long = "a".repeat(1024 * 1024 + 1);
    let ran = explain(&[], &long, None);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("longer than 1048576 bytes"),
        "{}",
        ran.stderr
    );
    for arguments in [
        &["/nonexistent"][..],
        &["-", "--client-string-to-sign", "-"],
        &["-", "--client-string-to-sign", "/nonexistent"],
        &["-o", "csv"],
        &["--secret", "x"],
    ] {
        let ran = explain(arguments, "curl http://h", None);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (2, ""),
            "{arguments:?}: {ran:?}"
        );
    }
}

/// A call that this server refused, with the answer that it gave: the two texts are equal, so it is
/// the secret.
#[test]
fn the_answer_of_a_real_server_is_laid_beside_the_request() {
    let world = World::start();
    let folder = tempfile::tempdir().expect("a directory");
    let answer_file = folder.path().join("answer").display().to_string();
    let mut wrong = key("owner");
    wrong.secret = key("reader").secret;
    let query = [("Start", "1"), ("End", "2"), ("Format", "JSON")];
    let calls = [
        world.v3(&wrong, "GetChatappPhoneNumberMetric", &query),
        world.v1(&wrong, "GetChatappPhoneNumberMetric", &query),
    ];
    for signed in calls {
        let reply = world.post(&signed);
        assert_eq!(reply.code(), "SignatureDoesNotMatch");
        std::fs::write(&answer_file, &reply.body).expect("written");
        let mut text = format!("POST {} HTTP/1.1\n", signed.target);
        for (name, value) in &signed.headers {
            text += &format!("{name}: {value}\n");
        }
        let ran = explain(
            &["--client-string-to-sign", &answer_file],
            &(text + "\n"),
            Some("owner-secret"),
        );
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stdout.contains("other-secret"), "{}", ran.stdout);
        assert!(
            ran.stdout
                .contains("the client's string to sign is equal to ours"),
            "{}",
            ran.stdout
        );
    }
}
