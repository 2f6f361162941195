//! Reading the folder, and reading its files as one configuration.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use dougong_mapping::{
    OwnTable, STORE_TABLE_FILES, TABLE_FILES, TableProblem, Tables, decode_table, formula_syntax, nearest,
};
use dougong_values::TenantId;
use toml::de::DeTable;

use crate::config::{Config, RulesFile};
use crate::error::{ConfigError, ConfigErrors, Page, Snippet};
use crate::scheme::{Schemes, schemes};
use crate::section::{Report, Section, Syntax};
use crate::store;
use crate::systems;
use crate::tables::own_tables;

/// The files of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The rules, `dougong.toml`.
    pub rules: NamedFile,
    /// The tables, `tables/*.csv`.
    pub tables: Vec<NamedFile>,
}

/// A file's contents.
#[derive(Debug, Clone, Default)]
pub struct NamedFile {
    /// The name that messages call it by; of a table the last part says which one it is.
    pub name: String,
    /// The contents.
    pub bytes: Vec<u8>,
}

impl Config {
    /// Reads the configuration in a folder: `dougong.toml` and `tables/*.csv`, with `${DOUGONG_…}` from `env`.
    ///
    /// # Errors
    /// Everything that is wrong, at once: unreadable files, syntax, unknown keys, missing and impossible values,
    /// variables that are not set, tables that are incomplete or do not fit each other or the rules.
    pub fn load(folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        load(folder, env, None)
    }

    /// Reads the configuration in a folder as [`Config::load`] does and compiles its formulas, for a program that maps
    /// documents.
    ///
    /// # Errors
    /// As [`Config::load`], what is wrong with formulas among the rest.
    pub fn load_compiled(folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let config = load(folder, env, Some(formula_syntax))?;
        config.compile()?;
        Ok(config)
    }

    /// Reads a configuration from its files' contents, with `${DOUGONG_…}` from `env`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn read(files: &Files, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        read_files(Some(&files.rules), &files.tables, env, None, Unread::default())
    }
}

fn load(
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    syntax: Option<Syntax>,
) -> Result<Config, ConfigErrors> {
    let mut unread = Unread::default();
    let rules = unread.read(&folder.join("dougong.toml"));
    let tables_folder = folder.join("tables");
    let names = table_names(&tables_folder);
    let tables: Vec<NamedFile> =
        names.iter().filter_map(|name| unread.read(&tables_folder.join(name))).collect();
    read_files(rules.as_ref(), &tables, env, syntax, unread)
}

/// Files that could not be read, and why.
#[derive(Default)]
struct Unread {
    errors: Vec<ConfigError>,
}

impl Unread {
    fn read(&mut self, path: &Path) -> Option<NamedFile> {
        let name = path.display().to_string();
        match fs::read(path) {
            Ok(bytes) => Some(NamedFile { name, bytes }),
            Err(error) => {
                self.errors.push(unreadable(path, &error));
                None
            }
        }
    }

    /// Tells whether a table that is said to be missing is one that could not be read.
    fn explains(&self, problem: &TableProblem) -> bool {
        problem.line == 0 && self.errors.iter().any(|error| Path::new(&error.file).ends_with(&problem.file))
    }
}

fn read_files(
    rules: Option<&NamedFile>,
    tables: &[NamedFile],
    env: &dyn Fn(&str) -> Option<String>,
    syntax: Option<Syntax>,
    unread: Unread,
) -> Result<Config, ConfigErrors> {
    let source = TableFiles { files: tables, problems: RefCell::default() };
    let mut table_problems = Vec::new();
    let (config, mut of_rules) = if let Some(file) = rules {
        read_rules(file, env, syntax, &source, &mut |problem| table_problems.push(problem))
    } else {
        source.read_standard();
        (None, Vec::new())
    };
    let mut of_tables = source.problems.into_inner();
    of_tables.retain(|problem| !unread.explains(problem));
    // What a row lacks because a cell of it is wrong is told by that cell.
    table_problems.retain(|gap| !of_tables.iter().any(|told| told.file == gap.file && told.line == gap.line));
    table_problems.splice(..0, of_tables);
    of_rules.sort_by_key(|error| (error.line, error.column));
    // Two schemes may miss the same cell.
    table_problems.dedup();
    let table_problems = first_of_each(table_problems);

    let mut errors = unread.errors;
    errors.append(&mut of_rules);
    errors.extend(table_problems.into_iter().map(|problem| table_error(problem, tables)));
    match config {
        Some(config) if errors.is_empty() => Ok(config),
        _ => Err(ConfigErrors(errors)),
    }
}

