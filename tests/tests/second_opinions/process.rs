//! A server written by others: started on a free loopback port, killed when dropped.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Python needs a few seconds to import either server on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How much of its output is shown when a test fails.
const SHOWN_LINES: usize = 60;

/// A running server, whose files lie in a folder of its own.
pub struct Process {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Process {
    /// Starts a program that `command` tells where to listen, and waits until it does.
    pub fn start(program: PathBuf, command: impl FnOnce(&mut Command, SocketAddr)) -> Process {
        let folder = tempfile::tempdir().unwrap();
        let address = free_port();
        let output = File::create(folder.path().join("output")).unwrap();
        let mut server = Command::new(program);
        // Neither this machine's account nor its settings are any of the server's business.
        server
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("TMPDIR", folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        command(&mut server, address);
        let mut server = Process {
            address,
            child: server.spawn().unwrap(),
            folder,
        };
        server.wait_until_it_listens();
        server
    }

    fn wait_until_it_listens(&mut self) {
        let began = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended: {}", ended.unwrap());
            assert!(
                began.elapsed() < START_TIMEOUT,
                "the server does not listen"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What it has started ends with the connection to it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let output = std::fs::read(self.folder.path().join("output")).unwrap_or_default();
            let output = String::from_utf8_lossy(&output);
            let lines: Vec<_> = output.lines().collect();
            let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            eprintln!("the server's last lines:\n{}", last.join("\n"));
        }
    }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}
