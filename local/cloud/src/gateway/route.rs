//! Routes: which requests a gateway knows.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use axum::http::Method;

/// A route of an HTTP API, written as its key: `POST /store/{token}`. `ANY` stands for every method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    key: String,
    /// `None` for `ANY`.
    method: Option<Method>,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Fixed(String),
    Parameter(String),
}

/// A text that is no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key:?} is no route; write a method and a path, such as `POST /store/{{token}}`")]
pub struct InvalidRoute {
    /// The text.
    pub key: String,
}

/// A route that a request took.
#[derive(Debug)]
pub(super) struct Matched<'a> {
    pub(super) route_key: &'a str,
    pub(super) parameters: BTreeMap<&'a str, &'a str>,
}

impl Route {
    /// Takes a request, or leaves it to another route. `path` is decoded.
    pub(super) fn matches<'a>(&'a self, method: &Method, path: &'a str) -> Option<Matched<'a>> {
        if self.method.as_ref().is_some_and(|own| own != method) {
            return None;
        }
        let asked: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        if asked.len() != self.segments.len() {
            return None;
        }
        let mut parameters = BTreeMap::new();
        for (segment, asked) in self.segments.iter().zip(asked) {
            match segment {
                Segment::Fixed(text) if text == asked => {}
                Segment::Parameter(name) if !asked.is_empty() => {
                    parameters.insert(name.as_str(), asked);
                }
                Segment::Fixed(_) | Segment::Parameter(_) => return None,
            }
        }
        Some(Matched { route_key: &self.key, parameters })
    }
}

impl FromStr for Route {
    type Err = InvalidRoute;

    fn from_str(key: &str) -> Result<Self, InvalidRoute> {
        let invalid = || InvalidRoute { key: key.to_owned() };
        let (method, path) = key.split_once(' ').ok_or_else(invalid)?;
        let method = match method {
            "ANY" => None,
            method => Some(Method::from_bytes(method.as_bytes()).map_err(|_| invalid())?),
        };
        let segments = path.strip_prefix('/').ok_or_else(invalid)?.split('/').map(|segment| {
            let parameter = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match parameter {
                Some(name) => Segment::Parameter(name.to_owned()),
                None => Segment::Fixed(segment.to_owned()),
            }
        });
        Ok(Self { key: key.to_owned(), method, segments: segments.collect() })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(key: &str) -> Route {
        key.parse().unwrap()
    }

    #[test]
    fn a_route_takes_its_method_and_path_alone() {
        let store = route("POST /store");
        assert!(store.matches(&Method::POST, "/store").is_some());
        assert!(store.matches(&Method::GET, "/store").is_none());
        for other in ["/", "/store/", "/stores", "/store/x", "/STORE"] {
            assert!(store.matches(&Method::POST, other).is_none(), "{other}");
        }
        assert!(route("ANY /store").matches(&Method::PUT, "/store").is_some());
    }

    #[test]
    fn a_parameter_takes_one_segment() {
        let token = route("POST /store/{token}");
        let matched = token.matches(&Method::POST, "/store/a b").unwrap();
        assert_eq!(matched.parameters, BTreeMap::from([("token", "a b")]));
        assert_eq!(matched.route_key, "POST /store/{token}");
        assert!(token.matches(&Method::POST, "/store/").is_none());
        assert!(token.matches(&Method::POST, "/store/a/b").is_none());
    }

    #[test]
    fn what_is_no_route_is_said_so() {
        for key in ["", "/store", "POST store", "PO ST /store"] {
            assert!(key.parse::<Route>().is_err(), "{key:?}");
        }
    }
}
