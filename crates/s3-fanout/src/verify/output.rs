//! The files a verification writes: each beside its place until it is complete, then moved there.

use std::fs::Permissions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use tempfile::NamedTempFile;

use super::answer::Answer;
use super::args::VerifyArgs;
use super::difference::Difference;
use super::report::page;
use crate::exit::UsageError;

/// The columns, which are named as the fields of the JSON lines are.
const COLUMNS: [&str; 8] = [
    "kind",
    "key",
    "what",
    "detail",
    "source_bytes",
    "source_last_modified",
    "copy_bytes",
    "copy_last_modified",
];

/// What was asked for.
pub struct Outputs {
    report: Option<Pending>,
    jsonl: Option<Pending>,
    csv: Option<csv::Writer<Pending>>,
}

impl Outputs {
    /// Begins every file: one that cannot be written should not be found out after an hour.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn create(args: &VerifyArgs) -> Result<Outputs> {
        let paths = [&args.report, &args.jsonl, &args.csv];
        let begun = |path: &Option<PathBuf>| path.as_deref().map(Pending::create).transpose();
        let [report, jsonl, csv] = [begun(paths[0])?, begun(paths[1])?, begun(paths[2])?];
        let files = [&report, &jsonl, &csv].into_iter().flatten();
        let places: Vec<_> = files.map(|file| &file.path).collect();
        if (1..places.len()).any(|at| places[..at].contains(&places[at])) {
            bail!(UsageError(
                "two of --report, --jsonl and --csv name the same file; give each its own"
                    .to_owned()
            ));
        }
        let csv = csv.map(csv::Writer::from_writer);
        let mut outputs = Outputs { report, jsonl, csv };
        if let Some(csv) = &mut outputs.csv {
            csv.write_record(COLUMNS)?;
        }
        Ok(outputs)
    }

    /// Writes a difference.
    ///
    /// # Errors
    /// A disk is full.
    pub fn add(&mut self, difference: &Difference) -> Result<()> {
        if let Some(file) = &mut self.jsonl {
            serde_json::to_writer(&mut *file, difference)?;
            file.write_all(b"\n")?;
        }
        if let Some(csv) = &mut self.csv {
            csv.write_record(row(difference))?;
        }
        Ok(())
    }

    /// Moves every file to its place.
    ///
    /// # Errors
    /// A disk is full, or a folder has gone.
    pub fn finish(self, answer: &Answer<'_>) -> Result<()> {
        if let Some(csv) = self.csv {
            let written = csv.into_inner();
            written.map_err(|error| error.into_error())?.finish()?;
        }
        if let Some(file) = self.jsonl {
            file.finish()?;
        }
        if let Some(mut file) = self.report {
            file.write_all(page(answer, Timestamp::now())?.as_bytes())?;
            file.finish()?;
        }
        Ok(())
    }
}

fn row(difference: &Difference) -> [String; 8] {
    let shown = |value: Option<&dyn ToString>| value.map_or_else(String::new, ToString::to_string);
    [
        difference.kind.as_str().to_owned(),
        difference.key.clone(),
        difference.what.join(","),
        difference.detail.clone(),
        shown(difference.source_bytes.as_ref().map(|it| it as _)),
        shown(difference.source_last_modified.as_ref().map(|it| it as _)),
        shown(difference.copy_bytes.as_ref().map(|it| it as _)),
        shown(difference.copy_last_modified.as_ref().map(|it| it as _)),
    ]
}

/// A file that is not complete yet; it is gone if it never is.
struct Pending {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Pending {
    fn create(path: &Path) -> Result<Pending> {
        let problem = || format!("cannot write {}", path.display());
        // What a link points to is replaced, not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if path.exists() && !path.is_file() {
            bail!(
                "cannot write {}: it is no regular file; name another",
                path.display()
            );
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::Builder::new();
        // As any program's files are, less what the umask takes away.
        let file = file
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder);
        Ok(Pending {
            file: BufWriter::new(file.with_context(problem)?),
            path,
        })
    }

    fn finish(self) -> Result<()> {
        let problem = || format!("cannot write {}", self.path.display());
        let file = self.file.into_inner().map_err(|error| error.into_error());
        file.with_context(problem)?
            .persist(&self.path)
            .with_context(problem)?;
        Ok(())
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
