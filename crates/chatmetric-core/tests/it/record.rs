//! The record as a join-semilattice: the laws of its merge, and what it adds to
//! the tallies, for every record that events or stored bytes can make.

use crate::config;
use chatmetric_core::record::{DELTAS_MAX, Report};
use chatmetric_core::{Counts, MessageRecord, MessageStatus, Slot};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;

fn reports() -> impl Strategy<Value = Vec<(MessageStatus, Slot)>> {
    let slot =
        prop_oneof![8 => 0..6_u32, 1 => any::<u32>().prop_map(|slot| slot.min(u32::MAX - 1))];
    vec(
        (select(MessageStatus::ALL.to_vec()), slot.prop_map(Slot)),
        0..12,
    )
}

fn of(reports: &[(MessageStatus, Slot)]) -> MessageRecord {
    let mut record = MessageRecord::EMPTY;
    for (status, slot) in reports {
        record.apply(*status, *slot);
    }
    record
}

fn sums(record: &MessageRecord) -> BTreeMap<Slot, Counts> {
    let mut sums: BTreeMap<Slot, Counts> = BTreeMap::new();
    record.contribute(|slot, counts| *sums.entry(slot).or_insert(Counts::ZERO) += counts);
    sums
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn merge_is_a_join(a in reports(), b in reports(), c in reports()) {
        let (one, two, three) = (of(&a), of(&b), of(&c));
        prop_assert_eq!(one.merge(&one), one, "idempotent");
        prop_assert_eq!(one.merge(&two), two.merge(&one), "commutative");
        prop_assert_eq!(
            one.merge(&two).merge(&three),
            one.merge(&two.merge(&three)),
            "associative"
        );
        prop_assert_eq!(one.merge(&MessageRecord::EMPTY), one, "bottom");
        let both: Vec<_> = a.iter().chain(&b).copied().collect();
        prop_assert_eq!(one.merge(&two), of(&both), "a merge is the events of both");
    }

    #[test]
    fn a_record_never_breaks_the_status_rule(reports in reports()) {
        let record = of(&reports);
        prop_assert!(record.sent() <= record.delivered());
        prop_assert!(record.delivered() <= record.read());
        let reported = reports.iter().fold(0, |bits, (status, _)| bits | status.bit());
        prop_assert_eq!(record.reported(), reported);
        let stored = MessageRecord::from_parts(
            record.sent(), record.delivered(), record.read(), record.failed(), record.reported(),
        );
        prop_assert_eq!(stored, record, "what is stored is what is read");
    }

    #[test]
    fn a_message_adds_at_most_one(reports in reports()) {
        let total = sums(&of(&reports)).into_values().fold(Counts::ZERO, |sum, c| sum + c);
        for count in [total.sent, total.delivered, total.read, total.failed] {
            prop_assert!((0..=1).contains(&count), "{:?}", total);
        }
        prop_assert_eq!(total.delivered, total.delivered_of_sent);
        prop_assert!(total.sent >= total.delivered && total.delivered >= total.read);
        prop_assert!(total.failed + total.delivered <= 1, "failed xor delivered");
        let only_failed = reports.iter().all(|(status, _)| *status == MessageStatus::Failed);
        prop_assert_eq!(total.sent == 0, only_failed, "failed alone was not sent");
    }

    #[test]
    fn deltas_lead_from_any_state_to_the_next(before in reports(), more in reports()) {
        let (old, mut new) = (of(&before), of(&before));
        for (status, slot) in &more {
            let known = new.reported() & status.bit() != 0;
            let state = new;
            let report = new.apply(*status, *slot);
            prop_assert_eq!(report == Report::New, !known);
            if report == Report::Duplicate {
                prop_assert_eq!(state, new, "a plain duplicate changes nothing");
            }
        }
        let mut reached = sums(&old);
        let mut calls = 0;
        new.contribute_change(&old, |slot, counts| {
            calls += 1;
            *reached.entry(slot).or_insert(Counts::ZERO) += counts;
        });
        reached.retain(|_, counts| !counts.is_zero());
        prop_assert_eq!(reached, sums(&new));
        prop_assert!(calls <= DELTAS_MAX);
    }

    #[test]
    fn stored_bytes_make_a_lawful_record(
        parts in prop::array::uniform4(any::<u32>()),
        reported: u8,
    ) {
        let [sent, delivered, read, failed] = parts.map(Slot);
        let record = MessageRecord::from_parts(sent, delivered, read, failed, reported);
        prop_assert!(record.sent() <= record.delivered());
        prop_assert!(record.delivered() <= record.read());
        prop_assert!(record.reported() < 16);
        record.contribute(|slot, _| assert_ne!(slot, Slot::NEVER));
    }
}
