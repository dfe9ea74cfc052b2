//! From verdicts to alerts: pending, firing, resolved.
//!
//! Something is pending once it is wrong, and fires when it was wrong for `for` without a
//! break. What fires is over when it was right for `clear` without a break; in between lies
//! what is unsure, which changes nothing. Pure: the caller writes the changes down and
//! takes the new state only then.
//!
//! Invariants: one key fires once until it is over; the number of things that are tracked
//! and that fire is bounded; what was firing before a restart is firing after it.

use super::{AlertKey, Finding, Observation, Rule, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// Most alerts that fire at a time; what is wrong beyond them waits.
pub(super) const FIRING_MAX: usize = 500;
/// Most things that are pending at a time.
const PENDING_MAX: usize = 20_000;
/// What cannot be judged for so long is over, in ms.
const UNKNOWN_MS_MAX: i64 = 24 * 3_600_000;
/// How often the text of what fires is written anew, in ms.
const UPDATE_EVERY_MS: i64 = 15 * 60_000;

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Pending {
        since_ms: i64,
    },
    Firing {
        id: i64,
        /// Since when it is right.
        good_since_ms: Option<i64>,
        /// Since when it cannot be judged.
        unknown_since_ms: Option<i64>,
        summary: String,
        updated_ms: i64,
    },
}

/// What is to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It fires; wrong since then.
    Fire {
        key: AlertKey,
        since_ms: i64,
        finding: Finding,
    },
    /// It fires on, with other words.
    Update { id: i64, finding: Finding },
    /// It is over.
    Resolve { id: i64, reason: &'static str },
}

/// How long, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    pub(super) for_ms: i64,
    pub(super) clear_ms: i64,
}

/// All that is pending or fires.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Machine {
    tracked: BTreeMap<AlertKey, Phase>,
}

impl Machine {
    /// Goes on with an alert of before the restart.
    pub(super) fn restore(&mut self, key: AlertKey, id: i64, summary: String) {
        self.opened(key, id, summary, 0);
    }

    /// Notes the number that an alert was written down with.
    pub(super) fn opened(&mut self, key: AlertKey, id: i64, summary: String, now_ms: i64) {
        let phase = Phase::Firing {
            id,
            good_since_ms: None,
            unknown_since_ms: None,
            summary,
            updated_ms: now_ms,
        };
        self.tracked.insert(key, phase);
    }

    pub(super) fn is_firing(&self, key: &AlertKey) -> bool {
        matches!(self.tracked.get(key), Some(Phase::Firing { .. }))
    }

    /// How many of a rule are pending and fire.
    pub(super) fn count(&self, rule: Rule) -> (u64, u64) {
        let of_rule = self.tracked.iter().filter(|(key, _)| key.rule == rule);
        of_rule.fold((0, 0), |(pending, firing), (_, phase)| match phase {
            Phase::Pending { .. } => (pending + 1, firing),
            Phase::Firing { .. } => (pending, firing + 1),
        })
    }

    fn firing(&self) -> usize {
        let phases = self.tracked.values();
        phases
            .filter(|phase| matches!(phase, Phase::Firing { .. }))
            .count()
    }

    /// Takes the verdicts of one moment on everything that the rules `looked` at. What
    /// they say nothing of is not there any more.
    pub(super) fn step(
        &mut self,
        now_ms: i64,
        looked: &[Rule],
        observations: Vec<Observation>,
        patience: Patience,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut seen = BTreeSet::new();
        let mut firing = self.firing();
        for Observation { key, verdict } in observations {
            match self.tracked.get_mut(&key) {
                Some(Phase::Firing { .. }) => {
                    changes.extend(self.go_on(now_ms, &key, verdict, patience));
                }
                known => {
                    let since_ms = match known {
                        Some(Phase::Pending { since_ms }) => Some(*since_ms),
                        Some(Phase::Firing { .. }) | None => None,
                    };
                    let change = self.begin(now_ms, &key, verdict, since_ms, patience, firing);
                    firing += usize::from(change.is_some());
                    changes.extend(change);
                }
            }
            seen.insert(key);
        }
        let gone = self
            .tracked
            .iter()
            .filter(|(key, _)| looked.contains(&key.rule) && !seen.contains(*key));
        let gone: Vec<AlertKey> = gone.map(|(key, _)| key.clone()).collect();
        for key in gone {
            match self.tracked.get(&key) {
                Some(Phase::Firing { .. }) => {
                    changes.extend(self.go_on(now_ms, &key, Verdict::Good, patience));
                }
                Some(Phase::Pending { .. }) | None => drop(self.tracked.remove(&key)),
            }
        }
        changes
    }

