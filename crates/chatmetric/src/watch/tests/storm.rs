//! Much goes wrong at once, and little is said.

use super::super::plan::{Message, plan};
use super::super::{Finding, Verdict};
use super::{AlertKey, Change, Machine, Observation, Patience, Rule, group};

const PATIENCE: Patience = Patience {
    for_ms: 15 * 60_000,
    clear_ms: 30 * 60_000,
};
const RULES: [Rule; 2] = [Rule::DeliveryRate, Rule::NoReport];

/// Verdicts on so many numbers of each of so many accounts, of which the first few are bad.
fn verdicts(accounts: usize, numbers: usize, bad: usize) -> Vec<Observation> {
    let mut observations = Vec::new();
    for rule in RULES {
        for account in 0..accounts {
            for at in 0..numbers {
                let number = format!("1555{account:03}{at:04}");
                let verdict = if at < bad {
                    Verdict::Bad(Finding::new("bad".to_owned()))
                } else {
                    Verdict::Good
                };
                let key = AlertKey::number(rule, &format!("10000000000{account:05}"), &number);
                observations.push(Observation { key, verdict });
            }
        }
    }
    observations
}

/// A look; what fires is written down.
fn look(machine: &mut Machine, minute: i64, observations: Vec<Observation>) -> Vec<Change> {
    let observations = group(observations, machine, 5);
    let changes = machine.step(minute * 60_000, &RULES, observations, PATIENCE);
    for (id, change) in (minute * 1_000..).zip(&changes) {
        if let Change::Fire { key, finding, .. } = change {
            machine.opened(key.clone(), id, finding.summary.clone(), minute * 60_000);
        }
    }
    changes
}

#[test]
fn five_hundred_numbers_of_an_account_are_one_alert_that_names_the_count() {
    let mut machine = Machine::default();
    assert_eq!(look(&mut machine, 0, verdicts(1, 500, 500)), []);
    let changes = look(&mut machine, 15, verdicts(1, 500, 500));
    assert_eq!(changes.len(), 2, "one a rule");
    let Change::Fire { key, finding, .. } = &changes[0] else {
        panic!("{changes:?}");
    };
    assert_eq!(key.subject, "numbers");
    expect_test::expect![
        "500 numbers deliver far less than usual: 15550000000, 15550000001, 15550000002, 15550000003, 15550000004 and 495 more"
    ]
    .assert_eq(&finding.summary);
    assert_eq!(finding.facts["count"], 500);
    // Hours later there is still one; and one when nearly all are well again.
    for minute in (20..600).step_by(5) {
        let bad = if minute < 300 { 500 } else { 3 };
        let changes = look(&mut machine, minute, verdicts(1, 500, bad));
        assert!(
            !changes
                .iter()
                .any(|change| matches!(change, Change::Fire { .. })),
            "{changes:?}"
        );
    }
    assert_eq!(machine.count(Rule::DeliveryRate), (0, 1));
    look(&mut machine, 600, verdicts(1, 500, 0));
    let over = look(&mut machine, 631, verdicts(1, 500, 0));
    assert_eq!(over.len(), 2);
    assert_eq!(machine, Machine::default());
}

#[test]
fn numbers_that_fail_one_after_the_other_are_a_few_alerts_at_most() {
    let mut machine = Machine::default();
    let mut fired = 0;
    for minute in 0..1_000 {
        let bad = usize::try_from(minute).expect("small").min(500);
        let changes = look(&mut machine, minute, verdicts(1, 500, bad));
        fired += changes
            .iter()
            .filter(|change| matches!(change, Change::Fire { .. }))
            .count();
    }
    // At most four alone and one for all, of each rule.
    assert!(fired <= 2 * 5, "{fired}");
}

#[test]
fn few_numbers_are_told_one_by_one() {
    let mut machine = Machine::default();
    look(&mut machine, 0, verdicts(3, 500, 4));
    let changes = look(&mut machine, 15, verdicts(3, 500, 4));
    assert_eq!(changes.len(), 2 * 3 * 4);
}

#[test]
fn a_storm_over_all_accounts_is_a_bounded_number_of_messages() {
    let mut machine = Machine::default();
    look(&mut machine, 0, verdicts(300, 10, 10));
    let changes = look(&mut machine, 15, verdicts(300, 10, 10));
    // Beyond what may fire at a time the rest waits.
    assert_eq!(changes.len(), 500);
    let messages = plan(changes.len(), &[], 0, 20);
    assert_eq!(messages.len(), 20);
    assert_eq!(messages.last(), Some(&Message::Rest(19)));
}
