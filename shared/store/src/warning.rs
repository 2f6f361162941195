//! What the reader forgave: one warning for each kind of tolerance and place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most warnings that are kept for one bill; the last then says how many more there were.
const MOST_WARNINGS: usize = 64;

/// The stable name of a tolerance, for grouping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningName {
    /// A field came under another name than the vendor's table gives it (N1–N15).
    OtherName,
    /// A field that no table and no example knows; kept in `extra`.
    UnknownField,
    /// A decimal came as a JSON string.
    QuotedNumber,
    /// A text came as a JSON number.
    UnquotedText,
    /// A value had blanks around it.
    OuterBlanks,
    /// One object came where a list is documented.
    OneForList,
    /// A list came as a JSON text inside a string.
    ListInText,
    /// A list came inside another list.
    NestedList,
    /// A list came as an empty text.
    BlankForList,
    /// A number came where a list is documented, beside the list itself (N7).
    CountForList,
    /// A date or time was written in another form than `yyyy-mm-dd HH:mi:ss`.
    TimeForm,
    /// A field that the vendor's table requires is missing (P1).
    MissingField,
    /// Two names of the same field came with different values; the documented name counts.
    AliasConflict,
    /// A key came more than once; the last number counts, else the last value.
    DuplicateKey,
    /// The remark came under several names with different texts, which were joined (N4).
    JoinedRemarks,
    /// A field that nothing depends on could not be read and was left out.
    UnreadableValue,
    /// The header's total is not the sum of the lines (S7).
    TotalMismatch,
    /// The payments do not sum up to the header's amount (S7).
    PaymentMismatch,
    /// Price times quantity is not the line's amount (S7).
    LineMismatch,
    /// The text began with a byte order mark.
    ByteOrderMark,
    /// The text was not in UTF-8.
    OtherEncoding,
    /// There were more warnings than are kept.
    More,
}

impl WarningName {
    /// Returns the name as in logs, reports and the ledger: `total_mismatch`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherName => "other_name",
            Self::UnknownField => "unknown_field",
            Self::QuotedNumber => "quoted_number",
            Self::UnquotedText => "unquoted_text",
            Self::OuterBlanks => "outer_blanks",
            Self::OneForList => "one_for_list",
            Self::ListInText => "list_in_text",
            Self::NestedList => "nested_list",
            Self::BlankForList => "blank_for_list",
            Self::CountForList => "count_for_list",
            Self::TimeForm => "time_form",
            Self::MissingField => "missing_field",
            Self::AliasConflict => "alias_conflict",
            Self::DuplicateKey => "duplicate_key",
            Self::JoinedRemarks => "joined_remarks",
            Self::UnreadableValue => "unreadable_value",
            Self::TotalMismatch => "total_mismatch",
            Self::PaymentMismatch => "payment_mismatch",
            Self::LineMismatch => "line_mismatch",
            Self::ByteOrderMark => "byte_order_mark",
            Self::OtherEncoding => "other_encoding",
            Self::More => "more",
        }
    }

    /// Tells whether a person should look: a value was chosen, left out or contradicts another. The other
    /// warnings are about spelling alone, and a platform that spells its own way repeats them on every bill.
    pub const fn is_doubtful(self) -> bool {
        matches!(
            self,
            Self::AliasConflict
                | Self::DuplicateKey
                | Self::JoinedRemarks
                | Self::UnreadableValue
                | Self::TotalMismatch
                | Self::PaymentMismatch
                | Self::LineMismatch
                | Self::More
        )
    }
}

impl fmt::Display for WarningName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One tolerance the reader used. The same one on many lines is one warning with a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Which tolerance.
    pub name: WarningName,
    /// Where it was used first, under the names on the wire: `billitems[0].amount`.
    pub path: String,
    /// What was there and how it was read; free texts are masked.
    pub detail: String,
    /// In how many places of the bill it was used.
    pub count: u32,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, path, detail, count } = self;
        write!(f, "{name}: {path}: {detail}")?;
        if *count > 1 { write!(f, " (and {} more)", count - 1) } else { Ok(()) }
    }
}

/// Gathers warnings, the same one on many lines once.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    kept: Vec<(String, Warning)>,
    left_out: u32,
}

impl Warnings {
    /// Notes a tolerance at a place. Fields that no one knows count as one per object.
    pub(crate) fn add(&mut self, name: WarningName, path: &str, detail: impl FnOnce() -> String) {
        let mut place = without_indices(path);
        if name == WarningName::UnknownField {
            place.truncate(place.rfind('.').unwrap_or(0));
        }
        let same = |(at, warning): &&mut (String, Warning)| warning.name == name && *at == place;
        if let Some((_, warning)) = self.kept.iter_mut().find(same) {
            warning.count = warning.count.saturating_add(1);
        } else if self.kept.len() < MOST_WARNINGS {
            let warning = Warning { name, path: path.to_owned(), detail: detail(), count: 1 };
            self.kept.push((place, warning));
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Warning> {
        let mut all: Vec<Warning> = self.kept.into_iter().map(|(_, warning)| warning).collect();
        if self.left_out > 0 {
            let detail = format!("{} more warnings are not kept", self.left_out);
            all.push(Warning { name: WarningName::More, path: String::new(), detail, count: 1 });
        }
        all
    }
}

/// Drops the indices: `billitems[7].amount` → `billitems[].amount`.
fn without_indices(path: &str) -> String {
    let mut inside = false;
    let mut place = path.to_owned();
    place.retain(|c| {
        inside = c == '[' || (inside && c != ']');
        !inside || c == '['
    });
    place
}
