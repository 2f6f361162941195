//! Exact decimals: [`Money`] for amounts and prices, [`Quantity`] for counts, rates and factors.
//!
//! Both read JSON numbers and JSON strings without passing through `f64`, and write JSON numbers with
//! exactly the digits they hold (`"0.1000"` is written `0.1`). They go through `serde_json`'s raw values:
//! do not put them below `#[serde(flatten)]` or inside an internally tagged enum, and never route them
//! through `serde_json::Value`.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A text that is no decimal number the three systems could mean.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a decimal number (at most 15 digits before and 10 after the point)")]
pub struct InvalidDecimal {
    /// The text as it was read, cut to 40 characters.
    pub text: String,
}

/// Reads a decimal strictly: digits, one point, an optional sign and exponent; no blanks, no separators.
fn parse(text: &str) -> Result<Decimal, InvalidDecimal> {
    let invalid = || InvalidDecimal { text: text.chars().take(40).collect() };
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 15) || !digits(fraction, 10) {
        return Err(invalid());
    }
    if mantissa.len() == unsigned.len() {
        Decimal::from_str_exact(text).map_err(|_| invalid())
    } else {
        Decimal::from_scientific(text).map_err(|_| invalid())
    }
}

macro_rules! exact_decimal {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Decimal);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(Decimal::ZERO);

            /// Wraps a decimal as it is.
            pub const fn new(decimal: Decimal) -> Self {
                Self(decimal)
            }

            /// Returns the decimal inside.
            pub const fn decimal(self) -> Decimal {
                self.0
            }

            /// Tells whether this is zero.
            pub fn is_zero(self) -> bool {
                self.0.is_zero()
            }

            /// Rounds half away from zero (四舍五入) to `places` decimals.
            #[must_use]
            pub fn rounded(self, places: u32) -> Self {
                Self(self.0.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero))
            }

            /// Returns the distance from zero.
            #[must_use]
            pub fn abs(self) -> Self {
                Self(self.0.abs())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Padding and precision (`{:.2}`) are the caller's choice; without them the digits are exact.
                if f.precision().is_some() { self.0.fmt(f) } else { self.0.normalize().fmt(f) }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.normalize())
            }
        }

        impl FromStr for $name {
            type Err = InvalidDecimal;

            fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                RawValue::from_string(self.0.normalize().to_string())
                    .map_err(serde::ser::Error::custom)?
                    .serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            /// Reads a JSON number, or a JSON string that holds one.
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = Box::<RawValue>::deserialize(deserializer)?;
                let text = raw.get();
                let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
                text.trim().parse().map_err(serde::de::Error::custom)
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
                values.fold(Self::ZERO, Add::add)
            }
        }
    };
}

exact_decimal! {
    /// An amount or a unit price (金额、单价), exact, in the currency of its document.
    Money
}

exact_decimal! {
    /// A count of goods, a conversion factor or an exchange rate (数量、换算率、汇率), exact.
    Quantity
}

impl Money {
    /// Decimals of an amount in CNY (分).
    pub const CENTS: u32 = 2;
    /// Decimals of a unit price towards BIP (`protocols/bip.md` §2.3).
    pub const PRICE: u32 = 8;
}

/// Rounds shares to the cent together: each result is within a cent of its share, and the results sum up
/// to the rounded sum of the shares exactly. The missing cents go to the largest fractions, first come first.
///
/// 100.00 over seven lines arrives from WDT as 7 × 14.2857 (99.9999); it leaves as 4 × 14.29 + 3 × 14.28.
pub fn spread_cents(shares: &[Money]) -> Vec<Money> {
    let cent = Decimal::new(1, Money::CENTS);
    let floors: Vec<Decimal> = shares
        .iter()
        .map(|share| share.0.round_dp_with_strategy(Money::CENTS, RoundingStrategy::ToNegativeInfinity))
        .collect();
    let target = shares.iter().copied().sum::<Money>().rounded(Money::CENTS).0;
    let mut missing = target - floors.iter().sum::<Decimal>();

    let mut by_fraction: Vec<usize> = (0..shares.len()).collect();
    by_fraction.sort_by_key(|&index| (floors[index] - shares[index].0, index));

    let mut spread: Vec<Money> = floors.into_iter().map(Money).collect();
    for index in by_fraction {
        if missing < cent {
            break;
        }
        spread[index].0 += cent;
        missing -= cent;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn json_numbers_and_strings_are_read_and_written_exactly() {
        for (json, exact) in [
            ("0.10", "0.1"),
            ("\"0.1000\"", "0.1"),
            ("1234567890123.4567", "1234567890123.4567"),
            ("1e-2", "0.01"),
            ("1.0E-4", "0.0001"),
            ("-5", "-5"),
            ("\"180.0000\"", "180"),
        ] {
            let read: Money = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), exact, "from {json}");
        }
    }

    #[test]
    fn what_is_no_plain_number_is_refused() {
        for text in
            ["", " ", "+1", "1_000", "1,000.00", ".5", "5.", "NaN", "１２", "0x1", "--1", "1e", "1e999"]
        {
            assert!(text.parse::<Money>().is_err(), "{text:?} was read");
        }
        assert!(serde_json::from_str::<Money>("null").is_err());
        assert!(serde_json::from_str::<Money>("true").is_err());
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        assert_eq!(money("2.345").rounded(2), money("2.35"));
        assert_eq!(money("-2.345").rounded(2), money("-2.35"));
    }

    #[test]
    fn seven_lines_of_a_hundred_keep_the_hundred() {
        let mut shares = vec![money("14.2857"); 7];
        shares[6] = money("14.2858");
        let spread = spread_cents(&shares);
        assert_eq!(spread.iter().copied().sum::<Money>(), money("100"));
        assert_eq!(spread.iter().filter(|&&line| line == money("14.29")).count(), 4);
    }

    proptest! {
        #[test]
        fn spreading_keeps_the_sum_and_moves_no_line_by_a_cent(
            shares in prop::collection::vec(-9_999_999_i64..99_999_999, 0..40)
        ) {
            let shares: Vec<Money> = shares.into_iter().map(|units| Money(Decimal::new(units, 4))).collect();
            let spread = spread_cents(&shares);
            prop_assert_eq!(
                spread.iter().copied().sum::<Money>(),
                shares.iter().copied().sum::<Money>().rounded(2)
            );
            for (share, line) in shares.iter().zip(&spread) {
                prop_assert!((*share - *line).abs() < money("0.01"));
                prop_assert_eq!(*line, line.rounded(2));
                prop_assert!(!share.is_zero() || line.is_zero(), "a line without a share got a cent");
            }
        }
    }
}
