//! What every table can be asked alike: look-ups by name in the tenant's own, keys that other tables refer to, sizes.

use std::collections::HashMap;

use dougong_values::{BeijingTime, ShopNo, SpecNo, WarehouseNo};

use super::own::{Own, TableRow};
use super::{OwnTable, Reference, TableProblem, Tables, last_part};
use crate::lookup::{Miss, MissKind};
use crate::nearest::{did_you_mean, nearest};

/// The names of the tables that every configuration may have; a table of the tenant's own has another one.
pub const STANDARD_TABLES: [&str; 7] =
    ["shops", "warehouses", "goods", "taxes", "units", "stores", "payments"];

/// How large a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSize {
    /// The table's name.
    pub table: String,
    /// Its rows, without the header.
    pub rows: usize,
    /// Whether it is one of the tenant's own.
    pub own: bool,
}

impl Tables {
    /// Notes cells of own tables that are no keys of the table they refer to.
    pub(super) fn check_references(&self, found: &mut Vec<TableProblem>) {
        /// So many wrong keys of a column are compared with all that are right.
        const COMPARED: usize = 20;
        for own in &self.own {
            for Reference { column, table } in &own.declared.refers {
                let mut keys = None;
                let wrong = own.filled(column).filter(|(key, ..)| !self.has_key(table, key));
                for (count, (key, line, place)) in wrong.enumerate() {
                    let keys = keys.get_or_insert_with(|| self.keys(table));
                    let compared = if count < COMPARED { keys.as_slice() } else { &[] };
                    let hint = did_you_mean(key, compared.iter().map(String::as_str))
                        .unwrap_or_else(|| format!("add a row for `{key}` to `{table}`"));
                    found.push(TableProblem {
                        file: own.file.clone(),
                        line,
                        column: place,
                        message: format!("`{column}` is `{key}`, which table `{table}` does not have"),
                        hint: Some(hint),
                    });
                }
            }
        }
    }

    /// Tells whether a table, standard or own, has a row of this key. There is none in a table that is not there.
    fn has_key(&self, table: &str, key: &str) -> bool {
        match table {
            "shops" => key.parse().is_ok_and(|key| self.shops.contains_key::<ShopNo>(&key)),
            "warehouses" => key.parse().is_ok_and(|key| self.warehouses.contains_key::<WarehouseNo>(&key)),
            "goods" => key.parse().is_ok_and(|key| self.goods.contains_key::<SpecNo>(&key)),
            "taxes" => self.taxes.by_key.contains_key(key),
            "units" => self.units.by_key.contains_key(key),
            "stores" => key.parse().is_ok_and(|key| self.store(&key).is_some()),
            "payments" => self.payments.as_ref().is_some_and(|payments| payments.contains_key(key)),
            own => self.own(own).is_some_and(|own| own.has_key(key)),
        }
    }

    /// Returns every key of a table, for hints.
    fn keys(&self, table: &str) -> Vec<String> {
        fn texts<K: ToString>(keys: impl Iterator<Item = K>) -> Vec<String> {
            keys.map(|key| key.to_string()).collect()
        }
        match table {
            "shops" => texts(self.shops.keys()),
            "warehouses" => texts(self.warehouses.keys()),
            "goods" => texts(self.goods.keys()),
            "taxes" => texts(self.tax_keys()),
            "units" => texts(self.unit_keys()),
            "stores" => texts(self.stores().map(|(code, _)| code)),
            "payments" => texts(self.payment_codes()),
            own => texts(self.own(own).into_iter().flat_map(Own::first_keys)),
        }
    }

    fn own(&self, name: &str) -> Option<&Own> {
        self.own.iter().find(|own| own.declared.name == name)
    }