/// How many rows with the same problem are listed one by one: a code that is missing may be in every row.
const LISTED: usize = 3;
/// How many problems of one table are listed: who sees more of them has saved another file under its name.
const LISTED_OF_TABLE: usize = 100;

/// Leaves the first rows with the same problem and the first problems of a table, and says how many more there are.
fn first_of_each(problems: Vec<TableProblem>) -> Vec<TableProblem> {
    let key = |problem: &TableProblem| (problem.file.clone(), problem.column, problem.message.clone());
    let mut rows: HashMap<_, usize> = HashMap::new();
    for problem in &problems {
        *rows.entry(key(problem)).or_default() += 1;
    }
    let mut listed: HashMap<_, usize> = HashMap::new();
    let mut of_table: BTreeMap<String, usize> = BTreeMap::new();
    let mut first = Vec::new();
    for mut problem in problems {
        let key = key(&problem);
        let more = rows.get(&key).map_or(0, |rows| rows.saturating_sub(LISTED));
        let place = listed.entry(key).or_default();
        *place += 1;
        if *place > LISTED {
            continue;
        }
        if *place == LISTED && more > 0 {
            let _ = write!(problem.message, " (and {more} more rows)");
        }
        let of_table = of_table.entry(problem.file.clone()).or_default();
        *of_table += 1;
        if *of_table <= LISTED_OF_TABLE {
            first.push(problem);
        }
    }
    for (file, all) in of_table {
        if let Some(more) = all.checked_sub(LISTED_OF_TABLE).filter(|&more| more > 0) {
            let message = format!("{more} more problems of this table are not listed");
            first.push(TableProblem { file, line: 0, column: 0, message, hint: None });
        }
    }
    first
}

/// The tables' files, and what is wrong with them.
struct TableFiles<'a> {
    files: &'a [NamedFile],
    problems: RefCell<Vec<TableProblem>>,
}

impl TableFiles<'_> {
    /// Reads the standard tables and those that the rules declare.
    fn read(&self, declared: &[OwnTable]) -> Option<Arc<Tables>> {
        self.read_some(|_| true, declared)
    }

    /// Checks what is there, although the rules do not say which tables of the tenant's own there are.
    fn read_standard(&self) {
        drop(self.read_some(is_like_standard, &[]));
    }

    fn read_some(&self, is_one: impl Fn(&str) -> bool, declared: &[OwnTable]) -> Option<Arc<Tables>> {
        let files = self.files.iter().filter(|file| is_one(&file.name));
        let files: Vec<(&str, &[u8])> =
            files.map(|file| (file.name.as_str(), file.bytes.as_slice())).collect();
        let (read, problems) = Tables::read_what_is_there(&files, declared);
        self.problems.replace(problems);
        read.map(Arc::new)
    }
}

fn read_rules(
    NamedFile { name: file, bytes }: &NamedFile,
    env: &dyn Fn(&str) -> Option<String>,
    syntax: Option<Syntax>,
    source: &TableFiles<'_>,
    note_table: &mut dyn FnMut(TableProblem),
) -> (Option<Config>, Vec<ConfigError>) {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        source.read_standard();
        return (None, vec![whole_file(file, "the file is not UTF-8 text", "save it as UTF-8")]);
    };
    let report = Report { syntax, ..Report::new(Page { file, text }, env) };
    let (document, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        for error in &syntax {
            report.note(error.span().unwrap_or(0..0), error.message().to_owned(), None);
        }
        source.read_standard();
        return (None, report.errors.into_inner());
    }
    let config = read_root(Section::root(&report, Some(&document)), &report, source, note_table);
    drop(document);
    (config, report.errors.into_inner())
}

