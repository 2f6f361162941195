//! A way to BIP on which requests take their time, each another.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;

/// Puts a relay in front of `http://address/path`, and returns its own URL of the same path. Every connection waits
/// before anything is passed on, between nothing and `most`, the same from run to run.
///
/// # Panics
/// If the URL is not of that form, or there is no port left.
pub fn with_latency(url: &str, most: Duration) -> String {
    let rest = url.strip_prefix("http://").expect("a simulator has an http:// address");
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let to: SocketAddr = address.parse().expect("a simulator has a numeric address");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let own = listener.local_addr().expect("a listener has an address");
    listener.set_nonblocking(true).expect("a listener need not block");
    let listener = tokio::net::TcpListener::from_std(listener).expect("within a runtime");
    let taken = Arc::new(AtomicU64::new(0));
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let nth = taken.fetch_add(1, Ordering::Relaxed);
            // Spread evenly, neighbours far apart.
            let share = u32::try_from(nth * 618 % 1_000).unwrap_or_default();
            tokio::spawn(async move {
                tokio::time::sleep(most * share / 1_000).await;
                if let Ok(mut to) = TcpStream::connect(to).await {
                    // Either side may hang up at any time.
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                }
            });
        }
    });
    format!("http://{own}/{path}")
}
