//! A table of the file, read key by key: what is asked for is checked, what was never asked for is unknown.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use dougong_mapping::rules::Choice;
use dougong_mapping::{FormulaProblem, FormulaTexts, InvalidTemplate, Template, did_you_mean};
use dougong_values::Quantity;
use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::error::{ConfigError, Page, sounds_secret};
use crate::formats::{duration, written, wrong_with_url};
use crate::shape::{Shape, Sketch};
use crate::substitute::{names_variable, substitute, variable};

/// Tells which formulas are none.
pub(crate) type Syntax = fn(&FormulaTexts) -> Vec<FormulaProblem>;

/// Collects errors while a file is read; the environment its values are replaced from.
pub(crate) struct Report<'a> {
    pub(crate) page: Page<'a>,
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    /// How formulas are parsed, for a program that maps documents.
    pub(crate) syntax: Option<Syntax>,
    pub(crate) errors: RefCell<Vec<ConfigError>>,
    /// Where every key that is asked for is noted with its shape: the schema is drawn from it.
    pub(crate) sketch: Option<&'a Sketch>,
}

impl<'a> Report<'a> {
    /// Starts to read a text.
    pub(crate) fn new(page: Page<'a>, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { page, env, syntax: None, errors: RefCell::default(), sketch: None }
    }
}

impl Report<'_> {
    /// Notes what is wrong with a part of the file.
    pub(crate) fn note(&self, span: Range<usize>, message: String, hint: Option<String>) {
        let error = self.page.error(span, message, hint);
        self.errors.borrow_mut().push(error);
    }
}

/// What was wrong is noted already.
pub(crate) struct Noted;

/// A text after replacement, and where it stands.
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) span: Range<usize>,
    /// The text as written, for hints about variables.
    written: String,
}

/// A text as it is written, and where.
pub(crate) struct Written<'a> {
    pub(crate) name: &'a str,
    pub(crate) key: Range<usize>,
    pub(crate) text: &'a str,
    pub(crate) value: Range<usize>,
    file: &'a str,
}

impl Written<'_> {
    /// Returns where the first letter stands; none where escapes make the text differ from what is written.
    pub(crate) fn start(&self) -> Option<usize> {
        let raw = self.file.get(self.value.clone())?;
        let quotes = if raw.starts_with("'''") || raw.starts_with("\"\"\"") { 3 } else { 1 };
        let line_break = match raw.get(quotes..)? {
            rest if quotes == 3 && rest.starts_with("\r\n") => 2,
            rest if quotes == 3 && rest.starts_with('\n') => 1,
            _ => 0,
        };
        let start = self.value.start + quotes + line_break;
        self.file.get(start..)?.starts_with(self.text).then_some(start)
    }

    /// Returns line and column, from 1, of the first letter, or of the quotes before it.
    pub(crate) fn place(&self) -> (u32, u32) {
        let before = self.file.get(..self.start().unwrap_or(self.value.start)).unwrap_or_default();
        let count = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        (count(before.matches('\n').count()), count(column))
    }
}