    /// Something that does not fire.
    fn begin(
        &mut self,
        now_ms: i64,
        key: &AlertKey,
        verdict: Verdict,
        since_ms: Option<i64>,
        patience: Patience,
        firing: usize,
    ) -> Option<Change> {
        let finding = match verdict {
            Verdict::Bad(finding) => finding,
            Verdict::Unsure if since_ms.is_some() => return None,
            Verdict::Unsure | Verdict::Good | Verdict::Unknown => {
                self.tracked.remove(key);
                return None;
            }
        };
        if since_ms.is_none() && self.tracked.len() >= PENDING_MAX + FIRING_MAX {
            return None;
        }
        // A clock that was set back does not make anything older.
        let since_ms = since_ms.unwrap_or(now_ms).min(now_ms);
        if now_ms - since_ms < patience.for_ms || firing >= FIRING_MAX {
            self.tracked
                .insert(key.clone(), Phase::Pending { since_ms });
            return None;
        }
        self.tracked.remove(key);
        Some(Change::Fire {
            key: key.clone(),
            since_ms,
            finding,
        })
    }

    /// Something that fires.
    fn go_on(
        &mut self,
        now_ms: i64,
        key: &AlertKey,
        verdict: Verdict,
        patience: Patience,
    ) -> Option<Change> {
        let Some(Phase::Firing {
            id,
            good_since_ms,
            unknown_since_ms,
            summary,
            updated_ms,
        }) = self.tracked.get_mut(key)
        else {
            return None;
        };
        let id = *id;
        let since = |place: &mut Option<i64>| {
            let since_ms = place.get_or_insert(now_ms);
            *since_ms = (*since_ms).min(now_ms);
            now_ms - *since_ms
        };
        let over = match verdict {
            Verdict::Good => {
                *unknown_since_ms = None;
                (since(good_since_ms) >= patience.clear_ms).then_some("as usual again")
            }
            Verdict::Unknown => {
                *good_since_ms = None;
                let long = since(unknown_since_ms) >= UNKNOWN_MS_MAX;
                long.then_some("too little traffic to tell")
            }
            Verdict::Unsure => {
                (*good_since_ms, *unknown_since_ms) = (None, None);
                None
            }
            Verdict::Bad(finding) => {
                (*good_since_ms, *unknown_since_ms) = (None, None);
                let is_due = !(0..UPDATE_EVERY_MS).contains(&(now_ms - *updated_ms));
                if !is_due || finding.summary == *summary {
                    return None;
                }
                summary.clone_from(&finding.summary);
                *updated_ms = now_ms;
                return Some(Change::Update { id, finding });
            }
        };
        let reason = over?;
        self.tracked.remove(key);
        Some(Change::Resolve { id, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const PATIENCE: Patience = Patience {
        for_ms: 15 * MINUTE,
        clear_ms: 30 * MINUTE,
    };

    fn step(machine: &mut Machine, minute: i64, verdict: Verdict) -> Vec<Change> {
        let key = AlertKey::disk();
        let changes = machine.step(
            minute * MINUTE,
            &[Rule::DiskFull],
            vec![Observation {
                key: key.clone(),
                verdict,
            }],
            PATIENCE,
        );
        for change in &changes {
            if let Change::Fire { key, finding, .. } = change {
                machine.opened(key.clone(), 7, finding.summary.clone(), minute * MINUTE);
            }
        }
        changes
    }

    fn bad() -> Verdict {
        Verdict::Bad(Finding::new("full".to_owned()))
    }

    #[test]
    fn it_fires_after_a_while_and_is_over_after_a_while() {
        let mut machine = Machine::default();
        assert_eq!(step(&mut machine, 0, bad()), []);
        assert_eq!(machine.count(Rule::DiskFull), (1, 0));
        assert_eq!(step(&mut machine, 10, Verdict::Unsure), []);
        let fired = step(&mut machine, 15, bad());
        assert!(
            matches!(&fired[..], [Change::Fire { since_ms: 0, .. }]),
            "{fired:?}"
        );
        assert_eq!(machine.count(Rule::DiskFull), (0, 1));
        // It goes on without a word.
        assert_eq!(step(&mut machine, 20, bad()), []);
        assert_eq!(step(&mut machine, 30, Verdict::Good), []);
        // Neither is a break.
        assert_eq!(step(&mut machine, 50, Verdict::Unsure), []);
        assert_eq!(step(&mut machine, 60, Verdict::Good), []);
        assert_eq!(step(&mut machine, 89, Verdict::Good), []);
        let over = step(&mut machine, 90, Verdict::Good);
        assert!(
            matches!(&over[..], [Change::Resolve { id: 7, .. }]),
            "{over:?}"
        );
        assert_eq!(machine, Machine::default());
    }

    #[test]
    fn what_comes_and_goes_never_fires() {
        let mut machine = Machine::default();
        for minute in 0..60 {
            let verdict = if minute % 10 < 8 {
                bad()
            } else {
                Verdict::Good
            };
            assert_eq!(step(&mut machine, minute, verdict), []);
        }
    }

    #[test]
    fn what_cannot_be_judged_stays_for_a_day() {
        let mut machine = Machine::default();
        machine.restore(AlertKey::disk(), 7, "full".to_owned());
        assert_eq!(step(&mut machine, 0, Verdict::Unknown), []);
        assert_eq!(step(&mut machine, 24 * 60 - 1, Verdict::Unknown), []);
        let over = step(&mut machine, 24 * 60, Verdict::Unknown);
        assert!(
            matches!(&over[..], [Change::Resolve { id: 7, .. }]),
            "{over:?}"
        );
    }

    #[test]
    fn what_is_gone_is_over_and_other_rules_are_left_alone() {
        let mut machine = Machine::default();
        machine.restore(AlertKey::disk(), 7, "full".to_owned());
        for minute in [0, 100, 200] {
            assert_eq!(
                machine.step(minute * MINUTE, &[Rule::NoReport], vec![], PATIENCE),
                []
            );
        }
        assert_eq!(
            machine.step(200 * MINUTE, &[Rule::DiskFull], vec![], PATIENCE),
            []
        );
        let over = machine.step(230 * MINUTE, &[Rule::DiskFull], vec![], PATIENCE);
        assert!(
            matches!(&over[..], [Change::Resolve { id: 7, .. }]),
            "{over:?}"
        );
    }

    #[test]
    fn what_fires_is_bounded_and_waits_for_its_turn() {
        let mut machine = Machine::default();
        let all = |verdict: Verdict| -> Vec<Observation> {
            let key = |at: usize| AlertKey::source("1", &at.to_string());
            let of = |at| Observation {
                key: key(at),
                verdict: verdict.clone(),
            };
            (0..FIRING_MAX + 50).map(of).collect()
        };
        let looked = [Rule::SilentSource];
        assert_eq!(machine.step(0, &looked, all(bad()), PATIENCE), []);
        let fired = machine.step(20 * MINUTE, &looked, all(bad()), PATIENCE);
        assert_eq!(fired.len(), FIRING_MAX);
        assert_eq!(machine.count(Rule::SilentSource), (50, 0));
    }
}
