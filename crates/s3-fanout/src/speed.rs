//! How long S3 takes to copy one object, by a model of its times. Pure arithmetic.

use copier::plan::{Parts, Plan, Sizes};
use sandbox::timing::Model;

const MIB: u64 = 1 << 20;

/// Where the copier begins to copy in parts, and how large they are, where nothing else is configured.
pub const DEFAULT_SIZES: Sizes = Sizes {
    part_bytes: 64 * MIB,
    multipart_threshold_bytes: 256 * MIB,
};

/// Parts of one object that the copier copies at once where nothing else is configured.
pub const DEFAULT_PARTS_IN_FLIGHT: u32 = 16;

/// The model of S3 as it was last measured: <https://github.com/awslabs/aws-c-s3/pull/288>.
pub const MEASURED: &str = "s3-2023";

/// How long the requests of a copy take.
#[derive(Debug, Clone, Copy)]
pub struct Speed {
    /// A page of a listing.
    pub list_secs: f64,
    /// A batch of messages.
    pub publish_secs: f64,
    /// Looking at both sides, which are looked at at the same time.
    pub look_secs: f64,
    /// A CopyObject, besides moving bytes.
    copy_secs: f64,
    /// An UploadPartCopy, besides moving bytes.
    part_secs: f64,
    /// A CompleteMultipartUpload.
    complete_secs: f64,
    /// Bytes of one of those that move in a second.
    bytes_per_sec: f64,
    /// What an upload takes besides its parts: reading the tags, beginning, and completing.
    upload_secs: f64,
    /// What an execution environment's first invocation waits for it.
    pub cold_start_secs: f64,
    /// PUT, COPY and POST requests a second that a prefix takes; infinite if it takes any number.
    pub writes_per_sec: f64,
    /// Those that it takes at once besides.
    pub burst_writes: f64,
}

impl Speed {
    /// As a model has it.
    pub fn of(model: &Model) -> Speed {
        let secs = |operation: &str| model.latency_ms.of(operation) / 1_000.0;
        let (writes_per_sec, burst_writes) = match model.rates {
            Some(rates) => (
                rates.writes_per_sec,
                rates.writes_per_sec * rates.burst_secs,
            ),
            None => (f64::INFINITY, 0.0),
        };
        Speed {
            list_secs: secs("ListObjectsV2"),
            publish_secs: secs("PublishBatch"),
            look_secs: secs("HeadObject"),
            copy_secs: secs("CopyObject"),
            part_secs: secs("UploadPartCopy"),
            complete_secs: secs("CompleteMultipartUpload"),
            bytes_per_sec: model.copy_mb_per_sec.map_or(f64::INFINITY, |mb| mb * 1e6),
            upload_secs: secs("GetObjectTagging")
                + secs("CreateMultipartUpload")
                + secs("CompleteMultipartUpload"),
            cold_start_secs: model.lambda.cold_start_ms / 1_000.0,
            writes_per_sec,
            burst_writes,
        }
    }

    /// As it was measured last.
    pub fn measured() -> Speed {
        Speed::of(&Model::named(MEASURED).expect("a model that is built in"))
    }

    /// How long one CopyObject takes, in seconds.
    pub fn request_of(&self, size_bytes: u64) -> f64 {
        self.copy_secs + size_bytes as f64 / self.bytes_per_sec
    }

    /// How long a copy takes from the moment at which its last bytes are asked for.
    pub fn end_of(&self, size_bytes: u64, plan: Plan) -> f64 {
        match plan {
            Plan::Single => self.request_of(size_bytes),
            Plan::Multipart(parts) => self.part_of(parts) + self.complete_secs,
        }
    }

    fn part_of(&self, parts: Parts) -> f64 {
        self.part_secs + parts.part_bytes() as f64 / self.bytes_per_sec
    }

