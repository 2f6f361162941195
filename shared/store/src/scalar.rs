//! Numbers and times in the forms the store system may write them.

use std::str::FromStr;

use dougong_values::{BeijingTime, InvalidDecimal, Money, Quantity};
use rust_decimal::Decimal;

use crate::json;

/// A decimal this crate reads.
pub(crate) trait Exact: FromStr<Err = InvalidDecimal> {}

impl Exact for Money {}
impl Exact for Quantity {}

/// Reads an exact decimal within the digits money has (15 before and 10 after the point), in whichever notation.
pub(crate) fn decimal<T: Exact>(text: &str) -> Result<T, String> {
    let number: Quantity = text.parse().map_err(|error: InvalidDecimal| error.to_string())?;
    let fits = number.abs().decimal().trunc().to_string().len() <= 15 && number.rounded(10) == number;
    let read = text.parse().map_err(|error: InvalidDecimal| error.to_string())?;
    if fits { Ok(read) } else { Err(InvalidDecimal { text: text.chars().take(40).collect() }.to_string()) }
}

/// Tells whether two scalars say the same: the same text, or decimals of the same value.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (json::scalar(one), json::scalar(other)) else { return one == other };
    let (one, other) = (one.trim(), other.trim());
    one == other || matches!((decimal::<Quantity>(one), decimal::<Quantity>(other)), (Ok(a), Ok(b)) if a == b)
}

/// Tells whether an amount is price times quantity, as far as the price's own rounding allows.
pub(crate) fn is_product(price: Money, quantity: Quantity, amount: Money) -> bool {
    let Some(product) = price.decimal().checked_mul(quantity.decimal()) else { return true };
    // Half of the price's last digit for every piece, and a cent for the amount's own rounding.
    let half_digit = Decimal::new(5, price.decimal().scale() + 1);
    let Some(slack) = half_digit.checked_mul(quantity.decimal().abs()) else { return true };
    (product - amount.decimal()).abs() <= slack + Decimal::new(1, Money::CENTS)
}

/// A time that was read.
pub(crate) struct Read {
    /// The time; `None` for the zero date.
    pub(crate) time: Option<BeijingTime>,
    /// Whether it was written as the vendor documents it.
    pub(crate) as_documented: bool,
}

/// Reads a time in one of the forms that mean the same everywhere: year, month and day with `-`, `/`, `.` or
/// nothing between; a time of day, if any, after a blank or a `T`, with or without seconds and fractions; Beijing
/// time, said or not. Anything else is refused.
pub(crate) fn time(text: &str, is_date: bool) -> Result<Read, String> {
    let documented = if is_date { 10 } else { 19 };
    if text.len() == documented
        && !text.contains('T')
        && let Ok(time) = text.parse()
    {
        return Ok(Read { time: Some(time), as_documented: true });
    }
    let zeros = text.bytes().all(|byte| matches!(byte, b'0' | b'-' | b'/' | b'.' | b':' | b' ' | b'T'));
    if zeros && text.contains('0') {
        return Ok(Read { time: None, as_documented: false });
    }
    let rewritten = rewrite(text).and_then(|text| text.parse().ok());
    let time = rewritten.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        format!("{shown:?} is not a Beijing time")
    })?;
    Ok(Read { time: Some(time), as_documented: false })
}

/// Rewrites a time as `yyyy-mm-dd HH:mm:ss`; `None` where that would be a guess.
fn rewrite(text: &str) -> Option<String> {
    let (date, clock) = text.split_once([' ', 'T', 't']).unwrap_or((text, "00:00:00"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts: Vec<&str> = if date.len() == 8 && digits(date, 8) {
        vec![date.get(..4)?, date.get(4..6)?, date.get(6..)?]
    } else {
        date.split(['-', '/', '.']).collect()
    };
    let [year, month, day] = parts.as_slice() else { return None };
    if year.len() != 4 || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    let clock = clock.trim();
    let clock = ["+08:00", "+0800", "+08"].iter().find_map(|zone| clock.strip_suffix(zone)).unwrap_or(clock);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<&str> = clock.split(':').collect();
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (*hour, *minute, "00"),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    if ![hour, minute, second].iter().all(|part| digits(part, 2)) || !digits(fraction, 9) {
        return None;
    }
    Some(format!("{year}-{month:0>2}-{day:0>2} {hour:0>2}:{minute:0>2}:{second:0>2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit_they_can_hold_and_no_more() {
        for (text, exact) in [
            ("9.9", "9.9"),
            ("9.90", "9.9"),
            ("1e1", "10"),
            ("1E-2", "0.01"),
            ("-0", "0"),
            ("1234567890.1234567890", "1234567890.123456789"),
            ("123456789012345.12345", "123456789012345.12345"),
        ] {
            assert_eq!(decimal::<Money>(text).unwrap().to_string(), exact, "{text}");
        }
        for text in
            ["", "1e15", "9e27", "1e-11", "12345678901234567890", "1,000", "１", "+1", ".5", "NaN", "0x1"]
        {
            assert!(decimal::<Money>(text).is_err(), "{text:?} was read");
        }
    }

    #[test]
    fn times_are_read_in_every_form_that_means_one_thing_only() {
        for text in [
            "2016-02-01 12:02:00",
            "2016-02-01T12:02:00",
            "2016-02-01 12:02",
            "2016/2/1 12:02:00",
            "2016.02.01 12:02:00.000",
            "20160201 12:02:00",
            "2016-02-01T12:02:00.123+08:00",
        ] {
            let read = time(text, false).unwrap();
            assert_eq!(read.time.unwrap().to_string(), "2016-02-01 12:02:00", "{text}");
            assert_eq!(read.as_documented, text == "2016-02-01 12:02:00");
        }
        assert!(time("0000-00-00 00:00:00", false).unwrap().time.is_none());
        for text in [
            "",
            "now",
            "01/02/2016",
            "2016-02-30",
            "2016-02-01T12:02:00Z",
            "16-02-01",
            "1454299354000",
            "2016-13-01",
        ] {
            assert!(time(text, true).is_err(), "{text:?} was read");
        }
    }

    #[test]
    fn a_price_that_was_rounded_still_makes_its_amount() {
        let product = |price: &str, quantity: &str, amount: &str| {
            is_product(price.parse().unwrap(), quantity.parse().unwrap(), amount.parse().unwrap())
        };
        assert!(product("9.9", "1.0", "9.9"));
        assert!(product("3.33", "3", "10"));
        assert!(product("3.33", "300", "1000"));
        assert!(!product("17", "20", "15"));
        assert!(!product("3.33", "3", "11"));
    }
}
