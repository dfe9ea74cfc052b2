//! Tests.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn account(n: u32) -> AccountId {
    AccountId::parse(&format!("{}", 1_000 + n)).unwrap()
}

#[test]
fn pairs_do_not_run_into_each_other() {
    assert_ne!(NonceHash::of("ab", "c"), NonceHash::of("a", "bc"));
    assert_ne!(NonceHash::of("a", "n"), NonceHash::of("b", "n"));
    assert_eq!(NonceHash::of("a", "n"), NonceHash::of("a", "n"));
    let hash = NonceHash::of("a", "n");
    assert_eq!(NonceHash::from_bytes(hash.to_bytes()), hash);
}

#[test]
fn it_is_kept_to_the_last_millisecond_of_the_retention() {
    let mut cache = NonceCache::new(1_800_000, 10);
    let hash = NonceHash::of("a", "n");
    let entry = cache.record(&account(1), hash, 0, 1_000);
    assert_eq!(entry.expires_ms, 1_801_000);
    assert_eq!(
        cache.check(&account(1), hash, i64::MAX, 1_801_000),
        Err(NonceRefusal::Used)
    );
    assert_eq!(cache.check(&account(1), hash, i64::MAX, 1_801_001), Ok(()));
    assert!(cache.is_empty());
}

#[test]
fn a_retention_that_was_set_too_short_does_not_open_a_replay() {
    let mut cache = NonceCache::new(10, 10);
    let hash = NonceHash::of("a", "n");
    assert_eq!(cache.record(&account(1), hash, 900, 0).expires_ms, 900);
    assert_eq!(
        cache.check(&account(1), hash, 900, 900),
        Err(NonceRefusal::Used)
    );
}

#[test]
fn a_full_cache_refuses_until_something_expires() {
    let mut cache = NonceCache::new(10, 2);
    cache.record(&account(1), NonceHash::of("a", "1"), 0, 0);
    cache.record(&account(1), NonceHash::of("a", "2"), 0, 5);
    let third = NonceHash::of("a", "3");
    assert_eq!(
        cache.check(&account(1), third, i64::MAX, 10),
        Err(NonceRefusal::Full)
    );
    assert_eq!(cache.check(&account(1), third, i64::MAX, 11), Ok(()));
    assert_eq!(cache.len(), 1);
}

#[test]
fn restored_entries_are_sorted_and_none_is_dropped_for_the_cap() {
    let entry = |n: &str, expires_ms| NonceEntry {
        hash: NonceHash::of("a", n),
        expires_ms,
    };
    let mut cache = NonceCache::new(10, 2);
    cache.restore(
        [
            entry("3", 30),
            entry("0", 4),
            entry("1", 10),
            entry("2", 20),
            entry("1", 10),
        ],
        5,
    );
    let kept: Vec<i64> = cache.entries(5).map(|entry| entry.expires_ms).collect();
    assert_eq!(kept, [10, 20, 30]);
    assert_eq!(
        cache.check(&account(1), NonceHash::of("a", "new"), i64::MAX, 5),
        Err(NonceRefusal::Full)
    );
    assert_eq!(
        cache.check(&account(1), NonceHash::of("a", "2"), i64::MAX, 15),
        Err(NonceRefusal::Used)
    );
}

#[test]
fn what_was_over_at_a_restart_stays_unusable_if_the_clock_steps_back() {
    let hash = NonceHash::of("a", "n");
    let mut cache = NonceCache::new(10, 2);
    cache.restore(
        [NonceEntry {
            hash,
            expires_ms: 100,
        }],
        200,
    );
    assert_eq!(
        cache.check(&account(1), hash, 100, 95),
        Err(NonceRefusal::Forgotten)
    );
    assert_eq!(cache.check(&account(1), hash, 200, 200), Ok(()));
}

fn fill(cache: &mut NonceCache, who: u32, now_ms: i64) -> (usize, NonceRefusal) {
    for n in 0.. {
        let hash = NonceHash::of(&format!("{who} {now_ms}"), &n.to_string());
        match cache.check(&account(who), hash, i64::MAX, now_ms) {
            Ok(()) => drop(cache.record(&account(who), hash, 0, now_ms)),
            Err(refusal) => return (n, refusal),
        }
    }
    unreachable!()
}

