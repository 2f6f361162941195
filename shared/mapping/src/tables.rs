//! The code tables of `config/tables/`: what a shop, a warehouse, a goods code, a tax, a unit, a store and a way of
//! paying are in BIP.
//!
//! They are read once, checked against each other, hashed once, and then only looked up.

mod cells;
mod goods;
mod lookups;
mod own;
mod sheet;
mod stores;
mod validity;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use dougong_values::{Quantity, ShopNo, SpecNo, StoreCode, WarehouseNo};

use crate::nearest::did_you_mean;
use own::Own;
use sheet::{Column, Problems};

pub(crate) use goods::{CountedIn, Goods, OtherUnit};
pub use lookups::{STANDARD_TABLES, TableSize};
pub(crate) use own::joined;
pub use own::{OwnTable, Reference, TableRow};
pub use sheet::decode as decode_table;
pub(crate) use stores::Payment;
pub use stores::{Store, StoreType};

/// What is wrong with one place of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableProblem {
    /// The file as it was named to [`Tables::read`].
    pub file: String,
    /// The line in the file, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// The cell in the row, from 1 (a spreadsheet's column A); 0 when the whole file is meant.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for TableProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, hint } = self;
        match line {
            0 => write!(f, "{file}: {message}")?,
            _ => write!(f, "{file}:{line}:{column}: {message}")?,
        }
        hint.iter().try_for_each(|hint| write!(f, "; hint: {hint}"))
    }
}

/// Who buys, and which organisations sell. What is empty comes from the rules' constants.
#[derive(Debug)]
pub(crate) struct Parties {
    pub(crate) customer: Option<String>,
    pub(crate) invoice_customer: Option<String>,
    pub(crate) sales_org: Option<String>,
    pub(crate) settlement_org: Option<String>,
    pub(crate) transaction_type: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) exchange_rate: Option<Quantity>,
}

/// A shop (店铺).
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) parties: Parties,
    /// The store that its orders are shipped to, by its code in the store system.
    pub(crate) store: Option<StoreCode>,
    pub(crate) line: u32,
}

/// A warehouse (仓库): the stock organisation and the warehouse's code in BIP.
#[derive(Debug)]
pub(crate) struct Warehouse {
    pub(crate) stock_org: Option<String>,
    pub(crate) stock: Option<String>,
    /// Its code in the store system; the warehouse number itself where empty.
    pub(crate) in_store: Option<String>,
    /// Its id in the store system, which transferring orders are asked by.
    pub(crate) id_in_store: Option<String>,
    pub(crate) line: u32,
}

/// A tax (税目税率): its id or code in BIP, and the rate to compute with.
#[derive(Debug)]
pub(crate) struct Tax {
    pub(crate) id: String,
    pub(crate) rate: Quantity,
    line: u32,
}

/// A unit (计量单位): its id or code in BIP, and how many decimals a count in it may have.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) decimals: u32,
    line: u32,
}

/// The place of a tax in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaxIndex(usize);

/// The place of a unit in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnitIndex(usize);

/// All code tables of a tenant, checked.
#[derive(Debug)]
pub struct Tables {
    pub(crate) shops: HashMap<ShopNo, Shop>,
    pub(crate) warehouses: HashMap<WarehouseNo, Warehouse>,
    pub(crate) goods: HashMap<SpecNo, Goods>,
    taxes: Keyed<Tax>,
    units: Keyed<Unit>,
    pub(crate) stores: Option<HashMap<StoreCode, Store>>,
    pub(crate) payments: Option<HashMap<String, Payment>>,
    store_goods: HashMap<String, SpecNo>,
    store_warehouses: HashMap<String, WarehouseNo>,
    own: Vec<Own>,
    /// Tables of the tenant's own whose files are missing.
    unread: Vec<String>,
    pub(crate) files: FileNames,
}

/// The files that rows with a gap are looked for in.
#[derive(Debug)]
pub(crate) struct FileNames {
    pub(crate) shops: String,
    pub(crate) warehouses: String,
    pub(crate) goods: String,
    pub(crate) stores: String,
}

