//! One CSV file as people save it: UTF-8 with or without BOM, or GBK; quoted or not; blanks around cells.

use std::borrow::Cow;
use std::cell::Cell;
use std::str::FromStr;

use dougong_values::Quantity;
use rust_decimal::Decimal;

use crate::nearest::did_you_mean;

use super::TableProblem;
use super::cells::{Cells, Unclosed};

/// One column that a table may have.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) required: bool,
}

/// Collects what is wrong with one file.
pub(super) struct Problems<'a> {
    pub(super) file: &'a str,
    pub(super) found: &'a mut Vec<TableProblem>,
}

impl Problems<'_> {
    pub(super) fn note(&mut self, line: u32, column: u32, message: String, hint: Option<String>) {
        self.found.push(TableProblem { file: self.file.to_owned(), line, column, message, hint });
    }
}

/// Decodes a file: UTF-8 with or without BOM, else GBK, which is what a Chinese Excel saves as "CSV".
///
/// `None` if it is neither.
pub fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(Cow::Borrowed(text)),
        // UTF-16, "Unicode text" in Excel, could pass for GBK.
        Err(_) if bytes.contains(&0) => None,
        Err(_) => encoding_rs::GBK.decode_without_bom_handling_and_without_replacement(bytes),
    }
}

/// Guesses how many rows a file has by its beginning, so that room for them is made once.
pub(super) fn about_rows(bytes: &[u8]) -> usize {
    const LOOKED_AT: usize = 8_192;
    let beginning = &bytes[..bytes.len().min(LOOKED_AT)];
    let rows = beginning.split(|&byte| byte == b'\n').count();
    bytes.len().div_ceil(LOOKED_AT) * rows
}

/// Splits off the comment lines above the header. Below it every line is data: a goods code may start with `#`.
fn skip_comments(text: &str) -> (u32, &str) {
    let (mut skipped, mut rest) = (0, text);
    while rest.starts_with('#') || rest.starts_with("\"#") {
        skipped += 1;
        rest = rest.split_once('\n').map_or("", |(_, below)| below);
    }
    (skipped, rest)
}

