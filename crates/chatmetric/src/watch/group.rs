//! Many numbers of one account that are wrong at once become one thing that is wrong.
//!
//! Invariant: however many numbers fail together, an account has at most `group_from`
//! alerts of a rule for them: those that were open before, and one for all.

use super::machine::Machine;
use super::{AlertKey, Finding, Observation, Rule, Verdict};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many numbers the alert names.
const NAMED_MAX: usize = 5;

/// Puts the numbers of each account together where there are many.
pub(super) fn group(
    observations: Vec<Observation>,
    machine: &Machine,
    group_from: u32,
) -> Vec<Observation> {
    let group_from = usize::try_from(group_from).unwrap_or(usize::MAX);
    let mut fresh: BTreeMap<(Rule, String), Vec<String>> = BTreeMap::new();
    for observation in &observations {
        let AlertKey { rule, account, .. } = &observation.key;
        let is_bad = matches!(observation.verdict, Verdict::Bad(_));
        if let (Some(number), Some(account)) = (observation.key.number_of(), account)
            && is_bad
            && !machine.is_firing(&observation.key)
        {
            let numbers = fresh.entry((*rule, account.clone())).or_default();
            numbers.push(number.to_owned());
        }
    }
    // One that is open stays as long as there is a number in it.
    fresh.retain(|(rule, account), numbers| {
        numbers.len() >= group_from || machine.is_firing(&AlertKey::numbers(*rule, account))
    });
    let is_grouped = |observation: &Observation| {
        let account = observation.key.account.clone().unwrap_or_default();
        observation.key.number_of().is_some()
            && fresh.contains_key(&(observation.key.rule, account))
            && !machine.is_firing(&observation.key)
    };
    let mut all: Vec<Observation> = observations
        .into_iter()
        .filter(|observation| !is_grouped(observation))
        .collect();
    all.extend(fresh.into_iter().map(|((rule, account), numbers)| {
        let finding = finding_of(rule, &numbers);
        Observation {
            key: AlertKey::numbers(rule, &account),
            verdict: Verdict::Bad(finding),
        }
    }));
    all
}

fn finding_of(rule: Rule, numbers: &[String]) -> Finding {
    let named = numbers
        .get(..NAMED_MAX.min(numbers.len()))
        .unwrap_or_default();
    let more = numbers.len() - named.len();
    let what = match rule {
        Rule::DeliveryRate => "deliver far less than usual",
        Rule::NoReport => "have far more messages without a report than usual",
        Rule::SilentSource | Rule::DiskFull => "are not as usual",
    };
    let mut summary = format!("{} numbers {what}: {}", numbers.len(), named.join(", "));
    if more > 0 {
        summary.push_str(&format!(" and {more} more"));
    }
    Finding::new(summary).fact("count", numbers.len()).fact(
        "numbers",
        named.iter().cloned().map(Value::String).collect::<Vec<_>>(),
    )
}
