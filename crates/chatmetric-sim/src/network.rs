//! A network in virtual time: packets are lost, repeated, delayed and so reordered.
//!
//! Not here: what a packet is, and who sends it again. Invariant: with a seed and the
//! same calls, the same packets arrive at the same times; none arrives that was not sent.

use crate::random::Random;
use std::collections::BTreeMap;

/// How the network treats packets. Shares are in a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// Packets that never arrive.
    pub lost: u32,
    /// Packets that arrive a second time, later.
    pub repeated: u32,
    /// The longest way, at least 1 ms.
    pub way_ms_max: i64,
}

impl Weather {
    /// Everything arrives, once, soon.
    pub const CALM: Self = Self {
        lost: 0,
        repeated: 0,
        way_ms_max: 200,
    };
}

/// Packets under way.
#[derive(Debug)]
pub struct Network<P> {
    random: Random,
    weather: Weather,
    /// By arrival; ties by the order of sending.
    under_way: BTreeMap<(i64, u64), P>,
    serial: u64,
}

impl<P: Clone> Network<P> {
    /// An empty network in calm weather.
    #[must_use]
    pub const fn new(random: Random) -> Self {
        Self {
            random,
            weather: Weather::CALM,
            under_way: BTreeMap::new(),
            serial: 0,
        }
    }

    /// Changes how packets are treated that are sent from now on.
    pub const fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// Sends a packet.
    pub fn send(&mut self, now_ms: i64, packet: P) {
        if self.random.chance(self.weather.repeated) {
            // A copy takes a way of its own, and may come first.
            self.put(now_ms, packet.clone());
        }
        if !self.random.chance(self.weather.lost) {
            self.put(now_ms, packet);
        }
    }

    fn put(&mut self, now_ms: i64, packet: P) {
        let way_ms = self.random.latency(1, self.weather.way_ms_max.max(1));
        self.serial += 1;
        self.under_way
            .insert((now_ms + way_ms, self.serial), packet);
    }

    /// When the next packet arrives.
    #[must_use]
    pub fn next_at_ms(&self) -> Option<i64> {
        self.under_way.keys().next().map(|(at_ms, _)| *at_ms)
    }

    /// The next packet that has arrived by now.
    pub fn arrived(&mut self, now_ms: i64) -> Option<P> {
        let first = self.under_way.first_entry()?;
        (first.key().0 <= now_ms).then(|| first.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(seed: u64, weather: Weather) -> Network<u32> {
        let mut network = Network::new(Random::new(seed));
        network.set_weather(weather);
        for packet in 0..1000 {
            network.send(i64::from(packet), packet);
        }
        network
    }

    fn all(mut network: Network<u32>) -> Vec<u32> {
        std::iter::from_fn(|| network.arrived(i64::MAX)).collect()
    }

    const STORM: Weather = Weather {
        lost: 200,
        repeated: 100,
        way_ms_max: 60_000,
    };

    #[test]
    fn calm_weather_brings_everything_once() {
        let mut arrived = all(network(1, Weather::CALM));
        arrived.sort_unstable();
        assert_eq!(arrived, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_storm_loses_repeats_and_reorders_by_its_seed() {
        let arrived = all(network(1, STORM));
        assert_eq!(arrived, all(network(1, STORM)));
        assert_ne!(arrived, all(network(2, STORM)));
        let copies = |packet| arrived.iter().filter(|it| **it == packet).count();
        let count = |copies_wanted| (0..1000).filter(|it| copies(*it) == copies_wanted).count();
        assert!(count(0) > 100, "lost");
        assert!(count(2) > 40, "repeated");
        assert_eq!(count(0) + count(1) + count(2), 1000);
        assert!(!arrived.is_sorted(), "reordered");
    }

    #[test]
    fn nothing_arrives_before_its_time() {
        let mut network = network(3, STORM);
        while let Some(at_ms) = network.next_at_ms() {
            assert_eq!(network.arrived(at_ms - 1), None);
            let packet = network.arrived(at_ms).expect("due");
            assert!(i64::from(packet) < at_ms);
        }
    }
}