/// Takes a file's rows one after another; a file whose header it refuses is not read further.
pub(super) trait Rows {
    /// Takes the header; `false` (and problems noted) if it is not as expected.
    fn header(&mut self, titles: &[Cow<'_, str>], line: u32, problems: &mut Problems<'_>) -> bool;
    /// Takes a row that is not empty and no wider than the header.
    fn row(&mut self, cells: &[Cow<'_, str>], line: u32, problems: &mut Problems<'_>);
    /// Says what the header should have been.
    fn expected(&self) -> String;
}

/// Reads a file row by row and notes what is wrong with its form.
pub(super) fn read_rows(bytes: &[u8], problems: &mut Problems<'_>, rows: &mut impl Rows) {
    let Some(text) = decode(bytes) else {
        let hint = "in Excel choose “CSV UTF-8 (逗号分隔)” when saving".to_owned();
        problems.note(0, 0, "the file is neither UTF-8 nor GBK text".to_owned(), Some(hint));
        return;
    };
    let (skipped, text) = skip_comments(&text);
    let mut reader = Cells::new(text);
    let mut width = None;
    loop {
        let line = match reader.next_row() {
            Ok(Some(line)) => line + skipped,
            Ok(None) => break,
            Err(Unclosed { line, cell }) => {
                let message =
                    "a quotation mark `\"` is not closed: the rest of the file is part of this cell";
                let hint = "put another `\"` at the cell's end; a `\"` within a quoted text is written twice";
                problems.note(line + skipped, cell, message.to_owned(), Some(hint.to_owned()));
                break;
            }
        };
        let cells = reader.row();
        if cells.iter().all(|cell| cell.is_empty()) {
            continue;
        }
        match width {
            None if rows.header(cells, line, problems) => width = Some(cells.len()),
            None => return,
            Some(width) if cells.len() > width && cells[width..].iter().any(|cell| !cell.is_empty()) => {
                let message = format!("the row has {} cells, the header {width}", cells.len());
                let hint = "put a text that contains a comma between double quotes".to_owned();
                problems.note(line, cell_number(width), message, Some(hint));
            }
            Some(width) => rows.row(&cells[..cells.len().min(width)], line, problems),
        }
    }
    if width.is_none() {
        problems.note(1, 1, "the table has no header row".to_owned(), Some(rows.expected()));
    }
}

/// Reads a table of known columns row by row and notes everything that is wrong with it.
///
/// A file whose columns are not as expected is not read further: its cells could only be misunderstood.
pub(super) fn read(
    bytes: &[u8],
    columns: &'static [Column],
    problems: &mut Problems<'_>,
    each: impl FnMut(&mut Row<'_, '_>),
) {
    read_rows(bytes, problems, &mut Known { columns, layout: None, each });
}

/// The rows of a table whose columns are known.
struct Known<F> {
    columns: &'static [Column],
    layout: Option<Layout>,
    each: F,
}

impl<F: FnMut(&mut Row<'_, '_>)> Rows for Known<F> {
    fn header(&mut self, titles: &[Cow<'_, str>], line: u32, problems: &mut Problems<'_>) -> bool {
        self.layout = header(titles, line, self.columns, problems);
        self.layout.is_some()
    }

    fn row(&mut self, cells: &[Cow<'_, str>], line: u32, problems: &mut Problems<'_>) {
        if let Some(layout) = &self.layout {
            (self.each)(&mut Row { cells, line, layout, problems: &mut *problems });
        }
    }

    fn expected(&self) -> String {
        expected(self.columns)
    }
}

/// Counts a cell as people do.
pub(super) fn cell_number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

fn expected(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    format!("the first row names the columns: {}", names.join(","))
}

/// Where each expected column is in this file.
struct Layout {
    columns: &'static [Column],
    places: Vec<Option<usize>>,
    /// The column that was asked for last: a row is read in the order of its columns, so the next one is near.
    last: Cell<usize>,
}

impl Layout {
    fn place(&self, column: &str) -> Option<usize> {
        // Mostly the very text that the column is declared with.
        let known = self.find(|known| std::ptr::eq(known.name, column));
        let known = known.or_else(|| self.find(|known| known.name == column));
        debug_assert!(known.is_some(), "{column} is not a column of this table");
        let known = known?;
        self.last.set(known);
        self.places[known]
    }

    fn find(&self, is_it: impl Fn(&Column) -> bool) -> Option<usize> {
        let (before, from_last) = self.columns.split_at(self.last.get());
        let behind = from_last.iter().position(&is_it).map(|index| index + before.len());
        behind.or_else(|| before.iter().position(is_it))
    }
}

/// Finds each expected column in the header; `None` (and problems noted) if it is not as expected.
fn header(
    titles: &[Cow<'_, str>],
    line: u32,
    columns: &'static [Column],
    problems: &mut Problems<'_>,
) -> Option<Layout> {
    let before = problems.found.len();
    let mut places = vec![None; columns.len()];
    for (index, title) in titles.iter().enumerate() {
        let cell = cell_number(index);
        match columns.iter().position(|column| column.name == title) {
            // A trailing comma in every row is what Excel leaves behind a deleted column.
            None if title.is_empty() => {}
            None => {
                let hint = did_you_mean(title, columns.iter().map(|column| column.name));
                let hint = hint.or_else(|| Some(expected(columns)));
                problems.note(line, cell, format!("unknown column `{title}`"), hint);
            }
            Some(known) if places[known].is_some() => {
                problems.note(line, cell, format!("the column `{title}` comes twice"), None);
            }
            Some(known) => places[known] = Some(index),
        }
    }
    for (column, place) in columns.iter().zip(&places) {
        if column.required && place.is_none() {
            let message = format!("the column `{}` is missing", column.name);
            problems.note(line, 1, message, Some(expected(columns)));
        }
    }
    (problems.found.len() == before).then_some(Layout { columns, places, last: Cell::new(0) })
}

/// One row of a table, read cell by cell.
pub(super) struct Row<'r, 'p> {
    cells: &'r [Cow<'r, str>],
    layout: &'r Layout,
    problems: &'r mut Problems<'p>,
    pub(super) line: u32,
}

impl<'r> Row<'r, '_> {
    fn cell(&self, column: &str) -> Option<&'r str> {
        let text: &'r str = self.cells.get(self.layout.place(column)?)?;
        (!text.is_empty()).then_some(text)
    }

    /// Notes a problem of one cell.
    pub(super) fn note(&mut self, column: &str, message: String, hint: Option<String>) {
        let cell = self.layout.place(column).map_or(1, cell_number);
        self.problems.note(self.line, cell, message, hint);
    }

    /// Reads a code or a text; `None` if the cell is empty.
    pub(super) fn text(&mut self, column: &str) -> Option<String> {
        self.borrowed(column).map(str::to_owned)
    }

    /// Reads a code or a text that is not kept.
    pub(super) fn borrowed(&mut self, column: &str) -> Option<&'r str> {
        let text = self.cell(column)?;
        if is_rewritten_number(text) {
            let message = format!("`{column}` is `{text}`: a spreadsheet has turned the code into a number");
            let hint = "format the column as text (文本) before pasting the codes, then save again";
            self.note(column, message, Some(hint.to_owned()));
        } else if has_control(text) {
            self.note(column, format!("`{column}` contains a line break or a tab"), None);
        }
        Some(text)
    }

    /// Reads a code or a text that must be there.
    pub(super) fn required(&mut self, column: &str) -> Option<&'r str> {
        let text = self.borrowed(column);
        if text.is_none() {
            self.note(column, format!("`{column}` is empty"), None);
        }
        text
    }

