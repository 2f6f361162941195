//! The Lambda function `accept`: wiring only.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    dougong_accept::serve().await
}