/// Rows that other tables refer to by key: resolved once, then reached by index.
#[derive(Debug)]
struct Keyed<T> {
    rows: Vec<T>,
    by_key: HashMap<String, usize>,
}

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), by_key: HashMap::new() }
    }
}

/// The files a configuration has below `tables/`, each of them needed.
pub const TABLE_FILES: [&str; 5] = ["shops.csv", "warehouses.csv", "goods.csv", "taxes.csv", "units.csv"];

/// The files that only store bills need.
pub const STORE_TABLE_FILES: [&str; 2] = ["stores.csv", "payments.csv"];

const SHOPS: &[Column] = &[
    Column { name: "shop_no", required: true },
    Column { name: "name", required: false },
    Column { name: "customer", required: false },
    Column { name: "invoice_customer", required: false },
    Column { name: "sales_org", required: false },
    Column { name: "settlement_org", required: false },
    Column { name: "transaction_type", required: false },
    Column { name: "currency", required: false },
    Column { name: "exchange_rate", required: false },
    Column { name: "store", required: false },
];

const WAREHOUSES: &[Column] = &[
    Column { name: "warehouse_no", required: true },
    Column { name: "name", required: false },
    Column { name: "stock_org", required: false },
    Column { name: "stock", required: false },
    Column { name: "store_warehouse", required: false },
    Column { name: "store_warehouse_id", required: false },
];

const TAXES: &[Column] = &[
    Column { name: "tax", required: true },
    Column { name: "name", required: false },
    Column { name: "tax_id", required: true },
    Column { name: "rate", required: true },
];

const UNITS: &[Column] = &[
    Column { name: "unit", required: true },
    Column { name: "name", required: false },
    Column { name: "unit_id", required: true },
    Column { name: "decimals", required: false },
];

impl Tables {
    /// Reads all tables from their files' bytes and checks them against each other.
    ///
    /// A file's table is told by the last part of its name (`tables/goods.csv` is the goods table). Every
    /// problem of every file is returned at once: unreadable text, missing and unknown columns, duplicate
    /// keys, numbers that are none, and references to rows that do not exist.
    pub fn read(files: &[(&str, &[u8])]) -> Result<Self, Vec<TableProblem>> {
        Self::read_with(files, &[])
    }

    /// Reads all tables as [`Tables::read`] does, and the tenant's own beside them.
    ///
    /// An own table may share its file with another one, or be a second view of a standard table's file.
    pub fn read_with(files: &[(&str, &[u8])], declared: &[OwnTable]) -> Result<Self, Vec<TableProblem>> {
        match Self::read_what_is_there(files, declared) {
            (Some(tables), found) if found.is_empty() => Ok(tables),
            (_, found) => Err(found),
        }
    }

