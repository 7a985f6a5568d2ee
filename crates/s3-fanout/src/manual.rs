//! `s3-fanout completions` and `s3-fanout man`: what a shell and `man` know of the command line.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Command;
use clap_complete::Shell;

/// The command's name.
const NAME: &str = "s3-fanout";

#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write a page for every command into this folder, instead of the first page to standard output
    #[arg(long, value_name = "PATH")]
    pub dir: Option<PathBuf>,
}

/// Prints what a shell is to read.
pub fn completions(args: &CompletionsArgs, all: &Command) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut visible(all), NAME, &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual's first page, or writes all of its pages.
pub fn man(args: &ManArgs, all: &Command) -> Result<ExitCode> {
    match &args.dir {
        Some(dir) => write_pages(dir, all)
            .with_context(|| format!("cannot write the manual to {}", dir.display()))?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(visible(all)).render(&mut page)?;
            io::stdout().lock().write_all(&page)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_pages(dir: &Path, all: &Command) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(visible(all), dir)?;
    Ok(())
}

/// The command line without what is not for people.
fn visible(all: &Command) -> Command {
    let shown = all
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let bare = Command::new(NAME).version(env!("CARGO_PKG_VERSION"));
    let bare = match all.get_about() {
        Some(about) => bare.about(about.clone()),
        None => bare,
    };
    bare.subcommand_required(true).subcommands(shown.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::CommandFactory;

    #[test]
    fn the_manual_and_the_completions_know_every_command_but_the_hidden_one() {
        let all = Args::command();
        let names: Vec<_> = visible(&all)
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        assert!(
            names.contains(&"backup".to_owned()) && !names.contains(&"function".to_owned()),
            "{names:?}"
        );
        let dir = tempfile::tempdir().unwrap();
        write_pages(dir.path(), &all).unwrap();
        let page = std::fs::read_to_string(dir.path().join("s3-fanout-backup.1")).unwrap();
        assert!(page.contains("part\\-size\\-mib"), "{page}");
        for name in names {
            assert!(
                dir.path().join(format!("s3-fanout-{name}.1")).exists(),
                "{name}"
            );
        }
    }
}