#[test]
fn an_account_that_holds_too_much_waits_and_the_others_do_not() {
    let mut cache = NonceCache::new(10, 300);
    assert_eq!(fill(&mut cache, 1, 0), (200, NonceRefusal::Share));
    assert_eq!(fill(&mut cache, 2, 1), (67, NonceRefusal::Share));
    for who in 3..20 {
        assert!(fill(&mut cache, who, 2).0 > 0 || cache.len() == 300);
    }
    assert_eq!(cache.len(), 300);
    assert_eq!(fill(&mut cache, 20, 3), (0, NonceRefusal::Full));
    // What the first held is over: there is room again, for it too.
    let (again, refusal) = fill(&mut cache, 1, 11);
    assert_eq!((again, refusal), (134, NonceRefusal::Share));
    // And in the end nobody is remembered.
    assert_eq!(fill(&mut cache, 2, 1_000).0, 200);
    assert_eq!(cache.holders.len(), 1);
}

#[test]
fn what_was_restored_takes_room_and_belongs_to_nobody() {
    let mut before = NonceCache::new(10, 300);
    fill(&mut before, 1, 0);
    let mut cache = NonceCache::new(10, 300);
    cache.restore(before.entries(0), 5);
    assert_eq!((cache.len(), cache.holders.len()), (200, 0));
    assert_eq!(fill(&mut cache, 1, 5), (67, NonceRefusal::Share));
    assert_eq!(fill(&mut cache, 1, 20), (200, NonceRefusal::Share));
}

#[test]
fn a_thousand_calls_a_second_of_one_account_fit() {
    let mut cache = NonceCache::new(1_800_000, NONCES_MAX_DEFAULT);
    let name = |n: u64| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        NonceHash::from_bytes(bytes)
    };
    // More than a window long, so that the oldest go while new ones come.
    for ms in 0..2_000_000_u64 {
        let now_ms = i64::try_from(ms).unwrap();
        assert_eq!(cache.check(&account(1), name(ms), i64::MAX, now_ms), Ok(()));
        cache.record(&account(1), name(ms), 0, now_ms);
    }
    assert_eq!(cache.len(), 1_800_001);
    let refused =
        |cache: &mut NonceCache, n| cache.check(&account(1), name(n), i64::MAX, 1_999_999);
    assert_eq!(refused(&mut cache, 199_999), Err(NonceRefusal::Used));
    assert_eq!(refused(&mut cache, 199_998), Ok(()));
}

proptest! {
    /// Against a model that forgets nothing: within its validity no request passes twice, however
    /// the clock moves, and none that is new is called used.
    #[test]
    fn no_request_passes_twice_whatever_the_clock_does(
        calls in proptest::collection::vec((0_u8..12, -60_i64..60, -20_i64..21), 1..200),
    ) {
        const SKEW_MS: i64 = 20;
        let mut cache = NonceCache::new(2 * SKEW_MS, 1_000);
        let mut clock_ms = 1_000;
        let mut passed: HashMap<(u8, i64), u32> = HashMap::new();
        for (nonce, step_ms, stamp_offset_ms) in calls {
            clock_ms += step_ms;
            let stamp_ms = clock_ms + stamp_offset_ms;
            let hash = NonceHash::of("key", &nonce.to_string());
            match cache.check(&account(1), hash, stamp_ms + SKEW_MS, clock_ms) {
                Ok(()) => {
                    cache.record(&account(1), hash, stamp_ms + SKEW_MS, clock_ms);
                    let times = passed.entry((nonce, stamp_ms)).or_default();
                    *times += 1;
                    prop_assert_eq!(*times, 1, "the very same request passed twice");
                }
                Err(NonceRefusal::Used) => {
                    prop_assert!(passed.keys().any(|(used, _)| *used == nonce));
                }
                Err(NonceRefusal::Forgotten) => {
                    prop_assert!(!passed.is_empty());
                }
                Err(NonceRefusal::Full | NonceRefusal::Share) => prop_assert!(false, "far below the cap"),
            }
        }
    }
}
