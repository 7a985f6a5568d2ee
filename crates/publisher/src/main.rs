//! The publisher's Lambda binary.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    publisher::handler::serve()
        .await
        .map_err(anyhow::Error::from_boxed)
}
