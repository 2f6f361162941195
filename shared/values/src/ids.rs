//! Ids and keys. Each is a text with a type of its own, so that a shop number cannot stand for a goods code.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A text that cannot be an id: empty, too long, or with control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot be a {what}: 1 to {most} characters without line breaks")]
pub struct InvalidId {
    what: &'static str,
    text: String,
    most: usize,
}

fn checked(what: &'static str, text: &str, most: usize) -> Result<String, InvalidId> {
    let trimmed = text.trim();
    let short = (1..=most).contains(&trimmed.chars().count());
    if short && !trimmed.chars().any(char::is_control) {
        Ok(trimmed.to_owned())
    } else {
        Err(InvalidId { what, text: text.chars().take(40).collect(), most })
    }
}

/// Reads a JSON string or integer as text: ids come as either, with up to 19 digits.
struct IdText;

impl serde::de::Visitor<'_> for IdText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id as a string or an integer")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                checked($what, text, $most).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = deserializer.deserialize_any(IdText)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// The merchant whose books are kept (租户): part of every idempotency key.
    TenantId, "tenant id", 64
}
id! {
    /// The id of an integration scheme (集成方案): one source query, mapping and target.
    SchemeId, "scheme id", 64
}
id! {
    /// The merchant's account at WDT (卖家账号, `sid`).
    Sid, "WDT sid", 64
}
id! {
    /// The primary key of a stockout in WDT (出库单主键 `stockout_id`); the only number that never changes.
    StockoutId, "stockout id", 40
}
id! {
    /// A shop number in WDT (店铺编号).
    ShopNo, "shop number", 64
}
id! {
    /// A warehouse number in WDT (仓库编号).
    WarehouseNo, "warehouse number", 64
}
id! {
    /// A goods code in WDT (商家编码 `spec_no`).
    SpecNo, "goods code", 128
}
id! {
    /// The code of a voucher in BIP (单据编码).
    VoucherCode, "voucher code", 64
}
id! {
    /// The id of a voucher in BIP, up to 19 digits.
    VoucherId, "voucher id", 64
}
id! {
    /// An app key of the outside system whose calls are paced together (限流单位).
    Account, "account", 128
}

impl Account {
    /// Returns what all calls to the store system are paced by: a ledger serves one merchant, and that one store system.
    pub fn store_system() -> Self {
        Self("store".to_owned())
    }
}
id! {
    /// One run of a function, for the ledger's history and for logs: the Lambda request id.
    RunId, "run id", 64
}
impl SchemeId {
    /// Names what stands for a scheme where none books a bill: it waits there to be skipped, or for its scheme.
    pub fn unassigned() -> Self {
        Self("unassigned".to_owned())
    }
}

impl RunId {
    /// Names a run that came without an id.
    pub fn unnamed() -> Self {
        Self("unnamed".to_owned())
    }
}

id! {
    /// The code of a store in the store system (门店编码 `storecode`).
    StoreCode, "store code", 64
}

/// The kind of a document: the first part of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// A stockout of WDT (销售出库单).
    Stockout,
    /// Goods that a store asks for (报货单).
    Declare,
    /// Goods that a store received otherwise than they were sent (收货差异单).
    Receipt,
    /// Goods that a store sends back (退仓单).
    Return,
    /// A transferring order to a store (调拨出库单).
    Outbound,
    /// A sale in a store (门店销售单).
    Sale,
    /// What tells a store that a stockout is on its way (`AddSTOBill`).
    Announce,
    /// What tells the store system which quantities of a transferring order were shipped
    /// (`UpdateTransferringOrderInfo`).
    Shipped,
    /// A merged voucher (汇总单): its document is the list of the documents it sums.
    Merged,
    /// A command of the store system that nobody knows: only ever parked.
    Command,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Stockout,
        Self::Declare,
        Self::Receipt,
        Self::Return,
        Self::Outbound,
        Self::Sale,
        Self::Announce,
        Self::Shipped,
        Self::Merged,
        Self::Command,
    ];

    /// Returns the name in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stockout => "stockout",
            Self::Declare => "declare",
            Self::Receipt => "rec",
            Self::Return => "req",
            Self::Outbound => "outbound",
            Self::Sale => "sale",
            Self::Announce => "announce",
            Self::Shipped => "shipped",
            Self::Merged => "merged",
            Self::Command => "command",
        }
    }

    /// Tells whether booking such a document is worth something of its own: what a store is told of an order, and a merged
    /// voucher beside its orders, would count the same goods twice.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Announce | Self::Shipped | Self::Merged | Self::Command)
    }
}

