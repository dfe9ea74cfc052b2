//! The statistics of the rules: robust, and exact enough for small numbers.
//!
//! Medians instead of means, so that a bad day among the days before does not become the
//! habit; Chernoff's bound on the binomial instead of a normal curve, because with fifty
//! messages and a rate of 97 % a curve promises what is not so.

/// How unlikely, as the negative natural logarithm, something must be before it is told:
/// about one in a million.
pub(super) const UNLIKELY: f64 = 14.0;

/// What makes the median absolute deviation comparable to a standard deviation.
const MAD_TO_DEVIATION: f64 = 1.4826;

/// The middle of the values; 0 of none.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|at| values.get(at));
    f64::midpoint(lower.copied().unwrap_or(upper), upper)
}

/// The middle of the values and how far they usually are from it.
pub(super) fn habit(values: &mut [f64]) -> (f64, f64) {
    let middle = median(values);
    let mut away: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    (middle, median(&mut away) * MAD_TO_DEVIATION)
}

/// How unlikely a share of `share` among `count` is when `usual` is the truth, or a share
/// that is farther away: at least so much, as a negative natural logarithm.
pub(super) fn surprise(count: f64, share: f64, usual: f64) -> f64 {
    let usual = usual.clamp(0.001, 0.999);
    let term = |share: f64, usual: f64| {
        if share <= 0.0 {
            0.0
        } else {
            share * (share / usual).ln()
        }
    };
    count * (term(share, usual) + term(1.0 - share, 1.0 - usual))
}

/// The slope of the line through points (x, y): the median of the slopes of all pairs,
/// which a single jump does not move. `None` without two different x.
pub(super) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (at, (x, y)) in points.iter().enumerate() {
        for (other_x, other_y) in points.iter().skip(at + 1) {
            let run = other_x - x;
            if run.abs() > f64::EPSILON {
                slopes.push((other_y - y) / run);
            }
        }
    }
    (!slopes.is_empty()).then(|| median(&mut slopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_does_not_follow_one_wild_value() {
        assert!((median(&mut [3.0, 900.0, 1.0]) - 3.0).abs() < 1e-9);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(&mut []).abs() < 1e-9);
        let (middle, spread) = habit(&mut [0.96, 0.97, 0.95, 0.96, 0.10]);
        assert!((middle - 0.96).abs() < 1e-9 && spread < 0.02, "{spread}");
    }

    #[test]
    fn few_messages_do_not_surprise() {
        // Exact binomial: P(at most 42 of 50 at 97 %) is 4e-5, more than one in a million.
        assert!(surprise(50.0, 0.84, 0.97) < UNLIKELY);
        // The same share of ten times as many is out of the question.
        assert!(surprise(500.0, 0.84, 0.97) > UNLIKELY);
        assert!(surprise(50.0, 0.0, 0.97) > UNLIKELY);
        assert!(surprise(1_000.0, 0.97, 0.97).abs() < 1e-9);
    }

    #[test]
    fn a_line_is_not_bent_by_a_file_that_comes_and_goes() {
        let mut points: Vec<_> = (0_u32..24)
            .map(|x| (f64::from(x), 900.0 - 5.0 * f64::from(x)))
            .collect();
        points[11].1 -= 700.0;
        let found = slope(&points).expect("a line");
        assert!((found + 5.0).abs() < 0.5, "{found}");
        assert_eq!(slope(&points[..1]), None);
    }
}
