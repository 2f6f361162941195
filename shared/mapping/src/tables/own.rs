//! Tables of the tenant's own (自定义对照表): whatever the rules look up beside shops, goods and taxes.
//!
//! A table is kept as one text with the ends of its cells, and its rows in the order of their keys: fifty thousand rows
//! cost two allocations, and a look-up is a binary search.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use dougong_values::BeijingTime;

use super::TableProblem;
use super::sheet::{Problems, Rows, cell_number, has_control, is_rewritten_number, read_rows};
use super::validity::{Validity, moment};
use crate::lookup::{Miss, MissKind};
use crate::nearest::did_you_mean;

/// What `[tables.<name>]` says of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnTable {
    /// The name that look-ups call it by.
    pub name: String,
    /// The file below `tables/`.
    pub file: String,
    /// The columns that a row is found by; at least one.
    pub keys: Vec<String>,
    /// The column with the first moment at which a row holds.
    pub from: Option<String>,
    /// The column with the last moment at which a row holds.
    pub to: Option<String>,
    /// Columns whose cells are keys of other tables.
    pub refers: Vec<Reference>,
}

/// A column whose cells are keys of another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The column.
    pub column: String,
    /// The name of the table with the keys: one of the tenant's own, or `shops`, `goods`, ….
    pub table: String,
}

/// A table of the tenant's own, read.
pub(super) struct Own {
    pub(super) declared: OwnTable,
    pub(super) file: String,
    columns: Vec<String>,
    keys: Vec<usize>,
    text: String,
    /// Where each cell ends in the text, row by row.
    ends: Vec<u32>,
    lines: Vec<u32>,
    /// When each row holds; empty where no column says so.
    validity: Vec<Validity>,
    /// The rows in the order of their keys, and of their first moment below one key.
    order: Vec<u32>,
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own")
            .field("declared", &self.declared)
            .field("rows", &self.len())
            .finish_non_exhaustive()
    }
}

/// A row that a look-up found.
#[derive(Debug, Clone, Copy)]
pub struct TableRow<'t> {
    table: &'t Own,
    row: usize,
}

impl<'t> TableRow<'t> {
    /// Returns a cell; `None` if it is empty or the table has no such column ([`super::Tables::columns`]).
    pub fn get(&self, column: &str) -> Option<&'t str> {
        let cell = self.table.cell(self.row, self.table.column(column)?);
        (!cell.is_empty()).then_some(cell)
    }

    /// Returns every column with its cell; empty cells are empty texts.
    pub fn cells(&self) -> impl Iterator<Item = (&'t str, &'t str)> + use<'t> {
        let Self { table, row } = *self;
        table.columns.iter().enumerate().map(move |(place, name)| (name.as_str(), table.cell(row, place)))
    }

    /// Returns the file, as a person would open it.
    pub fn file(&self) -> &'t str {
        &self.table.file
    }

    /// Returns the line of the file, from 1.
    pub fn line(&self) -> u32 {
        self.table.lines[self.row]
    }
}

impl Own {
    /// Reads a file as the table that is declared; what is wrong is noted.
    pub(super) fn read(declared: &OwnTable, file: &str, bytes: &[u8], found: &mut Vec<TableProblem>) -> Self {
        let mut problems = Problems { file, found };
        let mut own = Self {
            declared: declared.clone(),
            file: file.to_owned(),
            columns: Vec::new(),
            keys: Vec::new(),
            text: String::with_capacity(bytes.len()),
            ends: Vec::new(),
            lines: Vec::new(),
            validity: Vec::new(),
            order: Vec::new(),
        };
        if u32::try_from(bytes.len().saturating_mul(2)).is_err() {
            problems.note(0, 0, "the file is too large for a table".to_owned(), None);
            return own;
        }
        let mut reading = Reading { own: &mut own, from: None, to: None };
        read_rows(bytes, &mut problems, &mut reading);
        own.sort();
        own.note_doubles(&mut problems);
        own
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns the names of the columns, in the file's order.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    fn cell(&self, row: usize, column: usize) -> &str {
        let place = row * self.columns.len() + column;
        let end = |place: usize| usize::try_from(self.ends[place]).unwrap_or(usize::MAX);
        let start = place.checked_sub(1).map_or(0, end);
        &self.text[start..end(place)]
    }

    fn key(&self, row: usize) -> impl Iterator<Item = &str> {
        self.keys.iter().map(move |&column| self.cell(row, column))
    }

    fn row(&self, place: usize) -> usize {
        usize::try_from(self.order[place]).unwrap_or(usize::MAX)
    }

    fn from(&self, row: usize) -> Option<BeijingTime> {
        self.validity.get(row).and_then(|validity| validity.from)
    }