impl FromStr for DocumentKind {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or_else(|| InvalidId {
            what: "kind of document",
            text: text.chars().take(40).collect(),
            most: 8,
        })
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The key of a document in the ledger: `kind#id`, for a stockout `stockout#<sid>#<stockout_id>`.
///
/// An id may have several parts. What would run them together, or be lost on the way (`#`, `%`, blanks, control
/// characters), is written as in URLs (`%23`), and an empty part as `%`, so that two identities never share a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    kind: DocumentKind,
    text: String,
}

/// Writes a part of a key so that it can be told from its neighbours.
fn escape(part: &str, text: &mut String) {
    for letter in part.chars() {
        if matches!(letter, '#' | '%') || letter.is_control() || letter.is_whitespace() {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                // Writing into a String does not fail.
                let _ = write!(text, "%{byte:02X}");
            }
        } else {
            text.push(letter);
        }
    }
    if part.is_empty() {
        text.push('%');
    }
}

/// The most characters of a key.
const KEY_LENGTH: usize = 200;

/// Kept free in the key of a group for the number of a part.
const PART_LENGTH: usize = 11;

impl DocumentKey {
    fn of(kind: DocumentKind, parts: &[&str]) -> Self {
        Self::within(KEY_LENGTH, kind, parts)
    }

    fn within(most: usize, kind: DocumentKind, parts: &[&str]) -> Self {
        let mut text = kind.as_str().to_owned();
        for part in parts {
            text.push('#');
            escape(part, &mut text);
        }
        if text.chars().count() > most {
            // No system numbers so; a key must be found again and fit, so its hash stands for it.
            text = format!("{kind}#long#{}", Version::of(&text));
        }
        Self { kind, text }
    }

    /// Builds the key of a stockout.
    pub fn stockout(sid: &Sid, id: &StockoutId) -> Self {
        Self::of(DocumentKind::Stockout, &[sid.as_str(), id.as_str()])
    }

    /// Builds the key of a row that has no readable id: its content stands for it.
    pub fn unreadable_stockout(sid: &Sid, content: &Version) -> Self {
        Self::of(DocumentKind::Stockout, &[sid.as_str(), &format!("unreadable-{content}")])
    }

    /// Builds the key of a bill of the store system from the parts of its identity: `declare#<billno>`.
    pub fn bill(kind: DocumentKind, parts: &[&str]) -> Self {
        Self::of(kind, parts)
    }

    /// Builds the key of a bill that has no readable number: `<kind>#unreadable#<hash>`.
    pub fn unreadable(kind: DocumentKind, content: &Version) -> Self {
        Self::of(kind, &["unreadable", content.as_str()])
    }

    /// Builds the key of what tells a store about a stockout: `announce#<sid>#<stockout_id>`.
    pub fn announcing(sid: &Sid, id: &StockoutId) -> Self {
        Self::of(DocumentKind::Announce, &[sid.as_str(), id.as_str()])
    }

    /// Builds the key of the quantities shipped for a transferring order: `shipped#<billno>`. One key per order,
    /// so that its updates follow each other.
    pub fn shipped(number: &str) -> Self {
        Self::of(DocumentKind::Shipped, &[number])
    }

    /// Names a group of documents that are booked together: `merged#<scheme>#<value>#…`, the values being what its
    /// members have in common. No document has this key; its parts' keys begin with it.
    pub fn group(scheme: &SchemeId, values: &[&str]) -> Self {
        let mut parts = vec![scheme.as_str()];
        parts.extend(values);
        Self::within(KEY_LENGTH - PART_LENGTH, DocumentKind::Merged, &parts)
    }

