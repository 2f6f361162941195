//! A server that gives every request the same answer: for replies that no simulator would give.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Runs until it is dropped.
pub(crate) struct Server {
    url: String,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn answering(status: u16, body: Vec<u8>) -> Self {
        Self::answering_with(status, &[], body).await
    }

    pub(crate) async fn answering_with(status: u16, headers: &[(&str, &str)], body: Vec<u8>) -> Self {
        let headers: String =
            headers.iter().flat_map(|(name, value)| [*name, ": ", *value, "\r\n"]).collect();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
            body.len()
        );
        Self::start(Some([head.into_bytes(), body].concat())).await
    }

    /// Takes requests and never answers.
    pub(crate) async fn silent() -> Self {
        Self::start(None).await
    }

    async fn start(reply: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/router/qm", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = request(&mut stream).await;
                match &reply {
                    Some(reply) => drop(stream.write_all(reply).await),
                    None => open.push(stream),
                }
            }
        });
        Self { url, task }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads a whole request, so that closing the connection does not reset it.
async fn request(stream: &mut TcpStream) -> io::Result<()> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return Ok(());
        }
    }
}
