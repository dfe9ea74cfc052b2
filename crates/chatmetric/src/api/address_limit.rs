//! A limit for callers that nobody knows: requests that fail before or at their
//! signature, by address and second. It keeps guessing and flooding cheap for us;
//! verified callers have the throttle of their account instead.
//!
//! Loopback is exempt: it is the operator's machine, or a proxy on it that hides
//! all callers behind one address. Bounded: at the cap, addresses that were not
//! seen before are not limited until idle ones are forgotten.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures that an address has in a second.
pub(super) const FAILURES_PER_SECOND_MAX: u32 = 500;
/// Addresses that are remembered at a time.
const ADDRESSES_MAX: usize = 65_536;
/// The window.
const WINDOW_MS: u64 = 1_000;

#[derive(Debug, Default)]
pub(crate) struct AddressLimit {
    failures: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began_ms: u64,
    failures: u32,
}

impl AddressLimit {
    /// How long the address must wait, in ms; `None` when it need not.
    pub(crate) fn wait_ms(&self, address: IpAddr, now_ms: u64) -> Option<u64> {
        let window = *self.windows().get(&group(address)?)?;
        let age_ms = now_ms.saturating_sub(window.began_ms);
        let limited = window.failures >= FAILURES_PER_SECOND_MAX && age_ms < WINDOW_MS;
        limited.then(|| WINDOW_MS - age_ms)
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, address: IpAddr, now_ms: u64) {
        let Some(address) = group(address) else {
            return;
        };
        let fresh = |window: &Window| now_ms.saturating_sub(window.began_ms) < WINDOW_MS;
        let mut windows = self.windows();
        if !windows.contains_key(&address) && windows.len() >= ADDRESSES_MAX {
            windows.retain(|_, window| fresh(window));
            if windows.len() >= ADDRESSES_MAX {
                return;
            }
        }
        let window = windows.entry(address).or_insert(Window {
            began_ms: now_ms,
            failures: 0,
        });
        if !fresh(window) {
            *window = Window {
                began_ms: now_ms,
                failures: 0,
            };
        }
        window.failures = window.failures.saturating_add(1);
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<IpAddr, Window>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who counts as one: an IPv4 address, or an IPv6 network of 64 bits, of which
/// one caller has as many addresses as he likes.
fn group(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V4(address) => Some(IpAddr::V4(address)),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            Some(IpAddr::V6(Ipv6Addr::from(network)))
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
    fn failures_of_an_address_are_limited_for_a_second() {
        let limit = AddressLimit::default();
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..FAILURES_PER_SECOND_MAX {
            assert_eq!(limit.wait_ms(one, 5_000), None);
            limit.failed(one, 5_000);
        }
        assert_eq!(limit.wait_ms(one, 5_400), Some(600));
        assert_eq!(limit.wait_ms(other, 5_400), None);
        assert_eq!(limit.wait_ms(address("::ffff:192.0.2.1"), 5_400), Some(600));
        assert_eq!(limit.wait_ms(one, 6_000), None);
        limit.failed(one, 6_000);
        assert_eq!(limit.wait_ms(one, 6_000), None);
    }

    #[test]
    fn a_network_is_one_caller_and_the_own_machine_none() {
        let limit = AddressLimit::default();
        for n in 0..FAILURES_PER_SECOND_MAX {
            limit.failed(address(&format!("2001:db8::{n:x}")), 0);
            limit.failed(address("127.0.0.1"), 0);
            limit.failed(address("::1"), 0);
        }
        assert_eq!(limit.wait_ms(address("2001:db8::ffff"), 0), Some(1_000));
        assert_eq!(limit.wait_ms(address("2001:db8:0:1::1"), 0), None);
        assert_eq!(limit.wait_ms(address("127.0.0.1"), 0), None);
        assert_eq!(limit.wait_ms(address("::1"), 0), None);
    }

    #[test]
    fn memory_is_bounded() {
        let limit = AddressLimit::default();
        for n in 0..u32::try_from(ADDRESSES_MAX).expect("small") + 10 {
            limit.failed(IpAddr::from((n + (1 << 24)).to_be_bytes()), 0);
        }
        assert_eq!(limit.windows().len(), ADDRESSES_MAX);
        limit.failed(address("203.0.113.1"), 1_000);
        assert_eq!(limit.windows().len(), 1);
    }
}
