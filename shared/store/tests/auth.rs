//! Who is let in: every scheme with its right, wrong, forged, stale and repeated pushes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its own functions included")]

use dougong_store::auth::{AuthError, Incoming, Part, Place, Refused, Scheme, Verified, Verifier};
use dougong_values::BeijingTime;
use reqwest::header::{HeaderMap, HeaderName};
use secrecy::SecretString;

const SECRET: &str = "a-secret-of-our-own-0001";
const BODY: &[u8] = br#"{"cmd":"PushRECBill"}"#;
/// 1731254700 seconds after the epoch.
const NOW: &str = "2024-11-11 00:05:00";
const HMAC: &str = "44b958d04e1cb381c64a82851933f8467b3ad801b072cabca14532833bd5ec36";
const MD5: &str = "A4D93C047897F47B44F6EB3025E2E3DF";

fn secrets(secrets: &[&str]) -> Vec<SecretString> {
    secrets.iter().map(|secret| SecretString::from(*secret)).collect()
}

fn verifier(scheme: Scheme) -> Verifier {
    Verifier::new(scheme, Vec::new(), secrets(&["an-older-secret-0000", SECRET])).unwrap()
}

fn at(time: &str) -> BeijingTime {
    time.parse().unwrap()
}

fn headers(headers: &[(&str, &str)]) -> HeaderMap {
    headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect()
}

fn push(headers: &HeaderMap) -> Incoming<'_> {
    Incoming { method: "POST", path: "/store", token: None, query: "", headers, body: BODY, source: None }
}

fn open() -> Verified {
    Verified { replay: None }
}

#[test]
fn a_secret_in_the_url_lets_in_with_either_live_secret_and_no_other() {
    let verifier = verifier(Scheme::UrlToken);
    let none = HeaderMap::new();
    let verify = |token| verifier.verify(&Incoming { token, ..push(&none) }, at(NOW));
    assert_eq!(verify(Some(SECRET)), Ok(open()));
    assert_eq!(verify(Some("an-older-secret-0000")), Ok(open()));
    for wrong in ["a-secret-of-our-own-0002", "a-secret-of-our-own-000", "A-SECRET-OF-OUR-OWN-0001", "x"] {
        assert_eq!(verify(Some(wrong)), Err(Refused::Wrong { what: "token in its URL" }), "{wrong}");
    }
    for missing in [None, Some("")] {
        assert_eq!(verify(missing), Err(Refused::Missing { what: "token in its URL" }));
    }
}

#[test]
fn a_secret_in_a_header_lets_in_with_or_without_bearer() {
    let verifier = verifier(Scheme::HeaderToken { header: "Authorization".to_owned() });
    let verify = |value: &str| verifier.verify(&push(&headers(&[("authorization", value)])), at(NOW));
    assert_eq!(verify(SECRET), Ok(open()));
    assert_eq!(verify(&format!("Bearer {SECRET}")), Ok(open()));
    assert_eq!(verify("Bearer"), Err(Refused::Wrong { what: "token" }));
    assert_eq!(verifier.verify(&push(&HeaderMap::new()), at(NOW)), Err(Refused::Missing { what: "token" }));
}

