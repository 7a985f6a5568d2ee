//! The copier's Lambda binary.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    copier::handler::serve()
        .await
        .map_err(anyhow::Error::from_boxed)
}
