//! Rows come back, are bounded, and no damage of them is read.

use super::*;
use proptest::prelude::*;

const DAY: UtcDay = UtcDay(20_000);

fn cells() -> impl Strategy<Value = Cells> {
    let of = prop_oneof![Just(0_u32), 1_u32..4,];
    let cell = (0_u8..96, 0_u8..10, of, 0_u32..9_000, -70_i64..70);
    proptest::collection::vec(cell, 0..60).prop_map(|cells| {
        let cell = |(slot, kind, source, later, count): (u8, u8, u32, u32, i64)| {
            let kind = NoteKind::of_code(kind).expect("ten kinds");
            let of = match source {
                _ if kind.is_revision() => {
                    Of::Received(Slot(DAY.first_slot().0 + u32::from(slot) + later))
                }
                0 => Of::Usual,
                source => Of::Source(format!("source{source}").into()),
            };
            ((slot, kind, of), count)
        };
        cells
            .into_iter()
            .map(cell)
            .filter(|(_, count)| *count != 0)
            .collect()
    })
}

proptest! {
    #[test]
    fn a_row_comes_back(cells in cells()) {
        let Some(value) = encode(b"key", DAY, &cells) else {
            prop_assert!(cells.is_empty());
            return Ok(());
        };
        let mut read = Cells::new();
        prop_assert_eq!(decode(b"key", DAY, &value, &mut read), Some(()));
        prop_assert_eq!(&read, &cells);
        prop_assert_eq!(decode(b"kez", DAY, &value, &mut read), None);
        for at in 0..value.len() {
            let mut bad = value.clone();
            bad[at] ^= 4;
            prop_assert_eq!(decode(b"key", DAY, &bad, &mut Cells::new()), None);
        }
    }

    #[test]
    fn bytes_that_are_no_row_are_refused_or_read(mut bytes in any::<Vec<u8>>()) {
        seal(b"key", &mut bytes);
        decode(b"key", DAY, &bytes, &mut Cells::new());
    }
}

#[test]
fn what_cancels_itself_out_leaves_nothing() {
    let none = Cells::from([((3, NoteKind::SentMoved, Of::Usual), 0)]);
    assert_eq!(encode(b"key", DAY, &none), None);
}

#[test]
fn revisions_of_a_slot_are_bounded_and_sum_up_to_the_same() {
    let slot = |later: u32| Of::Received(Slot(DAY.first_slot().0 + 100 + later));
    let count = REVISIONS_MAX as u32 + 20;
    let mut cells: Cells = (0..count)
        .map(|later| ((5, NoteKind::SentRevised, slot(later)), 2))
        .collect();
    cells.insert((5, NoteKind::DeliveredRevised, slot(0)), 7);
    cells.insert((5, NoteKind::Late, Of::Usual), 1);
    bound(&mut cells);
    let sent: Vec<_> = cells
        .iter()
        .filter(|((_, kind, _), _)| *kind == NoteKind::SentRevised)
        .map(|((.., of), count)| (of.clone(), *count))
        .collect();
    assert_eq!(sent.len(), REVISIONS_MAX);
    assert_eq!(
        sent.iter().map(|(_, count)| count).sum::<i64>(),
        2 * i64::from(count)
    );
    assert_eq!(
        sent.first(),
        Some(&(slot(20), 42)),
        "the oldest, put together"
    );
    assert_eq!(sent.last(), Some(&(slot(count - 1), 2)));
    assert_eq!(cells.len(), REVISIONS_MAX + 2, "nothing else is touched");
}