#[test]
fn a_keyed_signature_covers_the_raw_body_and_the_time() {
    let verifier = verifier(Scheme::hmac_sha256());
    let verify = |signature: &str, timestamp: &str, body: &[u8], now: &str| {
        let headers = headers(&[("x-signature", signature), ("x-timestamp", timestamp)]);
        verifier.verify(&Incoming { body, ..push(&headers) }, at(now))
    };
    let mark = verify(HMAC, "1731254700", BODY, NOW).unwrap().replay.unwrap();
    assert_eq!((mark.digest.len(), mark.until), (32, at("2024-11-11 00:10:00")));
    assert!(!HMAC.contains(&mark.digest));
    // The same push in other letters is the same push.
    assert_eq!(verify(&HMAC.to_uppercase(), "1731254700", BODY, NOW).unwrap().replay.unwrap(), mark);

    let wrong = Err(Refused::Wrong { what: "signature" });
    assert_eq!(verify(HMAC, "1731254700", br#"{"cmd":"PushREQBill"}"#, NOW), wrong);
    assert_eq!(verify(HMAC, "1731254701", BODY, NOW), wrong);
    assert_eq!(verify(&HMAC[1..], "1731254700", BODY, NOW), wrong);
    assert_eq!(verify("not hex", "1731254700", BODY, NOW), wrong);
    let (early, late) = ("2024-11-11 00:00:00", "2024-11-11 00:10:00");
    assert!(
        verify(HMAC, "1731254700", BODY, early).is_ok() && verify(HMAC, "1731254700", BODY, late).is_ok()
    );
    assert_eq!(verify(HMAC, "1731254700", BODY, "2024-11-11 00:10:01"), Err(Refused::Stale { seconds: 301 }));
    assert_eq!(
        verify(HMAC, "1731254700", BODY, "2024-11-10 23:59:59"),
        Err(Refused::Stale { seconds: -301 })
    );
    let missing = headers(&[("x-signature", HMAC)]);
    assert_eq!(verifier.verify(&push(&missing), at(NOW)), Err(Refused::Missing { what: "timestamp" }));
}

#[test]
fn a_signature_over_sorted_parameters_covers_them_and_the_body() {
    let verifier = verifier(Scheme::sorted_md5());
    let none = HeaderMap::new();
    let verify = |query: &str| verifier.verify(&Incoming { query, ..push(&none) }, at(NOW));
    let query = format!("timestamp=2024-11-11+00%3A05%3A00&sign={MD5}&app_key=shop&empty=");
    assert!(verify(&query).unwrap().replay.is_some());
    assert!(verify(&query.replace(MD5, &MD5.to_lowercase())).is_ok());
    for forged in [query.replace("shop", "shoq"), query.replace("05%3A00", "05%3A01"), query.clone() + "&x=1"]
    {
        assert_eq!(verify(&forged), Err(Refused::Wrong { what: "signature" }), "{forged}");
    }
    assert_eq!(verify("app_key=shop"), Err(Refused::Missing { what: "signature" }));
}

#[test]
fn a_list_of_networks_stands_beside_any_scheme() {
    let networks = vec!["203.0.113.0/24".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let none = HeaderMap::new();
    let alone = Verifier::new(Scheme::None, networks.clone(), Vec::new()).unwrap();
    let with_token = Verifier::new(Scheme::UrlToken, networks, secrets(&[SECRET])).unwrap();
    for (source, inside) in [
        (Some("203.0.113.9"), true),
        (Some("2001:db8::7"), true),
        (Some("203.0.114.9"), false),
        (None, false),
    ] {
        let push = Incoming { source: source.map(|source| source.parse().unwrap()), ..push(&none) };
        assert_eq!(alone.verify(&push, at(NOW)).is_ok(), inside, "{source:?}");
        assert!(with_token.verify(&push, at(NOW)).is_err(), "{source:?} without a token");
        let push = Incoming { token: Some(SECRET), ..push };
        assert_eq!(with_token.verify(&push, at(NOW)).is_ok(), inside, "{source:?} with a token");
    }
}

#[test]
fn settings_that_would_let_anybody_in_are_refused() {
    let build = |scheme, list: &[&str]| Verifier::new(scheme, Vec::new(), secrets(list)).map(|_| ());
    assert_eq!(build(Scheme::None, &[SECRET]), Err(AuthError::Open));
    assert_eq!(build(Scheme::UrlToken, &[]), Err(AuthError::NoSecret));
    assert_eq!(build(Scheme::hmac_sha256(), &[SECRET, ""]), Err(AuthError::NoSecret));
    assert_eq!(build(Scheme::UrlToken, &["short"]), Err(AuthError::ShortSecret));
    let header = Scheme::HeaderToken { header: "no header".to_owned() };
    assert!(matches!(build(header, &[SECRET]), Err(AuthError::HeaderName { .. })));

    let Scheme::Signed(sound) = Scheme::hmac_sha256() else { return };
    let mut unstamped = sound.clone();
    unstamped.parts = vec![Part::Body];
    let mut bodiless = sound.clone();
    bodiless.parts = vec![Part::Timestamp];
    let mut open_end = sound;
    open_end.digest = dougong_store::auth::Digest::Sha256;
    open_end.parts = vec![Part::Secret, Part::Timestamp, Part::Body];
    for signature in [unstamped, bodiless, open_end] {
        let refused = build(Scheme::Signed(signature.clone()), &[SECRET]);
        assert!(matches!(refused, Err(AuthError::Uncovered { .. })), "{signature:?}");
    }
    for name in ["none", "url", "header", "md5", "hmac-sha256"] {
        assert!(Scheme::preset(name).is_some(), "{name}");
    }
    assert_eq!(Scheme::preset("rsa"), None);
}

#[test]
fn secrets_are_not_shown() {
    let mut scheme = Scheme::hmac_sha256();
    if let Scheme::Signed(signature) = &mut scheme {
        signature.place = Place::Query("sign".to_owned());
    }
    assert!(!format!("{:?}", verifier(scheme)).contains(SECRET));
    let error = AuthError::ShortSecret;
    assert!(!format!("{error} {error:?}").contains("secret-of"));
}
