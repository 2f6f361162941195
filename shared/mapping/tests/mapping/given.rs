//! Tables, rules and stockouts that the tests start from.

use std::sync::Arc;

use dougong_bip::Order;
use dougong_mapping::rules::{HeadRules, Postage, PostageRules};
use dougong_mapping::{FormulaText, FormulaTexts, Identity, Mapping, Problem, Rules, Tables};
use dougong_values::{DocumentKey, SchemeId, TenantId};
use dougong_wdt::Stockout;

macro_rules! table {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../tables/", $name)).as_slice())
    };
}

/// The tables in `tests/tables/`.
pub(crate) const FILES: [(&str, &[u8]); 7] = [
    ("shops.csv", include_bytes!("../tables/with_stores/shops.csv")),
    table!("warehouses.csv"),
    table!("goods.csv"),
    table!("taxes.csv"),
    table!("units.csv"),
    ("stores.csv", include_bytes!("../tables/with_stores/stores.csv")),
    ("payments.csv", include_bytes!("../tables/with_stores/payments.csv")),
];

/// Reads the tables in `tests/tables/`.
pub(crate) fn tables() -> Arc<Tables> {
    Arc::new(Tables::read(&FILES).unwrap())
}

/// The defaults, with postage as a line of its own.
pub(crate) fn rules() -> Rules {
    let policy = Postage::Line { goods: "SKU-FREIGHT".parse().unwrap() };
    Rules {
        head: HeadRules {
            memo: Some("WDT {stockout_no} / {src_tids}".parse().unwrap()),
            ..HeadRules::default()
        },
        postage: PostageRules { policy, ..PostageRules::default() },
        ..Rules::default()
    }
}

/// The default rules after a change.
pub(crate) fn rules_with(change: impl FnOnce(&mut Rules)) -> Rules {
    let mut rules = rules();
    change(&mut rules);
    rules
}

pub(crate) fn stockout(name: &str) -> Stockout {
    let path = format!("{}/tests/stockouts/{name}.json", env!("CARGO_MANIFEST_DIR"));
    Stockout::from_json(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Maps a stockout with rules and the test tables.
pub(crate) fn mapped(rules: Rules, stockout: &Stockout) -> Result<Order, Vec<Problem>> {
    map_by(&Mapping::new(rules, tables()).unwrap(), stockout)
}

pub(crate) fn map_by(mapping: &Mapping, stockout: &Stockout) -> Result<Order, Vec<Problem>> {
    let tenant: TenantId = "demo".parse().unwrap();
    let scheme: SchemeId = "online-sales".parse().unwrap();
    let key = DocumentKey::stockout(&"demo2".parse().unwrap(), &stockout.stockout_id);
    mapping.map(stockout, &Identity { tenant: &tenant, scheme: &scheme, key: &key })
}

/// The problems as people see them, one a line.
pub(crate) fn shown(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Formulas and scripts as `(field, expression)`; a field `script` is the script.
pub(crate) fn formulas(head: &[(&str, &str)], lines: &[(&str, &str)]) -> FormulaTexts {
    let formula = |(place, &(target, text)): (usize, &(&str, &str))| {
        let line = u32::try_from(place + 1).unwrap();
        let target = if target == "script" { "" } else { target };
        FormulaText {
            target: target.to_owned(),
            key: 0..0,
            text: text.to_owned(),
            value: 0..text.len(),
            start: Some(0),
            line,
            column: 1,
        }
    };
    let split = |all: &[(&str, &str)]| {
        let (scripts, formulas): (Vec<_>, Vec<_>) =
            all.iter().enumerate().map(formula).partition(|formula| formula.target.is_empty());
        (formulas, scripts.into_iter().next())
    };
    let ((head, head_script), (lines, lines_script)) = (split(head), split(lines));
    FormulaTexts { file: "dougong.toml".to_owned(), head, lines, head_script, lines_script }
}

/// The default rules with formulas.
pub(crate) fn with_formulas(head: &[(&str, &str)], lines: &[(&str, &str)]) -> Rules {
    rules_with(|rules| rules.formulas = formulas(head, lines))
}