/// Reads every key of the rules; the schema is drawn from what it asks for.
fn read_root(
    root: Section<'_>,
    report: &Report<'_>,
    source: &TableFiles<'_>,
    note_table: &mut dyn FnMut(TableProblem),
) -> Option<Config> {
    let tables = source.read(&own_tables(&root, report));
    let tables = tables.as_ref();
    let tenant = root.required_parsed::<TenantId>("tenant", "a name for the merchant that never changes");
    let wdt = systems::wdt(root.section("wdt"));
    let bip = systems::bip(root.section("bip"));
    let store = store::store(root.section("store"));
    let Schemes { stockouts: schemes, bills: bill_schemes } = schemes(&root, report, tables, note_table);
    root.finish();
    let (tenant, wdt, bip, tables) = (tenant?, wdt?, bip?, Arc::clone(tables?));
    let rules = Arc::new(RulesFile { name: report.page.file.to_owned(), text: report.page.text.to_owned() });
    Some(Config { tenant, wdt, bip, store, schemes, bill_schemes, tables, rules })
}

/// Asks a section for every key as [`Config::load`] does, without its tables and for nothing but what is noted.
pub(crate) fn ask_root(root: Section<'_>, report: &Report<'_>) {
    let source = TableFiles { files: &[], problems: RefCell::default() };
    drop(read_root(root, report, &source, &mut |_| ()));
}

/// The tables to read: those that must be there, and every other CSV file, so that a misnamed one is found.
fn table_names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = TABLE_FILES.iter().map(|&name| name.to_owned()).collect();
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut others: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        // Hidden files and those that spreadsheets keep open (`~$goods.csv`) are nobody's tables.
        .filter(|name| is_csv(name) && !name.starts_with(['.', '~']) && !names.contains(name))
        .collect();
    others.sort_unstable();
    names.append(&mut others);
    names
}

/// Tells whether a file is a standard table, or seems to be one under a wrong name.
fn is_like_standard(name: &str) -> bool {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let standard = TABLE_FILES.into_iter().chain(STORE_TABLE_FILES);
    !nearest(file, standard).is_empty()
}

fn is_csv(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"))
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigError {
    let spreadsheet = ["xlsx", "xls"].into_iter().find(|ending| path.with_extension(ending).exists());
    let (message, hint) = match (error.kind(), spreadsheet) {
        (io::ErrorKind::NotFound, Some(ending)) => {
            let hint = format!("there is a .{ending} of this name: save it as “CSV UTF-8 (逗号分隔)”");
            ("the file is missing".to_owned(), hint)
        }
        (io::ErrorKind::NotFound, None) => {
            let hint = "DOUGONG_CONFIG names the folder with dougong.toml and tables/".to_owned();
            ("the file is missing".to_owned(), hint)
        }
        _ => (format!("the file cannot be read: {error}"), "check its permissions".to_owned()),
    };
    whole_file(&path.display().to_string(), &message, &hint)
}

fn whole_file(file: &str, message: &str, hint: &str) -> ConfigError {
    let (message, hint) = (message.to_owned(), Some(hint.to_owned()));
    ConfigError { file: file.to_owned(), line: 0, column: 0, message, snippet: None, hint }
}

fn table_error(problem: TableProblem, tables: &[NamedFile]) -> ConfigError {
    let TableProblem { file, line, column, message, hint } = problem;
    let source = tables.iter().find(|source| source.name == file);
    let snippet = source.and_then(|source| row_snippet(&source.bytes, line, column));
    ConfigError { file, line, column, message, snippet, hint }
}

/// Shows a row of a table.
fn row_snippet(bytes: &[u8], line: u32, cell: u32) -> Option<Snippet> {
    let text = decode_table(bytes)?;
    let row = text.split('\n').nth(usize::try_from(line.checked_sub(1)?).ok()?)?.trim_end();
    let mut quoted = false;
    let mut starts = vec![0];
    for (place, letter) in row.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => starts.push(place + 1),
            _ => {}
        }
    }
    let index = usize::try_from(cell.saturating_sub(1)).ok()?;
    let start = starts.get(index).copied().unwrap_or(row.len());
    let end = starts.get(index + 1).map_or(row.len(), |next| next - 1);
    Some(Snippet { text: row.to_owned(), marked: start.min(end)..end })
}
