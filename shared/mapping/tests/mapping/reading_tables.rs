//! Tables as people save them.

use dougong_mapping::Tables;

const GOOD: [(&str, &[u8]); 5] = [
    ("tables/shops.csv", include_bytes!("../tables/shops.csv")),
    ("tables/warehouses.csv", include_bytes!("../tables/warehouses.csv")),
    ("tables/goods.csv", include_bytes!("../tables/goods.csv")),
    ("tables/taxes.csv", include_bytes!("../tables/taxes.csv")),
    ("tables/units.csv", include_bytes!("../tables/units.csv")),
];

/// The good tables with some replaced.
fn with(replaced: &[(&'static str, &'static [u8])]) -> Result<Tables, String> {
    let mut files = GOOD;
    for (name, bytes) in replaced {
        for file in &mut files {
            if file.0.ends_with(name) {
                file.1 = bytes;
            }
        }
    }
    Tables::read(&files)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn utf8_with_and_without_bom_and_gbk_are_read_alike() {
    // "天猫店" in GBK.
    let gbk: &[u8] =
        b"shop_no,name,customer,sales_org,transaction_type\r\n00TM1,\xCC\xEC\xC3\xA8\xB5\xEA,C1,O1,SO\r\n";
    let bom = "\u{FEFF}shop_no,name,customer\r\n\"00TM1\" ,\"天猫, 店\",C1\r\n".as_bytes();
    for bytes in [gbk, bom] {
        with(&[("shops.csv", bytes)]).unwrap();
    }
    // "Unicode text" of Excel is UTF-16, which could pass for GBK.
    for unreadable in [b"shop_no\nTM\xFF\xFF\n".as_slice(), b"\xFF\xFEs\0h\0o\0p\0_\0n\0o\0"] {
        let broken = with(&[("shops.csv", unreadable)]).unwrap_err();
        assert!(broken.contains("neither UTF-8 nor GBK"), "{broken}");
    }
}

#[test]
fn codes_keep_their_leading_zeros_and_lose_their_trailing_blanks() {
    let tables =
        with(&[("warehouses.csv", b"warehouse_no,stock_org,stock,name\n 007 , 0010 ,\"00 1 \",\n,,,\n")])
            .unwrap();
    let shown = format!("{tables:?}");
    assert!(
        shown.contains(r#"WarehouseNo("007")"#) && shown.contains(r#""0010""#) && shown.contains(r#""00 1""#),
        "{shown}"
    );
}

#[test]
fn everything_wrong_in_every_table_is_told_at_once() {
    let problems = with(&[
        ("shops.csv", "# note\nshop_no,custmer,exchange_rate\nTM001,C1,\n".as_bytes()),
        ("warehouses.csv", b"warehouse_no,stock_org\nWH01,O1\n\nWH02,O1\nWH01,O2\n,O3\nWH03,O1,too,many\n"),
        (
            "goods.csv",
            "spec_no,product,tax,main_unit,sales_unit,sales_rate,counted_in,batch_managed,shelf_life_days
A1,P1,VAT31,PCS,,,,,
A2,,VAT13,PSC,BOX,,,,
A3,P3,VAT13,PCS,BOX,0,,perhaps,0
A4,P4,VAT13,PCS,,6,sales,,x
6.90123E+12,P5,VAT13,PCS,PCS,2,pieces,,
"
            .as_bytes(),
        ),
        ("taxes.csv", "tax,tax_id,rate\nVAT13,VAT13,13\nVAT9,VAT9,9%\nVAT6,,\n".as_bytes()),
        ("units.csv", b"unit,unit_id,decimals\nPCS,PCS,0\nBOX,BOX,9\nBOX,BOX,0\n"),
    ])
    .unwrap_err();
    insta::assert_snapshot!(problems);
}

#[test]
fn a_missing_and_a_misnamed_table_are_told() {
    let problems =
        Tables::read(&[("tables/good.csv", b"x\n"), GOOD[0], GOOD[1], GOOD[3], GOOD[4]]).unwrap_err();
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "tables/good.csv: there is no such table; hint: did you mean `goods.csv`? A table of your own is declared by [tables.good] in dougong.toml",
            "goods.csv: the table is missing"
        ]
    );
}

#[test]
fn what_spreadsheets_do_to_cells_is_undone_or_told() {
    let tables = with(&[(
        "warehouses.csv",
        "warehouse_no,stock_org,name,stock,,\n\u{3000}007\u{3000},=\"0010\",\"=\"\"0012\"\"\",\"东\n仓\",,\n\r\n".as_bytes(),
    )])
    .unwrap_err();
    // A line break is fine in a quoted cell of CSV and in no code or name of ours: nothing else is wrong here.
    assert_eq!(tables, "tables/warehouses.csv:2:4: `stock` contains a line break or a tab");
    let open = with(&[("units.csv", b"unit,unit_id\nPCS,\"PCS\nBOX,BOX\n")]).unwrap_err();
    assert!(open.starts_with("tables/units.csv:2:2: a quotation mark `\"` is not closed"), "{open}");
}
