//! `[store]`: where the store system is, how each side proves who it is, and what its codes mean.
//!
//! Almost nothing about its wire is public (`protocols/store.md` §0), so everything that is assumed is a setting.

use std::time::Duration;

use dougong_mapping::rules::Choice;
use dougong_store::auth::{
    AuthError, Digest, Network, Part, Place, Scheme, Signature, SignatureEncoding, Signer, TimestampForm,
    TimestampPlace, Verifier,
};
use dougong_store::{Acknowledgement, Codes, Encoding, Platform, SaleWindowKeys, Template, Timeouts};
use secrecy::SecretString;

use crate::rules::text;
use crate::section::Section;
use crate::systems::{MOST_CALLS, timeouts};

/// `[store]`. `Debug` shows no URL: it may hold a secret.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Where and how the store system is called; the signer comes with the secrets ([`StoreSettings::platform`]).
    platform: Platform,
    /// How our calls prove where they come from.
    outgoing: Scheme,
    /// The query parameter that carries the app id, where the platform wants one.
    app_id_parameter: Option<String>,
    /// How pushes prove where they come from.
    incoming: Scheme,
    /// The networks that pushes may come from; any where empty.
    networks: Vec<Network>,
    /// The pace of all calls together.
    pub calls_per_minute: u32,
    /// How pushes are answered.
    pub acknowledgement: Acknowledgement,
    /// How the bytes of a push may be encoded.
    pub encoding: Encoding,
    /// Whether one bill that cannot be read refuses the whole push.
    pub reject_bad_batch: bool,
    /// Whether batches of sales are finished, too (S15).
    pub finish_sales: FinishSales,
}

/// Whether batches of sales are finished like those of outbound bills; the vendor does not say (S15).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FinishSales {
    /// Where the answer named a `sumbatch`.
    #[default]
    Auto,
    /// Never.
    Never,
    /// Always; an answer without a `sumbatch` is a problem.
    Always,
}

impl Choice for FinishSales {
    const NAMES: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("never", Self::Never), ("always", Self::Always)];
}

impl StoreSettings {
    /// Joins the settings with the app id and the secret that signs our calls: the first of the live ones.
    pub fn platform(&self, app_id: Option<&str>, secrets: &[SecretString]) -> Result<Platform, AuthError> {
        let parameters =
            self.app_id_parameter.iter().filter_map(|name| Some((name.clone(), app_id?.to_owned())));
        let secret = secrets.first().filter(|_| self.outgoing != Scheme::None).cloned();
        let signer = Signer::new(self.outgoing.clone(), secret, parameters.collect())?;
        Ok(Platform { signer, ..self.platform.clone() })
    }

    /// Joins the settings with the live secrets that pushes are verified with.
    pub fn verifier(&self, secrets: &[SecretString]) -> Result<Verifier, AuthError> {
        Verifier::new(self.incoming.clone(), self.networks.clone(), secrets.to_vec())
    }

    /// Returns how long a call may take at most.
    pub const fn call_timeout(&self) -> Duration {
        self.platform.timeouts.total
    }
}

/// The presets of authentication by name.
#[derive(Clone, Copy)]
enum Preset {
    None,
    Url,
    Header,
    Md5,
    HmacSha256,
}

impl Choice for Preset {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("url", Self::Url),
        ("header", Self::Header),
        ("md5", Self::Md5),
        ("hmac-sha256", Self::HmacSha256),
        ("none", Self::None),
    ];
}

macro_rules! named {
    ($name:ident($inner:ty) { $($text:literal = $value:expr),+ $(,)? }) => {
        #[derive(Clone, Copy)]
        struct $name($inner);

        impl Choice for $name {
            const NAMES: &'static [(&'static str, Self)] = &[$(($text, Self($value))),+];
        }
    };
}

