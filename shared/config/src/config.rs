//! The whole configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dougong_mapping::{FormulaProblem, Tables};
use dougong_store::Bill;
use dougong_values::{SchemeId, TenantId};

use crate::bill_scheme::{BillScheme, NotBooked, route};
use crate::error::{ConfigErrors, Page};
use crate::scheme::Scheme;
use crate::store::StoreSettings;
use crate::systems::{BipSettings, WdtSettings};

/// A tenant's configuration, checked as a whole.
#[derive(Debug, Clone)]
pub struct Config {
    /// The merchant whose books are kept: part of every idempotency key, so it never changes.
    pub tenant: TenantId,
    /// How WDT is reached.
    pub wdt: WdtSettings,
    /// How BIP is reached.
    pub bip: BipSettings,
    /// How the store system is reached; `None` where there is none.
    pub store: Option<StoreSettings>,
    /// The integration schemes (集成方案) for stockouts by id.
    pub schemes: BTreeMap<SchemeId, Scheme>,
    /// The integration schemes for store bills by id. No id is in both.
    pub bill_schemes: BTreeMap<SchemeId, BillScheme>,
    /// The code tables that all schemes share.
    pub tables: Arc<Tables>,
    pub(crate) rules: Arc<RulesFile>,
}

/// The text of the rules, for messages about formulas.
#[derive(Debug)]
pub(crate) struct RulesFile {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Config {
    /// Compiles the formulas of every scheme, for whoever maps documents.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, at once.
    pub fn compile(&self) -> Result<(), ConfigErrors> {
        let mut problems = Vec::new();
        let stockouts = self.schemes.values().map(|scheme| scheme.mapping.compile());
        for compiled in stockouts.chain(self.bill_schemes.values().map(|scheme| scheme.mapping.compile())) {
            problems.extend(compiled.err().into_iter().flatten());
        }
        if problems.is_empty() {
            return Ok(());
        }
        let page = Page { file: &self.rules.name, text: &self.rules.text };
        let error = |FormulaProblem { name, span, message, hint, .. }| {
            page.error(span, format!("`{name}`: {message}"), hint)
        };
        let mut errors: Vec<_> = problems.into_iter().map(error).collect();
        errors.sort_by_key(|error| (error.line, error.column));
        Err(ConfigErrors(errors))
    }

    /// Returns the personal fields of WDT that formulas name: what is not among them is cut where pages are read.
    pub fn personal_fields(&self) -> BTreeSet<String> {
        self.schemes.values().flat_map(|scheme| scheme.mapping.personal_fields()).collect()
    }

    /// Returns the scheme that books a bill: the one for its kind and its store's type. A bill of an unknown store
    /// goes to the first scheme for its kind, which parks it.
    pub fn route(&self, bill: &Bill) -> Result<&SchemeId, NotBooked> {
        route(&self.bill_schemes, &self.tables, bill)
    }
}