    /// How long the copy of an object takes, in seconds, with so many parts at once: both sides are looked at, then one
    /// request copies it; or round after round of parts does, each as long as one of its parts.
    pub fn copy_of(&self, size_bytes: u64, plan: Plan, parts_in_flight: u32) -> f64 {
        let copying = match plan {
            Plan::Single => self.request_of(size_bytes),
            Plan::Multipart(parts) => {
                let rounds = parts.count().div_ceil(parts_in_flight);
                self.upload_secs + f64::from(rounds) * self.part_of(parts)
            }
        };
        self.look_secs + copying
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use copier::plan::plan;

    const GIB: u64 = 1 << 30;

    /// S3 in 2016, by the article this project starts from: 250 objects of 700 MB, one by one, took 1 h 45 min.
    pub fn in_2016() -> Speed {
        Speed::of(&Model::named("s3-2016").unwrap())
    }

    fn in_parts(size_bytes: u64, part_bytes: u64, parts_in_flight: u32) -> f64 {
        let sizes = Sizes {
            part_bytes,
            multipart_threshold_bytes: 0,
        };
        let plan = plan(size_bytes, sizes).unwrap();
        Speed::measured().copy_of(size_bytes, plan, parts_in_flight)
    }

    fn at_once(size_bytes: u64) -> f64 {
        Speed::measured().copy_of(size_bytes, Plan::Single, 1)
    }

    #[test]
    fn a_copy_takes_as_long_as_others_measured() {
        // What, how long it took there, how long here, and how far apart they may be, as a share of the measured.
        let rows = [
            // awslabs/aws-c-s3 #288, all parts at once.
            ("1 GiB, 64 MiB", 3.60, in_parts(GIB, 64 * MIB, 256), 0.15),
            ("1 GiB, 128 MiB", 4.15, in_parts(GIB, 128 * MIB, 256), 0.10),
            ("1 GiB, 256 MiB", 5.54, in_parts(GIB, 256 * MIB, 256), 0.10),
            ("1 GiB, 1 GiB", 15.57, in_parts(GIB, GIB, 256), 0.10),
            // Eighty parts: their client does not start that many at the same moment, and we do as if it did.
            (
                "10 GiB, 128 MiB",
                4.82,
                in_parts(10 * GIB, 128 * MIB, 256),
                0.16,
            ),
            // drakkan/sftpgo #898, in whole seconds. Its single copy moved 100 MB/s, not 82.
            ("700 MB at once", 7.0, at_once(700_000_000), 0.25),
            (
                "700 MB in parts",
                3.0,
                in_parts(700_000_000, 64 * MIB, 16),
                0.10,
            ),
        ];
        for (what, measured, modelled, tolerance) in rows {
            let apart = (modelled - measured) / measured;
            assert!(
                apart.abs() <= tolerance,
                "{what}: {measured} s there, {modelled:.2} s here: {apart:+.3}"
            );
        }
    }

    #[test]
    fn at_100_mb_a_single_copy_wins_and_at_700_mb_parts_do() {
        // drakkan/sftpgo #898.
        assert!(at_once(100_000_000) < in_parts(100_000_000, 16 * MIB, 256));
        assert!(at_once(700_000_000) > in_parts(700_000_000, 64 * MIB, 16));
    }

    #[test]
    fn two_terabytes_take_one_invocation_at_most_five_minutes() {
        // aws-samples: parts of 16 MiB, 200 at once. So many parts an upload cannot have: they become 200 MB each.
        let secs = in_parts(2_000_000_000_000, 16 * MIB, 200);
        assert!((60.0..=300.0).contains(&secs), "{secs}");
    }

    #[test]
    fn parts_go_in_rounds_as_long_as_a_part() {
        let eleven = |parts_in_flight| in_parts(700 * MIB, 64 * MIB, parts_in_flight);
        assert!((eleven(11) - eleven(256)).abs() < 1e-9);
        let round = eleven(10) - eleven(11);
        assert!(
            (round - (0.1 + 66_727_564.0 / 82e6)).abs() < 1e-9,
            "{round}"
        );
        assert!((eleven(1) - eleven(11) - 10.0 * round).abs() < 1e-9);
    }
}
