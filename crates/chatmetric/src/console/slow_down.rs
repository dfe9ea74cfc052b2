//! Slows guessing down: wrong sign-ins are counted by user and network, and by network
//! alone.
//!
//! A try is counted before it is judged, so that many at once gain nothing; one that
//! succeeds, or that could not be judged, is taken back. Bounded: at the cap, the oldest
//! count that slows nobody down is forgotten; where all do, nobody else may try.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Wrong tries of a user from a network within [`WINDOW_MS`].
pub(super) const FAILURES_OF_USER_MAX: u32 = 5;
/// Wrong tries from an address within [`WINDOW_MS`], whoever was meant: more, because
/// an office has one address.
pub(super) const FAILURES_OF_ADDRESS_MAX: u32 = 20;
/// How long tries are remembered, from the first one on, in ms.
pub(super) const WINDOW_MS: u64 = 15 * 60_000;
/// Counts that are kept at a time.
const COUNTS_MAX: usize = 16_384;
/// Longest name that is kept, in bytes; longer ones are nobody's.
const NAME_BYTES_MAX: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    User(String, IpAddr),
    /// An address of IPv4, or a network of IPv6: one caller has all of its addresses.
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began_ms: u64,
    failures: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SlowDown {
    windows: Mutex<HashMap<Key, Window>>,
}

/// A try that was counted.
#[derive(Debug)]
pub(super) struct Try {
    keys: Vec<Key>,
}

impl SlowDown {
    /// Counts a try of somebody (a token has no user).
    ///
    /// # Errors
    /// How long to wait, in ms; then nothing is counted.
    pub(super) fn begin(
        &self,
        user: Option<&str>,
        address: IpAddr,
        now_ms: u64,
    ) -> Result<Try, u64> {
        let address = address.to_canonical();
        let mut keys = vec![Key::Address(network64(address))];
        if let Some(user) = user {
            let mut end = user.len().min(NAME_BYTES_MAX);
            while !user.is_char_boundary(end) {
                end -= 1;
            }
            let name = user.get(..end).unwrap_or_default().to_owned();
            keys.push(Key::User(name, network(address)));
        }
        let mut windows = self.windows();
        let waits = keys.iter().filter_map(|key| {
            let window = windows.get(key)?;
            let age_ms = now_ms.saturating_sub(window.began_ms);
            (age_ms < WINDOW_MS && window.failures >= most(key)).then(|| WINDOW_MS - age_ms)
        });
        if let Some(wait_ms) = waits.max() {
            return Err(wait_ms);
        }
        make_room(&mut windows, &keys, now_ms)?;
        for key in &keys {
            let fresh = Window {
                began_ms: now_ms,
                failures: 0,
            };
            let window = windows.entry(key.clone()).or_insert(fresh);
            if now_ms.saturating_sub(window.began_ms) >= WINDOW_MS {
                *window = fresh;
            }
            window.failures = window.failures.saturating_add(1);
        }
        Ok(Try { keys })
    }

    /// The try was right: it is taken back, and what the user tried before is forgotten.
    pub(super) fn succeeded(&self, right: &Try) {
        let mut windows = self.windows();
        for key in &right.keys {
            match key {
                Key::User(..) => drop(windows.remove(key)),
                Key::Address(_) => {
                    if let Some(window) = windows.get_mut(key) {
                        window.failures = window.failures.saturating_sub(1);
                    }
                }
            }
        }
    }

    /// The try was not judged: it is taken back, and nothing else is.
    pub(super) fn not_judged(&self, counted: &Try) {
        let mut windows = self.windows();
        for key in &counted.keys {
            if let Some(window) = windows.get_mut(key) {
                window.failures = window.failures.saturating_sub(1);
            }
        }
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<Key, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn most(key: &Key) -> u32 {
    match key {
        Key::User(..) => FAILURES_OF_USER_MAX,
        Key::Address(_) => FAILURES_OF_ADDRESS_MAX,
    }
}

/// Makes room for these keys; how long to wait, in ms, when there is none.
fn make_room(windows: &mut HashMap<Key, Window>, keys: &[Key], now_ms: u64) -> Result<(), u64> {
    let new = keys.iter().filter(|key| !windows.contains_key(key)).count();
    if windows.len().saturating_add(new) <= COUNTS_MAX {
        return Ok(());
    }
    let age_ms = |window: &Window| now_ms.saturating_sub(window.began_ms);
    let slows =
        |key: &Key, window: &Window| age_ms(window) < WINDOW_MS && window.failures >= most(key);
    while windows.len().saturating_add(new) > COUNTS_MAX {
        let oldest = windows
            .iter()
            .filter(|(key, window)| !slows(key, window) && !keys.contains(key))
            .min_by_key(|(_, window)| window.began_ms);
        let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
            let soonest = windows.values().map(age_ms).max().unwrap_or(0);
            return Err(WINDOW_MS.saturating_sub(soonest));
        };
        windows.remove(&oldest);
    }
    Ok(())
}

/// The address itself, or the /64 of one of IPv6.
fn network64(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(_) => network(address),
    }
}

