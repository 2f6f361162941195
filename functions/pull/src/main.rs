//! The Lambda function `pull`: wiring only.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    dougong_pull::serve().await
}