    /// Builds the key of a merged voucher, the part of this number of a group: `merged#<scheme>#<value>#…#<number>`.
    #[must_use]
    pub fn part(&self, number: u32) -> Self {
        Self { kind: DocumentKind::Merged, text: format!("{}#{number}", self.text) }
    }

    /// Builds the key of an unknown command of the store system: `command#<cmd>`.
    pub fn unknown_command(command: &str) -> Self {
        Self::of(DocumentKind::Command, &[command])
    }

    /// Returns the kind of the document.
    pub const fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for DocumentKey {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let text = checked("document key", text, KEY_LENGTH)?;
        let (kind, id) = text.split_once('#').unwrap_or_default();
        match kind.parse() {
            Ok(kind) if !id.is_empty() => Ok(Self { kind, text }),
            _ => Err(InvalidId { what: "document key (kind#id)", text, most: KEY_LENGTH }),
        }
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Serialize for DocumentKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for DocumentKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

fn hex32(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let half = digest.first_chunk::<16>().copied().unwrap_or_default();
    format!("{:032x}", u128::from_be_bytes(half))
}

/// The version of a document: a hash of its business content, 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Version(String);

impl Version {
    /// Hashes a canonical text of the business content.
    pub fn of(canonical: &str) -> Self {
        Self(hex32(canonical))
    }

    /// Returns the 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Version {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { what: "version", text: text.chars().take(40).collect(), most: 32 })
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The idempotency key of a save in BIP (`resubmitCheckKey`, at most 32 characters).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ResubmitKey(String);

impl ResubmitKey {
    /// Derives the key from the document's identity alone, so that every attempt carries the same one.
    pub fn derive(tenant: &TenantId, scheme: &SchemeId, document: &DocumentKey) -> Self {
        Self(hex32(&format!("{tenant}|{scheme}|{document}")))
    }

    /// Derives the key of a merged voucher from its group and its members, whatever order they come in. The number of
    /// its part is left out: the same members can be saved once only, under whichever number.
    pub fn of_members<'a>(
        tenant: &TenantId,
        scheme: &SchemeId,
        group: &DocumentKey,
        members: impl IntoIterator<Item = &'a DocumentKey>,
    ) -> Self {
        let mut members: Vec<&str> = members.into_iter().map(DocumentKey::as_str).collect();
        members.sort_unstable();
        // No key holds a line break.
        Self(hex32(&format!("{tenant}|{scheme}|{group}|{}", members.join("\n"))))
    }

    /// Returns the 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResubmitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_strings_and_integers_alike() {
        let text: StockoutId = serde_json::from_str("\" 9007199254740993123 \"").unwrap();
        let number: StockoutId = serde_json::from_str("9007199254740993123").unwrap();
        assert_eq!(text, number);
        assert!(serde_json::from_str::<StockoutId>("1.5").is_err());
        assert!(serde_json::from_str::<StockoutId>("\"\"").is_err());
        assert!(serde_json::from_str::<StockoutId>("null").is_err());
    }

    #[test]
    fn a_resubmit_key_depends_on_the_identity_alone_and_fits_bip() {
        let tenant = "demo".parse().unwrap();
        let key = DocumentKey::stockout(&"demo2".parse().unwrap(), &"80012345".parse().unwrap());
        assert_eq!(key.as_str(), "stockout#demo2#80012345");
        let sales = ResubmitKey::derive(&tenant, &"online-sales".parse().unwrap(), &key);
        let other = ResubmitKey::derive(&tenant, &"wholesale".parse().unwrap(), &key);
        assert_eq!(sales.as_str().len(), 32);
        assert_ne!(sales, other);
        assert_eq!(sales, ResubmitKey::derive(&tenant, &"online-sales".parse().unwrap(), &key));
    }

    #[test]
    fn a_merged_vouchers_key_depends_on_its_group_and_its_members_alone() {
        let (tenant, scheme) = ("demo".parse().unwrap(), "online-sales".parse().unwrap());
        let key = |id: &str| format!("stockout#demo2#{id}").parse::<DocumentKey>().unwrap();
        let group = DocumentKey::group(&scheme, &["TM001", "2026-11-22"]);
        let of = |ids: &[&str]| {
            let members: Vec<DocumentKey> = ids.iter().map(|id| key(id)).collect();
            ResubmitKey::of_members(&tenant, &scheme, &group, &members)
        };
        assert_eq!(of(&["1", "2", "3"]), of(&["3", "1", "2"]));
        assert_ne!(of(&["1", "2"]), of(&["1", "3"]));
        assert_ne!(of(&["1", "2"]), of(&["12"]));
        let other = DocumentKey::group(&scheme, &["TM002", "2026-11-22"]);
        let members = [key("1")];
        assert_ne!(ResubmitKey::of_members(&tenant, &scheme, &other, &members), of(&["1"]));
    }

    #[test]
    fn the_key_of_a_part_is_read_as_it_was_written_however_long_its_group() {
        let scheme: SchemeId = "online-sales".parse().unwrap();
        for value in ["TM001", "a#1", "", &"店".repeat(60), &"x".repeat(170), &"x".repeat(300)] {
            let group = DocumentKey::group(&scheme, &[value, "2026-11-22"]);
            let part = group.part(u32::MAX);
            assert_eq!(part.as_str().parse(), Ok(part.clone()));
            assert_eq!(part.kind(), DocumentKind::Merged);
            assert!(part.as_str().starts_with(group.as_str()));
        }
        assert_eq!(
            DocumentKey::group(&scheme, &["TM001", "2026-11-22"]).part(2).as_str(),
            "merged#online-sales#TM001#2026-11-22#2"
        );
    }

    #[test]
    fn every_key_is_read_as_it_was_written_and_tells_its_kind() {
        let (sid, id) = ("demo2".parse().unwrap(), "80012345".parse().unwrap());
        let content = Version::of("{");
        let bill = |kind| DocumentKey::bill(kind, &["BH201612090001"]);
        for (key, text) in [
            (DocumentKey::stockout(&sid, &id), "stockout#demo2#80012345"),
            (bill(DocumentKind::Declare), "declare#BH201612090001"),
            (bill(DocumentKind::Receipt), "rec#BH201612090001"),
            (bill(DocumentKind::Return), "req#BH201612090001"),
            (bill(DocumentKind::Outbound), "outbound#BH201612090001"),
            (DocumentKey::bill(DocumentKind::Sale, &["35", "2026-11-20", "1"]), "sale#35#2026-11-20#1"),
            (DocumentKey::announcing(&sid, &id), "announce#demo2#80012345"),
            (DocumentKey::shipped("ZFH1"), "shipped#ZFH1"),
            (
                DocumentKey::unreadable(DocumentKind::Receipt, &content),
                "rec#unreadable#021fb596db81e6d02bf3d2586ee3981f",
            ),
        ] {
            assert_eq!(key.as_str(), text);
            let read: DocumentKey = text.parse().unwrap();
            assert_eq!((read.kind(), &read), (key.kind(), &key));
        }
        for kind in DocumentKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn two_identities_never_share_a_key() {
        let parts = ["", "#", "%", "%23", "a", "a#b", "b", "a%23b", " ", "a\n", "unreadable", "long", "店"];
        let mut seen = std::collections::HashMap::new();
        let mut check = |parts: &[&str]| {
            let key = DocumentKey::bill(DocumentKind::Sale, parts);
            assert_eq!(key.as_str().parse(), Ok(key.clone()));
            let named: Vec<String> = parts.iter().map(ToString::to_string).collect();
            let before = seen.insert(key, named);
            assert_eq!(before, None, "{parts:?}");
        };
        for first in parts {
            check(&[first]);
            for second in parts {
                check(&[first, second]);
            }
        }
        check(&[&"店".repeat(190), "a"]);
        check(&[&"店".repeat(190), "b"]);
    }

    #[test]
    fn a_key_of_an_unknown_kind_is_refused() {
        assert!("stockout#demo2#1".parse::<DocumentKey>().is_ok());
        for text in ["", "stockout", "stockout#", "invoice#1", "stockout#a\nb"] {
            assert!(text.parse::<DocumentKey>().is_err(), "{text:?} was read");
        }
    }
}
