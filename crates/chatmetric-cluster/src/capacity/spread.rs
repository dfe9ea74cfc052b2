//! Unevenness: of numbers, of partitions, of nodes.
//!
//! A hash puts numbers into partitions and names pick nodes, so nobody gets exactly the
//! mean. The names of a cluster are not known before it is there; so what is told is what
//! the busiest one has in at least 19 of 20 choices of names (a union bound over normal
//! tails), with the largest number on top.
//!
//! Not here: the hashes themselves (`partition`, `assignment`), which the simulation uses.
//! Invariant: shares of all numbers add up to 1.

/// The most numbers that are walked through one by one.
pub const NUMBERS_MAX: u32 = 1_000_000;
/// One of so many choices of names may be worse than what is told.
const CHOICES: f64 = 20.0;

/// How messages are spread over numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// Numbers, 1 to [`NUMBERS_MAX`].
    pub numbers: u32,
    /// The exponent of Zipf's law: 0 for numbers that are equal.
    pub exponent: f64,
    /// The share of the largest number, if it is known.
    pub largest_share: Option<f64>,
    /// Messages that a number can send in a second, however large its share.
    pub number_messages_per_s_max: f64,
}

impl Default for Spread {
    /// As many as the benches have, less unequal.
    fn default() -> Self {
        Self {
            numbers: 10_000,
            exponent: super::costs::ZIPF_EXPONENT,
            largest_share: None,
            number_messages_per_s_max: super::costs::NUMBER_MESSAGES_PER_S_MAX,
        }
    }
}

/// What of the shares matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// The share of the largest number.
    pub largest: f64,
    /// The sum of the squares of the shares of all others.
    pub rest_squares: f64,
}

impl Spread {
    /// The share of each number, the largest first, when `messages_per_s` come at the peak.
    #[must_use]
    pub fn shares(&self, messages_per_s: f64) -> Vec<f64> {
        let numbers = self.numbers.clamp(1, NUMBERS_MAX);
        let weights = (1..=numbers).map(|rank| f64::from(rank).powf(-self.exponent));
        let mut shares: Vec<f64> = weights.collect();
        let limit = match self.largest_share {
            Some(share) => share,
            None if messages_per_s > 0.0 => self.number_messages_per_s_max / messages_per_s,
            None => 1.0,
        };
        // As many at the limit as it takes; fewer numbers than that share evenly.
        let limit = limit.max(1.0 / f64::from(numbers));
        level(&mut shares, limit, self.largest_share.is_some());
        shares
    }

    /// What of the shares matters.
    #[must_use]
    pub fn summary(&self, messages_per_s: f64) -> Shares {
        let shares = self.shares(messages_per_s);
        let (largest, rest) = match shares.split_first() {
            Some((largest, rest)) => (*largest, rest),
            None => (1.0, &[][..]),
        };
        Shares {
            largest,
            rest_squares: rest.iter().map(|share| share * share).sum(),
        }
    }
}

/// Makes weights in falling order shares that add up to 1, none above `limit`; the first is
/// at the limit if `is_first` says so.
fn level(weights: &mut [f64], limit: f64, is_first: bool) {
    let mut rest: f64 = weights.iter().sum();
    let mut left = 1.0;
    for (at, weight) in weights.iter_mut().enumerate() {
        let share = if rest > 0.0 {
            left * *weight / rest
        } else {
            0.0
        };
        let is_forced = is_first && at == 0;
        if share <= limit && !is_forced {
            // Those behind are smaller, and keep their proportion.
            break;
        }
        rest -= *weight;
        *weight = limit.min(left);
        left -= *weight;
        // Marked as settled, by its sign.
        *weight = -*weight;
    }
    for weight in weights.iter_mut() {
        *weight = if *weight < 0.0 {
            -*weight
        } else {
            left * *weight / rest.max(f64::MIN_POSITIVE)
        };
    }
}

impl Shares {
    /// The share of the busiest of `partitions`.
    #[must_use]
    pub fn busiest_partition(&self, partitions: u16) -> f64 {
        let chance = 1.0 / f64::from(partitions);
        let rest = (1.0 - self.largest) * chance;
        let deviation = (self.rest_squares * chance * (1.0 - chance)).sqrt();
        (self.largest + rest + tail(f64::from(partitions)) * deviation).min(1.0)
    }

    /// The share of the events that the busiest of `nodes` folds, when each partition is on
    /// `replicas` of them.
    #[must_use]
    pub fn busiest_node(&self, nodes: u32, partitions: u16, replicas: u32) -> f64 {
        let chance = chance(nodes, replicas);
        let others = (1.0 - self.largest).powi(2) - self.rest_squares;
        let squares = self.rest_squares + others.max(0.0) / f64::from(partitions);
        let deviation = (squares * chance * (1.0 - chance)).sqrt();
        let rest = (1.0 - self.largest) * chance;
        (self.largest + rest + tail(f64::from(nodes)) * deviation).min(1.0)
    }
}

/// The share of the partitions that the node with the most of them has.
#[must_use]
pub fn most_replicas(nodes: u32, partitions: u16, replicas: u32) -> f64 {
    let chance = chance(nodes, replicas);
    let deviation = (chance * (1.0 - chance) / f64::from(partitions)).sqrt();
    (chance + tail(f64::from(nodes)) * deviation).min(1.0)
}

fn chance(nodes: u32, replicas: u32) -> f64 {
    (f64::from(replicas) / f64::from(nodes.max(1))).min(1.0)
}

/// Deviations that none of `count` exceeds but in one of [`CHOICES`].
fn tail(count: f64) -> f64 {
    (2.0 * (CHOICES * count).ln()).sqrt()
}
