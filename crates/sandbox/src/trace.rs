//! The X-Ray trace that a request is part of, as AWS hands it from service to service
//! (<https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>).

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use uuid::Uuid;

/// The header that carries it.
const HEADER: &str = "x-amzn-trace-id";

/// A trace, at one of its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) root: String,
    /// The segment that is the parent of what comes next.
    pub(crate) segment: String,
    pub(crate) is_sampled: bool,
    /// By what Lambda tells loops; AWS adds to it, here it is only handed on.
    lineage: Option<String>,
}

impl Trace {
    /// The beginning of a trace that nobody samples.
    pub(crate) fn begin() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            root: format!("1-{:08x}-{}", now.unwrap_or_default().as_secs(), digits(24)),
            segment: digits(16),
            is_sampled: false,
            lineage: None,
        }
    }

    /// The trace that a request says to be part of.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(HEADER)?.to_str().ok()?)
    }

    fn parse(header: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut fields = header.split(';').filter_map(|field| field.split_once('='));
            let found = fields.find(|(given, _)| given.trim() == name);
            found.map(|(_, value)| value.trim().to_owned())
        };
        Some(Self {
            root: field("Root")?,
            segment: field("Parent").unwrap_or_else(|| digits(16)),
            is_sampled: field("Sampled").as_deref() == Some("1"),
            lineage: field("Lineage"),
        })
    }

    /// The same trace at a segment of its own.
    pub(crate) fn next(&self) -> Self {
        Self {
            segment: digits(16),
            ..self.clone()
        }
    }

    /// The trace as the header says it.
    pub(crate) fn header(&self) -> String {
        let lineage = self
            .lineage
            .iter()
            .map(|lineage| format!(";Lineage={lineage}"));
        format!(
            "Root={};Parent={};Sampled={}{}",
            self.root,
            self.segment,
            u8::from(self.is_sampled),
            lineage.collect::<String>()
        )
    }
}

/// So many random hexadecimal digits, at most 32.
fn digits(count: usize) -> String {
    let mut digits = Uuid::new_v4().simple().to_string();
    digits.truncate(count);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_on_all_but_the_segment() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793; Parent=3995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:1";
        let trace = Trace::parse(header).unwrap();
        assert_eq!(trace.header(), header.replace("; ", ";"));
        let next = trace.next();
        assert_ne!(next.segment, trace.segment);
        let segment = trace.segment.clone();
        assert_eq!(Trace { segment, ..next }, trace);
    }

    #[test]
    fn a_trace_that_begins_is_not_sampled_and_reads_back_as_written() {
        let trace = Trace::begin();
        assert!(!trace.is_sampled);
        assert_eq!(
            trace.root.len(),
            "1-5759e988-bd862e3fe1be46a994272793".len()
        );
        assert_eq!(Trace::parse(&trace.header()), Some(trace));
    }

    #[test]
    fn without_a_root_there_is_no_trace() {
        assert_eq!(
            Trace::parse("Self=1-67891234-12456789abcdef012345678"),
            None
        );
        assert_eq!(Trace::of(&HeaderMap::new()), None);
    }
}
