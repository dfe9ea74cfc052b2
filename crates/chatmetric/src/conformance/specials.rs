//! The table, last part: cases of several calls - replays, denials, the throttle.

use super::checks::{Fault, answer, differs, got};
use super::probe::{Probe, Seen};
use super::request::{Plan, Prepared, Way};
use super::{Case, Origin, Outcome, Run, Situation, skipped};
use crate::client::ClientError;
use serde_json::Value;
use std::time::Duration;

/// Calls of an account and operation in any second.
const CALLS_PER_SECOND: usize = 50;
/// Calls that are sent at once to see them refused.
const BURST_CALLS: usize = 60;
/// The window of the throttle, and a little more for clocks.
const WINDOW: Duration = Duration::from_millis(1_100);
/// A burst that takes longer shows nothing, in ms.
const BURST_MS_MAX: u64 = 1_000;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "nonce-twice-v3",
        checks: "ACS3: a call that is sent again as it was is refused",
        origin: Origin::Vendor,
        run: Run::Special(|probe, situation| replay(probe, &Plan::daily(Way::V3Post, situation))),
    },
    Case {
        name: "nonce-twice-v1",
        checks: "RPC 1.0: a call that is sent again as it was is refused",
        origin: Origin::Vendor,
        run: Run::Special(|probe, situation| {
            replay(
                probe,
                &Plan::daily(Way::V1Get, situation).with("Format", "JSON"),
            )
        }),
    },
    Case {
        name: "detail-is-an-object",
        checks: "AccessDeniedDetail of a denial is an object of strings",
        origin: Origin::Vendor,
        run: Run::Special(denial),
    },
    Case {
        name: "throttle",
        checks: "50 calls in a second are admitted, more are refused with x-acs-retry-after",
        origin: Origin::Vendor,
        run: Run::Throttle(throttle),
    },
];

fn outcome(checked: Result<(), Fault>) -> Outcome {
    match checked {
        Ok(()) => Outcome::Passed,
        Err(Fault::Differs { expected, got }) => Outcome::Failed { expected, got },
        Err(Fault::CannotTell(why)) => skipped(why),
    }
}

/// Sends until it is admitted, then the very same again.
fn replay(probe: &Probe, plan: &Plan) -> Result<Outcome, ClientError> {
    // What is throttled was not admitted, so its nonce is still good: begin after the window.
    std::thread::sleep(WINDOW);
    let prepared = probe.prepare(plan);
    let first = probe.send(&prepared)?;
    if let Err(fault) = answer(&first, 200, "OK") {
        return Ok(outcome(Err(fault)));
    }
    let second = probe.send(&prepared)?;
    Ok(outcome(answer(&second, 400, "SignatureNonceUsed")))
}

/// Only a key that is denied something can show a denial.
fn denial(probe: &Probe, situation: &Situation) -> Result<Outcome, ClientError> {
    for plan in [Plan::daily(Way::V3Post, situation), Plan::enable()] {
        let seen = probe.call(&plan)?;
        if seen.text("Code").as_deref() == Some("Ram.PermissionDeny") {
            return Ok(outcome(detail_is_an_object(&seen)));
        }
    }
    Ok(skipped("this key is denied nothing that the cases call"))
}

fn detail_is_an_object(seen: &Seen) -> Result<(), Fault> {
    let json = seen.json().unwrap_or_default();
    let detail = json.get("AccessDeniedDetail").unwrap_or(&Value::Null);
    let texts = detail.as_object().is_some_and(|members| {
        members.values().all(Value::is_string)
            && ["AuthAction", "NoPermissionType", "PolicyType"]
                .iter()
                .all(|name| members.contains_key(*name))
    });
    if texts {
        return Ok(());
    }
    let expected = "an object of strings with AuthAction, NoPermissionType and PolicyType";
    Err(differs(expected, super::checks::short(&detail.to_string())))
}

fn throttle(probe: &Probe, situation: &Situation) -> Result<Outcome, ClientError> {
    let plan = Plan::daily(Way::V3Post, situation);
    let prepared: Vec<Prepared> = (0..BURST_CALLS).map(|_| probe.prepare(&plan)).collect();
    std::thread::sleep(WINDOW);
    let started_ms = probe.monotonic_ms();
    let answers: Vec<Result<Seen, ClientError>> = std::thread::scope(|scope| {
        let sent: Vec<_> = prepared
            .iter()
            .map(|prepared| scope.spawn(move || probe.send(prepared)))
            .collect();
        sent.into_iter()
            .filter_map(|thread| thread.join().ok())
            .collect()
    });
    let took_ms = probe.monotonic_ms().saturating_sub(started_ms);
    let answers = answers
        .into_iter()
        .collect::<Result<Vec<Seen>, ClientError>>()?;
    if took_ms >= BURST_MS_MAX {
        return Ok(skipped(&format!(
            "{BURST_CALLS} calls took {took_ms} ms: they must all happen within a second"
        )));
    }
    let (refused, admitted): (Vec<&Seen>, Vec<&Seen>) = answers
        .iter()
        .partition(|seen| seen.text("Code").as_deref() == Some("System.LimitControl"));
    if admitted.len() != CALLS_PER_SECOND {
        let expected = format!("{CALLS_PER_SECOND} of {BURST_CALLS} calls admitted");
        let got = format!("{} in {took_ms} ms", admitted.len());
        return Ok(outcome(Err(differs(expected, got))));
    }
    for seen in &refused {
        let waited = seen.retry_after_ms().unwrap_or_default();
        if seen.status != 400 || !(1..=1_000).contains(&waited) {
            let expected = "HTTP 400 with the header x-acs-retry-after between 1 and 1000";
            let header = seen.header("x-acs-retry-after").unwrap_or("none");
            return Ok(outcome(Err(differs(
                expected,
                format!("{}, header {header}", got(seen)),
            ))));
        }
    }
    std::thread::sleep(WINDOW);
    let after = probe.send(&probe.prepare(&plan))?;
    Ok(outcome(answer(&after, 200, "OK")))
}
