//! `[wdt]` and `[bip]`: where the two systems are, and how fast they may be called.

use std::time::Duration;

use dougong_bip::{Gateway, Pauses};
use dougong_mapping::rules::Choice;
use dougong_values::{Account, Sid};
use dougong_wdt::{PageSize, SignMethod};
use secrecy::SecretString;

use crate::section::Section;

/// The calls per minute of a system whose pace is the pace of a simulator, at most.
pub(crate) const MOST_CALLS: u32 = 1_000_000;

/// Where BIP's data centres are asked for (`protocols/bip.md` §1.1).
const META_URL: &str = "https://apigateway.yonyoucloud.com/open-auth/dataCenter/getGatewayAddress";

/// How WDT is reached. App keys and secrets come from the secret store ([`WdtSettings::account`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WdtChannel {
    /// The Qimen gateway (企业奇门).
    Qimen {
        /// The whole URL.
        url: String,
        /// The merchant's account (卖家账号).
        sid: Sid,
        /// WDT's own key at the gateway.
        target_app_key: String,
        /// How requests are signed.
        sign_method: SignMethod,
    },
    /// The direct OpenAPI.
    Direct {
        /// The whole URL.
        url: String,
        /// The merchant's account (卖家账号).
        sid: Sid,
    },
}

/// `[wdt]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WdtSettings {
    /// The channel.
    pub channel: WdtChannel,
    /// The pace of all calls together, one after another.
    pub calls_per_minute: u32,
    /// Documents per page.
    pub page_size: PageSize,
    /// How long a call may take.
    pub timeouts: dougong_wdt::Timeouts,
}

impl WdtSettings {
    /// Returns the merchant's account: the first half of every document's identity.
    pub const fn sid(&self) -> &Sid {
        match &self.channel {
            WdtChannel::Qimen { sid, .. } | WdtChannel::Direct { sid, .. } => sid,
        }
    }

    /// Joins the channel with the app key and secret that sign its requests.
    pub fn account(&self, app_key: &Account, secret: SecretString) -> dougong_wdt::Account {
        let app_key = app_key.to_string();
        let channel = match self.channel.clone() {
            WdtChannel::Qimen { url, sid, target_app_key, sign_method } => {
                dougong_wdt::Channel::Qimen { url, app_key, target_app_key, sid, sign_method }
            }
            WdtChannel::Direct { url, sid } => dougong_wdt::Channel::Direct { url, app_key, sid },
        };
        dougong_wdt::Account::new(channel, secret)
    }
}

/// `[bip]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BipSettings {
    /// Where the addresses are asked for when they are not given.
    pub meta_url: String,
    /// The tenant whose addresses are asked for; empty when they are given.
    pub tenant_id: String,
    /// Where tokens are issued; given together with `gateway_url` or not at all.
    pub token_url: Option<String>,
    /// Where vouchers are saved.
    pub gateway_url: Option<String>,
    /// The pace of all calls of the app key together, tokens and look-ups included.
    pub calls_per_minute: u32,
    /// How long a call may take.
    pub timeouts: dougong_bip::Timeouts,
    /// How long everyone stops calling for what.
    pub pauses: Pauses,
}

impl BipSettings {
    /// Returns the addresses where they are given; `None` when they are to be asked for by `tenant_id`.
    pub fn gateway(&self) -> Option<Gateway> {
        let (token_url, gateway_url) = (self.token_url.clone()?, self.gateway_url.clone()?);
        Some(Gateway { token_url, gateway_url })
    }
}

#[derive(Clone, Copy)]
enum ChannelName {
    Qimen,
    Direct,
}

impl Choice for ChannelName {
    const NAMES: &'static [(&'static str, Self)] = &[("qimen", Self::Qimen), ("direct", Self::Direct)];
}

#[derive(Clone, Copy)]
struct SignName(SignMethod);

impl Choice for SignName {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("md5", Self(SignMethod::Md5)),
        ("hmac", Self(SignMethod::Hmac)),
        ("hmac-sha256", Self(SignMethod::HmacSha256)),
    ];
}

/// Connect, read and total timeouts as three keys, each with its default.
pub(crate) struct Timeouts {
    pub(crate) connect: Duration,
    pub(crate) read: Duration,
    pub(crate) total: Duration,
}

