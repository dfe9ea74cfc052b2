//! Two doors that never mix; which browser may speak; files and their headers.

use super::{ACME, Page, code, console, own_headers};
use crate::world::{World, key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chatmetric::CONSOLE_ROUTES;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::io::{Read as _, Write as _};

#[test]
fn a_cookie_opens_nothing_at_the_api() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let target = "/?Action=GetCallerIdentity&Version=2015-04-01";
    let with = world.send("POST", target, &page.headers(), b"");
    let without = world.send("POST", target, &[], b"");
    assert_eq!(with.code(), without.code());
    assert_eq!(with.status, without.status);
    assert_eq!(with.code(), "MissingAccessKeyId");
}

#[test]
fn a_signature_opens_nothing_at_the_console() {
    let world = console();
    let signed = world.v3(&key("owner"), "GetChatappPhoneNumberMetric", &[]);
    let mut headers = signed.headers.clone();
    headers.extend(own_headers());
    let reply = world.send("GET", "/console/api/spaces", &headers, b"");
    assert_eq!(code(&reply), "401 NotSignedIn");
}

#[test]
fn what_changes_something_comes_from_our_pages_alone() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let send = |headers: &[(&str, String)]| {
        let mut all = vec![("cookie".to_owned(), page.cookie.clone())];
        all.extend(
            headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        let body = json!({ "document": "{}" }).to_string();
        world.send("POST", "/console/api/policies/check", &all, body.as_bytes())
    };
    let own = ("x-chatmetric", "1".to_owned());
    let site = |site: &str| ("sec-fetch-site", site.to_owned());
    let origin = |origin: String| ("origin", origin);
    let here = format!("http://{}", world.address);
    assert_eq!(send(&[own.clone(), site("same-origin")]).status, 200);
    assert_eq!(send(&[own.clone(), site("none")]).status, 200);
    assert_eq!(send(&[own.clone(), origin(here.clone())]).status, 200);
    for foreign in [
        vec![own.clone(), site("cross-site")],
        vec![own.clone(), site("same-site")],
        vec![own.clone()],
        vec![own.clone(), origin("http://evil.example".to_owned())],
        vec![own.clone(), origin("null".to_owned())],
        vec![own.clone(), origin(here.replace("http:", "https:"))],
        // The browser's own word counts more than an origin.
        vec![own.clone(), site("cross-site"), origin(here)],
    ] {
        assert_eq!(code(&send(&foreign)), "403 ForeignOrigin", "{foreign:?}");
    }
    assert_eq!(code(&send(&[site("same-origin")])), "403 MissingHeader");
    let plain = [("cookie".to_owned(), page.cookie.clone())];
    let read = world.send("GET", "/console/api/spaces", &plain, b"");
    assert_eq!(code(&read), "403 MissingHeader");
}

/// What a browser opens by itself, with its cookie: downloads and the event stream. They
/// change nothing.
const OPENED_BY_BROWSERS: [&str; 3] = ["metrics.csv", "usage.csv", "live"];

#[test]
fn no_route_is_open_to_another_site() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let (mut reads, mut changes) = (0, 0);
    for &(method, pattern) in CONSOLE_ROUTES {
        let target = format!("/console/api/{}", pattern.replace(['{', '}'], ""));
        let said = format!("{method} {target}");
        let send = |more: &[(&str, &str)]| {
            let mut headers = vec![("cookie".to_owned(), page.cookie.clone())];
            let more = more.iter().map(|&(n, v)| (n.to_owned(), v.to_owned()));
            headers.extend(more);
            world.send(method, &target, &headers, b"{}")
        };
        if pattern == "live" {
            // It has no end once it is open.
            let headers = [("cookie".to_owned(), page.cookie.clone())];
            let mut stream = world.connect();
            let request = world.request(method, &target, &headers, b"");
            stream.write_all(&request).expect("written");
            let mut status = [0; 12];
            stream.read_exact(&mut status).expect("read");
            assert_eq!(&status, b"HTTP/1.1 200", "{said}");
            reads += 1;
            continue;
        }
        let no_header = send(&[("sec-fetch-site", "same-origin")]);
        if method == "GET" {
            reads += 1;
            let is_opened = OPENED_BY_BROWSERS.contains(&pattern);
            let is_refused = code(&no_header) == "403 MissingHeader";
            assert_ne!(is_refused, is_opened, "{said}: {no_header:?}");
            continue;
        }
        changes += 1;
        assert_eq!(code(&no_header), "403 MissingHeader", "{said}");
        for foreign in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "http://evil.example"),
            ("origin", "null"),
        ] {
            for headers in [&[foreign][..], &[foreign, ("x-chatmetric", "1")]] {
                let reply = send(headers);
                assert_eq!(code(&reply), "403 ForeignOrigin", "{said} {headers:?}");
            }
        }
    }
    assert!(reads >= 20 && changes >= 20, "{reads} and {changes}");
    // Signing out was among them.
    let session = world.send("GET", "/console/api/session", &page.headers(), b"");
    assert_eq!(session.json()["state"], json!("signedIn"));
}

