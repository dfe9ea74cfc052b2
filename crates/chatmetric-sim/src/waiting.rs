//! What an event waits for before it is counted: its time, an owner of its number, or both.
//!
//! A server that failed while it looked may have let an event go or not, so what is known is
//! a set of the states that it may be in. Not here: which event it is, and when a server
//! looks.
//!
//! Invariant: a look that is known to have succeeded takes every possible state on, so the
//! set never grows by it.

/// The states that an event may be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting(u8);

const COUNTED: u8 = 1;
const FOR_TIME: u8 = 2;
const FOR_OWNER: u8 = 4;
const FOR_BOTH: u8 = 8;

impl Waiting {
    /// What an event waits for when it arrives; `None` for one that is counted at once.
    pub(crate) const fn of(is_early: bool, is_held: bool) -> Option<Self> {
        match (is_early, is_held) {
            (false, false) => None,
            (true, false) => Some(Self(FOR_TIME)),
            (false, true) => Some(Self(FOR_OWNER)),
            (true, true) => Some(Self(FOR_BOTH)),
        }
    }

    /// The server looked for what is due, and then for what has an owner by now.
    pub(crate) const fn looked(self, is_due: bool, is_owned: bool, succeeded: bool) -> Self {
        let due = self.when_due(is_due);
        let both = due.when_owned(is_owned);
        if succeeded {
            both
        } else {
            Self(self.0 | due.0 | self.when_owned(is_owned).0 | both.0)
        }
    }

    const fn when_due(self, is_due: bool) -> Self {
        if is_due {
            self.moved(FOR_TIME, COUNTED).moved(FOR_BOTH, FOR_OWNER)
        } else {
            self
        }
    }

    const fn when_owned(self, is_owned: bool) -> Self {
        if is_owned {
            self.moved(FOR_OWNER, COUNTED).moved(FOR_BOTH, FOR_TIME)
        } else {
            self
        }
    }

    const fn moved(self, from: u8, to: u8) -> Self {
        if self.0 & from == 0 {
            self
        } else {
            Self(self.0 & !from | to)
        }
    }

    /// It is counted.
    pub(crate) const fn is_over(self) -> bool {
        self.0 == COUNTED
    }

    /// It may be counted, or not.
    pub(crate) const fn is_open(self) -> bool {
        self.0 & COUNTED != 0 && !self.is_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Waiting; 3] {
        [(true, false), (false, true), (true, true)]
            .map(|(early, held)| Waiting::of(early, held).expect("it waits"))
    }

    #[test]
    fn each_wait_ends_by_what_it_is_for() {
        assert_eq!(Waiting::of(false, false), None);
        let [time, owner, both] = all();
        assert!(time.looked(true, false, true).is_over());
        assert!(owner.looked(false, true, true).is_over());
        assert_eq!(time.looked(false, true, true), time);
        assert_eq!(owner.looked(true, false, true), owner);
        // In either order, and at once.
        assert_eq!(both.looked(true, false, true), owner);
        assert_eq!(both.looked(false, true, true), time);
        assert!(both.looked(true, true, true).is_over());
    }

    #[test]
    fn a_look_that_failed_leaves_it_open() {
        for waiting in all() {
            assert_eq!(waiting.looked(false, false, false), waiting);
            let open = waiting.looked(true, true, false);
            assert!(open.is_open() && !open.is_over(), "{open:?}");
            assert!(open.looked(true, true, true).is_over());
            // Nothing of it is due any more: the clock went back.
            assert!(open.looked(false, false, true).is_open());
        }
        let [.., both] = all();
        let open = both.looked(true, false, false);
        assert!(!open.is_open(), "not counted in any case");
        assert!(
            open.looked(false, true, true).is_open(),
            "owned: due or not"
        );
    }
}
