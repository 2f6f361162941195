//! A question as it travels: which parameters go where, with a fresh time and signature for every attempt.

use dougong_values::BeijingTime;
use secrecy::ExposeSecret;

use crate::account::{Account, Channel};
use crate::query::Query;
use crate::{METHOD, sign};

/// The parameters of one attempt. Holds a signature, so it has no `Debug`.
pub(crate) struct Request {
    /// Travels in the URL.
    pub(crate) query: Vec<(&'static str, String)>,
    /// Travels form-encoded in the body.
    pub(crate) form: Vec<(&'static str, String)>,
}

impl Request {
    /// Signs a question as of `now`. WDT refuses times too far from its own (10 minutes over Qimen, 5 direct),
    /// so an attempt is signed when it is made and never again.
    pub(crate) fn new(account: &Account, query: &Query, now: BeijingTime) -> Self {
        match account.channel() {
            Channel::Qimen { app_key, target_app_key, sid, sign_method, .. } => {
                let protocol = vec![
                    ("method", METHOD.to_owned()),
                    ("app_key", app_key.clone()),
                    ("target_app_key", target_app_key.clone()),
                    ("timestamp", now.to_string()),
                    ("format", "json".to_owned()),
                    ("v", "2.0".to_owned()),
                    ("sign_method", sign_method.to_string()),
                ];
                let mut form = vec![("sid", sid.to_string())];
                form.extend(query.params());

                let signed = [protocol.as_slice(), form.as_slice()].concat();
                let sign = sign::top(&signed, account.secret().expose_secret(), *sign_method);
                let mut protocol = protocol;
                protocol.push(("sign", sign));
                Self { query: protocol, form }
            }
            Channel::Direct { app_key, sid, .. } => {
                let mut form = vec![
                    ("sid", sid.to_string()),
                    ("appkey", app_key.clone()),
                    ("timestamp", now.epoch_seconds().to_string()),
                ];
                form.extend(query.params());
                let sign = sign::direct(&form, account.secret().expose_secret());
                form.push(("sign", sign));
                Self { query: Vec::new(), form }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use dougong_values::Window;

    use super::*;
    use crate::{Filter, PageSize, SignMethod};

    fn query() -> Query {
        let at = |text: &str| text.parse().unwrap();
        let window = Window::new(at("2024-11-11 00:00:00"), at("2024-11-11 00:04:00")).unwrap();
        let filter = Filter { status: Some(110), ..Filter::within(window) };
        Query { filter, page_no: 0, page_size: PageSize::MAX }
    }

    fn value<'a>(params: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
        params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    fn qimen() -> Account {
        let channel = Channel::Qimen {
            url: "https://qimen.example/router/qm".to_owned(),
            app_key: "12345678".to_owned(),
            target_app_key: "87654321".to_owned(),
            sid: "demo2".parse().unwrap(),
            sign_method: SignMethod::HmacSha256,
        };
        Account::new(channel, "testsecret0123456789abcdef012345".to_owned().into())
    }

    #[test]
    fn over_qimen_the_protocol_travels_in_the_url_and_the_business_in_the_body() {
        let request = Request::new(&qimen(), &query(), "2024-11-11 00:05:00".parse().unwrap());
        let names: Vec<&str> = request.query.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            ["method", "app_key", "target_app_key", "timestamp", "format", "v", "sign_method", "sign"]
        );
        assert_eq!(
            value(&request.query, "sign"),
            Some("3F74C5F34E9ADFA715A19C73FDB920B68EA10AFB921DA6371F0E7538EF1A612D")
        );
        assert_eq!(value(&request.form, "sid"), Some("demo2"));
        assert_eq!(value(&request.form, "status"), Some("110"));
    }

    #[test]
    fn directly_everything_travels_in_the_body() {
        let channel = Channel::Direct {
            url: "https://wdt.example/openapi2/stockout_order_query_trade.php".to_owned(),
            app_key: "demo2-gw".to_owned(),
            sid: "demo2".parse().unwrap(),
        };
        let account = Account::new(channel, "12345".to_owned().into());
        let request = Request::new(&account, &query(), "2024-11-11 00:05:00".parse().unwrap());
        assert!(request.query.is_empty());
        assert_eq!(value(&request.form, "timestamp"), Some("1731254700"));
        assert_eq!(value(&request.form, "sign"), Some("60cadc4e1845e9095dcfb14f51d4d659"));
    }

    #[test]
    fn every_attempt_carries_its_own_time_and_signature() {
        let first = Request::new(&qimen(), &query(), "2024-11-11 00:05:00".parse().unwrap());
        let second = Request::new(&qimen(), &query(), "2024-11-11 00:05:31".parse().unwrap());
        assert_ne!(value(&first.query, "timestamp"), value(&second.query, "timestamp"));
        assert_ne!(value(&first.query, "sign"), value(&second.query, "sign"));
        assert_eq!(first.form, second.form);
    }

    #[test]
    fn the_secret_of_an_account_is_not_shown() {
        assert!(!format!("{:?}", qimen()).contains("testsecret"));
    }
}
