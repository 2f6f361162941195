//! `[schemes.<id>.mapping.merge]`: what orders must have in common to share a voucher, and when they are put together.

use std::fmt;
use std::str::FromStr;

use dougong_values::BeijingTime;
use dougong_wdt::is_personal;

use super::Part;
use crate::rules::{Choice, choice};
use crate::template::{MergedField, Template};

/// How orders are merged into vouchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRules {
    /// What the orders of a voucher have in common; the day is always among it, since a voucher has one date.
    pub by: Vec<GroupField>,
    /// The most lines of a voucher. An order is never split: one that has more lines alone is a voucher alone.
    pub max_lines: usize,
    /// Which prices of the same goods share a line.
    pub price: MergedPrice,
    /// The times of day at which waiting orders are put together.
    pub close_at: Vec<CloseTime>,
    /// Remark (备注) of the merged voucher.
    pub memo: Option<Template<MergedField>>,
}

impl Default for MergeRules {
    fn default() -> Self {
        Self {
            by: vec![GroupField::Shop, GroupField::Warehouse, GroupField::Day],
            max_lines: 200,
            price: MergedPrice::default(),
            close_at: vec![CloseTime { minutes: 120 }],
            memo: None,
        }
    }
}

impl MergeRules {
    /// Returns when an order that comes now is put together with the others: the next of the times.
    pub fn due(&self, now: BeijingTime) -> BeijingTime {
        let today = now.day().start();
        let days = [today, today.plus_seconds(DAY_SECONDS)];
        let times = days.into_iter().flat_map(|day| {
            self.close_at.iter().map(move |time| day.plus_seconds(i64::from(time.minutes) * 60))
        });
        // Without a time of day it is due at once.
        times.filter(|time| *time > now).min().unwrap_or(now)
    }
}

const DAY_SECONDS: i64 = 86_400;

/// What orders have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupField {
    /// The shop (店铺编号).
    Shop,
    /// The warehouse (仓库编号).
    Warehouse,
    /// The day of the voucher's date (单据日期).
    Day,
    /// Any other field of the document's head, by its name on the wire.
    Field(String),
}

impl GroupField {
    /// Returns the document's field.
    pub fn wire_name(&self) -> &str {
        match self {
            Self::Shop => "shop_no",
            Self::Warehouse => "warehouse_no",
            Self::Day => "vouchdate",
            Self::Field(name) => name,
        }
    }
}

/// A text that names nothing to group by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no field to merge by")]
pub struct InvalidGroupField(String);

impl FromStr for GroupField {
    type Err = InvalidGroupField;

    fn from_str(text: &str) -> Result<Self, InvalidGroupField> {
        let named = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        match text {
            "shop" | "shop_no" => Ok(Self::Shop),
            "warehouse" | "warehouse_no" => Ok(Self::Warehouse),
            "day" => Ok(Self::Day),
            // Personal data never leaves the document, and a list is no value.
            name if named(name) && !is_personal(name) && name != "details_list" => {
                Ok(Self::Field(name.to_owned()))
            }
            other => Err(InvalidGroupField(other.to_owned())),
        }
    }
}

choice! {
    /// Which prices of the same goods share a line of a merged voucher. Amounts are added up exactly in any case.
    MergedPrice {
        /// Unit prices that agree to the cent.
        #[default]
        Cent = "cent",
        /// Unit prices that agree in all eight decimals.
        Exact = "exact",
        /// Any: one line for the goods, at their average price.
        Average = "average",
    }
}

/// A time of day, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CloseTime {
    minutes: u32,
}

/// A text that is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time of day, such as 02:00")]
pub struct InvalidCloseTime(String);

impl FromStr for CloseTime {
    type Err = InvalidCloseTime;

    fn from_str(text: &str) -> Result<Self, InvalidCloseTime> {
        let number = |text: &str, below: u32| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|number| digits && *number < below)
        };
        let read = text.split_once(':').and_then(|(hours, minutes)| {
            Some(Self { minutes: number(hours, 24)? * 60 + number(minutes, 60)? })
        });
        read.ok_or_else(|| InvalidCloseTime(text.to_owned()))
    }
}

impl fmt::Display for CloseTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl Template<MergedField> {
    pub(crate) fn render(&self, part: &Part) -> Option<String> {
        use std::fmt::Write as _;
        self.fill(|field, text| match field {
            MergedField::Group => {
                let values: Vec<&str> = part.group.as_str().split('#').skip(2).collect();
                write!(text, "{}", values.join(" "))
            }
            MergedField::Part => write!(text, "{}", part.number),
            MergedField::Orders => write!(text, "{}", part.members.len()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_due_at_the_next_of_the_times() {
        let rules = |times: &[&str]| MergeRules {
            close_at: times.iter().map(|time| time.parse().unwrap()).collect(),
            ..MergeRules::default()
        };
        let due = |times: &[&str], now: &str| rules(times).due(now.parse().unwrap()).to_string();
        assert_eq!(due(&["02:00"], "2026-11-22 15:00:00"), "2026-11-23 02:00:00");
        assert_eq!(due(&["02:00"], "2026-11-22 01:59:59"), "2026-11-22 02:00:00");
        assert_eq!(due(&["02:00"], "2026-11-22 02:00:00"), "2026-11-23 02:00:00");
        assert_eq!(due(&["18:00", "12:00", "02:00"], "2026-11-22 12:00:01"), "2026-11-22 18:00:00");
        assert_eq!(due(&["23:59"], "2026-12-31 23:59:30"), "2027-01-01 23:59:00");
    }

    #[test]
    fn what_names_no_field_or_time_is_refused() {
        for name in ["", "Shop No", "receiver_name", "buyer_nick", "details_list", "shop#"] {
            assert!(name.parse::<GroupField>().is_err(), "{name:?} was read");
        }
        assert_eq!("shop".parse(), Ok(GroupField::Shop));
        assert_eq!("platform_id".parse(), Ok(GroupField::Field("platform_id".to_owned())));
        for time in ["2:00", "24:00", "02:60", "02", "0200", "+2:00"] {
            assert!(time.parse::<CloseTime>().is_err(), "{time:?} was read");
        }
        assert_eq!("02:05".parse::<CloseTime>().unwrap().to_string(), "02:05");
    }
}
