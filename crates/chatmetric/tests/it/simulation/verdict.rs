//! What a simulation compares: after every start, and in the end.
//!
//! Not here: what must be counted (`Audit` and `Model` know it), and how it is read.
//!
//! Invariant: in the end nothing is of unknown fate, and every figure has one right value.

use super::compare::{compare_rows, counts_of};
use super::drive::Simulation;
use super::report::Report;
use chatmetric::clock::Clock as _;
use chatmetric_sim::{Crash, Finding};
use chatmetric_store::{Books, Store as _};

const HOUR_MS: u64 = 3_600_000;

impl Simulation {
    /// What was acknowledged must be there, and nothing that was not sent.
    pub(super) fn compare(&mut self) {
        let store = self.machine.store();
        let found = counts_of(store, &self.spaces);
        match self.audit.check(&found, !self.may_be_partial) {
            Ok(Finding::Equal) => self.report.compared += 1,
            Ok(Finding::Undecided) => self.report.undecided += 1,
            Err(difference) => panic!("after {} lives, {difference}", self.machine.lives),
        }
        store.verify().expect("tallies are the fold of the records");
        assert!(store.floor() >= self.floor, "the floor went back");
        for (source, books) in store.books().expect("readable") {
            assert!(books.balanced(), "`{source}`: {books:?}");
        }
        self.may_be_partial &= self.audit.unknown() > 0;
    }

    /// Everything was delivered: now every figure must be right, in this life, after an
    /// orderly restart, and after the power went once more.
    pub(super) fn end(mut self) -> Report {
        assert_eq!(self.outbox.unacknowledged(), 0);
        assert_eq!(self.outbox.given_up(), 0, "posts were never acknowledged");
        // Nothing goes wrong from here on; what had gone wrong is looked after once more.
        self.machine.mend();
        self.wait_until_ready();
        self.tick();
        if !self.machine.is_up() {
            self.start();
            self.wait_until_ready();
            self.tick();
        }
        self.check_everything();
        self.machine.stop();
        self.start();
        self.check_everything();
        self.fall(Crash::Power);
        self.start();
        self.check_everything();
        self.report.foreign = self.audit.foreign().low;
        self.report.lives = self.machine.lives;
        self.report.hours = (self.now_ms - self.start_ms).unsigned_abs() / HOUR_MS;
        self.report
    }

    fn check_everything(&mut self) {
        assert_eq!(
            (self.audit.waiting(), self.audit.unknown()),
            (0, 0),
            "at {}, by the server's clock {}, {} to bind, health {:?}: {}",
            self.now_ms,
            self.machine.clock.now().0,
            self.to_bind.len(),
            self.machine.store().health(),
            self.audit.first_waiting(),
        );
        let undecided = self.report.undecided;
        self.compare();
        assert_eq!(self.report.undecided, undecided, "everything is known");
        let store = self.machine.store();
        let range = (self.start_ms, self.now_ms);
        self.report.rows += compare_rows(store, &self.spaces, &self.everything, range);
        self.check_books();
    }

    /// The books have what was sent, once for each time that it was taken.
    fn check_books(&self) {
        let mut all = Books::default();
        for (_, books) in self.machine.store().books().expect("readable") {
            all.received += books.received;
            all.new += books.new;
            all.late += books.late;
            all.duplicate += books.duplicate;
            all.quarantined += books.quarantined;
            all.released += books.released;
            all.expired += books.expired;
        }
        let (received, late) = (self.audit.received(), self.audit.late());
        assert!(received.hold(all.received), "{received:?}: {all:?}");
        assert!(late.hold(all.late), "{late:?}: {all:?}");
        // Of what waits nothing is left.
        let foreign = self.audit.foreign();
        assert!(foreign.hold(all.quarantined), "{foreign:?}: {all:?}");
        assert_eq!(all.expired, 0, "{all:?}");
        assert_eq!(
            self.audit.counted().reports().new,
            self.everything.reports().new
        );
        let reports = self.audit.counted().reports();
        let first = all.new..=all.new + all.released;
        assert!(first.contains(&reports.new), "{reports:?}: {all:?}");
        if received.low == received.high && all.released == 0 {
            assert_eq!(all.new, reports.new);
            assert_eq!(all.duplicate, reports.duplicate);
        }
    }
}