    /// Reads all tables as [`Tables::read_with`] does, with what can be used of those that have problems: rules can be
    /// checked against it, documents cannot be booked by it. `None` if a whole table could not be read.
    pub fn read_what_is_there(
        files: &[(&str, &[u8])],
        declared: &[OwnTable],
    ) -> (Option<Self>, Vec<TableProblem>) {
        let mut found = Vec::new();
        for (name, _) in files {
            let file = last_part(name);
            let own_files = declared.iter().map(|table| table.file.as_str());
            let tables = || TABLE_FILES.into_iter().chain(STORE_TABLE_FILES).chain(own_files.clone());
            if tables().all(|table| table != file) {
                let declare = format!("[tables.{}] in dougong.toml", file.trim_end_matches(".csv"));
                let hint = did_you_mean(file, tables()).map_or_else(
                    || format!("a table of your own is declared: {declare} names its key columns"),
                    |close| format!("{close} A table of your own is declared by {declare}"),
                );
                let message = "there is no such table".to_owned();
                found.push(TableProblem {
                    file: (*name).to_owned(),
                    line: 0,
                    column: 0,
                    message,
                    hint: Some(hint),
                });
            }
        }
        let mut sources = [("", [].as_slice()); TABLE_FILES.len()];
        for (slot, wanted) in sources.iter_mut().zip(TABLE_FILES) {
            if let Some(&source) = files.iter().find(|(name, _)| last_part(name) == wanted) {
                *slot = source;
            } else {
                let (file, message) = (wanted.to_owned(), "the table is missing".to_owned());
                found.push(TableProblem { file, line: 0, column: 0, message, hint: None });
            }
        }
        let [shops_file, warehouses_file, goods_file, taxes_file, units_file] = sources;
        let taxes = read_taxes(taxes_file, &mut found);
        let units = read_units(units_file, &mut found);
        let references = goods::References {
            taxes: &taxes.by_key,
            taxes_file: taxes_file.0,
            units: &units.by_key,
            units_file: units_file.0,
        };
        let named = |wanted: &str| files.iter().copied().find(|(name, _)| last_part(name) == wanted);
        let stores_file = named("stores.csv");
        let shops = read_shops(shops_file, &mut found);
        let warehouses = read_warehouses(warehouses_file, &mut found);
        let goods = goods::read(goods_file, &references, &mut found);
        let of_goods = goods.iter().map(|(key, row)| (key, row.in_store.as_ref(), row.line));
        let store_goods = other_keys(of_goods, goods_file.0, "store_goods", &mut found);
        let of_warehouses = warehouses.iter().map(|(key, row)| (key, row.in_store.as_ref(), row.line));
        let own = lookups::read_own(files, declared, &mut found);
        let is_read = |name: &str| own.iter().any(|own| own.declared.name == name);
        let unread =
            declared.iter().map(|table| &table.name).filter(|name| !is_read(name)).cloned().collect();
        let tables = Self {
            shops,
            store_warehouses: other_keys(of_warehouses, warehouses_file.0, "store_warehouse", &mut found),
            warehouses,
            store_goods,
            goods,
            taxes,
            units,
            stores: stores_file.map(|file| stores::read_stores(file, &mut found)),
            payments: named("payments.csv").map(|file| stores::read_payments(file, &mut found)),
            own,
            unread,
            files: FileNames {
                shops: shops_file.0.to_owned(),
                warehouses: warehouses_file.0.to_owned(),
                goods: goods_file.0.to_owned(),
                stores: stores_file.map_or("stores.csv", |(name, _)| name).to_owned(),
            },
        };
        tables.check_stores(&mut found);
        tables.check_references(&mut found);
        let sizes = [
            (shops_file.0, tables.shops.len()),
            (warehouses_file.0, tables.warehouses.len()),
            (goods_file.0, tables.goods.len()),
            (taxes_file.0, tables.taxes.rows.len()),
            (units_file.0, tables.units.rows.len()),
            (stores_file.map_or("", |(name, _)| name), tables.stores.as_ref().map_or(1, HashMap::len)),
        ];
        let is_unread = |&(file, rows): &(&str, usize)| {
            rows == 0 && (file.is_empty() || found.iter().any(|problem| problem.file == file))
        };
        let usable = !sizes.iter().any(is_unread);
        (usable.then_some(tables), found)
    }

    /// Notes shops that name a store which the table does not have.
    fn check_stores(&self, found: &mut Vec<TableProblem>) {
        let mut shops: Vec<&Shop> = self.shops.values().collect();
        shops.sort_unstable_by_key(|shop| shop.line);
        for shop in shops {
            let Some(code) = &shop.store else { continue };
            if self.store(code).is_none() {
                let keys = self.stores.iter().flat_map(HashMap::keys).map(StoreCode::as_str);
                let hint = did_you_mean(code.as_str(), keys)
                    .unwrap_or_else(|| format!("add a row for `{code}` to tables/stores.csv"));
                found.push(TableProblem {
                    file: self.files.shops.clone(),
                    line: shop.line,
                    column: 1,
                    message: format!("`store` is `{code}`, which tables/stores.csv does not have"),
                    hint: Some(hint),
                });
            }
        }
    }