pub(crate) fn timeouts(section: &Section<'_>, default: &Timeouts) -> Timeouts {
    let read = |key, default| {
        let seconds = section.seconds(key, 1..=600).and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(default, Duration::from_secs)
    };
    let chosen = Timeouts {
        connect: read("connect_timeout", default.connect),
        read: read("read_timeout", default.read),
        total: read("total_timeout", default.total),
    };
    if chosen.total < chosen.connect.max(chosen.read) {
        let message = "`total_timeout` is shorter than `connect_timeout` or `read_timeout`".to_owned();
        section.note(
            "total_timeout",
            message,
            Some("the whole call cannot be shorter than a part of it".to_owned()),
        );
    }
    chosen
}

/// Reads how long everyone stops for what; chance adds up to a quarter of the pause after a throttle to each.
fn pauses(section: &Section<'_>) -> Pauses {
    let read = |key, default| {
        let seconds = section.seconds(key, 1..=3_600).and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(default, Duration::from_secs)
    };
    let default = Pauses::default();
    let throttled = read("throttled_pause", default.throttled);
    Pauses {
        throttled,
        misconfigured: read("misconfigured_pause", default.misconfigured),
        no_token: read("no_token_pause", default.no_token),
        jitter: throttled / 4,
    }
}

pub(crate) fn wdt(section: Section<'_>) -> Option<WdtSettings> {
    let name = section.choice::<ChannelName>("channel").unwrap_or(ChannelName::Qimen);
    let url = section.url("url");
    if let Ok(None) = url {
        section.missing(
            "url",
            "the whole address of the interface, such as https://hu3cgwt0tc.api.taobao.com/router/qm",
        );
    }
    let url = url.ok().flatten();
    let sid = section.required_parsed::<Sid>("sid", "the merchant's account at WDT (卖家账号)");
    let target_app_key = match name {
        ChannelName::Qimen => {
            section.required("target_app_key", "WDT's own key, told in its authorisation mail")
        }
        // The key may stay in the file when the channel is changed.
        ChannelName::Direct => section.text("target_app_key").ok().flatten(),
    };
    let sign_method =
        section.choice::<SignName>("sign_method").map_or_else(SignMethod::default, |name| name.0);
    let calls_per_minute = section.whole("calls_per_minute", 1..=MOST_CALLS).unwrap_or(50);
    let page_size = section.whole("page_size", 1..=100).and_then(|size| PageSize::try_from(size).ok());
    let dougong_wdt::Timeouts { connect, read, total } = dougong_wdt::Timeouts::default();
    let Timeouts { connect, read, total } = timeouts(&section, &Timeouts { connect, read, total });
    section.finish();
    let (url, sid) = (url?, sid?);
    let channel = match name {
        ChannelName::Qimen => {
            WdtChannel::Qimen { url, sid, target_app_key: target_app_key?.value, sign_method }
        }
        ChannelName::Direct => WdtChannel::Direct { url, sid },
    };
    Some(WdtSettings {
        channel,
        calls_per_minute,
        page_size: page_size.unwrap_or(PageSize::MAX),
        timeouts: dougong_wdt::Timeouts { connect, read, total },
    })
}

pub(crate) fn bip(section: Section<'_>) -> Option<BipSettings> {
    const EITHER: &str =
        "set tenant_id, and the addresses are looked up; or set both token_url and gateway_url";
    let tenant_id = section.text("tenant_id");
    let meta_url = section.url("meta_url");
    let token_url = section.url("token_url");
    let gateway_url = section.url("gateway_url");
    match (&tenant_id, &token_url, &gateway_url) {
        (Ok(_), Ok(Some(_)), Ok(None)) => section.missing("gateway_url", EITHER),
        (Ok(_), Ok(None), Ok(Some(_))) => section.missing("token_url", EITHER),
        (Ok(None), Ok(None), Ok(None)) => {
            let message =
                "neither `bip.tenant_id` nor `bip.token_url` and `bip.gateway_url` are set".to_owned();
            section.note("tenant_id", message, Some(EITHER.to_owned()));
        }
        // Given, or noted already.
        _ => {}
    }
    let calls_per_minute = section.whole("calls_per_minute", 1..=MOST_CALLS).unwrap_or(58);
    let dougong_bip::Timeouts { connect, read, total } = dougong_bip::Timeouts::default();
    let Timeouts { connect, read, total } = timeouts(&section, &Timeouts { connect, read, total });
    let pauses = pauses(&section);
    section.finish();
    Some(BipSettings {
        meta_url: meta_url.ok()?.unwrap_or_else(|| META_URL.to_owned()),
        tenant_id: tenant_id.ok()?.map(|text| text.value).unwrap_or_default(),
        token_url: token_url.ok()?,
        gateway_url: gateway_url.ok()?,
        calls_per_minute,
        timeouts: dougong_bip::Timeouts { connect, read, total },
        pauses,
    })
}
