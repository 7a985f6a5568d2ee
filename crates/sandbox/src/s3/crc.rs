//! The three CRCs of S3, and the arithmetic that joins CRCs of pieces without reading the bytes again.

use std::sync::LazyLock;

use crc_fast::{CrcAlgorithm, checksum, checksum_combine};
use data_encoding::BASE64;

/// A checksum S3 can compute for a full object from its parts.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Crc {
    /// CRC-32 (ISO-HDLC).
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32C,
    /// CRC-64/NVME, which S3 computes where a client names no other.
    Crc64Nvme,
}

impl Crc {
    /// Every CRC, in the order of [`Crc::index`].
    pub(super) const ALL: [Self; 3] = [Self::Crc32, Self::Crc32C, Self::Crc64Nvme];

    /// Where this CRC stands in an array of one value per CRC.
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// The CRC of bytes.
    pub fn of(self, bytes: &[u8]) -> u64 {
        checksum(self.algorithm(), bytes)
    }

    /// One value per CRC, as [`Crc::index`] orders them.
    pub(super) fn all_of(bytes: &[u8]) -> [u64; 3] {
        Self::ALL.map(|crc| crc.of(bytes))
    }

    /// The CRC of two pieces in a row, from theirs and the second one's size.
    pub fn combine(self, first: u64, second: u64, second_size_bytes: u64) -> u64 {
        SHIFTS[self.index()].shift(first, second_size_bytes) ^ second
    }

    /// The CRC of a piece repeated, by doubling.
    pub(super) fn repeat(self, piece: u64, piece_size_bytes: u64, times: u64) -> u64 {
        let (mut sum, mut doubled, mut doubled_bytes) = (0, piece, piece_size_bytes);
        let mut times = times;
        while times > 0 {
            if times & 1 == 1 {
                sum = self.combine(sum, doubled, doubled_bytes);
            }
            doubled = self.combine(doubled, doubled, doubled_bytes);
            doubled_bytes = doubled_bytes.wrapping_mul(2);
            times >>= 1;
        }
        sum
    }

    /// The value as S3 writes it: big-endian, in base64.
    pub fn to_base64(self, value: u64) -> String {
        BASE64.encode(&value.to_be_bytes()[8 - self.size_bytes()..])
    }

    /// The value S3 wrote, or `None` if it is not one of this CRC.
    pub fn from_base64(self, text: &str) -> Option<u64> {
        let bytes = BASE64.decode(text.as_bytes()).ok()?;
        (bytes.len() == self.size_bytes()).then(|| {
            bytes
                .iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte))
        })
    }

    const fn size_bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32C => 4,
            Self::Crc64Nvme => 8,
        }
    }

    const fn algorithm(self) -> CrcAlgorithm {
        match self {
            Self::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
            Self::Crc32C => CrcAlgorithm::Crc32Iscsi,
            Self::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
        }
    }
}

/// What appending 1, 2, 4, … bytes does to a CRC before them: a matrix of one row per bit.
///
/// `checksum_combine` derives these on every call, which is some hundred times slower.
struct Shifts(Vec<[u64; 64]>);

static SHIFTS: LazyLock<[Shifts; 3]> = LazyLock::new(|| Crc::ALL.map(Shifts::of));

impl Shifts {
    fn of(crc: Crc) -> Self {
        let bits = 8 * crc.size_bytes();
        let mut one_byte = [0; 64];
        for (bit, row) in one_byte.iter_mut().enumerate().take(bits) {
            *row = checksum_combine(crc.algorithm(), 1 << bit, 0, 1);
        }
        let doubled = |half: &[u64; 64]| Some(half.map(|row| apply(half, row)));
        Self(
            std::iter::successors(Some(one_byte), doubled)
                .take(64)
                .collect(),
        )
    }

    fn shift(&self, crc: u64, size_bytes: u64) -> u64 {
        let matrices = self.0.iter().enumerate();
        let needed = matrices.filter(|(bit, _)| size_bytes >> bit & 1 == 1);
        needed.fold(crc, |crc, (_, matrix)| apply(matrix, crc))
    }
}