    fn sort(&mut self) {
        let mut rows: Vec<(u128, u32)> =
            (0..).zip(0..self.len()).map(|(place, row)| (self.beginning(row), place)).collect();
        rows.sort_unstable_by(|&(left, left_row), &(right, right_row)| {
            left.cmp(&right).then_with(|| {
                let (left, right) = (to_usize(left_row), to_usize(right_row));
                let by_time = || self.from(left).cmp(&self.from(right));
                self.key(left).cmp(self.key(right)).then_with(by_time).then(left_row.cmp(&right_row))
            })
        });
        self.order = rows.into_iter().map(|(_, row)| row).collect();
    }

    /// Returns the first bytes of a key as a number in the same order: most keys differ within them.
    fn beginning(&self, row: usize) -> u128 {
        let mut bytes = [0; 16];
        let mut place = 0;
        for part in self.key(row) {
            let length = part.len().min(bytes.len() - place);
            bytes[place..place + length].copy_from_slice(&part.as_bytes()[..length]);
            // A shorter part comes first: no key contains a zero.
            place = (place + length + 1).min(bytes.len());
        }
        u128::from_be_bytes(bytes)
    }

    /// Notes rows of one key that hold at the same time.
    fn note_doubles(&self, problems: &mut Problems<'_>) {
        let mut before: Option<usize> = None;
        for place in 0..self.len() {
            let row = self.row(place);
            let Some(other) = before.filter(|&other| self.key(other).eq(self.key(row))) else {
                before = Some(row);
                continue;
            };
            let always = Validity::default();
            let (held, holds) =
                (self.validity.get(other).unwrap_or(&always), self.validity.get(row).unwrap_or(&always));
            if held.overlaps(holds) {
                // The later line is the one to be mended.
                let (first, later) = if other < row { (other, row) } else { (row, other) };
                problems.note(
                    self.lines[later],
                    self.keys.first().map_or(1, |&column| cell_number(column)),
                    self.double(first, later),
                    self.dated().then(|| "let one range end before the other begins".to_owned()),
                );
            }
            // What ends last is what the next row may run into.
            if held.ends_before(holds) {
                before = Some(row);
            }
        }
    }

    fn double(&self, first: usize, later: usize) -> String {
        let (keys, line) = (joined(self.key(later)), self.lines[first]);
        match (self.validity.get(first), self.validity.get(later)) {
            (Some(first), Some(later)) => {
                format!("`{keys}` holds {later}, and {first} in line {line}: the ranges overlap")
            }
            _ => format!("`{keys}` is in line {line} already"),
        }
    }

    /// Tells whether rows hold for a time only.
    pub(super) const fn dated(&self) -> bool {
        self.declared.from.is_some() || self.declared.to.is_some()
    }

    /// Finds the row of a key that holds at a moment.
    pub(super) fn find(&self, keys: &[&str], at: Option<BeijingTime>) -> Result<TableRow<'_>, Miss> {
        let miss = |kind| Err(self.miss(keys, kind));
        if keys.len() != self.keys.len() {
            return miss(MissKind::KeyCount { columns: self.declared.keys.clone() });
        }
        let below = |row: usize| self.key(row).cmp(keys.iter().copied());
        let start = self.order.partition_point(|&row| below(to_usize(row)) == Ordering::Less);
        let of_key =
            || (start..self.len()).map(|place| self.row(place)).take_while(|&row| below(row).is_eq());
        if !self.dated() {
            return match of_key().next() {
                Some(row) => Ok(TableRow { table: self, row }),
                None => miss(MissKind::NoRow { closest: self.closest(keys) }),
            };
        }
        let Some(at) = at else { return miss(MissKind::NoTime) };
        let mut ranges = Vec::new();
        for row in of_key() {
            let Some(validity) = self.validity.get(row) else { continue };
            if validity.holds(at) {
                return Ok(TableRow { table: self, row });
            }
            ranges.push(validity.to_string());
        }
        if ranges.is_empty() {
            miss(MissKind::NoRow { closest: self.closest(keys) })
        } else {
            miss(MissKind::NotThen { at, ranges })
        }
    }

    fn miss(&self, keys: &[&str], kind: MissKind) -> Miss {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        Miss { table: self.declared.name.clone(), file: self.file.clone(), keys, kind }
    }

    /// Returns the existing keys that differ least: in one of their parts, in the first of all otherwise.
    fn closest(&self, keys: &[&str]) -> Vec<String> {
        for (part, &wrong) in keys.iter().enumerate() {
            let others_agree = |&row: &usize| {
                let mut parts = self.key(row).zip(keys).enumerate();
                parts.all(|(place, (cell, &key))| place == part || cell == key)
            };
            let rows = (0..self.len()).filter(others_agree);
            let close = crate::nearest(wrong, rows.filter_map(|row| self.key(row).nth(part)));
            if !close.is_empty() {
                let with = |cell: &str| {
                    joined(
                        keys.iter().enumerate().map(|(place, &key)| if place == part { cell } else { key }),
                    )
                };
                return close.into_iter().map(with).collect();
            }
        }
        Vec::new()
    }

    /// Tells whether a row has this key at any time; for tables of one key.
    pub(super) fn has_key(&self, key: &str) -> bool {
        let below = |row: usize| self.key(row).cmp([key]);
        let start = self.order.partition_point(|&row| below(to_usize(row)) == Ordering::Less);
        start < self.len() && below(self.row(start)).is_eq()
    }

    /// Returns the first part of every key.
    pub(super) fn first_keys(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|row| self.key(row).next())
    }

    /// Returns the cells of a column that are not empty, each with its line and place.
    pub(super) fn filled(&self, column: &str) -> impl Iterator<Item = (&str, u32, u32)> {
        let column = self.column(column);
        column.into_iter().flat_map(move |column| {
            let cells = (0..self.len())
                .map(move |row| (self.cell(row, column), self.lines[row], cell_number(column)));
            cells.filter(|(cell, ..)| !cell.is_empty())
        })
    }
}

