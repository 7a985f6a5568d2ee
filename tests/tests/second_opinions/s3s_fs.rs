//! s3s-fs in this process, on a free loopback port: S3 over a folder, written by the authors of s3s.

use std::net::{Ipv4Addr, SocketAddr};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A running server. The test's runtime ends it.
pub struct S3sFs {
    /// Where it listens.
    pub address: SocketAddr,
    _folder: TempDir,
}

impl S3sFs {
    /// Starts serving an empty folder.
    pub async fn start() -> S3sFs {
        let folder = tempfile::tempdir().unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("sandbox", "sandbox"));
        let service = service.build();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
                connections.spawn(connection);
            }
        });
        S3sFs {
            address,
            _folder: folder,
        }
    }
}
