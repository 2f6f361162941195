//! A server that keeps what it is asked and answers what it is told.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) target: String,
    /// The headers, their names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
}

/// Runs until it is dropped.
pub(crate) struct Server {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn answering(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n",
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
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if let Ok(request) = request(&mut stream).await {
                    keeping.lock().unwrap().push(request);
                }
                match &reply {
                    Some(reply) => drop(stream.write_all(reply).await),
                    None => open.push(stream),
                }
            }
        });
        Self { address, asked, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/openapi?shop=7", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads a whole request, so that closing the connection does not reset it.
async fn request(stream: &mut TcpStream) -> io::Result<Asked> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            continue;
        };
        let headers: Vec<(String, String)> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0);
        if read == 0 || body.len() >= length {
            let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
            return Ok(Asked { target, headers, body: body.to_owned() });
        }
    }
}
