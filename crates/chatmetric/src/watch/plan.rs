//! What the webhook is told now: each alert by itself while the hour has room, and then
//! one message for all the rest.
//!
//! Pure. Invariant: within any hour no more than `per_hour` messages are planned, and
//! what was not told waits and is told later.

/// An hour, in ms.
const HOUR_MS: i64 = 3_600_000;

/// What one message tells of, as places in the list that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// One alert.
    One(usize),
    /// Many of them: those from this place on.
    Rest(usize),
}

/// The messages for so many alerts that are due, after the messages that were sent.
pub(super) fn plan(due: usize, sent_ms: &[i64], now_ms: i64, per_hour: u32) -> Vec<Message> {
    let lately = sent_ms
        .iter()
        .filter(|at_ms| (now_ms - **at_ms).abs() < HOUR_MS)
        .count();
    let room = usize::try_from(per_hour)
        .unwrap_or(usize::MAX)
        .saturating_sub(lately);
    if due == 0 || room == 0 {
        return Vec::new();
    }
    // The last message of the hour is for all that has no room.
    if due < room || due == 1 {
        return (0..due).map(Message::One).collect();
    }
    let alone = (room - 1).min(due - 1);
    let rest = if due - alone == 1 {
        Message::One(alone)
    } else {
        Message::Rest(alone)
    };
    (0..alone).map(Message::One).chain([rest]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_never_has_more_messages_than_it_may() {
        assert_eq!(plan(2, &[], 0, 20), [Message::One(0), Message::One(1)]);
        let planned = plan(500, &[], 0, 20);
        assert_eq!(planned.len(), 20);
        assert_eq!(planned.last(), Some(&Message::Rest(19)));
        // The hour is full; later it has room again, and what waits is told at once.
        let sent = vec![0; 20];
        assert_eq!(plan(3, &sent, HOUR_MS - 1, 20), []);
        assert_eq!(plan(3, &sent, HOUR_MS, 20).len(), 3);
        assert_eq!(plan(3, &sent[..19], 5, 20), [Message::Rest(0)]);
        assert_eq!(plan(1, &sent[..19], 5, 20), [Message::One(0)]);
        assert_eq!(plan(0, &[], 0, 20), []);
        for due in 0..60 {
            let planned = plan(due, &sent[..7], 1, 20);
            assert!(planned.len() <= 13, "{due}");
            // Every alert is told of.
            let told = match planned.last() {
                Some(Message::Rest(from)) => *from + (due - from),
                Some(Message::One(_)) => planned.len(),
                None => 0,
            };
            assert_eq!(told, due);
        }
    }
}
