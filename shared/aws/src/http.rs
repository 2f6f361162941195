//! The SDK's HTTP over the client that everything else uses.

use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

/// How long a connection to AWS may take to stand.
const CONNECT: Duration = Duration::from_secs(3);

/// The system's TLS roots cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot build the HTTP client for AWS")]
pub struct HttpClientError(#[source] reqwest::Error);

/// Returns an HTTP client for the SDK's services. The time limits of whole calls are the SDK's own.
pub fn http_client() -> Result<SharedHttpClient, HttpClientError> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        .build()
        .map_err(HttpClientError)?;
    Ok(SharedHttpClient::new(Http { client }))
}

/// One pool of connections for every service.
#[derive(Debug, Clone)]
struct Http {
    client: reqwest::Client,
}

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.client.clone();
        HttpConnectorFuture::new(async move { exchange(&client, request).await })
    }
}

async fn exchange(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let (parts, body) = request.try_into_http1x().map_err(unfit)?.into_parts();
    let body = body.bytes().map(<[u8]>::to_vec).ok_or_else(|| unfit("a body that is streamed"))?;
    let request = reqwest::Request::try_from(http::Request::from_parts(parts, body)).map_err(unfit)?;
    let mut response = client.execute(request).await.map_err(broken)?;
    let mut answer = http::Response::builder().status(response.status());
    if let Some(headers) = answer.headers_mut() {
        std::mem::swap(headers, response.headers_mut());
    }
    let body = response.bytes().await.map_err(broken)?;
    HttpResponse::try_from(answer.body(SdkBody::from(body)).map_err(unfit)?).map_err(unfit)
}

/// Which the SDK must not try again.
fn unfit(error: impl Into<Box<dyn Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::user(error.into())
}

/// Which the SDK may try again.
fn broken(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() { ConnectorError::timeout(error.into()) } else { ConnectorError::io(error.into()) }
}
