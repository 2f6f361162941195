//! The archives of the simulated BIP: exactly the codes that the configuration's tables translate into.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;

use dougong_simulators::bip::MasterData;

/// One table, its rows by column name.
type Rows = Vec<BTreeMap<String, String>>;

/// Reads the tables below `config` (UTF-8, as they are shipped) into the archives.
pub(crate) fn master_data(config: &Path) -> Result<MasterData, Box<dyn Error>> {
    let table = |name: &str| rows(&config.join("tables").join(name));
    let (shops, warehouses, goods) = (table("shops.csv")?, table("warehouses.csv")?, table("goods.csv")?);
    let (taxes, units, stores) = (table("taxes.csv")?, table("units.csv")?, table("stores.csv")?);
    let both = |one: BTreeSet<String>, other: BTreeSet<String>| one.union(&other).cloned().collect();
    let mut organisations = codes(&shops, &["sales_org", "settlement_org"]);
    organisations.extend(codes(&warehouses, &["stock_org"]));
    organisations.extend(codes(&stores, &["sales_org", "settlement_org", "stock_org"]));
    let mut rates = BTreeMap::new();
    for tax in &taxes {
        if let (Some(id), Some(rate)) = (tax.get("tax_id"), tax.get("rate")) {
            rates.insert(id.clone(), rate.parse()?);
        }
    }
    Ok(MasterData {
        organisations,
        customers: both(
            codes(&shops, &["customer", "invoice_customer"]),
            codes(&stores, &["customer", "invoice_customer"]),
        ),
        warehouses: both(codes(&warehouses, &["stock"]), codes(&stores, &["stock"])),
        products: codes(&goods, &["product"]),
        skus: codes(&goods, &["sku"]),
        units: codes(&units, &["unit_id"]),
        taxes: rates,
        transaction_types: both(
            codes(&shops, &["transaction_type"]),
            transaction_types(&fs::read_to_string(config.join("dougong.toml"))?),
        ),
    })
}

fn rows(file: &Path) -> Result<Rows, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    Ok(reader.deserialize().collect::<Result<Rows, csv::Error>>()?)
}

/// Collects the transaction types that the rules name for store bills.
fn transaction_types(rules: &str) -> BTreeSet<String> {
    let named = rules.split("transaction_type = \"").skip(1).filter_map(|rest| rest.split('"').next());
    named.map(str::to_owned).collect()
}

/// Collects the codes of some columns; empty cells name nothing.
fn codes(rows: &Rows, columns: &[&str]) -> BTreeSet<String> {
    let cells = rows.iter().flat_map(|row| columns.iter().filter_map(|&column| row.get(column)));
    cells.filter(|code| !code.is_empty()).cloned().collect()
}