fn apply(matrix: &[u64; 64], mut vector: u64) -> u64 {
    let mut sum = 0;
    while vector != 0 {
        sum ^= matrix[vector.trailing_zeros() as usize];
        vector &= vector - 1;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bit by bit, from the catalogue's reflected polynomials: <https://reveng.sourceforge.io/crc-catalogue/>.
    fn by_the_book(crc: Crc, bytes: &[u8]) -> u64 {
        let (polynomial, ones) = match crc {
            Crc::Crc32 => (0xedb8_8320, u64::from(u32::MAX)),
            Crc::Crc32C => (0x82f6_3b78, u64::from(u32::MAX)),
            Crc::Crc64Nvme => (0x9a6c_9329_ac4b_c9b5, u64::MAX),
        };
        let mut register = ones;
        for byte in bytes {
            register ^= u64::from(*byte);
            for _ in 0..8 {
                let carry = register & 1;
                register = (register >> 1) ^ (carry * polynomial);
            }
        }
        register ^ ones
    }

    proptest! {
        #[test]
        fn any_pieces_combine_to_the_crc_of_the_whole(
            bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            for crc in Crc::ALL {
                let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
                let joined = pieces.fold(0, |sum, piece| {
                    crc.combine(sum, crc.of(piece), piece.len() as u64)
                });
                prop_assert_eq!(joined, by_the_book(crc, &bytes), "{:?} cut at {:?}", crc, cuts);
                prop_assert_eq!(crc.of(&bytes), joined);
                let written = crc.to_base64(joined);
                prop_assert_eq!(crc.from_base64(&written), Some(joined));
            }
        }

        #[test]
        fn any_piece_repeated_has_the_crc_of_the_repeated_bytes(
            piece in proptest::collection::vec(any::<u8>(), 1..100),
            times in 0..50_usize,
        ) {
            for crc in Crc::ALL {
                let repeated = crc.repeat(crc.of(&piece), piece.len() as u64, times as u64);
                prop_assert_eq!(repeated, by_the_book(crc, &piece.repeat(times)), "{:?}", crc);
            }
        }
    }

    #[test]
    fn a_combination_is_the_crc_of_the_whole() {
        let whole: Vec<u8> = (0..10_000_u32).map(|n| ((n * 31) >> 3) as u8).collect();
        for crc in Crc::ALL {
            for split in [0, 1, 17, 4096, 9_999, 10_000] {
                let (first, second) = whole.split_at(split);
                let joined = crc.combine(crc.of(first), crc.of(second), second.len() as u64);
                assert_eq!(joined, crc.of(&whole), "{crc:?} split at {split}");
            }
        }
    }

    #[test]
    fn a_repetition_is_the_crc_of_the_repeated_bytes() {
        for crc in Crc::ALL {
            for times in [0, 1, 2, 7, 1000] {
                let repeated = crc.repeat(crc.of(b"piece"), 5, times as u64);
                assert_eq!(
                    repeated,
                    crc.of(&b"piece".repeat(times)),
                    "{crc:?} {times} times"
                );
            }
        }
    }

    #[test]
    fn values_are_written_as_s3_writes_them() {
        // Check values of the CRC catalogue for "123456789": cbf43926, e3069283, ae8b14860a799888.
        let written = Crc::ALL.map(|crc| crc.to_base64(crc.of(b"123456789")));
        assert_eq!(written, ["y/Q5Jg==", "4waSgw==", "rosUhgp5mIg="]);
        for (crc, text) in Crc::ALL.into_iter().zip(&written) {
            assert_eq!(crc.from_base64(text), Some(crc.of(b"123456789")));
        }
        assert_eq!(Crc::Crc32.from_base64("rosUhgp5mIg="), None);
        assert_eq!(Crc::Crc32.from_base64("?"), None);
    }
}
