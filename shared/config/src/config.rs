//! The whole configuration.

use std::collections::BTreeMap;

use dougong_values::{SchemeId, TenantId};

use crate::scheme::Scheme;
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
    /// The integration schemes (集成方案) by id.
    pub schemes: BTreeMap<SchemeId, Scheme>,
}