named!(EncodingName(Encoding) { "utf8" = Encoding::Utf8, "utf8_or_gbk" = Encoding::Utf8OrGbk });
named!(WindowKeys(SaleWindowKeys) {
    "time" = SaleWindowKeys::Time,
    "day" = SaleWindowKeys::Day,
    "both" = SaleWindowKeys::Both,
});
named!(DigestName(Digest) {
    "md5" = Digest::Md5,
    "sha256" = Digest::Sha256,
    "hmac-md5" = Digest::HmacMd5,
    "hmac-sha256" = Digest::HmacSha256,
});
named!(EncodedAs(SignatureEncoding) {
    "hex" = SignatureEncoding::HexLower,
    "HEX" = SignatureEncoding::HexUpper,
    "base64" = SignatureEncoding::Base64,
});
named!(FormName(TimestampForm) {
    "seconds" = TimestampForm::Seconds,
    "milliseconds" = TimestampForm::Milliseconds,
    "text" = TimestampForm::Text,
});

/// Reads `[store]`; `None` where there is no store system: the section is absent, or its URL empty.
pub(crate) fn store(section: Section<'_>) -> Option<StoreSettings> {
    if !section.is_there() {
        return None;
    }
    let url = section.url("url");
    let encoding = section.choice::<EncodingName>("encoding").map_or_else(Encoding::default, |name| name.0);
    let Timeouts { connect, read, total } = Timeouts::default();
    let given = timeouts(&section, &crate::systems::Timeouts { connect, read, total });
    let keys = section.choice::<WindowKeys>("sale_window_keys");
    let (incoming, networks) = incoming(section.section("incoming"));
    let (outgoing, app_id_parameter) = outgoing(section.section("outgoing"));
    let settings = StoreSettings {
        platform: Platform {
            codes: codes(section.section("codes")),
            encoding,
            sale_window_keys: keys.map_or_else(SaleWindowKeys::default, |keys| keys.0),
            allow_number_as_buid: section.flag("number_as_buid").unwrap_or(false),
            misspell_remarks: section.flag("misspell_remarks").unwrap_or(false),
            timeouts: Timeouts { connect: given.connect, read: given.read, total: given.total },
            ..Platform::new(String::new(), Signer::none())
        },
        outgoing,
        app_id_parameter,
        incoming,
        networks,
        calls_per_minute: section.whole("calls_per_minute", 1..=MOST_CALLS).unwrap_or(60),
        acknowledgement: acknowledgement(section.section("answers")),
        encoding,
        reject_bad_batch: section.flag("reject_bad_batch").unwrap_or(false),
        finish_sales: section.choice("finish_sales").unwrap_or_default(),
    };
    section.finish();
    let url = url.ok().flatten()?;
    Some(StoreSettings { platform: Platform { url, ..settings.platform }, ..settings })
}

fn incoming(section: Section<'_>) -> (Scheme, Vec<Network>) {
    const NETWORKS: &str = "write addresses such as \"203.0.113.7\", or networks such as \"203.0.113.0/24\"";
    let scheme = scheme(&section, Scheme::UrlToken);
    let networks: Vec<Network> = section.list("networks", NETWORKS).unwrap_or_default();
    if scheme == Scheme::None && networks.is_empty() {
        let message = "pushes would be taken from anybody".to_owned();
        let hint = "set auth to url, header, md5 or hmac-sha256, or list the `networks` they come from";
        section.note("auth", message, Some(hint.to_owned()));
    }
    section.finish();
    (scheme, networks)
}

fn outgoing(section: Section<'_>) -> (Scheme, Option<String>) {
    let scheme = scheme(&section, Scheme::None);
    let app_id_parameter = text(&section, "app_id");
    section.finish();
    (scheme, app_id_parameter)
}

/// Reads a preset, and what it is to be changed in.
fn scheme(section: &Section<'_>, default: Scheme) -> Scheme {
    let header = text(section, "header");
    let preset = section.choice::<Preset>("auth").map_or(default, |preset| match preset {
        Preset::None => Scheme::None,
        Preset::Url => Scheme::UrlToken,
        Preset::Header => Scheme::header_token(),
        Preset::Md5 => Scheme::sorted_md5(),
        Preset::HmacSha256 => Scheme::hmac_sha256(),
    });
    let own = section.section("signature");
    let is_there = own.is_there();
    match preset {
        Scheme::HeaderToken { header: usual } => Scheme::HeaderToken { header: header.unwrap_or(usual) },
        Scheme::Signed(usual) => Scheme::Signed(signature(own, usual)),
        other => {
            if is_there {
                let hint = "set auth to md5 or hmac-sha256 beside it".to_owned();
                section.note("signature", "nothing is signed".to_owned(), Some(hint));
            }
            other
        }
    }
}

