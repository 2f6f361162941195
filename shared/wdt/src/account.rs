//! Who asks, and over which channel.

use dougong_values::Sid;
use secrecy::SecretString;

use crate::sign::SignMethod;

/// A channel to WDT: where it is and how a request says who asks (`protocols/wdt.md` §1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// The Qimen gateway (企业奇门), the only way to orders of the Taobao family.
    Qimen {
        /// The whole URL, in production `https://hu3cgwt0tc.api.taobao.com/router/qm`.
        url: String,
        /// The key of the app on the Taobao open platform.
        app_key: String,
        /// WDT's own key, told in its authorisation mail.
        target_app_key: String,
        /// The merchant's account (卖家账号).
        sid: Sid,
        /// How requests are signed.
        sign_method: SignMethod,
    },
    /// The direct OpenAPI: no orders of the Taobao family.
    Direct {
        /// The whole URL, in production `https://api.wangdian.cn/openapi2/stockout_order_query_trade.php`.
        url: String,
        /// The interface account (接口账号) at WDT.
        app_key: String,
        /// The merchant's account (卖家账号).
        sid: Sid,
    },
}

/// A channel with the secret that signs its requests. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub struct Account {
    channel: Channel,
    secret: SecretString,
}

impl Account {
    /// Joins a channel and the secret of its app.
    pub const fn new(channel: Channel, secret: SecretString) -> Self {
        Self { channel, secret }
    }

    /// Returns the channel.
    pub const fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Returns the merchant's account: the first half of every document's identity.
    pub const fn sid(&self) -> &Sid {
        match &self.channel {
            Channel::Qimen { sid, .. } | Channel::Direct { sid, .. } => sid,
        }
    }

    /// Returns the key whose calls WDT counts together with the `sid` (60 a minute).
    pub fn app_key(&self) -> &str {
        match &self.channel {
            Channel::Qimen { app_key, .. } | Channel::Direct { app_key, .. } => app_key,
        }
    }

    pub(crate) fn url(&self) -> &str {
        match &self.channel {
            Channel::Qimen { url, .. } | Channel::Direct { url, .. } => url,
        }
    }

    pub(crate) const fn secret(&self) -> &SecretString {
        &self.secret
    }
}
