//! The command line of `verify`.

use std::path::PathBuf;

use copier::policy::Preserve;

use super::compared::Options;
use crate::access::Access;
use crate::buckets::BucketArgs;
use crate::scope::ScopeArgs;

#[derive(Debug, Clone, clap::Args)]
pub struct VerifyArgs {
    /// Look at every object and its copy: checksums, content headers, metadata and tags; four requests each
    #[arg(long)]
    pub deep: bool,
    /// What the copies have of their sources, as the copier's PRESERVE has it: metadata,tags or one of them, or none
    #[arg(long, value_name = "LIST", default_value = "metadata,tags", value_parser = preserve)]
    pub preserve: Preserve,
    /// Do not count as a difference what only the destination has: copies of objects deleted at the source
    #[arg(long)]
    pub allow_extra: bool,
    /// Write a report to read in a browser: one HTML file that needs no other
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write every difference as a line of JSON
    #[arg(long, value_name = "FILE")]
    pub jsonl: Option<PathBuf>,
    /// Write every difference as a row of CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub buckets: BucketArgs,
    #[command(flatten)]
    pub scope: ScopeArgs,
    #[command(flatten)]
    pub access: Access,
}

impl VerifyArgs {
    /// What is compared.
    pub fn options(&self) -> Options {
        Options {
            deep: self.deep,
            preserve: self.preserve,
            storage_class: false,
        }
    }
}

fn preserve(text: &str) -> Result<Preserve, String> {
    let preserve: Preserve = text.parse().map_err(|problem| {
        format!("{problem}; it takes metadata and tags, such as metadata,tags, or none")
    })?;
    match preserve.annotations {
        true => Err("annotations are not compared; it takes metadata and tags".to_owned()),
        false => Ok(preserve),
    }
}

impl VerifyArgs {
    /// What copies the same objects, or those of them that were found to differ, whatever the copier thinks of them.
    pub fn backup_command(&self) -> String {
        let (buckets, scope, access) = (&self.buckets, &self.scope, &self.access);
        let mut words = vec!["s3-fanout".to_owned(), "backup".to_owned()];
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([name.to_owned(), quoted(&value)]);
            }
        };
        flag("--source", Some(buckets.source.clone()));
        flag("--dest", Some(buckets.dest.clone()));
        let prefix = Some(buckets.dest_prefix.clone()).filter(|prefix| !prefix.is_empty());
        flag("--dest-prefix", prefix);
        flag("--source-bucket-owner", buckets.source_bucket_owner.clone());
        flag("--dest-bucket-owner", buckets.dest_bucket_owner.clone());
        let of_differences = self.jsonl.as_ref().filter(|_| self.deep);
        if let Some(file) = of_differences {
            flag("--retry", Some(file.display().to_string()));
            flag("--overwrite", Some("always".to_owned()));
        }
        let scope = match of_differences {
            Some(_) => &ScopeArgs {
                date: None,
                from: None,
                to: None,
                prefix: None,
                include: Vec::new(),
                exclude: Vec::new(),
                ..scope.clone()
            },
            None => scope,
        };
        flag("--date", scope.date.map(|day| day.to_string()));
        flag("--from", scope.from.map(|day| day.to_string()));
        flag("--to", scope.to.map(|day| day.to_string()));
        flag("--prefix", scope.prefix.clone());
        let format = scope.prefix_format.to_string();
        flag(
            "--prefix-format",
            Some(format).filter(|format| format != "%Y-%m-%d/"),
        );
        for glob in &scope.include {
            flag("--include", Some(glob.clone()));
        }
        for glob in &scope.exclude {
            flag("--exclude", Some(glob.clone()));
        }
        flag("--endpoint-url", access.endpoint_url.clone());
        flag("--region", access.region.clone());
        flag("--profile", access.profile.clone());
        if self.deep && of_differences.is_none() {
            // The listings, which backup compares else, do not show what --deep found.
            words.push("--all".to_owned());
        }
        if buckets.requester_pays {
            words.push("--requester-pays".to_owned());
        }
        words.join(" ")
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:=%+@,".contains(character);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
