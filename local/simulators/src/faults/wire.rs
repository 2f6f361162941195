//! An HTTP server whose handlers can also fail as networks do: no answer at all, or a reset connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How long [`Connection::hang`] keeps a connection open: longer than any caller waits.
const FOREVER: Duration = Duration::from_hours(1);

/// A server on `127.0.0.1` at a port of its own choosing. It stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts serving. Handlers may extract `ConnectInfo<Connection>`.
    pub async fn start(router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let service = router.into_make_service_with_connect_info::<Connection>();
        let task = tokio::spawn(async move {
            // Ends only when the task is aborted: accept errors are waited out by the listener.
            let _ended = axum::serve(Resettable(listener), service).await;
        });
        Ok(Self { address, task })
    }

    /// Returns the address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The connection a request came in on.
#[derive(Debug, Clone)]
pub struct Connection(Arc<AtomicBool>);

impl Connection {
    /// Resets the connection (TCP RST) instead of sending the answer the handler returns next.
    pub fn reset(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Never answers. Ends when the caller hangs up: the server then drops the handler.
    pub async fn hang(&self) {
        tokio::time::sleep(FOREVER).await;
        self.reset();
    }
}

impl Connected<IncomingStream<'_, Resettable>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Resettable>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A TCP listener whose connections can be reset from inside a handler.
#[derive(Debug)]
struct Resettable(TcpListener);

impl Listener for Resettable {
    type Io = Wire;
    type Addr = Connection;

    async fn accept(&mut self) -> (Wire, Connection) {
        loop {
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let broken = Arc::new(AtomicBool::new(false));
                    return (Wire { stream, broken: Arc::clone(&broken) }, Connection(broken));
                }
                // Too many open files, or a caller that left already: the next may do better.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Connection> {
        Ok(Connection(Arc::new(AtomicBool::new(false))))
    }
}

/// A TCP stream that breaks on the next write once its switch is set.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    broken: Arc<AtomicBool>,
}

impl Wire {
    fn check(&self) -> io::Result<()> {
        if self.broken.load(Ordering::Acquire) {
            // Without lingering, closing sends RST instead of FIN.
            let _closes_politely_at_worst = self.stream.set_zero_linger();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::ConnectInfo;
    use axum::routing::get;

    #[tokio::test]
    async fn a_reset_gives_no_answer_and_a_normal_call_does() {
        let router = Router::new()
            .route("/good", get(|| async { "good" }))
            .route(
                "/reset",
                get(|ConnectInfo(connection): ConnectInfo<Connection>| async move {
                    connection.reset();
                    "never seen"
                }),
            )
            .route(
                "/hang",
                get(
                    |ConnectInfo(connection): ConnectInfo<Connection>| async move { connection.hang().await },
                ),
            );
        let server = Server::start(router).await.unwrap();
        let client =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(300)).build().unwrap();
        let get = |path: &str| client.get(format!("{}{path}", server.url())).send();

        assert_eq!(get("/good").await.unwrap().text().await.unwrap(), "good");
        let reset = get("/reset").await.unwrap_err();
        assert!(!reset.is_timeout() && !reset.is_connect(), "{reset:?}");
        assert!(get("/hang").await.unwrap_err().is_timeout());
    }
}
