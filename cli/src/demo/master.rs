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
    let (taxes, units) = (table("taxes.csv")?, table("units.csv")?);
    let mut organisations = codes(&shops, &["sales_org", "settlement_org"]);
    organisations.extend(codes(&warehouses, &["stock_org"]));
    let mut rates = BTreeMap::new();
    for tax in &taxes {
        if let (Some(id), Some(rate)) = (tax.get("tax_id"), tax.get("rate")) {
            rates.insert(id.clone(), rate.parse()?);
        }
    }
    Ok(MasterData {
        organisations,
        customers: codes(&shops, &["customer", "invoice_customer"]),
        warehouses: codes(&warehouses, &["stock"]),
        products: codes(&goods, &["product"]),
        skus: codes(&goods, &["sku"]),
        units: codes(&units, &["unit_id"]),
        taxes: rates,
        transaction_types: codes(&shops, &["transaction_type"]),
    })
}

fn rows(file: &Path) -> Result<Rows, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    Ok(reader.deserialize().collect::<Result<Rows, csv::Error>>()?)
}

/// Collects the codes of some columns; empty cells name nothing.
fn codes(rows: &Rows, columns: &[&str]) -> BTreeSet<String> {
    let cells = rows.iter().flat_map(|row| columns.iter().filter_map(|&column| row.get(column)));
    cells.filter(|code| !code.is_empty()).cloned().collect()
}
