//! What `backup` may be told, and the copier's configuration that is made of it.

use std::path::PathBuf;

use backup::env::Environment;
use copier::config::Config;

use crate::access::Access;
use crate::buckets::BucketArgs;
use crate::exit::UsageError;
use crate::scope::ScopeArgs;

/// The flag that stands for each of the copier's variables here; a name that is part of another comes after it.
const FLAGS: [(&str, &str); 15] = [
    ("SOURCE_BUCKET_OWNER", "--source-bucket-owner"),
    ("DEST_BUCKET_OWNER", "--dest-bucket-owner"),
    ("SOURCE_BUCKET", "--source"),
    ("DEST_BUCKET", "--dest"),
    ("DEST_PREFIX", "--dest-prefix"),
    ("PREFIX_FORMAT", "--prefix-format"),
    ("REQUEST_PAYER", "--requester-pays"),
    ("PART_SIZE_MIB", "--part-size-mib"),
    ("PARTS_IN_FLIGHT", "--parts-in-flight"),
    ("MULTIPART_THRESHOLD_MIB", "--multipart-threshold-mib"),
    ("RESUME_THRESHOLD_GIB", "--resume-threshold-gib"),
    ("OVERWRITE", "--overwrite"),
    ("PRESERVE", "--preserve"),
    ("STORAGE_CLASS", "--storage-class"),
    ("SSE_KMS_KEY_ID", "--sse-kms-key-id"),
];

/// What `backup` may be told.
#[derive(Debug, Clone, clap::Args)]
#[command(mut_group("which", |group| group.arg("retry")))]
pub struct BackUpArgs {
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub buckets: BucketArgs,
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Copy the objects of a failure list again; - reads it from standard input
    #[arg(long, value_name = "FILE", help_heading = "Objects",
        conflicts_with_all = ["date", "from", "to", "prefix", "all", "include", "exclude"])]
    pub retry: Option<PathBuf>,
    /// Look at every object and its copy, not only at those that the two listings tell apart
    #[arg(long, help_heading = "Objects")]
    pub all: bool,
    #[command(flatten)]
    pub copies: CopyArgs,
    /// Where objects that are not copied are listed, a JSON object a line for --retry; a file that is not there yet
    /// [default: s3-fanout-failures-TIME.jsonl, if there are any]
    #[arg(long, value_name = "FILE")]
    pub failures: Option<PathBuf>,
    #[command(flatten)]
    pub access: Access,
}

/// How objects are copied.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Copies")]
pub struct CopyArgs {
    /// Objects copied at the same time
    #[arg(long, value_name = "N", default_value_t = 125, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub concurrency: u16,
    /// Requests that copy bytes at the same time, of all objects together; each takes some 50 KB
    #[arg(long, value_name = "N", default_value_t = 350, value_parser = clap::value_parser!(u16).range(1..=50_000))]
    pub requests_in_flight: u16,
    /// Parts of one object copied at the same time
    #[arg(long, value_name = "N", default_value = "16")]
    pub parts_in_flight: String,
    /// The size that parts come near to
    #[arg(long, value_name = "MIB", default_value = "64")]
    pub part_size_mib: String,
    /// The size from which objects are copied in parts
    #[arg(long, value_name = "MIB", default_value = "256")]
    pub multipart_threshold_mib: String,
    /// The size from which a copy that was cut off is gone on with
    #[arg(long, value_name = "GIB", default_value = "50")]
    pub resume_threshold_gib: String,
    /// What becomes of another object that is at the destination: if-changed replaces it, never keeps it and
    /// fails, always replaces even the same
    #[arg(long, value_name = "POLICY", default_value = "if-changed")]
    pub overwrite: String,
    /// What copies have of their sources: a list of metadata, tags and annotations, or none
    #[arg(long, value_name = "LIST", default_value = "metadata,tags")]
    pub preserve: String,
    /// The storage class of copies [default: the source's]
    #[arg(long, value_name = "CLASS")]
    pub storage_class: Option<String>,
    /// The KMS key of copies [default: the destination bucket's encryption]
    #[arg(long, value_name = "KEY")]
    pub sse_kms_key_id: Option<String>,
}

