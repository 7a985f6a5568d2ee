//! What a message or an event is about, without what is new in every run.

use serde_json::Value;

/// The length of a UUID, and of a time in seconds without its zone.
const UUID_CHARS: usize = 36;
const TIME_CHARS: usize = 19;

/// The text of an event: an SNS record's message, or else the event as it stands.
pub(super) fn of_event(payload: &[u8]) -> String {
    let event: Value = serde_json::from_slice(payload).unwrap_or_default();
    match event["Records"][0]["Sns"]["Message"].as_str() {
        Some(message) => lasting(message),
        None => lasting(&String::from_utf8_lossy(payload)),
    }
}

/// The text without UUIDs and times of day: an event of the next run that differs in nothing else gets the same
/// faults.
pub(super) fn lasting(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if starts_with(rest, UUID_CHARS, is_uuid_char) {
            UUID_CHARS
        } else if starts_with(rest, TIME_CHARS, is_time_char) {
            let after = &rest[TIME_CHARS..];
            TIME_CHARS + after.len()
                - after
                    .trim_start_matches(|c: char| c == '.' || c.is_ascii_digit())
                    .len()
        } else {
            kept.push(first);
            first.len_utf8()
        };
        rest = &rest[skipped..];
    }
    kept
}

fn starts_with(text: &str, chars: usize, fits: impl Fn(usize, u8) -> bool) -> bool {
    let start = text.as_bytes().get(..chars);
    start.is_some_and(|start| start.iter().enumerate().all(|(at, byte)| fits(at, *byte)))
}

fn is_uuid_char(at: usize, byte: u8) -> bool {
    match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    }
}

/// `2016-06-30T11:02:03`
fn is_time_char(at: usize, byte: u8) -> bool {
    match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_neither_an_id_nor_a_time() {
        let text = r#"{"run":"66319f3f-f0d4-4744-af15-71e407842c1b","key":"2016-06-30/ä b","t":"2026-11-21T13:02:03.250Z"}"#;
        assert_eq!(
            lasting(text),
            r#"{"run":"","key":"2016-06-30/ä b","t":"Z"}"#
        );
        assert_eq!(lasting("2016-06-30T11:02:0é"), "2016-06-30T11:02:0é");
        assert_eq!(lasting(""), "");
    }

    #[test]
    fn an_sns_event_is_about_its_message() {
        let event =
            |id: &str| format!(r#"{{"Records":[{{"Sns":{{"MessageId":"{id}","Message":"m"}}}}]}}"#);
        assert_eq!(of_event(event("1").as_bytes()), "m");
        assert_eq!(
            of_event(br#"{"date":"2016-06-30"}"#),
            r#"{"date":"2016-06-30"}"#
        );
    }
}