/// A table of the file, or a missing one, whose keys are all absent.
pub(crate) struct Section<'a> {
    report: &'a Report<'a>,
    path: String,
    table: Option<&'a DeTable<'a>>,
    span: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// Takes the whole file as a section.
    pub(crate) fn root(report: &'a Report<'a>, table: Option<&'a Spanned<DeTable<'a>>>) -> Self {
        let table = table.map(Spanned::get_ref);
        Self { report, path: String::new(), table, span: 0..0, asked: RefCell::default() }
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Looks a key up. Whoever asks says what may stand there: no key is read that the schema does not know.
    fn value(&self, key: &'static str, shape: Shape) -> Option<(&'a DeValue<'a>, Range<usize>)> {
        self.asked.borrow_mut().push(key);
        if let Some(sketch) = self.report.sketch {
            sketch.note(self.full(key), shape);
        }
        let value = self.table?.get(key)?;
        Some((value.get_ref(), value.span()))
    }

    /// Says that a key must be there; who reads it notes it if it is not.
    pub(crate) fn need(&self, key: &str) {
        if let Some(sketch) = self.report.sketch {
            sketch.need(self.full(key));
        }
    }

    /// Returns the sketch if the section is read for it alone, without a file.
    fn sketched(&self) -> Option<&'a Sketch> {
        self.report.sketch.filter(|sketch| sketch.pretends())
    }

    /// Tells which formulas are none; of a program that maps nothing, it is not asked.
    pub(crate) fn syntax(&self, texts: &FormulaTexts) -> Vec<FormulaProblem> {
        self.report.syntax.map(|syntax| syntax(texts)).unwrap_or_default()
    }

    /// Notes what is wrong with a key; a missing one is noted at its section.
    pub(crate) fn note(&self, key: &str, message: String, hint: Option<String>) {
        let span = self.table.and_then(|table| table.get(key)).map_or(self.span.clone(), Spanned::span);
        self.report.note(span, message, hint);
    }

    fn wrong_type(&self, span: Range<usize>, key: &str, wanted: &str, found: &DeValue<'_>) -> Noted {
        let message = format!("`{}` is {}", self.full(key), kind(found));
        self.report.note(span, message, Some(format!("write {wanted}")));
        Noted
    }

    /// Opens a table within; a missing one is as good as an empty one.
    pub(crate) fn section(&self, key: &'static str) -> Self {
        let (table, span) = match self.value(key, Shape::Section) {
            Some((DeValue::Table(table), span)) => (Some(table), span),
            Some((other, span)) => {
                self.wrong_type(span.clone(), key, "a table in [ ]", other);
                (None, span)
            }
            None => (None, self.span.clone()),
        };
        Self { report: self.report, path: self.full(key), table, span, asked: RefCell::default() }
    }

    /// Opens every table within a table that people name themselves.
    pub(crate) fn named_sections(&self, key: &'static str) -> Vec<(String, Range<usize>, Self)> {
        let value = self.value(key, Shape::Named);
        if self.sketched().is_some() {
            let path = format!("{}.*", self.full(key));
            let section =
                Self { report: self.report, path, table: None, span: 0..0, asked: RefCell::default() };
            return vec![("*".to_owned(), 0..0, section)];
        }
        let Some((DeValue::Table(table), _)) = value else { return Vec::new() };
        let mut sections = Vec::new();
        for (name, value) in table {
            let path = format!("{}.{}", self.full(key), name.get_ref());
            match value.get_ref() {
                DeValue::Table(inner) => {
                    let (table, span) = (Some(inner), name.span());
                    let section = Self { report: self.report, path, table, span, asked: RefCell::default() };
                    sections.push((name.get_ref().to_string(), name.span(), section));
                }
                other => {
                    let message = format!("`{path}` is {}, not a table", kind(other));
                    self.report.note(value.span(), message, Some(format!("write [{path}]")));
                }
            }
        }
        sections
    }

    /// Reads a table of texts that people name themselves; empty ones are left out.
    pub(crate) fn named_texts(&self, key: &'static str) -> Vec<(String, Text)> {
        let table = match self.value(key, Shape::Texts) {
            Some((DeValue::Table(table), _)) => table,
            Some((other, span)) => {
                self.wrong_type(span, key, "a table of texts, such as { a = \"b\" }", other);
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let mut texts = Vec::new();
        for (name, value) in table {
            let text = match value.get_ref() {
                DeValue::String(text) => self.replaced(text, value.span()),
                other => {
                    let path = format!("{key}.{}", name.get_ref());
                    Err(self.wrong_type(value.span(), &path, "a text in quotes, such as \"abc\"", other))
                }
            };
            texts.extend(
                text.ok()
                    .filter(|text| !text.value.is_empty())
                    .map(|text| (name.get_ref().to_string(), text)),
            );
        }
        texts
    }

    /// Reads a text as it is written, without replacing anything in it: formulas write `${…}` themselves.
    pub(crate) fn written(&self, key: &'static str) -> Option<Written<'a>> {
        self.value(key, Shape::Text)?;
        let (name, value) = self.table?.get_key_value(key)?;
        self.written_of(name, value)
    }

    /// Reads every text of a table whose keys are fields of a voucher, in the order of the file.
    pub(crate) fn all_written(&self, key: &'static str, fields: Vec<&'static str>) -> Vec<Written<'a>> {
        let table = match self.value(key, Shape::Fields(fields)) {
            Some((DeValue::Table(table), _)) => table,
            Some((other, span)) => {
                self.wrong_type(span, key, "a table in [ ]", other);
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let mut all: Vec<_> = table.iter().filter_map(|(name, value)| self.written_of(name, value)).collect();
        all.sort_by_key(|written| written.key.start);
        all
    }

    fn written_of(
        &self,
        name: &'a Spanned<DeString<'a>>,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<Written<'a>> {
        let DeValue::String(text) = value.get_ref() else {
            let wanted = "an expression in quotes, such as '''order.trade_no'''";
            self.wrong_type(value.span(), name.get_ref(), wanted, value.get_ref());
            return None;
        };
        let file = self.report.page.text;
        Some(Written { name: name.get_ref(), key: name.span(), text, value: value.span(), file })
    }

    /// Notes what is wrong with a part of the file.
    pub(crate) fn note_span(&self, span: Range<usize>, message: String, hint: Option<String>) {
        self.report.note(span, message, hint);
    }

    /// Returns the file's name.
    pub(crate) fn file(&self) -> &'a str {
        self.report.page.file
    }

    /// Tells whether the section stands in the file. One that may be missing as a whole is asked for this first.
    pub(crate) fn is_there(&self) -> bool {
        if let Some(sketch) = self.report.sketch {
            sketch.may_be_missing(self.path.clone());
        }
        self.table.is_some() || self.sketched().is_some()
    }

    /// Reads a text, replaced from the environment; an empty one is none.
    pub(crate) fn text(&self, key: &'static str) -> Result<Option<Text>, Noted> {
        self.text_like(key, Shape::Text)
    }

    /// Reads a text of a certain shape; an empty one is none.
    fn text_like(&self, key: &'static str, shape: Shape) -> Result<Option<Text>, Noted> {
        match self.value(key, shape) {
            None => Ok(None),
            Some((DeValue::String(text), span)) => {
                self.replaced(text, span).map(|text| Some(text).filter(|text| !text.value.is_empty()))
            }
            Some((other, span)) => {
                Err(self.wrong_type(span, key, "a text in quotes, such as \"abc\"", other))
            }
        }
    }

    fn replaced(&self, text: &str, span: Range<usize>) -> Result<Text, Noted> {
        match substitute(text, self.report.env) {
            Ok(value) => Ok(Text { value: value.trim().to_owned(), span, written: text.to_owned() }),
            Err(problems) => {
                for problem in problems {
                    self.report.note(span.clone(), problem.message, problem.hint);
                }
                Err(Noted)
            }
        }
    }

    /// Notes that a key is missing, or empty.
    pub(crate) fn missing(&self, key: &'static str, hint: &str) {
        self.need(key);
        let full = self.full(key);
        match self.table.and_then(|table| table.get(key)) {
            None => self.note(key, format!("`{full}` is missing"), Some(hint.to_owned())),
            Some(value) => {
                let written = value.get_ref().as_str().unwrap_or_default();
                let hint = match variable(written) {
                    Some(name) => format!("set the environment variable {name}: {hint}"),
                    None => hint.to_owned(),
                };
                self.note(key, format!("`{full}` is empty"), Some(hint));
            }
        }
    }

    /// Reads a text that must be there.
    pub(crate) fn required(&self, key: &'static str, hint: &str) -> Option<Text> {
        let text = self.text(key).ok()?;
        if text.is_none() {
            self.missing(key, hint);
        }
        text
    }

    /// Reads a text in the form that its type demands.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, key: &'static str) -> Result<Option<T>, Noted> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        text.value.parse().map(Some).map_err(|error: T::Err| {
            self.report.note(text.span, format!("`{}`: {error}", self.full(key)), None);
            Noted
        })
    }

    /// Reads a text that must be there in the form that its type demands.
    pub(crate) fn required_parsed<T: FromStr<Err: Display>>(
        &self,
        key: &'static str,
        hint: &str,
    ) -> Option<T> {
        let parsed = self.parsed(key).ok()?;
        if parsed.is_none() {
            self.missing(key, hint);
        }
        parsed
    }

    /// Reads a list of texts or whole numbers in the form that their type demands.
    pub(crate) fn list<T: FromStr>(&self, key: &'static str, hint: &str) -> Option<Vec<T>> {
        let items = match self.value(key, Shape::List)? {
            (DeValue::Array(items), _) => items,
            (other, span) => {
                self.wrong_type(span, key, "a list in [ ], such as [1, 2] or [\"TM001\"]", other);
                return None;
            }
        };
        let mut read = Vec::with_capacity(items.len());
        for item in items {
            let text = match item.get_ref() {
                DeValue::String(text) => self.replaced(text, item.span()).map(|text| text.value),
                DeValue::Integer(number) => Ok(number.as_str().to_owned()),
                other => Err(self.wrong_type(item.span(), key, "a list of texts or numbers", other)),
            };
            let Ok(text) = text else { continue };
            if let Ok(value) = text.parse() {
                read.push(value);
            } else {
                let message = format!("`{}` contains `{text}`", self.full(key));
                self.report.note(item.span(), message, Some(hint.to_owned()));
            }
        }
        Some(read)
    }

    /// Reads one of a few names.
    pub(crate) fn choice<T: Choice>(&self, key: &'static str) -> Option<T> {
        let chosen = self.chosen(key).ok()?;
        // What is read after a choice may depend on it: the sketch takes them in turn.
        self.sketched().map_or(chosen, |sketch| sketch.pick(T::NAMES))
    }

    /// Reads the choice that decides which other keys there are; the sketch draws both sides apart.
    pub(crate) fn variant<T: Choice>(&self, key: &'static str) -> Result<Option<T>, Noted> {
        match self.sketched() {
            Some(sketch) if sketch.leaves_variants_out() => Ok(None),
            Some(_) => {
                self.need(key);
                drop(self.chosen::<T>(key));
                Ok(T::NAMES.first().map(|&(_, choice)| choice))
            }
            None => self.chosen(key),
        }
    }

    fn chosen<T: Choice>(&self, key: &'static str) -> Result<Option<T>, Noted> {
        let names: Vec<&'static str> = T::NAMES.iter().map(|&(name, _)| name).collect();
        let Some(text) = self.text_like(key, Shape::Choice(names.clone()))? else { return Ok(None) };
        let chosen = T::named(&text.value);
        if chosen.is_none() {
            let message = format!("`{}` is `{}`", self.full(key), text.value);
            let all = format!("write one of {}", names.join(", "));
            let close = did_you_mean(&text.value, names.iter().copied());
            self.report.note(
                text.span,
                message,
                Some(close.map_or_else(|| all.clone(), |close| format!("{close} {all}"))),
            );
        }
        chosen.map(Some).ok_or(Noted)
    }

    /// Reads yes or no, as `true`/`false` or from a variable.
    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        let (found, span) = self.value(key, Shape::Flag)?;
        match found {
            DeValue::Boolean(flag) => return Some(*flag),
            DeValue::String(text) if names_variable(text) => {
                let text = self.replaced(text, span).ok()?;
                match text.value.as_str() {
                    "true" => return Some(true),
                    "false" => return Some(false),
                    other => {
                        let message = format!("`{}` is `{other}`, neither true nor false", self.full(key));
                        self.report.note(text.span, message, None);
                    }
                }
            }
            other => {
                self.wrong_type(span, key, "true or false, without quotes", other);
            }
        }
        None
    }

    /// Reads a whole number, written as such or from a variable.
    pub(crate) fn whole(&self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let (found, span) = self.value(key, Shape::Whole(range.clone()))?;
        let text = match found {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().replace('_', ""),
            DeValue::String(text) if names_variable(text) => self.replaced(text, span.clone()).ok()?.value,
            other => {
                self.wrong_type(span, key, "a whole number, without quotes", other);
                return None;
            }
        };
        let number = text.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("`{}` is `{text}`", self.full(key));
            let hint = format!("write a whole number from {} to {}", range.start(), range.end());
            self.report.note(span, message, Some(hint));
        }
        number
    }

    /// Reads an exact decimal number that `accept` takes.
    pub(crate) fn decimal(
        &self,
        key: &'static str,
        hint: &str,
        accept: impl Fn(Decimal) -> bool,
    ) -> Option<Decimal> {
        let (found, span) = self.value(key, Shape::Decimal)?;
        let text = match found {
            DeValue::Integer(number) => number.as_str().to_owned(),
            // The digits as written: the number never is a binary float.
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::String(text) if names_variable(text) => self.replaced(text, span.clone()).ok()?.value,
            other => {
                self.wrong_type(span, key, "a decimal number, such as 0.01, without quotes", other);
                return None;
            }
        };
        let number = text.parse::<Quantity>().ok().map(Quantity::decimal).filter(|&number| accept(number));
        if number.is_none() {
            self.report.note(span, format!("`{}` is `{text}`", self.full(key)), Some(hint.to_owned()));
        }
        number
    }

    /// Reads a remark with places for fields.
    pub(crate) fn template<F: Choice>(&self, key: &'static str) -> Option<Template<F>> {
        let fields = F::NAMES.iter().map(|&(name, _)| name).collect();
        let text = self.text_like(key, Shape::Template(fields)).ok()??;
        match text.value.parse() {
            Ok(template) => Some(template),
            Err(InvalidTemplate { message, hint }) => {
                self.report.note(text.span, format!("`{}`: {message}", self.full(key)), Some(hint));
                None
            }
        }
    }

    /// Reads a duration with its unit, in seconds.
    pub(crate) fn seconds(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let text = self.text_like(key, Shape::Duration).ok()??;
        let seconds = duration(&text.value).filter(|seconds| range.contains(seconds));
        if seconds.is_none() {
            let message = format!("`{}` is `{}`", self.full(key), text.value);
            let (least, most) = (written(*range.start()), written(*range.end()));
            let hint = format!("write a duration such as 90s, 5m, 24h or 30d, from {least} to {most}");
            self.report.note(text.span, message, Some(hint));
        }
        seconds
    }

    /// Reads an address that is called over HTTP.
    pub(crate) fn url(&self, key: &'static str) -> Result<Option<String>, Noted> {
        let Some(text) = self.text_like(key, Shape::Url)? else { return Ok(None) };
        match wrong_with_url(&text.value) {
            None => Ok(Some(text.value.trim_end_matches('/').to_owned())),
            Some(wrong) => {
                // The text itself is not repeated: an address may carry a secret.
                let message = format!("`{}`: {wrong}", self.full(key));
                let hint = variable(&text.written)
                    .map(|name| format!("it comes from the environment variable {name}"));
                self.report.note(text.span, message, hint);
                Err(Noted)
            }
        }
    }

    /// Notes every key of the section that was never asked for.
    pub(crate) fn finish(self) {
        let asked = self.asked.borrow();
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name = key.get_ref().as_ref();
            if !asked.contains(&name) {
                let hint = match did_you_mean(name, asked.iter().copied()) {
                    _ if sounds_secret(name) => "secrets are not written here: they belong in the secret store, or in the file that DOUGONG_SECRETS names".to_owned(),
                    Some(close) => close,
                    None => format!("the keys here are {}", asked.join(", ")),
                };
                self.report.note(key.span(), format!("unknown key `{name}`"), Some(hint));
            }
        }
    }

    /// Notes a problem of a rule, which is named by its path below this section.
    pub(crate) fn note_below(&self, path: &str, message: &str, hint: Option<String>) {
        let mut span = self.span.clone();
        let mut table = self.table;
        for key in path.split('.') {
            let Some(value) = table.and_then(|table| table.get(key)) else { break };
            span = value.span();
            table = value.get_ref().as_table();
        }
        self.report.note(span, format!("`{path}`: {message}"), hint);
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time without quotes",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
