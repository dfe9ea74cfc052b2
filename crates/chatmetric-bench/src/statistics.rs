//! Medians, spread and percentiles.

/// The middle and the ends of a few measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` without values.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Some(Self {
            median: percentile(&values, 50.0)?,
            min: *values.first()?,
            max: *values.last()?,
        })
    }
}

/// The value below which `percent` of sorted values lie (nearest rank).
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// p50, p99 and the largest of values in any order.
pub(crate) fn quantiles(mut values: Vec<f64>) -> serde_json::Value {
    values.sort_by(f64::total_cmp);
    let at = |percent| percentile(&values, percent);
    serde_json::json!({"p50": at(50.0), "p99": at(99.0), "max": at(100.0)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends() {
        let spread = Spread::of([3.0, 1.0, 2.0, 9.0, 4.0]).expect("values");
        assert_eq!(
            spread,
            Spread {
                median: 3.0,
                min: 1.0,
                max: 9.0
            }
        );
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 99.0), Some(99.0));
        assert_eq!(percentile(&values, 100.0), Some(100.0));
        assert_eq!(percentile(&values, 0.0), Some(1.0));
        assert_eq!(percentile(&[], 50.0), None);
    }
}
