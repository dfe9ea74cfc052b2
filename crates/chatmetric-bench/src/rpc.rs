//! What a call costs before its operation runs: verification of both signatures
//! and a decision by RAM. One thread, CPU time of this process, nothing else.
//!
//! Every request is signed by our own signer beforehand, so its cost is not
//! measured; a verification that fails ends the bench.

use crate::arguments::Arguments;
use crate::cpu;
use crate::machine;
use crate::statistics::Spread;
use anyhow::{Context, Result, anyhow, ensure};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::credential::{
    AccessKeyId, AccountId, KeyLookup, KeyRecord, KeyStatus, SecretKey,
};
use chatmetric_rpc::ram::{AttachedPolicy, Context as RamContext, Permission, Policy, evaluate};
use chatmetric_rpc::request::{Method, ParsedRequest, RawRequest};
use chatmetric_rpc::sign::{Algorithm, Call, Credentials, SignedCall, sign_v1, sign_v3};
use chatmetric_rpc::signature::{OperationTable, Verifier};
use std::fmt::Write as _;
use std::hint::black_box;

const KEY: &str = "LTAIbenchkey0000000001";
const SECRET: &str = "benchbenchbenchbenchbenchbench";
const HOST: &str = "127.0.0.1:8080";
const DATE: &str = "2026-01-02T03:04:05Z";
const NOW_MS: i64 = 1_767_323_045_000;
/// Different requests, so that no branch predictor learns one by heart.
const REQUESTS: usize = 256;
/// Statements of the policies that are evaluated.
const STATEMENTS: usize = 50;
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Signs the request with this number.
type Signer = fn(usize) -> SignedCall;

struct OneKey(SecretKey, AccountId);

impl KeyLookup for OneKey {
    type Principal = ();

    fn find_key(&self, id: &AccessKeyId) -> Option<KeyRecord<()>> {
        (id.as_str() == KEY).then(|| KeyRecord {
            secret: self.0.clone(),
            status: KeyStatus::Active,
            account: self.1.clone(),
            principal: (),
        })
    }
}

struct OneOperation;

impl OperationTable for OneOperation {
    type Operation = ();