impl BackUpArgs {
    /// The copier's configuration, read as its own environment would be.
    ///
    /// # Errors
    /// A flag has another value than it takes, or copies would be copied again.
    pub fn copier_config(&self) -> Result<Config, UsageError> {
        let (buckets, copies) = (&self.buckets, &self.copies);
        let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
        let values = [
            or_none(&buckets.source_bucket_owner),
            or_none(&buckets.dest_bucket_owner),
            buckets.source.clone(),
            buckets.dest.clone(),
            buckets.dest_prefix.clone(),
            self.scope.prefix_format.to_string(),
            if buckets.requester_pays {
                "requester"
            } else {
                ""
            }
            .to_owned(),
            copies.part_size_mib.clone(),
            copies.parts_in_flight.clone(),
            copies.multipart_threshold_mib.clone(),
            copies.resume_threshold_gib.clone(),
            copies.overwrite.clone(),
            copies.preserve.clone(),
            or_none(&copies.storage_class),
            or_none(&copies.sse_kms_key_id),
        ];
        let variables = std::array::from_fn::<_, 15, _>(|n| (FLAGS[n].0, values[n].as_str()));
        Config::from_env(&Environment::from(variables)).map_err(|error| {
            let said = error.to_string().replace("the environment variable ", "");
            let in_flags =
                |said: String, (variable, flag): &(&str, &str)| said.replace(variable, flag);
            UsageError(FLAGS.iter().fold(said, in_flags))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: BackUpArgs,
    }

    fn parse(words: &str) -> Result<BackUpArgs, String> {
        let dest = if words.contains("--dest ") {
            ""
        } else {
            "--dest c "
        };
        let words = format!("backup --source b {dest}{words}");
        let line = Line::try_parse_from(words.split(' ')).map_err(|error| error.to_string())?;
        Ok(line.args)
    }

    fn wrong(words: &str) -> String {
        parse(words)
            .unwrap()
            .copier_config()
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn needs_to_know_which_objects() {
        for words in [
            "--date 2016-06-30",
            "--from 2016-01-01 --to 2016-06-30",
            "--prefix x/",
            "--retry f",
        ] {
            parse(words).unwrap();
        }
        for words in [
            "--json",
            "--include *",
            "--from 2016-01-01",
            "--date 2016-06-30 --prefix x/",
            "--retry f --prefix x/",
        ] {
            parse(words).unwrap_err();
        }
    }

    #[test]
    fn the_copier_is_configured_as_it_is_without_its_variables() {
        let config = parse("--date 2016-06-30").unwrap().copier_config().unwrap();
        let least = Environment::from([("SOURCE_BUCKET", "b"), ("DEST_BUCKET", "c")]);
        let default = Config::from_env(&least).unwrap();
        assert_eq!(format!("{config:?}"), format!("{default:?}"));
    }

    #[test]
    fn what_is_wrong_is_told_of_the_flag() {
        assert_eq!(
            wrong("--date 2016-06-30 --part-size-mib 4"),
            "--part-size-mib is \"4\"; it must hold a whole number from 5 to 5120"
        );
        let class = wrong("--date 2016-06-30 --storage-class COLD");
        assert!(
            class.starts_with("--storage-class is \"COLD\"; it must hold one of STANDARD"),
            "{class}"
        );
        let owner = wrong("--date 2016-06-30 --source-bucket-owner me");
        assert!(
            owner.starts_with("--source-bucket-owner is \"me\""),
            "{owner}"
        );
        let same = wrong("--date 2016-06-30 --dest b");
        assert!(
            same.starts_with("--source and --dest are both \"b\" and --dest-prefix is empty"),
            "{same}"
        );
    }
}
