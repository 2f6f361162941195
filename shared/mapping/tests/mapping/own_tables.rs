//! Tables of the tenant's own, and what look-ups in them find.

use dougong_mapping::{OwnTable, Reason, Reference, Tables};
use dougong_values::BeijingTime;

const STANDARD: [(&str, &[u8]); 5] = [
    ("tables/shops.csv", include_bytes!("../tables/shops.csv")),
    ("tables/warehouses.csv", include_bytes!("../tables/warehouses.csv")),
    ("tables/goods.csv", include_bytes!("../tables/goods.csv")),
    ("tables/taxes.csv", include_bytes!("../tables/taxes.csv")),
    ("tables/units.csv", include_bytes!("../tables/units.csv")),
];

fn own(name: &str, keys: &[&str]) -> OwnTable {
    let keys = keys.iter().map(|&key| key.to_owned()).collect();
    OwnTable { name: name.to_owned(), file: format!("{name}.csv"), keys, ..OwnTable::default() }
}

fn dated(name: &str, keys: &[&str]) -> OwnTable {
    OwnTable { from: Some("since".to_owned()), to: Some("until".to_owned()), ..own(name, keys) }
}

fn read(declared: &[OwnTable], files: &[(&str, &str)]) -> Result<Tables, String> {
    let own = files.iter().map(|&(name, text)| (name, text.as_bytes()));
    let files: Vec<(&str, &[u8])> = STANDARD.into_iter().chain(own).collect();
    Tables::read_with(&files, declared)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn at(text: &str) -> BeijingTime {
    text.parse().unwrap()
}

const DEPARTMENTS: &str = "shop_no,kind,department,owner\nTM001,1,D01,0007\nTM001,2,D02,\nJD001,1,D03,0008\n";

#[test]
fn a_row_is_found_by_several_columns_and_keeps_its_codes_as_they_are() {
    let tables =
        read(&[own("departments", &["shop_no", "kind"])], &[("departments.csv", DEPARTMENTS)]).unwrap();
    let row = tables.lookup("departments", &[" TM001 ", "1"], None).unwrap();
    assert_eq!((row.get("department"), row.get("owner"), row.line()), (Some("D01"), Some("0007"), 2));
    assert_eq!(tables.lookup_value("departments", &["JD001", "1"], None, "owner"), Ok("0008"));
    assert_eq!(tables.columns("departments").unwrap(), ["shop_no", "kind", "department", "owner"]);
    assert_eq!(
        tables.sizes().last().map(|size| (size.table.as_str(), size.rows, size.own)),
        Some(("departments", 3, true))
    );
}

#[test]
fn nothing_found_names_table_key_and_the_closest_keys_and_never_is_an_empty_text() {
    let declared = [own("departments", &["shop_no", "kind"]), dated("prices", &["sku"])];
    let prices = "sku,since,until,price\nA1,2026-01-01,2026-06-30,10\nA1,2026-08-01,,12\n";
    let tables = read(&declared, &[("departments.csv", DEPARTMENTS), ("prices.csv", prices)]).unwrap();
    let shown = [
        tables.lookup_value("departments", &["TM01", "1"], None, "department"),
        tables.lookup_value("departments", &["TM001", "3"], None, "department"),
        tables.lookup_value("departments", &["", ""], None, "department"),
        tables.lookup_value("departments", &["TM001", "2"], None, "owner"),
        tables.lookup_value("departments", &["TM001", "2"], None, "owners"),
        tables.lookup_value("departments", &["TM001"], None, "owner"),
        tables.lookup_value("department", &["TM001"], None, "owner"),
        tables.lookup_value("prices", &["A1"], Some(at("2026-07-05 12:00:00")), "price"),
        tables.lookup_value("prices", &["A1"], None, "price"),
    ]
    .map(|missed| {
        let problem = missed.unwrap_err().problem("formulas.department", "saleDepartmentId", "shop_no");
        assert_eq!(problem.reason, Reason::LookupMissed);
        problem.to_string()
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_row_holds_from_its_first_moment_to_its_last_with_both_inside() {
    let prices = "until,sku,price,since\n2026/6/30,A1,10,\n,A1,13,2026-07-02 12:00\n2026-07-02 11:59:59,A1,12,2026/7/1\n";
    let tables = read(&[dated("prices", &["sku"])], &[("prices.csv", prices)]).unwrap();
    for (time, price) in [
        ("1999-01-01 00:00:00", "10"),
        ("2026-06-30 23:59:59", "10"),
        ("2026-07-01 00:00:00", "12"),
        ("2026-07-02 11:59:59", "12"),
        ("2026-07-02 12:00:00", "13"),
        ("2099-01-01 00:00:00", "13"),
    ] {
        assert_eq!(tables.lookup_value("prices", &["A1"], Some(at(time)), "price"), Ok(price), "{time}");
    }
}

#[test]
fn everything_wrong_with_own_tables_is_told_at_once_with_its_place() {
    let refers = vec![
        Reference { column: "tax".to_owned(), table: "taxes".to_owned() },
        Reference { column: "department".to_owned(), table: "departments".to_owned() },
    ];
    let declared = [
        own("departments", &["department"]),
        dated("prices", &["sku", "shop"]),
        OwnTable { refers, ..own("shop_taxes", &["shop_no"]) },
        own("owners", &["owner"]),
        own("absent", &["key"]),
    ];
    let files = [
        ("tables/departments.csv", "department,name\nD01,a\nD02,\"b, c\"\nD01,d\n6.90123E+12,e\n,f\n"),
        (
            "tables/prices.csv",
            "sku,shop,since,until,price\nA1,S,2026-01-01,2026-12-31,1\nA1,S,2026-07-01,,2\nA1,S,2027-01-01,,3\n\
             A2,S,,,1\nA2,S,2026-01-01,2026-01-01,2\nA3,S,2026-02-01,2026-01-31,1\nA4,S,soon,13:00,1\n",
        ),
        ("tables/shop_taxes.csv", "shop_no,tax,department\nTM001,VAT31,D01\nJD001,,D03\n"),
        ("tables/owners.csv", "ower,name,name\n1,2,3\n"),
        ("tables/prises.csv", "a\n1\n"),
    ];
    insta::assert_snapshot!(read(&declared, &files).unwrap_err());
}

#[test]
fn one_file_may_be_looked_up_in_two_ways_and_a_standard_file_as_well() {
    let by_name = OwnTable { file: "departments.csv".to_owned(), ..own("by_department", &["department"]) };
    let taxes = OwnTable { file: "taxes.csv".to_owned(), ..own("tax_codes", &["tax_id"]) };
    let declared = [own("departments", &["shop_no", "kind"]), by_name, taxes];
    let tables = read(&declared, &[("departments.csv", DEPARTMENTS)]).unwrap();
    assert_eq!(tables.lookup_value("by_department", &["D03"], None, "shop_no"), Ok("JD001"));
    let code = tables.lookup_value("tax_codes", &["VAT13"], None, "rate");
    assert_eq!(code, Ok("0.13"));
}