    /// Returns a store by its code.
    pub fn store(&self, code: &StoreCode) -> Option<&Store> {
        self.stores.as_ref()?.get(code)
    }

    /// Returns a store by its id in the store system.
    pub fn store_of_id(&self, id: &str) -> Option<(&StoreCode, &Store)> {
        self.stores().find(|(_, store)| store.id.as_deref() == Some(id))
    }

    /// Returns every store with its code, in no order.
    pub fn stores(&self) -> impl Iterator<Item = (&StoreCode, &Store)> {
        self.stores.iter().flatten()
    }

    /// Returns every code of the payments table, in no order.
    pub fn payment_codes(&self) -> impl Iterator<Item = &str> {
        self.payments.iter().flatten().map(|(code, _)| code.as_str())
    }

    /// Returns the ids that the warehouses have in the store system, sorted.
    pub fn store_warehouse_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> =
            self.warehouses.values().filter_map(|row| row.id_in_store.as_deref()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Returns a goods row by what a bill may call it: its code in the store system, our own goods code, its id there.
    pub(crate) fn goods_in_store(
        &self,
        code: Option<&str>,
        own: Option<&str>,
        id: Option<&str>,
    ) -> Option<(&SpecNo, &Goods)> {
        let by_code = || by_other_key(code?, &self.store_goods, &self.goods, |row| row.in_store.is_none());
        let by_own = || self.goods.get_key_value(&own?.parse::<SpecNo>().ok()?);
        let by_id = || {
            let id = id?;
            self.goods.iter().find(|(_, row)| row.id_in_store.as_deref() == Some(id))
        };
        by_code().or_else(by_own).or_else(by_id)
    }

    /// Returns every goods code of the store system.
    pub(crate) fn goods_keys_in_store(&self) -> impl Iterator<Item = &str> {
        let own = self.goods.iter().filter(|(_, row)| row.in_store.is_none());
        self.store_goods.keys().map(String::as_str).chain(own.map(|(key, _)| key.as_str()))
    }

    /// Returns a warehouse row by its code or its id in the store system.
    pub(crate) fn warehouse_in_store(&self, code: Option<&str>, id: Option<&str>) -> Option<&Warehouse> {
        let own_is_known = |row: &Warehouse| row.in_store.is_none();
        let by_code =
            code.and_then(|code| by_other_key(code, &self.store_warehouses, &self.warehouses, own_is_known));
        by_code.map(|(_, row)| row).or_else(|| {
            let id = id?;
            self.warehouses.values().find(|row| row.id_in_store.as_deref() == Some(id))
        })
    }

    /// Returns every warehouse code of the store system.
    pub(crate) fn warehouse_keys_in_store(&self) -> impl Iterator<Item = &str> {
        let own = self.warehouses.iter().filter(|(_, row)| row.in_store.is_none());
        self.store_warehouses.keys().map(String::as_str).chain(own.map(|(key, _)| key.as_str()))
    }

    /// Finds a unit by its key, its name or its id: the store system writes either.
    pub(crate) fn unit_written(&self, text: &str) -> Option<UnitIndex> {
        self.find_unit(text).or_else(|| {
            let named = |unit: &Unit| unit.name.as_deref() == Some(text) || unit.id == text;
            self.units.rows.iter().position(named).map(UnitIndex)
        })
    }

    /// Returns what a unit is called on paper: its name, else its id.
    pub(crate) fn unit_name(&self, index: UnitIndex) -> &str {
        let unit = self.unit(index);
        unit.name.as_deref().unwrap_or(&unit.id)
    }

    pub(crate) fn tax(&self, index: TaxIndex) -> &Tax {
        &self.taxes.rows[index.0]
    }

    /// Returns the rate of a tax by its id in BIP; `None` where no row has it, or two with different rates.
    pub(crate) fn rate_of(&self, id: &str) -> Option<Quantity> {
        let mut rates = self.taxes.rows.iter().filter(|tax| tax.id == id).map(|tax| tax.rate);
        let first = rates.next()?;
        rates.all(|rate| rate == first).then_some(first)
    }

    pub(crate) fn unit(&self, index: UnitIndex) -> &Unit {
        &self.units.rows[index.0]
    }

    pub(crate) fn find_tax(&self, key: &str) -> Option<TaxIndex> {
        self.taxes.by_key.get(key).copied().map(TaxIndex)
    }

    /// Finds a tax by its id or code in BIP: the first row that has it.
    pub(crate) fn find_tax_by_id(&self, id: &str) -> Option<TaxIndex> {
        self.taxes.rows.iter().position(|tax| tax.id == id).map(TaxIndex)
    }

    pub(crate) fn find_unit(&self, key: &str) -> Option<UnitIndex> {
        self.units.by_key.get(key).copied().map(UnitIndex)
    }

    pub(crate) fn tax_keys(&self) -> impl Iterator<Item = &str> {
        self.taxes.by_key.keys().map(String::as_str)
    }

    pub(crate) fn unit_keys(&self) -> impl Iterator<Item = &str> {
        self.units.by_key.keys().map(String::as_str)
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Adds a row under its key, or notes that the key was there before.
fn insert<K: std::hash::Hash + Eq + fmt::Display, T>(
    rows: &mut HashMap<K, T>,
    key: K,
    row: T,
    line_of: impl Fn(&T) -> u32,
) -> Result<(), String> {
    match rows.entry(key) {
        Entry::Vacant(free) => {
            free.insert(row);
            Ok(())
        }
        Entry::Occupied(taken) => {
            let first = line_of(taken.get());
            Err(format!("`{}` is in line {first} already", taken.key()))
        }
    }
}

/// Maps the keys that another system has for rows to our own, where it has others.
fn other_keys<'r, K: Clone + Ord + fmt::Display + 'r>(
    rows: impl Iterator<Item = (&'r K, Option<&'r String>, u32)>,
    file: &str,
    column: &str,
    found: &mut Vec<TableProblem>,
) -> HashMap<String, K> {
    let mut rows: Vec<_> = rows.filter_map(|(key, other, line)| Some((line, other?, key))).collect();
    rows.sort_unstable_by_key(|&(line, ..)| line);
    let mut keys: HashMap<&String, (&K, u32)> = HashMap::with_capacity(rows.len());
    for (line, other, key) in rows {
        match keys.entry(other) {
            Entry::Vacant(free) => {
                free.insert((key, line));
            }
            Entry::Occupied(taken) => found.push(TableProblem {
                file: file.to_owned(),
                line,
                column: 1,
                message: format!("`{column}` is `{}`, as in line {} already", taken.key(), taken.get().1),
                hint: None,
            }),
        }
    }
    keys.into_iter().map(|(other, (key, _))| (other.clone(), key.clone())).collect()
}

/// Finds a row by the key that another system has for it; a row without one goes by our own key, unless that is another
/// row's key there.
fn by_other_key<'r, K, R>(
    other: &str,
    others: &HashMap<String, K>,
    rows: &'r HashMap<K, R>,
    own_is_known: impl Fn(&R) -> bool,
) -> Option<(&'r K, &'r R)>
where
    K: std::hash::Hash + Eq + std::str::FromStr,
{
    match others.get(other) {
        Some(key) => rows.get_key_value(key),
        None => rows.get_key_value(&other.parse::<K>().ok()?).filter(|(_, row)| own_is_known(row)),
    }
}

fn read_shops(file: (&str, &[u8]), found: &mut Vec<TableProblem>) -> HashMap<ShopNo, Shop> {
    let mut shops = HashMap::new();
    if file.0.is_empty() {
        return shops;
    }
    sheet::read(file.1, SHOPS, &mut Problems { file: file.0, found }, |row| {
        let key = row.id::<ShopNo>("shop_no");
        let exchange_rate = row.rate("exchange_rate", "write the rate to the local currency, such as 7.1234");
        let parties = Parties {
            customer: row.text("customer"),
            invoice_customer: row.text("invoice_customer"),
            sales_org: row.text("sales_org"),
            settlement_org: row.text("settlement_org"),
            transaction_type: row.text("transaction_type"),
            currency: row.text("currency"),
            exchange_rate,
        };
        let shop = Shop { parties, store: row.maybe_id("store"), line: row.line };
        if let Some(Err(twice)) = key.map(|key| insert(&mut shops, key, shop, |shop| shop.line)) {
            row.note("shop_no", twice, None);
        }
    });
    shops
}

fn read_warehouses(file: (&str, &[u8]), found: &mut Vec<TableProblem>) -> HashMap<WarehouseNo, Warehouse> {
    let mut warehouses = HashMap::new();
    if file.0.is_empty() {
        return warehouses;
    }
    sheet::read(file.1, WAREHOUSES, &mut Problems { file: file.0, found }, |row| {
        let key = row.id::<WarehouseNo>("warehouse_no");
        let warehouse = Warehouse {
            stock_org: row.text("stock_org"),
            stock: row.text("stock"),
            in_store: row.text("store_warehouse"),
            id_in_store: row.text("store_warehouse_id"),
            line: row.line,
        };
        if let Some(Err(twice)) = key.map(|key| insert(&mut warehouses, key, warehouse, |row| row.line)) {
            row.note("warehouse_no", twice, None);
        }
    });
    warehouses
}

impl<T> Keyed<T> {
    /// Adds a row under its key, or says that the key was there before.
    fn add(&mut self, key: String, row: T, line_of: impl Fn(&T) -> u32) -> Result<(), String> {
        match self.by_key.entry(key) {
            Entry::Vacant(free) => {
                free.insert(self.rows.len());
                self.rows.push(row);
                Ok(())
            }
            Entry::Occupied(taken) => {
                let first = line_of(&self.rows[*taken.get()]);
                Err(format!("`{}` is in line {first} already", taken.key()))
            }
        }
    }
}

fn read_taxes(file: (&str, &[u8]), found: &mut Vec<TableProblem>) -> Keyed<Tax> {
    const RATE: &str = "write the rate as a fraction: 0.13 for 13 %";
    let mut taxes = Keyed::default();
    if file.0.is_empty() {
        return taxes;
    }
    sheet::read(file.1, TAXES, &mut Problems { file: file.0, found }, |row| {
        let key = row.required("tax").map(str::to_owned);
        let tax_id = row.required("tax_id").unwrap_or_default().to_owned();
        let rate = row.required("rate").and_then(|_| row.decimal("rate", RATE));
        let in_range =
            rate.is_none_or(|rate| (rust_decimal::Decimal::ZERO..rust_decimal::Decimal::ONE).contains(&rate));
        if !in_range {
            row.note("rate", "`rate` must be at least 0 and below 1".to_owned(), Some(RATE.to_owned()));
        }
        // A row that has no rate is kept as a key, so that goods which refer to it are not reported as well.
        let rate = rate.map_or(Quantity::ZERO, Quantity::new);
        let tax = Tax { id: tax_id, rate, line: row.line };
        if let Some(Err(twice)) = key.map(|key| taxes.add(key, tax, |tax| tax.line)) {
            row.note("tax", twice, None);
        }
    });
    taxes
}

fn read_units(file: (&str, &[u8]), found: &mut Vec<TableProblem>) -> Keyed<Unit> {
    let mut units = Keyed::default();
    if file.0.is_empty() {
        return units;
    }
    sheet::read(file.1, UNITS, &mut Problems { file: file.0, found }, |row| {
        let key = row.required("unit").map(str::to_owned);
        let unit_id = row.required("unit_id").unwrap_or_default().to_owned();
        let decimals = row.whole("decimals").unwrap_or(0);
        if decimals > 8 {
            row.note("decimals", "`decimals` is at most 8".to_owned(), None);
        }
        let unit = Unit { id: unit_id, name: row.text("name"), decimals, line: row.line };
        if let Some(Err(twice)) = key.map(|key| units.add(key, unit, |unit| unit.line)) {
            row.note("unit", twice, None);
        }
    });
    units
}
