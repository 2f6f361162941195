//! Networks that pushes may come from.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A network of addresses, such as `203.0.113.0/24`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no network: write an address such as 203.0.113.7, or a network such as 203.0.113.0/24")]
pub struct InvalidNetwork {
    text: String,
}

/// Widens an address to 128 bits; IPv4 where IPv6 maps it.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Network {
    /// Tells whether an address is inside. An IPv4 address is the same when IPv6 maps it.
    pub fn contains(self, address: IpAddr) -> bool {
        let outside_bits = 128 - self.prefix;
        (bits(self.address) ^ bits(address)).checked_shr(outside_bits).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork { text: text.chars().take(60).collect() };
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let (whole, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let prefix: u32 = prefix.map_or(Ok(whole), str::parse).map_err(|_| invalid())?;
        if prefix > whole {
            return Err(invalid());
        }
        Ok(Self { address, prefix: prefix + offset })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = if self.address.is_ipv4() { 96 } else { 0 };
        write!(f, "{}/{}", self.address, self.prefix - offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_inside_the_networks_that_hold_it() {
        let inside = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(inside("203.0.113.0/24", "203.0.113.255"));
        assert!(!inside("203.0.113.0/24", "203.0.114.0"));
        assert!(inside("203.0.113.7", "203.0.113.7"));
        assert!(!inside("203.0.113.7", "203.0.113.8"));
        assert!(inside("203.0.113.0/24", "::ffff:203.0.113.9"));
        assert!(inside("0.0.0.0/0", "8.8.8.8"));
        assert!(!inside("0.0.0.0/0", "2001:db8::1"));
        assert!(inside("2001:db8::/32", "2001:db8:1::1"));
        assert!(inside("::/0", "8.8.8.8"));
        for text in ["", "203.0.113.0/33", "203.0.113/24", "here", "1.2.3.4/x", "::/129"] {
            assert!(text.parse::<Network>().is_err(), "{text:?}");
        }
        assert_eq!("203.0.113.0/24".parse::<Network>().unwrap().to_string(), "203.0.113.0/24");
    }
}
