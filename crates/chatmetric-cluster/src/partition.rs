//! Which log an event belongs to.
//!
//! The hash is XXH3-64 without a seed over the digits of the number: its values are fixed by
//! its specification, so they may be stored for good. The channel is no part of it: a query
//! names a number alone, so all channels of a number are in one place. What has no number
//! (unreadable items, ignored messages) goes by the name of its source.
//!
//! Not here: who keeps a partition. Invariant: a number has one partition, whoever asks and
//! whenever, as long as the count of partitions stands; it is fixed when a cluster is made.

use chatmetric_core::PhoneNumber;
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

/// Most partitions.
pub const PARTITIONS_MAX: u16 = 1024;

/// One of the logs, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u16);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many there are: 1 to [`PARTITIONS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partitions(u16);

impl Partitions {
    /// `None` for none, and for too many.
    #[must_use]
    pub fn new(count: u16) -> Option<Self> {
        (1..=PARTITIONS_MAX).contains(&count).then_some(Self(count))
    }

    /// How many.
    #[must_use]
    pub const fn count(self) -> u16 {
        self.0
    }

    /// All of them, in order.
    pub fn all(self) -> impl Iterator<Item = Partition> {
        (0..self.0).map(Partition)
    }

    /// The partition of a number.
    #[must_use]
    pub fn of_number(self, number: &PhoneNumber) -> Partition {
        self.of(number.as_bytes())
    }

    /// The partition of what a source brings that has no number.
    #[must_use]
    pub fn of_source(self, source: &str) -> Partition {
        self.of(source.as_bytes())
    }

    fn of(self, bytes: &[u8]) -> Partition {
        let rest = xxh3_64(bytes) % u64::from(self.0);
        Partition(u16::try_from(rest).unwrap_or(0))
    }

    /// The id in the whole cluster of what a partition knows under `id`. The order of the
    /// ids of one partition stays.
    #[must_use]
    pub fn wide_id(self, partition: Partition, id: u64) -> u64 {
        let wide = id.saturating_mul(u64::from(self.0));
        wide.saturating_add(u64::from(partition.0))
    }

    /// The opposite of [`Self::wide_id`].
    #[must_use]
    pub fn own_id(self, wide: u64) -> (Partition, u64) {
        let count = u64::from(self.0);
        let partition = u16::try_from(wide % count).unwrap_or(0);
        (Partition(partition), wide / count)
    }

    /// The last id of a partition that is not behind `wide`; `None`: there is none.
    #[must_use]
    pub fn id_up_to(self, partition: Partition, wide: u64) -> Option<u64> {
        let (last, id) = self.own_id(wide);
        if partition <= last {
            Some(id)
        } else {
            id.checked_sub(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    #[test]
    fn the_hash_is_the_one_of_the_first_release() {
        // Changed values would look for counts where there are none.
        let sixteen = Partitions::new(16).unwrap();
        let found = ["15550100101", "15550100102", "4915112345", "86138"]
            .map(|text| sixteen.of_number(&number(text)).0);
        assert_eq!(found, FIRST_RELEASE);
        assert_eq!(xxh3_64(b""), 0x2d06_8005_38d3_94c2);
    }

    const FIRST_RELEASE: [u16; 4] = [8, 6, 6, 4];

    #[test]
    fn numbers_are_spread_evenly() {
        let sixteen = Partitions::new(16).unwrap();
        let mut each = [0_u32; 16];
        for nth in 0..16_000_u64 {
            let partition = sixteen.of_number(&number(&(15_550_100_000 + nth).to_string()));
            each[usize::from(partition.0)] += 1;
        }
        assert!(each.iter().all(|it| (850..1150).contains(it)), "{each:?}");
    }

    #[test]
    fn wide_ids_keep_the_order_of_a_partition() {
        let three = Partitions::new(3).unwrap();
        for partition in three.all() {
            for id in 0..5 {
                let wide = three.wide_id(partition, id);
                assert_eq!(three.own_id(wide), (partition, id));
                // Exactly the ids up to it are not behind it.
                for other in three.all() {
                    let up_to = three.id_up_to(other, wide);
                    for candidate in 0..6 {
                        let is_behind = three.wide_id(other, candidate) > wide;
                        assert_eq!(up_to.is_none_or(|it| candidate > it), is_behind);
                    }
                }
            }
        }
    }

    #[test]
    fn a_cluster_has_a_partition_and_not_too_many() {
        assert_eq!(Partitions::new(0), None);
        assert_eq!(Partitions::new(PARTITIONS_MAX + 1), None);
        assert!(Partitions::new(PARTITIONS_MAX).is_some());
    }
}