    /// Reads an id in its own type; it must be there.
    pub(super) fn id<T: FromStr<Err: std::fmt::Display>>(&mut self, column: &str) -> Option<T> {
        self.required(column)?;
        self.maybe_id(column)
    }

    /// Reads an id in its own type; `None` if the cell is empty or wrong (then noted).
    pub(super) fn maybe_id<T: FromStr<Err: std::fmt::Display>>(&mut self, column: &str) -> Option<T> {
        match self.cell(column)?.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                self.note(column, format!("`{column}`: {error}"), None);
                None
            }
        }
    }

    /// Reads a plain decimal number; `None` if the cell is empty or wrong (then noted).
    pub(super) fn decimal(&mut self, column: &str, hint: &str) -> Option<Decimal> {
        let text = self.cell(column)?;
        let number = text.parse::<Quantity>().ok().map(Quantity::decimal);
        if number.is_none() {
            let message = format!("`{column}` is `{text}`, which is not a decimal number");
            self.note(column, message, Some(hint.to_owned()));
        }
        number
    }

    /// Reads a factor or an exchange rate: above 0, and not so large that amounts could not be computed exactly.
    pub(super) fn rate(&mut self, column: &str, hint: &str) -> Option<Quantity> {
        const MOST: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);
        let number = self.decimal(column, hint)?;
        if number <= Decimal::ZERO || number > MOST {
            self.note(
                column,
                format!("`{column}` must be above 0 and at most {MOST}"),
                Some(hint.to_owned()),
            );
            return None;
        }
        Some(Quantity::new(number))
    }

    /// Reads a whole number of 0 or more; `None` if the cell is empty or wrong (then noted).
    pub(super) fn whole(&mut self, column: &str) -> Option<u32> {
        let text = self.cell(column)?;
        let number = text.parse().ok();
        if number.is_none() {
            self.note(column, format!("`{column}` is `{text}`, which is not a whole number"), None);
        }
        number
    }

    /// Reads yes or no; an empty cell is no.
    pub(super) fn flag(&mut self, column: &str) -> bool {
        self.flag_or(column, false)
    }

    /// Reads yes or no; an empty cell is `otherwise`.
    pub(super) fn flag_or(&mut self, column: &str, otherwise: bool) -> bool {
        let Some(text) = self.cell(column) else { return otherwise };
        let is_one_of = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        if is_one_of(["yes", "true", "1", "是"]) {
            return true;
        }
        if !is_one_of(["no", "false", "0", "否"]) {
            let hint = "write yes or no (是 / 否)".to_owned();
            self.note(column, format!("`{column}` is `{text}`"), Some(hint));
        }
        false
    }
}

/// Tells whether a text has a line break, a tab or another letter that nobody sees.
pub(super) fn has_control(text: &str) -> bool {
    // C1 controls have no single byte of their own.
    text.bytes().any(|byte| byte.is_ascii_control())
        || (!text.is_ascii() && text.chars().any(char::is_control))
}

/// Recognises `6.91234E+12`, what Excel makes of a long code of digits.
pub(super) fn is_rewritten_number(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
        && text.split_once('E').is_some_and(|(mantissa, exponent)| {
            mantissa.contains('.')
                && mantissa.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
                && exponent
                    .strip_prefix('+')
                    .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        })
}
