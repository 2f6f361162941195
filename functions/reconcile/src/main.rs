//! The Lambda function `reconcile`: wiring only.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    dougong_reconcile::serve().await
}
