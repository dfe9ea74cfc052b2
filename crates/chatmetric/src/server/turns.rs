//! Turns for bodies of webhooks, at the processor and on the way to the disk: little at a
//! time, and of those that wait the account comes next that has had the least, so whoever
//! sends the most waits the longest.
//!
//! Not here: how much may wait (`shares`). Invariants: no turn is lost, whoever stops
//! waiting; nobody waits while anything is free.

use chatmetric_core::AccountKey;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The turns of a server.
#[derive(Debug)]
pub(crate) struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Who comes next enters while less than this is taken, whatever it weighs.
    weight_max: usize,
    taken: usize,
    /// Those that wait, by account; none without one.
    waiting: HashMap<AccountKey, Line>,
    /// The accounts that wait, each once, by what they have had.
    order: BTreeSet<(u64, AccountKey)>,
    /// What the account had that was last: one that begins to wait has had as much.
    now: u64,
}

/// Those of one account that wait.
#[derive(Debug, Default)]
struct Line {
    had: u64,
    bodies: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    weight: usize,
    turn: oneshot::Sender<Turn>,
}

/// The right to work; the next ones have it when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    state: Option<Arc<Mutex<State>>>,
    weight: usize,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turns {
    pub(crate) fn new(weight_max: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            weight_max,
            taken: 0,
            waiting: HashMap::new(),
            order: BTreeSet::new(),
            now: 0,
        })))
    }

    /// Waits for a turn of this weight, at least 1.
    pub(crate) async fn enter(&self, account: AccountKey, weight: usize) -> Turn {
        let weight = weight.max(1);
        loop {
            let given = {
                let mut state = lock(&self.0);
                if state.taken < state.weight_max {
                    state.taken = state.taken.saturating_add(weight);
                    return Turn::new(&self.0, weight);
                }
                state.line_up(account, weight)
            };
            // A sender goes away only with a turn, or with the server.
            if let Ok(turn) = given.await {
                return turn;
            }
        }
    }
}

impl State {
    fn line_up(&mut self, account: AccountKey, weight: usize) -> oneshot::Receiver<Turn> {
        let (turn, receiver) = oneshot::channel();
        let line = self.waiting.entry(account).or_default();
        if line.bodies.is_empty() {
            line.had = self.now;
            self.order.insert((line.had, account));
        }
        line.bodies.push_back(Waiting { weight, turn });
        receiver
    }

    /// The next that enters, if anything is free: the first of the account that has had
    /// the least. It is taken then.
    fn next(&mut self) -> Option<Waiting> {
        while self.taken < self.weight_max {
            let (had, account) = self.order.pop_first()?;
            let Some(mut line) = self.waiting.remove(&account) else {
                continue;
            };
            let Some(first) = line.bodies.pop_front() else {
                continue;
            };
            self.now = had;
            if !line.bodies.is_empty() {
                let weight = u64::try_from(first.weight).unwrap_or(u64::MAX);
                line.had = had.saturating_add(weight);
                self.order.insert((line.had, account));
                self.waiting.insert(account, line);
            }
            self.taken = self.taken.saturating_add(first.weight);
            return Some(first);
        }
        None
    }
}

impl Turn {
    fn new(state: &Arc<Mutex<State>>, weight: usize) -> Self {
        Self {
            state: Some(Arc::clone(state)),
            weight,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(state) = self.state.take() else {
            return;
        };
        let mut given_back = self.weight;
        loop {
            // The lock is given back before a turn is sent: one that comes back locks too.
            let next = {
                let mut state = lock(&state);
                state.taken = state.taken.saturating_sub(given_back);
                state.next()
            };
            let Some(Waiting { weight, turn }) = next else {
                return;
            };
            given_back = match turn.send(Self::new(&state, weight)) {
                Ok(()) => 0,
                // That one has gone away.
                Err(mut turn) => {
                    turn.state = None;
                    weight
                }
            };
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
        let first = poll(pin!(turns.enter(HEAVY, 1))).expect("it is free");
        let mut heavy: Vec<_> = (0..3).map(|_| Box::pin(turns.enter(HEAVY, 1))).collect();
        for waiting in &mut heavy {
            assert!(poll(waiting.as_mut()).is_none());
        }
        let mut light = pin!(turns.enter(LIGHT, 1));
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
        assert!(
            poll(pin!(turns.enter(LIGHT, 1))).is_some(),
            "it is free again"
        );
    }

    #[test]
    fn whoever_stops_waiting_takes_no_turn_along() {
        let turns = Turns::new(1);
        let first = poll(pin!(turns.enter(HEAVY, 1))).expect("it is free");
        let mut gone = Box::pin(turns.enter(HEAVY, 1));
        let mut given = Box::pin(turns.enter(HEAVY, 1));
        let mut last = pin!(turns.enter(LIGHT, 1));
        assert!(poll(gone.as_mut()).is_none() && poll(given.as_mut()).is_none());
        assert!(poll(last.as_mut()).is_none());
        drop(gone);
        // This one has it and has not heard of it.
        drop(first);
        drop(given);
        drop(poll(last.as_mut()).expect("both have gone"));
        assert_eq!(lock(&turns.0).taken, 0);
        assert!(lock(&turns.0).waiting.is_empty() && lock(&turns.0).order.is_empty());
    }

    #[test]
    fn an_account_with_large_bodies_has_no_more_than_one_with_small_ones() {
        let turns = Turns::new(10);
        let mut taken = vec![poll(pin!(turns.enter(HEAVY, 10))).expect("it is free")];
        let mut heavy: Vec<_> = (0..5).map(|_| Box::pin(turns.enter(HEAVY, 10))).collect();
        let mut light: Vec<_> = (0..20).map(|_| Box::pin(turns.enter(LIGHT, 2))).collect();
        for waiting in heavy.iter_mut().chain(&mut light) {
            assert!(poll(waiting.as_mut()).is_none());
        }
        let (mut of_heavy, mut of_light) = (0, 0);
        while of_heavy < 40 {
            drop(taken.remove(0));
            heavy.retain_mut(|it| {
                poll(it.as_mut()).is_none_or(|turn| {
                    of_heavy += 10;
                    taken.push(turn);
                    false
                })
            });
            light.retain_mut(|it| {
                poll(it.as_mut()).is_none_or(|turn| {
                    of_light += 2;
                    taken.push(turn);
                    false
                })
            });
            assert!(lock(&turns.0).taken < 20, "one beyond the limit at most");
        }
        assert!(
            (28..=40).contains(&of_light),
            "{of_light} beside {of_heavy}"
        );
    }
}