    /// Finds the row of a key in a table of the tenant's own: one value per key column, in the order in which
    /// `[tables.<name>]` names them, blanks around them ignored. Where rows hold for a time only, `at` is that time.
    ///
    /// # Errors
    /// What is not there, with the closest keys that are: see [`Miss::problem`].
    pub fn lookup(&self, table: &str, keys: &[&str], at: Option<BeijingTime>) -> Result<TableRow<'_>, Miss> {
        let keys: Vec<&str> = keys.iter().map(|key| key.trim()).collect();
        let Some(own) = self.own(table) else {
            let names = self.own.iter().map(|own| own.declared.name.as_str());
            let closest = nearest(table, names).into_iter().map(str::to_owned).collect();
            return Err(Miss {
                table: table.to_owned(),
                file: table.to_owned(),
                keys: keys.into_iter().map(str::to_owned).collect(),
                kind: MissKind::NoTable { closest },
            });
        };
        own.find(&keys, at)
    }

    /// Finds one cell of a row as [`Tables::lookup`] finds the row. An empty cell is a miss, too.
    pub fn lookup_value(
        &self,
        table: &str,
        keys: &[&str],
        at: Option<BeijingTime>,
        column: &str,
    ) -> Result<&str, Miss> {
        let row = self.lookup(table, keys, at)?;
        row.get(column).ok_or_else(|| {
            let columns: Vec<String> = row.cells().map(|(name, _)| name.to_owned()).collect();
            let column = column.to_owned();
            let kind = if columns.contains(&column) {
                MissKind::EmptyCell { column, line: row.line() }
            } else {
                MissKind::NoColumn { column, columns }
            };
            let keys = keys.iter().map(|key| key.trim().to_owned()).collect();
            Miss { table: table.to_owned(), file: row.file().to_owned(), keys, kind }
        })
    }

    /// Returns the declarations of the tenant's own tables, in the order of the configuration.
    pub fn declared(&self) -> impl Iterator<Item = &OwnTable> {
        self.own.iter().map(|own| &own.declared)
    }

    /// Returns the columns of a table of the tenant's own; `None` if there is no such table.
    pub fn columns(&self, table: &str) -> Option<Vec<&str>> {
        Some(self.own(table)?.columns().filter(|name| !name.is_empty()).collect())
    }

    /// Tells whether a table of the tenant's own is declared, also where its file cannot be read.
    pub(crate) fn is_declared(&self, table: &str) -> bool {
        self.own(table).is_some() || self.unread.iter().any(|unread| unread == table)
    }

    /// Tells that a table of the tenant's own lacks a column; nothing is said of a table without any.
    pub(crate) fn column_miss(&self, table: &str, column: &str) -> Option<Miss> {
        let columns =
            self.columns(table).filter(|columns| !columns.is_empty() && !columns.contains(&column))?;
        let columns = columns.into_iter().map(str::to_owned).collect();
        let kind = MissKind::NoColumn { column: column.to_owned(), columns };
        Some(Miss { table: table.to_owned(), file: self.own(table)?.file.clone(), keys: Vec::new(), kind })
    }

    /// Returns how many rows each table has: the standard ones first, then the tenant's own.
    pub fn sizes(&self) -> Vec<TableSize> {
        let standard = [
            ("shops", Some(self.shops.len())),
            ("warehouses", Some(self.warehouses.len())),
            ("goods", Some(self.goods.len())),
            ("taxes", Some(self.taxes.rows.len())),
            ("units", Some(self.units.rows.len())),
            ("stores", self.stores.as_ref().map(HashMap::len)),
            ("payments", self.payments.as_ref().map(HashMap::len)),
        ];
        let size = |table: &str, rows, own| TableSize { table: table.to_owned(), rows, own };
        let standard = standard.into_iter().filter_map(|(name, rows)| Some(size(name, rows?, false)));
        standard.chain(self.own.iter().map(|own| size(&own.declared.name, own.len(), true))).collect()
    }
}

/// Reads the tenant's own tables; what is wrong with them is noted.
pub(super) fn read_own(
    files: &[(&str, &[u8])],
    declared: &[OwnTable],
    found: &mut Vec<TableProblem>,
) -> Vec<Own> {
    let mut read = Vec::new();
    for table in declared {
        match files.iter().find(|(name, _)| last_part(name) == table.file) {
            Some((file, bytes)) => {
                let before = found.len();
                read.push(Own::read(table, file, bytes, found));
                // Of a file that several tables share, a broken row is told once.
                for index in (before..found.len()).rev() {
                    if found[..before].contains(&found[index]) {
                        found.remove(index);
                    }
                }
            }
            None => found.push(TableProblem {
                file: table.file.clone(),
                line: 0,
                column: 0,
                message: "the table is missing".to_owned(),
                hint: Some(format!(
                    "[tables.{}] in dougong.toml names it: save it below tables/",
                    table.name
                )),
            }),
        }
    }
    read
}
