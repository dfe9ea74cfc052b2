//! Which members hold a partition: rendezvous hashing, so that a member that comes or goes
//! moves nothing but its own share.
//!
//! Pure. Not here: who is there (`members`), starting and stopping (`node`). Invariants: all
//! members that see the same members agree; a replica is given up only when all that should
//! have it say that they follow the log.

use crate::members::View;
use crate::partition::{Partition, Partitions};
use std::collections::BTreeSet;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The members with the highest scores for `key`, the highest first.
fn ranked<'a>(key: u64, members: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let score = |member: &str| xxh3_64_with_seed(member.as_bytes(), key);
    let mut all: Vec<(u64, &str)> = members.map(|member| (score(member), member)).collect();
    all.sort_unstable_by(|one, other| other.cmp(one));
    all.into_iter().map(|(_, member)| member).collect()
}

/// The members that should hold a partition: those it was placed on, as far as they are
/// there, then those that the hash names.
#[must_use]
pub fn replicas_of(partition: Partition, view: &View, count: usize) -> Vec<&str> {
    let holds = |name: &&str| view.members.get(*name).is_some_and(|it| it.holds);
    let placed = view.placed.get(&partition).into_iter().flatten();
    let mut all: Vec<&str> = placed.map(String::as_str).filter(holds).collect();
    let names = view.members.keys().map(String::as_str).filter(holds);
    for name in ranked(partition.0.into(), names) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all.truncate(count);
    all
}

/// The member that should decide for `key`.
#[must_use]
pub fn owner_of(key: u32, view: &View) -> Option<&str> {
    // Other scores than those of the partition of the same number.
    let key = u64::from(key) | 1 << 40;
    let all = view.members.keys().map(String::as_str);
    ranked(key, all).into_iter().next()
}

/// What a member has to change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Replicas that it lacks.
    pub start: Vec<Partition>,
    /// Replicas that it may give up.
    pub stop: Vec<Partition>,
}

/// What `member`, which runs some replicas, has to change.
#[must_use]
pub fn plan(
    member: &str,
    view: &View,
    partitions: Partitions,
    count: usize,
    running: &BTreeSet<Partition>,
) -> Plan {
    let mut plan = Plan::default();
    for partition in partitions.all() {
        let holders = replicas_of(partition, view, count);
        let runs = running.contains(&partition);
        if holders.contains(&member) {
            if !runs {
                plan.start.push(partition);
            }
            continue;
        }
        let follows = |name: &&str| {
            let holder = view.members.get(*name);
            holder.is_some_and(|it| it.follows.contains(&partition))
        };
        let enough = holders.len() >= count && holders.iter().all(follows);
        if runs && enough {
            plan.stop.push(partition);
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::Member;

    fn view(names: &[&str], follows: impl Fn(&str, Partition) -> bool) -> View {
        let sixteen = Partitions::new(16).unwrap();
        let member = |name: &&str| {
            let all = sixteen.all().filter(|it| follows(name, *it));
            let member = Member {
                incarnation: 1,
                holds: true,
                follows: all.collect(),
            };
            ((*name).to_owned(), member)
        };
        View {
            members: names.iter().map(member).collect(),
            ..View::default()
        }
    }

    #[test]
    fn a_partition_is_where_it_was_placed_while_that_is_there() {
        let mut view = view(&["a", "b", "c", "d"], |_, _| true);
        let one = Partition(1);
        let hashed: Vec<String> = replicas_of(one, &view, 2)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let others = ["a", "b", "c", "d"].map(str::to_owned);
        let mut others: Vec<String> = others.into();
        others.retain(|it| !hashed.contains(it));
        view.placed.insert(one, others.clone());
        assert_eq!(replicas_of(one, &view, 2), others);
        assert_eq!(replicas_of(Partition(2), &view, 2).len(), 2);
        // One that goes is replaced by the hash, and the other one stays.
        view.members.remove(&others[0]);
        assert_eq!(replicas_of(one, &view, 2), [&others[1], &hashed[0]]);
        view.members.get_mut(&others[1]).unwrap().holds = false;
        assert_eq!(replicas_of(one, &view, 2), hashed);
    }

    #[test]
    fn a_member_that_goes_moves_its_own_share_alone() {
        let before = view(&["a", "b", "c", "d"], |_, _| true);
        let after = view(&["a", "b", "d"], |_, _| true);
        for partition in Partitions::new(16).unwrap().all() {
            let old = replicas_of(partition, &before, 2);
            let new = replicas_of(partition, &after, 2);
            assert_eq!(new.len(), 2);
            for member in old {
                assert!(member == "c" || new.contains(&member));
            }
        }
    }

    #[test]
    fn everyone_has_a_share() {
        let view = view(&["a", "b", "c"], |_, _| true);
        let mut shares = [0; 3];
        for partition in Partitions::new(64).unwrap().all() {
            for member in replicas_of(partition, &view, 2) {
                shares[usize::from(member.as_bytes()[0] - b'a')] += 1;
            }
        }
        assert_eq!(shares.iter().sum::<u32>(), 128);
        assert!(shares.iter().all(|it| *it > 25), "{shares:?}");
    }

    #[test]
    fn a_replica_is_given_up_after_the_new_ones_follow() {
        let sixteen = Partitions::new(16).unwrap();
        let all: BTreeSet<Partition> = sixteen.all().collect();
        let names = ["a", "b", "c"];
        let moved = |it: Partition| !replicas_of(it, &view(&names, |_, _| true), 2).contains(&"a");
        let ready = view(&names, |_, _| true);
        let plan_ready = plan("a", &ready, sixteen, 2, &all);
        assert_eq!(
            plan_ready.stop,
            sixteen.all().filter(|it| moved(*it)).collect::<Vec<_>>()
        );
        assert!(!plan_ready.stop.is_empty() && plan_ready.start.is_empty());
        let one_is_late = view(&names, |name, _| name != "c");
        for partition in plan("a", &one_is_late, sixteen, 2, &all).stop {
            assert!(!replicas_of(partition, &one_is_late, 2).contains(&"c"));
        }
        // Alone, nothing is given up and all is held.
        let alone = view(&["a"], |_, _| true);
        let none = BTreeSet::new();
        assert_eq!(plan("a", &alone, sixteen, 2, &none).start.len(), 16);
        assert_eq!(plan("b", &alone, sixteen, 2, &all).stop, []);
    }
}
