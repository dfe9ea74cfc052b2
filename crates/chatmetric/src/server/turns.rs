//! Turns at the processor for bodies of webhooks: few at a time, and of those that wait the
//! accounts take turns, so whoever sends the most waits the longest.
//!
//! Not here: how much may wait (`shares`), and the way to the disk, which a batch goes
//! without a turn. Invariants: no turn is lost, whoever stops waiting; nobody waits while
//! a turn is free.

use chatmetric_core::AccountKey;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The turns of a server.
#[derive(Debug)]
pub(crate) struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    /// Those that wait, by account; none without one.
    waiting: HashMap<AccountKey, VecDeque<oneshot::Sender<Turn>>>,
    /// Which account is next; each that waits once.
    order: VecDeque<AccountKey>,
}

/// The right to work; the next one has it when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Option<Arc<Mutex<State>>>);

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turns {
    pub(crate) fn new(turns: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: turns,
            waiting: HashMap::new(),
            order: VecDeque::new(),
        })))
    }

    /// Waits for a turn.
    pub(crate) async fn enter(&self, account: AccountKey) -> Turn {
        loop {
            let given = {
                let mut state = lock(&self.0);
                if state.free > 0 {
                    state.free -= 1;
                    return Turn(Some(Arc::clone(&self.0)));
                }
                state.line_up(account)
            };
            // A sender goes away only with a turn, or with the server.
            if let Ok(turn) = given.await {
                return turn;
            }
        }
    }
}

impl State {
    fn line_up(&mut self, account: AccountKey) -> oneshot::Receiver<Turn> {
        let (sender, receiver) = oneshot::channel();
        let of_account = self.waiting.entry(account).or_default();
        if of_account.is_empty() {
            self.order.push_back(account);
        }
        of_account.push_back(sender);
        receiver
    }

    /// The first of the account whose turn it is; without one, the turn is free.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        while let Some(account) = self.order.pop_front() {
            let Some(of_account) = self.waiting.get_mut(&account) else {
                continue;
            };
            let first = of_account.pop_front();
            if of_account.is_empty() {
                self.waiting.remove(&account);
            } else {
                self.order.push_back(account);
            }
            if first.is_some() {
                return first;
            }
        }
        self.free += 1;
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(state) = self.0.take() else {
            return;
        };
        loop {
            // The lock is given back before the turn is sent: one that comes back locks too.
            let Some(next) = lock(&state).next() else {
                return;
            };
            match next.send(Self(Some(Arc::clone(&state)))) {
                Ok(()) => return,
                // That one has gone away.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! Who is next.

    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    const HEAVY: AccountKey = AccountKey(1);
    const LIGHT: AccountKey = AccountKey(2);

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn accounts_take_turns_whatever_each_has_waiting() {
        let turns = Turns::new(1);
        let first = poll(pin!(turns.enter(HEAVY))).expect("it is free");
        let mut heavy: Vec<_> = (0..3).map(|_| Box::pin(turns.enter(HEAVY))).collect();
        for waiting in &mut heavy {
            assert!(poll(waiting.as_mut()).is_none());
        }
        let mut light = pin!(turns.enter(LIGHT));
        assert!(poll(light.as_mut()).is_none());
        drop(first);
        let second = poll(heavy[0].as_mut()).expect("it was the first");
        assert!(poll(light.as_mut()).is_none() && poll(heavy[1].as_mut()).is_none());
        drop(second);
        let third = poll(light.as_mut()).expect("two of the other wait");
        assert!(poll(heavy[1].as_mut()).is_none());
        drop(third);
        drop(poll(heavy[1].as_mut()).expect("nobody else"));
        drop(poll(heavy[2].as_mut()).expect("nobody else"));
        assert!(poll(pin!(turns.enter(LIGHT))).is_some(), "it is free again");
    }

    #[test]
    fn whoever_stops_waiting_takes_no_turn_along() {
        let turns = Turns::new(1);
        let first = poll(pin!(turns.enter(HEAVY))).expect("it is free");
        let mut gone = Box::pin(turns.enter(HEAVY));
        let mut given = Box::pin(turns.enter(HEAVY));
        let mut last = pin!(turns.enter(LIGHT));
        assert!(poll(gone.as_mut()).is_none() && poll(given.as_mut()).is_none());
        assert!(poll(last.as_mut()).is_none());
        drop(gone);
        // This one has it and has not heard of it.
        drop(first);
        drop(given);
        drop(poll(last.as_mut()).expect("both have gone"));
        assert_eq!(lock(&turns.0).free, 1);
        assert!(lock(&turns.0).waiting.is_empty() && lock(&turns.0).order.is_empty());
    }
}