/// The network of an address: a /24, or a /64, of which one caller has all addresses.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_user_of_a_network_has_five_wrong_tries_in_a_quarter_of_an_hour() {
        let slow = SlowDown::default();
        for n in 0..FAILURES_OF_USER_MAX {
            let from = address(&format!("192.0.2.{n}"));
            slow.begin(Some("1/alice"), from, 1_000).expect("free");
        }
        let again = |user, at| slow.begin(Some(user), address("192.0.2.77"), at);
        assert_eq!(
            again("1/alice", 2_000).expect_err("slowed"),
            WINDOW_MS - 1_000
        );
        assert!(again("1/bob", 2_000).is_ok());
        assert!(
            slow.begin(Some("1/alice"), address("198.51.100.1"), 2_000)
                .is_ok()
        );
        assert!(again("1/alice", 1_000 + WINDOW_MS).is_ok());
    }

    #[test]
    fn an_address_that_tries_many_users_is_slowed() {
        let slow = SlowDown::default();
        let from = address("2001:db8::1");
        for n in 0..FAILURES_OF_ADDRESS_MAX {
            slow.begin(Some(&format!("1/user-{n}")), from, 0)
                .expect("free");
        }
        assert!(slow.begin(Some("1/other"), from, 1).is_err());
        assert!(slow.begin(None, from, 1).is_err());
    }

    #[test]
    fn right_tries_cost_nothing() {
        let slow = SlowDown::default();
        let from = address("192.0.2.1");
        for _ in 0..3 * FAILURES_OF_ADDRESS_MAX {
            let right = slow.begin(Some("1/alice"), from, 0).expect("free");
            slow.succeeded(&right);
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let slow = SlowDown::default();
        for n in 0..FAILURES_OF_ADDRESS_MAX {
            let from = address(&format!("2001:db8::{n}"));
            slow.begin(None, from, 0).expect("free");
        }
        assert!(slow.begin(None, address("2001:db8::ffff"), 1).is_err());
        assert!(slow.begin(None, address("2001:db8:0:1::1"), 1).is_ok());
    }

    #[test]
    fn a_try_that_was_not_judged_is_none() {
        let slow = SlowDown::default();
        let from = address("192.0.2.1");
        slow.begin(Some("1/alice"), from, 0).expect("free");
        for _ in 0..3 * FAILURES_OF_ADDRESS_MAX {
            let counted = slow.begin(Some("1/alice"), from, 0).expect("free");
            slow.not_judged(&counted);
        }
        // What was wrong before still counts.
        for _ in 1..FAILURES_OF_USER_MAX {
            slow.begin(Some("1/alice"), from, 0).expect("free");
        }
        assert!(slow.begin(Some("1/alice"), from, 0).is_err());
    }

    #[test]
    fn a_flood_of_others_makes_nobody_forgotten() {
        let slow = SlowDown::default();
        let from = address("192.0.2.1");
        for _ in 0..FAILURES_OF_USER_MAX {
            slow.begin(Some("1/alice"), from, 0).expect("free");
        }
        for n in 0..u32::try_from(COUNTS_MAX).expect("small") {
            let other = IpAddr::from(((n << 8) + (1 << 24)).to_be_bytes());
            slow.begin(None, other, 1).expect("free");
        }
        assert!(slow.windows().len() <= COUNTS_MAX);
        assert!(slow.begin(Some("1/alice"), from, 2).is_err());
    }

    #[test]
    fn where_everybody_is_slowed_there_is_no_room() {
        let slow = SlowDown::default();
        for n in 0..u32::try_from(COUNTS_MAX).expect("small") {
            let key = Key::Address(IpAddr::from(((n << 8) + (1 << 24)).to_be_bytes()));
            let failures = FAILURES_OF_ADDRESS_MAX;
            let window = Window {
                began_ms: 0,
                failures,
            };
            slow.windows().insert(key, window);
        }
        let wait_ms = slow.begin(None, address("192.0.2.1"), 5);
        assert_eq!(wait_ms.expect_err("full"), WINDOW_MS - 5);
        assert!(slow.begin(None, address("192.0.2.1"), WINDOW_MS).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let slow = SlowDown::default();
        for n in 0..u32::try_from(COUNTS_MAX).expect("small") {
            let from = IpAddr::from(((n << 8) + (1 << 24)).to_be_bytes());
            slow.begin(Some("1/alice"), from, u64::from(n))
                .expect("free");
        }
        assert!(slow.windows().len() <= COUNTS_MAX);
    }
}
