//! Tests.

use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;

fn call(throttle: &mut Throttle<u32>, key: u32, limit: u32, now_ns: u64) -> Result<(), u64> {
    match throttle.check(&key, limit, now_ns) {
        Ok(()) => {
            throttle.charge(key, now_ns);
            Ok(())
        }
        Err(ThrottleRefusal::Limited { retry_after_ms }) => Err(retry_after_ms),
        Err(ThrottleRefusal::TooManyKeys) => panic!("few keys"),
    }
}

#[test]
fn a_call_leaves_the_window_after_exactly_a_second() {
    let mut throttle = Throttle::new(10);
    assert_eq!(call(&mut throttle, 1, 2, 0), Ok(()));
    assert_eq!(call(&mut throttle, 1, 2, 400 * MS), Ok(()));
    assert_eq!(call(&mut throttle, 1, 2, 500 * MS), Err(500));
    assert_eq!(
        call(&mut throttle, 1, 2, WINDOW_NS - 1),
        Err(1),
        "rounded up, at least 1"
    );
    assert_eq!(
        call(&mut throttle, 1, 2, WINDOW_NS),
        Ok(()),
        "(t - 1000 ms, t] is open below"
    );
    assert_eq!(call(&mut throttle, 1, 2, WINDOW_NS), Err(400));
    assert_eq!(call(&mut throttle, 2, 2, WINDOW_NS), Ok(()), "another key");
}

#[test]
fn a_lowered_limit_says_when_the_next_call_really_passes() {
    let mut throttle = Throttle::new(10);
    for ms in [0, 100, 200, 300] {
        assert_eq!(call(&mut throttle, 1, 4, ms * MS), Ok(()));
    }
    // Two must be left: the third of the four has to go, at 1,200 ms.
    assert_eq!(call(&mut throttle, 1, 2, 400 * MS), Err(800));
    assert_eq!(call(&mut throttle, 1, 2, 1_199 * MS), Err(1));
    assert_eq!(call(&mut throttle, 1, 2, 1_200 * MS), Ok(()));
}

#[test]
fn a_limit_of_none_admits_nothing() {
    let mut throttle = Throttle::new(10);
    assert_eq!(call(&mut throttle, 1, 0, 0), Err(1_000));
    assert_eq!(call(&mut throttle, 2, 1, 0), Ok(()));
    assert_eq!(call(&mut throttle, 2, 0, 0), Err(1_000));
}

#[test]
fn keys_are_bounded_and_idle_ones_give_way() {
    let mut throttle = Throttle::new(2);
    assert_eq!(call(&mut throttle, 1, 5, 0), Ok(()));
    assert_eq!(call(&mut throttle, 2, 5, 0), Ok(()));
    assert_eq!(throttle.check(&3, 5, 1), Err(ThrottleRefusal::TooManyKeys));
    assert_eq!(throttle.keys(), 2, "a refused key leaves no trace");
    assert_eq!(throttle.check(&3, 5, WINDOW_NS + 1), Ok(()));
    assert_eq!(throttle.keys(), 0, "both were idle");
}

#[test]
fn a_clock_read_before_another_thread_took_the_lock_does_not_widen_the_window() {
    let mut throttle = Throttle::new(10);
    assert_eq!(call(&mut throttle, 1, 1, 500 * MS), Ok(()));
    assert_eq!(call(&mut throttle, 1, 1, 499 * MS), Err(1_000));
}

proptest! {
    /// The naive model keeps every admitted call for ever.
    #[test]
    fn it_equals_the_naive_model(
        limit in 0_u32..6,
        calls in proptest::collection::vec((0_u32..3, 0_u64..700), 1..200),
    ) {
        let mut throttle = Throttle::new(10);
        let mut admitted: Vec<(u32, u64)> = Vec::new();
        let mut now_ns = 0;
        for (key, step_ms) in calls {
            now_ns += step_ms * MS;
            let inside: Vec<u64> = admitted
                .iter()
                .filter(|(k, t)| *k == key && now_ns - t < WINDOW_NS)
                .map(|(_, t)| *t)
                .collect();
            let outcome = call(&mut throttle, key, limit, now_ns);
            if inside.len() < limit as usize {
                prop_assert_eq!(outcome, Ok(()));
                admitted.push((key, now_ns));
            } else {
                let oldest = inside.first().copied().unwrap_or(now_ns);
                prop_assert_eq!(outcome, Err((oldest + WINDOW_NS - now_ns).div_ceil(MS).max(1)));
            }
        }
    }
}
