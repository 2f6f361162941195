//! The Lambda function `sweep`: wiring only.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    dougong_sweep::serve().await
}