fn to_usize(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// Writes the parts of a key as one.
pub(crate) fn joined<'k>(keys: impl Iterator<Item = &'k str>) -> String {
    keys.map(|key| if key.is_empty() { "(empty)" } else { key }).collect::<Vec<_>>().join(" + ")
}

/// A table that is being read.
struct Reading<'o> {
    own: &'o mut Own,
    from: Option<usize>,
    to: Option<usize>,
}

impl Rows for Reading<'_> {
    fn header(&mut self, titles: &[Cow<'_, str>], line: u32, problems: &mut Problems<'_>) -> bool {
        let before = problems.found.len();
        for (place, title) in titles.iter().enumerate() {
            if !title.is_empty() && titles[..place].contains(title) {
                problems.note(line, cell_number(place), format!("the column `{title}` comes twice"), None);
            }
        }
        let OwnTable { name, keys, from, to, refers, .. } = &self.own.declared;
        let mut find = |column: &String| {
            let place = titles.iter().position(|title| title == column.as_str());
            if place.is_none() {
                let message = format!("the column `{column}` is missing, which [tables.{name}] names");
                let titles = titles.iter().map(AsRef::as_ref).filter(|title: &&str| !title.is_empty());
                let hint = did_you_mean(column, titles.clone()).unwrap_or_else(|| {
                    format!("the columns here are {}", titles.collect::<Vec<_>>().join(", "))
                });
                problems.note(line, 1, message, Some(hint));
            }
            place
        };
        let keys: Vec<usize> = keys.iter().filter_map(&mut find).collect();
        let (from, to) = (from.as_ref().and_then(&mut find), to.as_ref().and_then(&mut find));
        for reference in refers {
            find(&reference.column);
        }
        self.own.keys = keys;
        (self.from, self.to) = (from, to);
        self.own.columns = titles.iter().map(ToString::to_string).collect();
        problems.found.len() == before
    }

    fn row(&mut self, cells: &[Cow<'_, str>], line: u32, problems: &mut Problems<'_>) {
        let cell = |column: usize| cells.get(column).map_or("", AsRef::as_ref);
        let name = |column: usize| self.own.columns[column].as_str();
        for &column in &self.own.keys {
            if cell(column).is_empty() {
                problems.note(line, cell_number(column), format!("`{}` is empty", name(column)), None);
            }
        }
        for (column, text) in cells.iter().enumerate() {
            if is_rewritten_number(text) {
                let message = format!(
                    "`{}` is `{text}`: a spreadsheet has turned the code into a number",
                    name(column)
                );
                let hint = "format the column as text (文本) before pasting the codes, then save again";
                problems.note(line, cell_number(column), message, Some(hint.to_owned()));
            } else if self.own.keys.contains(&column) && has_control(text) {
                let message = format!("`{}` contains a line break or a tab", name(column));
                problems.note(line, cell_number(column), message, None);
            }
        }
        if self.from.is_some() || self.to.is_some() {
            let mut end = |column: Option<usize>| {
                let column = column.filter(|&column| !cell(column).is_empty())?;
                let read = moment(cell(column));
                if read.is_none() {
                    let message = format!(
                        "`{}` is `{}`, which is neither a date nor a time",
                        name(column),
                        cell(column)
                    );
                    let hint = "write 2026-11-01 or 2026-11-01 08:00:00 (Beijing time), or leave it empty";
                    problems.note(line, cell_number(column), message, Some(hint.to_owned()));
                }
                read
            };
            let (from, to) = (end(self.from), end(self.to));
            let validity = Validity::new(from, to);
            if validity.is_backward() {
                let message = format!("the row ends before it begins: {validity}");
                problems.note(line, self.to.map_or(1, cell_number), message, None);
            }
            self.own.validity.push(validity);
        }
        for column in 0..self.own.columns.len() {
            self.own.text.push_str(cell(column));
            self.own.ends.push(u32::try_from(self.own.text.len()).unwrap_or(u32::MAX));
        }
        self.own.lines.push(line);
    }

    fn expected(&self) -> String {
        format!("the first row names the columns, among them {}", self.own.declared.keys.join(","))
    }
}
