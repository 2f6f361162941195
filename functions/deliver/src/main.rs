//! The Lambda function `deliver`: wiring only.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    dougong_deliver::serve().await
}