#[test]
fn no_answer_lets_another_site_read_it() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    for target in [
        "/console/",
        "/console/api/session",
        "/console/api/nothing",
        "/console/no.js",
    ] {
        let mut headers = page.headers();
        headers.push(("origin".to_owned(), "http://evil.example".to_owned()));
        let reply = world.send("GET", target, &headers, b"");
        assert_eq!(reply.header("access-control-allow-origin"), None);
        let policy = reply.header("content-security-policy").expect("a policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(policy.ends_with("trusted-types 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(
            reply.header("cross-origin-opener-policy"),
            Some("same-origin")
        );
        assert_eq!(reply.header("strict-transport-security"), None);
    }
}

#[test]
fn pages_are_files_of_the_program() {
    let world = World::start();
    let browser = [("accept".to_owned(), "text/html".to_owned())];
    let to_console = world.send("GET", "/", &browser, b"");
    assert_eq!(to_console.status, 302);
    assert_eq!(to_console.header("location"), Some("/console/"));
    assert_eq!(world.get("/console").header("location"), Some("/console/"));
    let index = world.get("/console/");
    assert_eq!(index.status, 200);
    assert!(
        index
            .header("content-type")
            .expect("a type")
            .starts_with("text/html")
    );
    assert_eq!(index.header("cache-control"), Some("no-cache"));
    assert_eq!(world.get("/console/metrics").body, index.body);
    assert_eq!(code(&world.get("/console/no-such.js")), "404 NotFound");
    assert_eq!(
        code(&world.get("/console/api/nothing")),
        "403 MissingHeader"
    );
    let etag = index.header("etag").expect("a tag").to_owned();
    let known = [("if-none-match".to_owned(), etag)];
    assert_eq!(world.send("GET", "/console/", &known, b"").status, 304);
    let posted = world.send("POST", "/console/", &[], b"");
    assert_eq!(code(&posted), "404 NotFound");
}

/// What is between two tags, each time.
fn between<'a>(html: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let blocks = html.split(open).skip(1);
    blocks
        .map(|block| block.split_once(close).expect("it ends").0)
        .collect()
}

#[test]
fn the_policy_of_a_page_allows_the_blocks_of_that_page_and_no_other() {
    let world = World::start();
    let index = world.get("/console/");
    let html = index.body.as_str();
    let scripts = between(html, "<script>", "</script>");
    let styles = between(html, "<style>", "</style>");
    assert_eq!((scripts.len(), styles.len()), (1, 1));
    // Nothing else that would need a hash, and no style sheet to fetch.
    assert_eq!(html.matches("<script").count(), 2, "the second is the app");
    assert_eq!(html.matches("<script type=\"module\" src=\"").count(), 1);
    assert_eq!(html.matches("<style").count(), 1);
    assert!(!html.contains("rel=\"stylesheet\""));
    let hash = |block: &str| format!("'sha256-{}'", BASE64.encode(Sha256::digest(block)));
    let policy = index.header("content-security-policy").expect("a policy");
    for directive in [
        format!("; script-src 'self' {}; ", hash(scripts[0])),
        format!("; style-src 'self' {}; ", hash(styles[0])),
    ] {
        assert!(policy.contains(&directive), "{policy}: {directive}");
    }
    assert_eq!(policy.matches("sha256-").count(), 2, "{policy}");
    assert!(!policy.contains(&hash("alert(1)")));
    // A browser keeps the page with the headers of the last answer for it.
    let etag = index.header("etag").expect("a tag").to_owned();
    let known = [("if-none-match".to_owned(), etag)];
    let same = world.send("GET", "/console/metrics", &known, b"");
    assert_eq!(same.status, 304);
    assert_eq!(same.header("content-security-policy"), Some(policy));
    // What is no page has no blocks.
    let other = world.get("/console/api/session");
    let policy = other.header("content-security-policy").expect("a policy");
    assert!(!policy.contains("sha256-"), "{policy}");
}

#[test]
fn every_refusal_is_json() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    assert_eq!(code(&page.get("nothing")), "404 NotFound");
    assert_eq!(code(&page.get("spaces/%ff")), "404 NotFound");
    assert_eq!(code(&page.get("numbers?space=%zz")), "400 InvalidBody");
    assert_eq!(code(&page.get("metrics?space=space-a")), "400 InvalidField");
    assert_eq!(
        code(&page.send("PATCH", "nothing", &json!({}))),
        "404 NotFound"
    );
    assert_eq!(code(&page.post("spaces", &json!([1]))), "400 InvalidBody");
    assert_eq!(
        code(&page.post("spaces", &json!({ "secret": "x" }))),
        "400 InvalidBody"
    );
    let large = "x".repeat(1024 * 1024 + 1);
    let reply = world.send(
        "POST",
        "/console/api/spaces",
        &page.headers(),
        large.as_bytes(),
    );
    assert_eq!(code(&reply), "413 TooLarge");
}
