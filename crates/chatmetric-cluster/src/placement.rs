//! Partitions that an operator has put on certain members, whatever the hash says.
//!
//! A placement is a key in a bucket; every member watches it. It names members, the rest of
//! the replicas go where the hash puts them, and so does everything when the members that
//! are named are not there: a placement never leaves a partition without replicas.
//!
//! Not here: who is there (`members`), moving a replica (`node`). Invariant: bytes that make
//! no sense place nothing.

use crate::error::{ClusterError, failed};
use crate::members::View;
use crate::partition::{Partition, Partitions};
use async_nats::jetstream::kv::{self, Operation};
use chatmetric_store::coding::{Reader, put_bytes, put_length};

const VERSION: u8 = 1;

/// Where the operator wants a partition, by name.
pub(crate) type Names = Vec<String>;

fn encode(names: &[String]) -> Vec<u8> {
    let mut out = vec![VERSION];
    put_length(&mut out, names.len());
    for name in names {
        put_bytes(&mut out, name.as_bytes());
    }
    out
}

fn decode(bytes: &[u8]) -> Option<Names> {
    let mut reader = Reader::new(bytes);
    if reader.byte()? != VERSION {
        return None;
    }
    let count = reader.length(1)?;
    let names = (0..count).map(|_| reader.text().map(str::to_owned));
    let names: Names = names.collect::<Option<_>>()?;
    reader.is_empty().then_some(names)
}

fn key(partition: Partition) -> String {
    format!("p{:04}", partition.0)
}

/// What an entry of the bucket says: a partition, and where it is wanted; `None` for the
/// hash.
pub(crate) fn of_entry(entry: &kv::Entry) -> Option<(Partition, Option<Names>)> {
    let partition = Partition(entry.key.strip_prefix('p')?.parse().ok()?);
    let names = match entry.operation {
        Operation::Put => Some(decode(&entry.value)?),
        Operation::Delete | Operation::Purge => None,
    };
    Some((partition, names))
}

/// Refuses what cannot be: each sentence says what would be valid.
///
/// # Errors
/// [`ClusterError::Settings`]
pub(crate) fn check(
    partitions: Partitions,
    partition: Partition,
    names: &[String],
    view: &View,
    tally_replicas: usize,
) -> Result<(), ClusterError> {
    let refused = |reason: String| Err(ClusterError::Settings { reason });
    let count = partitions.count();
    if partition.0 >= count {
        let last = count.saturating_sub(1);
        return refused(format!("there is no partition {partition}: 0 to {last}"));
    }
    if names.len() > tally_replicas {
        let named = names.len();
        return refused(format!(
            "{named} nodes are named, and {tally_replicas} count a partition (`cluster.tally_replicas`)"
        ));
    }
    let counting = view.members.iter().filter(|(_, member)| member.holds);
    let counting: Vec<&str> = counting.map(|(name, _)| name.as_str()).collect();
    for (nth, name) in names.iter().enumerate() {
        if !counting.contains(&name.as_str()) {
            let there = counting.join(", ");
            return refused(format!(
                "no node `{name}` that counts is there; these are: {there}"
            ));
        }
        if names.iter().take(nth).any(|before| before == name) {
            return refused(format!("the node `{name}` is named twice"));
        }
    }
    Ok(())
}

/// Makes a placement known; one of nobody gives the partition back to the hash.
///
/// # Errors
/// When the servers fail.
pub(crate) async fn put(
    bucket: &kv::Store,
    partition: Partition,
    names: &[String],
) -> Result<(), ClusterError> {
    let operation = "place a partition";
    if names.is_empty() {
        let deleted = bucket.delete(key(partition)).await;
        return deleted.map_err(|error| failed(operation, error));
    }
    let put = bucket.put(key(partition), encode(names).into()).await;
    put.map(drop).map_err(|error| failed(operation, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::Member;

    fn names(all: &[&str]) -> Names {
        all.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn a_placement_comes_back() {
        let two = names(&["a", "node-2"]);
        assert_eq!(decode(&encode(&two)), Some(two));
        assert_eq!(decode(&[2, 0]), None);
        assert_eq!(decode(&[1, 200]), None);
        assert_eq!(decode(&[]), None);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let member = |holds| Member {
            holds,
            ..Member::default()
        };
        let view = View {
            members: [("a", true), ("b", true), ("c", false)]
                .map(|(name, holds)| (name.to_owned(), member(holds)))
                .into(),
            ..View::default()
        };
        let four = Partitions::new(4).unwrap();
        let said = |partition, all: &[&str]| {
            let checked = check(four, Partition(partition), &names(all), &view, 2);
            checked.err().map(|error| error.to_string())
        };
        assert_eq!(said(3, &["b", "a"]), None);
        assert_eq!(said(0, &[]), None);
        let refusals = [
            (4, &["a"][..], "there is no partition 4: 0 to 3"),
            (
                0,
                &["c"],
                "no node `c` that counts is there; these are: a, b",
            ),
            (0, &["a", "a"], "the node `a` is named twice"),
            (
                0,
                &["a", "b", "c"],
                "3 nodes are named, and 2 count a partition",
            ),
        ];
        for (partition, all, reason) in refusals {
            let refusal = said(partition, all).unwrap();
            assert!(refusal.contains(reason), "{refusal}");
        }
    }
}