fn signature(section: Section<'_>, usual: Signature) -> Signature {
    const PARTS: &str = "write secret, timestamp, method, path, body, query, query:=:& (between name and value, between pairs) or text:…";
    let place = |header, query| {
        let in_header = text(&section, header).map(Place::Header);
        in_header.or_else(|| text(&section, query).map(Place::Query))
    };
    let own_place = place("header", "query");
    let timestamp_place = place("timestamp_header", "timestamp_query");
    let form = section.choice::<FormName>("timestamp").map(|form| form.0);
    let grace = section.seconds("grace", 1..=86_400);
    let stamped = section.flag("timestamped").unwrap_or(true);
    let timestamp = usual.timestamp.filter(|_| stamped).map(|usual| TimestampPlace {
        place: timestamp_place.unwrap_or(usual.place),
        form: form.unwrap_or(usual.form),
        grace_seconds: grace.unwrap_or(usual.grace_seconds),
    });
    let parts: Option<Vec<Written>> = section.list("parts", PARTS);
    let signature = Signature {
        place: own_place.unwrap_or(usual.place),
        timestamp,
        parts: parts.map_or(usual.parts, |parts| parts.into_iter().map(|Written(part)| part).collect()),
        digest: section.choice::<DigestName>("digest").map_or(usual.digest, |digest| digest.0),
        encoding: section.choice::<EncodedAs>("encoding").map_or(usual.encoding, |encoding| encoding.0),
        prefix: text(&section, "prefix").unwrap_or(usual.prefix),
    };
    section.finish();
    signature
}

/// A part of what is signed, as a list names it.
struct Written(Part);

impl std::str::FromStr for Written {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let pairs =
            |equals: &str, and: &str| Part::SortedQuery { equals: equals.to_owned(), and: and.to_owned() };
        Ok(Self(match text.split_once(':') {
            None => match text {
                "secret" => Part::Secret,
                "timestamp" => Part::Timestamp,
                "method" => Part::Method,
                "path" => Part::Path,
                "body" => Part::Body,
                "query" => pairs("", ""),
                _ => return Err(()),
            },
            Some(("text", literal)) => Part::Literal(literal.to_owned()),
            Some(("query", separators)) => {
                let (equals, and) = separators.split_once(':').ok_or(())?;
                pairs(equals, and)
            }
            Some(_) => return Err(()),
        }))
    }
}

fn codes(section: Section<'_>) -> Codes {
    const CODES: &str = "write the platform's codes, such as [1005, \"E17\"]";
    let list = |key| -> Vec<String> { section.list(key, CODES).unwrap_or_default() };
    let codes = Codes {
        duplicate: list("duplicate").into_iter().collect(),
        retry: list("retry").into_iter().collect(),
        refresh: list("refresh").into_iter().collect(),
        permanent: list("permanent").into_iter().collect(),
    };
    section.finish();
    codes
}

fn acknowledgement(section: Section<'_>) -> Acknowledgement {
    let default = Acknowledgement::default();
    let template = |key| section.parsed::<ParsedTemplate>(key).ok().flatten().map(|parsed| parsed.0);
    let code = |key, default: i64| section.whole(key, 1..=999_999_999).map_or(default, i64::from);
    let status = section.whole("unauthenticated_status", 200..=403);
    let acknowledgement = Acknowledgement {
        stored: template("stored").unwrap_or(default.stored),
        refused: template("refused").unwrap_or(default.refused),
        malformed_code: code("malformed", default.malformed_code),
        unauthenticated_code: code("unauthenticated", default.unauthenticated_code),
        unauthenticated_status: status
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(default.unauthenticated_status),
        unknown_command_code: code("unknown_command", default.unknown_command_code),
        unavailable_code: code("unavailable", default.unavailable_code),
    };
    section.finish();
    acknowledgement
}

struct ParsedTemplate(Template);

impl std::str::FromStr for ParsedTemplate {
    type Err = dougong_store::InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Template::new(text).map(Self)
    }
}
