//! The compatibility cases for `GetChatappPhoneNumberMetric`, run at any endpoint with the caller's
//! own key: ours, another installation's, or the vendor's.
//!
//! `cases::CASES` is the one table; each row says what it checks, what is sent and what
//! is expected. Nothing here knows the server's inside, and nothing prints. Invariant: a case that
//! cannot tell (no rows, a slow line) is skipped with its reason, never passed.

mod cases;
mod checks;
mod probe;
mod refusals;
mod request;
mod specials;

use self::checks::Fault;
use self::probe::{Probe, Seen};
use self::request::Plan;
use crate::client::{ClientError, Endpoint};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::tls::CaFile;
use chatmetric_rpc::sign::Credentials;
use serde::Serialize;
use std::sync::Arc;

/// How many days back the cases look for rows: 30 days have fewer half hours than the limit.
const LOOK_BACK_DAYS: i64 = 30;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Whose rule a case checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The vendor documents it, or it was seen at the vendor's gateway.
    Vendor,
    /// The vendor is silent; the rule is this server's.
    Ours,
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// As expected.
    Passed,
    /// Not as expected.
    Failed {
        /// What should have come.
        expected: String,
        /// What came.
        got: String,
    },
    /// It could not be told.
    Skipped {
        /// Why not.
        why: String,
    },
}

/// A case with its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseReport {
    /// Its stable name.
    pub name: &'static str,
    /// What it checks.
    pub checks: &'static str,
    /// Whose rule it is.
    pub origin: Origin,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How long it took.
    pub took_ms: u64,
}

/// What to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Selection {
    /// Leaves out the cases of [`Origin::Ours`].
    pub vendor_only: bool,
    /// Also runs what uses up the quota of a second.
    pub throttle: bool,
}

/// One row of the table.
struct Case {
    name: &'static str,
    checks: &'static str,
    origin: Origin,
    run: Run,
}

/// How a case runs.
enum Run {
    /// One request, one expectation.
    Call {
        request: fn(&Situation) -> Plan,
        expect: Expect,
    },
    /// Several requests.
    Special(fn(&Probe, &Situation) -> Result<Outcome, ClientError>),
    /// As [`Run::Special`], only when it was asked for.
    Throttle(fn(&Probe, &Situation) -> Result<Outcome, ClientError>),
}

/// A look at an answer.
type Check = fn(&Seen) -> Result<(), Fault>;

/// What must come back.
struct Expect {
    status: u16,
    code: &'static str,
    checks: &'static [Check],
}

/// What the requests are made from.
#[derive(Debug, Clone, Copy)]
struct Situation {
    now_ms: i64,
}

impl Situation {
    /// Start and End of the range in which rows are looked for.
    fn range(&self) -> (i64, i64) {
        (self.now_ms - LOOK_BACK_DAYS * DAY_MS, self.now_ms)
    }
}

/// Where and as whom the cases run.
pub struct Caller {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The CAs to trust, if not the public ones.
    pub ca: Option<CaFile>,
    /// The key.
    pub credentials: Credentials,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where nonces come from.
    pub entropy: Arc<dyn Entropy>,
}

/// Runs the cases in the order of the table; `done` is told of each.
///
/// # Errors
/// [`ClientError::Transport`] when there is no answer at all.
pub fn run(
    caller: Caller,
    selection: Selection,
    mut done: impl FnMut(&CaseReport),
) -> Result<Vec<CaseReport>, ClientError> {
    let clock = Arc::clone(&caller.clock);
    let probe = Probe::new(caller);
    let situation = Situation {
        now_ms: clock.now().0,
    };
    let mut reports: Vec<CaseReport> = Vec::new();
    let all = cases::CASES
        .iter()
        .chain(refusals::CASES)
        .chain(specials::CASES);
    for case in all {
        let started_ms = clock.monotonic_ms();
        let ran = if selection.vendor_only && case.origin == Origin::Ours {
            Ok(skipped("the rule is not the vendor's (`--vendor`)"))
        } else {
            case.run(&probe, &situation, selection)
        };
        let outcome = match ran {
            Ok(outcome) => outcome,
            // Nobody there is no finding about anybody.
            Err(error) if reports.iter().all(|report| !report.was_run()) => return Err(error),
            Err(error) => Outcome::Failed {
                expected: "an answer".to_owned(),
                got: crate::cli::error_chain(&error),
            },
        };
        let report = CaseReport {
            name: case.name,
            checks: case.checks,
            origin: case.origin,
            outcome,
            took_ms: clock.monotonic_ms().saturating_sub(started_ms),
        };
        done(&report);
        reports.push(report);
    }
    Ok(reports)
}

impl CaseReport {
    fn was_run(&self) -> bool {
        match self.outcome {
            Outcome::Passed | Outcome::Failed { .. } => true,
            Outcome::Skipped { .. } => false,
        }
    }
}

impl Case {
    fn run(
        &self,
        probe: &Probe,
        situation: &Situation,
        selection: Selection,
    ) -> Result<Outcome, ClientError> {
        match &self.run {
            Run::Call { request, expect } => {
                let seen = probe.call(&request(situation))?;
                Ok(expect.judge(&seen))
            }
            Run::Special(run) => run(probe, situation),
            Run::Throttle(run) if selection.throttle => run(probe, situation),
            Run::Throttle(_) => Ok(skipped(
                "it uses up the account's calls of a second (`--throttle`)",
            )),
        }
    }
}

impl Expect {
    fn judge(&self, seen: &Seen) -> Outcome {
        let first = checks::answer(seen, self.status, self.code);
        let mut why = None;
        for checked in std::iter::once(first).chain(self.checks.iter().map(|check| check(seen))) {
            match checked {
                Ok(()) => {}
                Err(Fault::Differs { expected, got }) => return Outcome::Failed { expected, got },
                Err(Fault::CannotTell(reason)) => why = Some(reason),
            }
        }
        why.map_or(Outcome::Passed, skipped)
    }
}

fn skipped(why: &str) -> Outcome {
    Outcome::Skipped {
        why: why.to_owned(),
    }
}