    fn resolve(&self, action: &str, _version: &str) -> Result<(), ApiError> {
        if action == "GetChatappPhoneNumberMetric" {
            Ok(())
        } else {
            Err(ApiError::ActionNotFound)
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let rounds = arguments.number("rounds", 5)?;
    let calls = arguments.number("calls", 200_000)?;
    println!("{}\n", machine::describe());
    println!("| what | CPU us each, median (min - max) |\n|---|---|");
    let kinds: [(&str, Signer); 3] = [
        ("verify ACS3-HMAC-SHA256", v3_sha256),
        ("verify ACS3-HMAC-SM3", v3_sm3),
        ("verify RPC 1.0 (HMAC-SHA1)", v1),
    ];
    for (name, sign) in kinds {
        let requests: Vec<SignedCall> = (0..REQUESTS).map(sign).collect();
        print_row(name, rounds, calls, |calls| verify_all(&requests, calls))?;
    }
    let policy = Policy::parse(&document()).map_err(|error| anyhow!("{error}"))?;
    ensure!(policy.statements_len() == STATEMENTS, "the policy was cut");
    let name = format!("RAM decision over {STATEMENTS} statements, the last allows");
    print_row(&name, rounds, calls, |calls| decide_all(&policy, calls))
}

fn print_row(
    name: &str,
    rounds: u64,
    calls: u64,
    mut work: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    // Caches and branch predictors are warm in a server too.
    work(calls / 10)?;
    let mut costs = Vec::new();
    for _ in 0..rounds {
        let before = cpu::own();
        work(calls)?;
        costs.push((cpu::own() - before).as_secs_f64() * 1e6 / calls as f64);
    }
    let spread = Spread::of(costs).context("no rounds")?;
    println!(
        "| {name} | {:.2} ({:.2} - {:.2}) |",
        spread.median, spread.min, spread.max
    );
    Ok(())
}

fn credentials() -> Credentials {
    Credentials {
        access_key_id: KEY.to_owned(),
        secret: SecretKey::new(SECRET),
        security_token: None,
    }
}

fn with_call<T>(index: usize, sign: impl FnOnce(&Call<'_>) -> T) -> T {
    let (start, number) = (
        (1_767_000_000_000 + index * 1_000).to_string(),
        format!("1555010{index:04}"),
    );
    let nonce = format!("{index:032x}");
    sign(&Call {
        method: Method::Post,
        host: HOST,
        action: "GetChatappPhoneNumberMetric",
        version: "2020-06-06",
        query: &[
            ("CustSpaceId", "293483938849493"),
            ("End", "1767323045000"),
            ("Granularity", "HALF_HOUR"),
            ("PhoneNumber", &number),
            ("Start", &start),
        ],
        headers: &[(
            "user-agent",
            "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3",
        )],
        body: b"",
        content_type: None,
        form: &[],
        date: DATE,
        nonce: &nonce,
    })
}

fn v3_sha256(index: usize) -> SignedCall {
    with_call(index, |call| {
        sign_v3(Algorithm::HmacSha256, &credentials(), call)
    })
}

fn v3_sm3(index: usize) -> SignedCall {
    with_call(index, |call| {
        sign_v3(Algorithm::HmacSm3, &credentials(), call)
    })
}

fn v1(index: usize) -> SignedCall {
    with_call(index, |call| sign_v1(&credentials(), call))
}

/// From the parsed head to the verified request, as the server does it.
fn verify_all(requests: &[SignedCall], calls: u64) -> Result<()> {
    let verifier = Verifier::default();
    let account = AccountId::parse("1000000000000001").map_err(|error| anyhow!("{error}"))?;
    let keys = OneKey(SecretKey::new(SECRET), account);
    let heads: Vec<Vec<(&str, &[u8])>> = requests
        .iter()
        .map(|request| {
            let headers = request.headers.iter();
            headers
                .map(|(name, value)| (name.as_str(), value.as_bytes()))
                .collect()
        })
        .collect();
    let mut next = requests.iter().zip(&heads).cycle();
    for _ in 0..calls {
        let (request, headers) = next.next().context("no requests")?;
        let raw = RawRequest {
            method: "POST",
            target: &request.target,
            headers,
            body: &request.body,
            peer_ip: [127, 0, 0, 1].into(),
            tls: false,
        };
        let parsed = ParsedRequest::parse(raw, BODY_BYTES_MAX)
            .map_err(|refusal| anyhow!("{}", refusal.error.code()))?;
        let verified = verifier
            .verify(parsed, &OneOperation, &keys, NOW_MS)
            .map_err(|error| anyhow!("{}", error.message()))?;
        black_box(verified.params().len());
    }
    Ok(())
}

/// Statements that come near and do not match, then one that allows.
fn document() -> String {
    let mut statements = String::new();
    for index in 1..STATEMENTS {
        let effect = if index % 2 == 0 { "Deny" } else { "Allow" };
        write!(
            statements,
            r#"{{"Effect":"{effect}","Action":"cams:GetChatapp*{index}","Resource":"*"}},"#
        )
        .unwrap_or_default();
    }
    format!(
        r#"{{"Version":"1","Statement":[{statements}{{"Effect":"Allow","Action":"cams:Get*","Resource":"*","Condition":{{"IpAddress":{{"acs:SourceIp":"127.0.0.0/8"}}}}}}]}}"#
    )
}

fn decide_all(policy: &Policy, calls: u64) -> Result<()> {
    let mut context = RamContext::new();
    context.set("acs:SourceIp", "127.0.0.1");
    let identity = [AttachedPolicy {
        name: "bench",
        policy,
    }];
    let permission = Permission {
        action: "cams:GetChatappPhoneNumberMetric",
        resource: "acs:cams:*:1000000000000001:*",
    };
    for _ in 0..calls {
        let decision = evaluate(black_box(permission), &context, &identity, None);
        ensure!(decision.is_allowed(), "the policy allows");
    }
    Ok(())
}
