//! BIP's archives (基础档案) as the shipped tables name them: a code that is in no table is refused.

use std::collections::BTreeSet;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};
use dougong_simulators::bip::MasterData;

/// Returns the archives that the shipped tables refer to.
///
/// # Panics
/// If the tables cannot be read.
pub fn shipped() -> MasterData {
    of_tables(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/tables"))
}

/// Reads the archives that the code tables refer to.
pub(crate) fn of_tables(folder: &Path) -> MasterData {
    let shops = Table::read(&folder.join("shops.csv"));
    let warehouses = Table::read(&folder.join("warehouses.csv"));
    let goods = Table::read(&folder.join("goods.csv"));
    let taxes = Table::read(&folder.join("taxes.csv"));
    let units = Table::read(&folder.join("units.csv"));
    let stores = folder.join("stores.csv");
    let stores = stores.exists().then(|| Table::read(&stores));
    let of_stores =
        |columns: &[&str]| stores.as_ref().map(|stores| stores.cells(columns)).unwrap_or_default();
    let mut organisations = shops.cells(&["sales_org", "settlement_org"]);
    organisations.extend(warehouses.cells(&["stock_org"]));
    organisations.extend(of_stores(&["sales_org", "settlement_org", "stock_org"]));
    let mut customers = shops.cells(&["customer", "invoice_customer"]);
    customers.extend(of_stores(&["customer", "invoice_customer"]));
    let mut stocks = warehouses.cells(&["stock"]);
    stocks.extend(of_stores(&["stock"]));
    let mut transaction_types = shops.cells(&["transaction_type"]);
    transaction_types.extend(of_rules(&folder.join("../dougong.toml")));
    let rate = |row: &StringRecord| {
        let rate = taxes.cell(row, "rate").parse().expect("a rate is a decimal");
        (taxes.cell(row, "tax_id").to_owned(), rate)
    };
    MasterData {
        organisations,
        customers,
        warehouses: stocks,
        products: goods.cells(&["product"]),
        skus: goods.cells(&["sku"]),
        units: units.cells(&["unit_id"]),
        taxes: taxes.rows.iter().map(rate).collect(),
        transaction_types,
    }
}

/// Reads the transaction types that the schemes of store bills carry.
fn of_rules(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let named = text.split("transaction_type = \"").skip(1).filter_map(|rest| rest.split('"').next());
    named.map(str::to_owned).collect()
}

struct Table {
    columns: StringRecord,
    rows: Vec<StringRecord>,
}

impl Table {
    fn read(file: &Path) -> Self {
        let reader = ReaderBuilder::new().comment(Some(b'#')).flexible(true).from_path(file);
        let mut reader = reader.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let columns = reader.headers().expect("a table has a header").clone();
        let rows = reader.records().map(|row| row.expect("a row can be read")).collect();
        Self { columns, rows }
    }

    fn cell<'a>(&self, row: &'a StringRecord, column: &str) -> &'a str {
        let place = self.columns.iter().position(|name| name.trim_start_matches('\u{feff}') == column);
        row.get(place.unwrap_or_else(|| panic!("no column {column}"))).unwrap_or_default().trim()
    }

    fn cells(&self, columns: &[&str]) -> BTreeSet<String> {
        let cells = columns.iter().flat_map(|column| self.rows.iter().map(|row| self.cell(row, column)));
        cells.filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    }
}
