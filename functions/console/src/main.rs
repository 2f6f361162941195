//! The Lambda function `console`: wiring only.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    dougong_console::serve().await
}
