//! How WDT spreads an amount over lines: four decimals, the last line takes what is left.

/// Ten-thousandths of a yuan: WDT's grain.
pub(super) const YUAN: i64 = 10_000;
/// Ten-thousandths in a cent.
pub(super) const CENT: i64 = 100;

/// What happens to the last ten-thousandths that do not divide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remainder {
    /// The last line takes them: the shares sum up exactly.
    ToLast,
    /// They are lost or won: 100.00 over seven lines is 7 × 14.2857.
    Dropped,
}

/// Spreads ten-thousandths by weight. Without any weight nothing is spread.
pub(super) fn spread(total: i64, weights: &[i64], remainder: Remainder) -> Vec<i64> {
    let sum: i64 = weights.iter().sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let mut shares: Vec<i64> = weights.iter().map(|weight| (total * weight * 2 + sum) / (sum * 2)).collect();
    if remainder == Remainder::ToLast {
        let missing = total - shares.iter().sum::<i64>();
        let last = weights.iter().rposition(|&weight| weight > 0).unwrap_or(0);
        if let Some(share) = shares.get_mut(last) {
            *share += missing;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_over_seven_lines_is_spread_as_wdt_does() {
        let seven = [1; 7];
        assert_eq!(spread(100 * YUAN, &seven, Remainder::Dropped), [142_857; 7]);
        let exact = spread(100 * YUAN, &seven, Remainder::ToLast);
        assert_eq!(exact[6], 142_858);
        assert_eq!(exact.iter().sum::<i64>(), 100 * YUAN);
    }

    #[test]
    fn lines_without_weight_get_nothing() {
        assert_eq!(spread(10 * YUAN, &[0, 3, 0], Remainder::ToLast), [0, 10 * YUAN, 0]);
        assert_eq!(spread(10 * YUAN, &[0, 0], Remainder::ToLast), [0, 0]);
    }
}
