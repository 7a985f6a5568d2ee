//! `s3-fanout bench`: figures in the sandbox, next to what they could be at best.

pub mod cold_start;
pub mod copier;
mod kept;
mod limit;
mod machine;
pub mod peers;
mod process;
pub mod publisher;
pub mod strategies;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Bench;

/// Runs a benchmark to its end or to Ctrl-C.
pub fn run(bench: Bench) -> Result<ExitCode> {
    if cfg!(debug_assertions) {
        eprintln!("warning: this is a debug build; its figures say little, build with --release");
    }
    match bench {
        Bench::ColdStart(args) => cold_start::run(&args),
        Bench::Copier(args) => copier::run(&args),
        Bench::Requests(args) => copier::processor::run(&args).map(|()| ExitCode::SUCCESS),
        Bench::Peers(args) => peers::run(&args),
        Bench::Publisher(args) => publisher::run(&args.case, args.scale, args.json),
        Bench::Strategies(args) => strategies::run(&args),
        Bench::Strategy(args) => strategies::child::run(args.what),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Display;
    use std::fs;

    use serde::de::DeserializeOwned;

    use super::*;

    const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    /// The tables of a result that was kept, whose lines begin with one blank, and where it comes from.
    fn tables<R: DeserializeOwned + Display>(result: &str) -> Vec<String> {
        let json = fs::read_to_string(format!("{SOURCES}/tests/measured/{result}.json")).unwrap();
        let report: R = serde_json::from_str(&json).unwrap();
        let origin: machine::Origin = serde_json::from_str(&json).unwrap();
        let shown = report.to_string();
        let is_row = |line: &&str| line.starts_with(' ') && !line.starts_with("  ");
        let blocks = shown.split("\n\n").map(|block| {
            let rows: Vec<_> = block.lines().filter(is_row).collect();
            rows.join("\n")
        });
        let tables = blocks.filter(|block| !block.is_empty());
        tables.chain([origin.to_string()]).collect()
    }

    #[test]
    fn the_readme_shows_what_was_measured() {
        let readme = fs::read_to_string(format!("{SOURCES}/README.md")).unwrap();
        let strategies = [
            "day-s3-2023",
            "day-s3-2023-250",
            "day-s3-2016",
            "day-s3-2016-fastest",
            "day-slow-down",
            "small",
            "sweep",
            "ping",
            "sum-sizes",
        ];
        let strategies =
            strategies.map(|result| (result, tables::<strategies::report::Report>(result)));
        let others = [
            ("peers", tables::<peers::report::Report>("peers")),
            ("copier", tables::<copier::report::Report>("copier")),
        ];
        for (result, tables) in strategies.into_iter().chain(others) {
            assert!(tables.len() > 1, "{result}");
            for table in tables {
                assert!(
                    readme.contains(&table),
                    "{result}: the README has not\n{table}"
                );
            }
        }
    }
}
