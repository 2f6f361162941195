//! The bills of a push or of a reply, each read alone.

use std::borrow::Cow;
use std::fmt;

use dougong_values::Version;

use crate::bill::{Bill, BillKind, Reading, UnreadableBill};
use crate::json::{self, Form, Object};
use crate::warning::{Warning, WarningName, Warnings};

/// One bill of a push or a reply: one that cannot be read leaves its neighbours whole.
pub type Row = Result<Reading, UnreadableRow>;

/// A bill that could not be read, for a person to look at.
///
/// `Debug` does not show the row: it may hold people's names.
#[derive(Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// The row as it was received; where it came in another encoding, in UTF-8.
    pub json: String,
    /// Everything that is wrong with it.
    pub error: UnreadableBill,
}

impl UnreadableRow {
    /// Returns the version of the text: the same row received again has the same.
    pub fn version(&self) -> Version {
        Version::of(&self.json)
    }
}

impl fmt::Debug for UnreadableRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnreadableRow").field("error", &self.error).finish_non_exhaustive()
    }
}

/// Returns the elements of a list that goes by several names; `None` where none of them came. A list that came
/// twice, or under two names, is read twice: what is the same bill is found to be the same later, and none is lost.
/// More than `most` are refused together.
pub(crate) fn elements<'a>(
    envelope: &Object<'a>,
    names: &[&'static str],
    most: usize,
    warnings: &mut Warnings,
) -> Result<Option<Vec<Cow<'a, str>>>, String> {
    let found: Vec<_> = names.iter().filter_map(|name| envelope.get(name)).collect();
    if found.is_empty() {
        return Ok(None);
    }
    let (mut elements, mut counted) = (Vec::new(), false);
    for list in found {
        if Some(&list.written) != names.first() {
            let documented = names.first().copied().unwrap_or_default();
            warnings.add(WarningName::OtherName, list.written, || format!("read as {documented}"));
        }
        if list.all.len() > 1 {
            let count = list.all.len();
            warnings
                .add(WarningName::DuplicateKey, list.written, || format!("came {count} times; all count"));
        }
        for value in list.all {
            // The table gives the list's name to a number (N7): how many there are.
            if json::form(value) == Form::Number {
                warnings.add(WarningName::CountForList, list.written, || {
                    "a count where a list is documented".to_owned()
                });
                counted |= value.trim() != "0";
                continue;
            }
            let (read, listed) =
                json::list(value).map_err(|problem| format!("{} {problem}", list.written))?;
            if let Some((name, detail)) = listed.tolerance() {
                warnings.add(name, list.written, || detail.to_owned());
            }
            elements.extend(read);
            if elements.len() > most {
                return Err(format!("has more than {most} elements in {}", list.written));
            }
        }
    }
    if counted && elements.is_empty() {
        return Err("has a count of bills, but no list of them".to_owned());
    }
    Ok(Some(elements))
}

/// Reads the bills. What had to be forgiven about the envelope comes first among the warnings of each.
pub(crate) fn read(kind: BillKind, elements: &[Cow<'_, str>], warnings: Warnings) -> Vec<Row> {
    let warnings = warnings.into_vec();
    elements.iter().map(|json| row(kind, json, &warnings)).collect()
}

fn row(kind: BillKind, json: &str, of_the_envelope: &[Warning]) -> Row {
    match Bill::read(kind, json) {
        Ok(mut reading) => {
            reading.warnings.splice(0..0, of_the_envelope.iter().cloned());
            Ok(reading)
        }
        Err(error) => Err(UnreadableRow { json: json.to_owned(), error }),
    }
}
