//! Traces at a receiver in the test: what goes there, and what never does.

use crate::process::{Served, agent, client, command, data_dir, post};
use chatmetric::client::MetricCall;
use chatmetric_core::EpochMs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// A receiver that keeps heads and bodies.
fn receiver() -> (String, Arc<Mutex<Vec<(String, Vec<u8>)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeping = Arc::clone(&kept);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(&stream);
            let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                let lower = line.to_ascii_lowercase();
                if let Some(text) = lower.strip_prefix("content-length:") {
                    length = text.trim().parse().expect("a length");
                }
                head.push_str(&lower);
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            keeping.lock().expect("no panic").push((head, body));
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            drop((&stream).write_all(answer));
        }
    });
    (url, kept)
}

fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn traces_go_to_the_receiver_without_personal_data() {
    let (url, kept) = receiver();
    let (_folder, data_dir) = data_dir();
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data_dir]);
    serve.env("CHATMETRIC_TELEMETRY_OTLP_ENDPOINT", &url);
    let served = Served::start_command(serve);
    let body = r#"{"entry":[{"changes":[{"field":"messages","value":{"metadata":{"display_phone_number":"15550100101"},"statuses":[{"id":"wamid.canary","status":"sent","timestamp":1,"recipient_id":"15550209999"}]}}]}]}"#;
    assert_eq!(post(&agent(), &served.url, "acme-wa", body), Some(200));
    let answer = client(&served.url).metric(&MetricCall {
        start: EpochMs(0),
        end: EpochMs(1),
        granularity: "DAILY",
        number: None,
        space: None,
        isv_code: None,
    });
    let request_id = answer.expect("an answer").request_id;
    // What is left is sent before it ends.
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    let kept = kept.lock().expect("no panic");
    assert!(!kept.is_empty(), "nothing came: {log}");
    for (head, body) in kept.iter() {
        assert!(head.starts_with("post /v1/traces "), "{head}");
        assert!(
            head.contains("content-type: application/x-protobuf"),
            "{head}"
        );
        for hidden in ["canary", "15550209999", "owner-secret", "app-secret-one"] {
            assert!(!holds(body, hidden), "{hidden}");
        }
    }
    let any = |text: &str| kept.iter().any(|(_, body)| holds(body, text));
    for told in [
        "chatmetric",
        "rpc",
        "webhook",
        "commit",
        "whatsapp",
        request_id.as_str(),
    ] {
        assert!(any(told), "{told}");
    }
}

#[test]
fn a_receiver_that_is_gone_holds_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let (_folder, data_dir) = data_dir();
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data_dir]);
    serve.env("CHATMETRIC_TELEMETRY_OTLP_ENDPOINT", &url);
    let served = Served::start_command(serve);
    let answer = agent().get(format!("{}/readyz", served.url)).call();
    assert_eq!(answer.expect("an answer").status().as_u16(), 200);
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
}
