//! The whole configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use dougong_mapping::Tables;
use dougong_store::Bill;
use dougong_values::{SchemeId, TenantId};

use crate::bill_scheme::{BillScheme, NotBooked, route};
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
}

impl Config {
    /// Returns the scheme that books a bill: the one for its kind and its store's type. A bill of an unknown store
    /// goes to the first scheme for its kind, which parks it.
    pub fn route(&self, bill: &Bill) -> Result<&SchemeId, NotBooked> {
        route(&self.bill_schemes, &self.tables, bill)
    }
}
