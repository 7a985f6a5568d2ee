//! What a server does not do as S3 does, and how that differs from what is known of it.

/// A server that the suite runs against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// Ours.
    Sandbox,
    /// <https://pypi.org/project/ministack/>
    Ministack,
    /// <https://pypi.org/project/moto/>
    Moto,
    /// <https://crates.io/crates/s3s-fs>
    S3sFs,
}

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// An object can be put into the source bucket with all it is to have.
    IsPut,
    /// The publisher finds every object of the day.
    IsListed,
    /// The copier copies it in so many parts, and compares it by the checksum it has.
    IsCopied,
    /// The copy has its bytes.
    Bytes,
    /// The copy has its content headers, website redirect and user metadata.
    Attributes,
    /// The copy has its tags.
    Tags,
    /// The copy has its storage class.
    StorageClass,
    /// The copy shows its full-object checksum.
    Checksum,
    /// A second run leaves the copy as it is.
    IsUnchanged,
    /// `s3-fanout verify` finds the copy the same as its source, by listing and by looking at both.
    IsVerified,
    /// What cannot be done is a function error that says why.
    IsAnError,
    /// Nothing is left of uploads that failed.
    NoOpenUploads,
    /// `s3-fanout backup` copies it.
    Backup,
    /// S3 refuses what the copier relies on it to refuse.
    IsRefused,
}

/// Something that a server does not do as S3 does.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What does not hold.
    pub rule: Rule,
    /// Of which object or call.
    pub about: String,
    /// What there was instead.
    pub found: String,
}

/// A finding that is expected.
pub struct KnownWrong {
    /// Whose.
    pub server: Server,
    /// What does not hold.
    pub rule: Rule,
    /// Of which objects or calls, all of them.
    pub about: &'static [&'static str],
    /// What is in each of these findings.
    pub found: &'static str,
}

/// How the findings differ from the list, a line each.
pub fn differences(server: Server, findings: &[Finding], list: &[KnownWrong]) -> Vec<String> {
    let list = list.iter().filter(|known| known.server == server);
    let expects = |known: &KnownWrong, finding: &Finding| {
        known.rule == finding.rule
            && known.about.contains(&finding.about.as_str())
            && finding.found.contains(known.found)
    };
    let unknown = findings
        .iter()
        .filter(|finding| !list.clone().any(|known| expects(known, finding)))
        .map(|Finding { rule, about, found }| {
            format!("{rule:?} does not hold of {about:?}: {found}")
        });
    let expected = list
        .clone()
        .flat_map(|known| known.about.iter().map(move |about| (known, *about)));
    let right = expected
        .filter(|(known, about)| {
            !findings
                .iter()
                .any(|finding| finding.about == *about && expects(known, finding))
        })
        .map(|(known, about)| {
            format!(
                "{:?} of {about:?} is known to be wrong ({}) and is not: correct the list",
                known.rule, known.found
            )
        });
    unknown.chain(right).collect()
}

#[test]
fn a_finding_must_be_in_the_list_and_the_list_must_be_found() {
    let finding = |rule, about: &str, found: &str| Finding {
        rule,
        about: about.to_owned(),
        found: found.to_owned(),
    };
    let list = [KnownWrong {
        server: Server::Moto,
        rule: Rule::Tags,
        about: &["a", "b"],
        found: "none",
    }];
    let both = [
        finding(Rule::Tags, "a", "none at all"),
        finding(Rule::Tags, "b", "none"),
    ];
    assert_eq!(differences(Server::Moto, &both, &list), [""; 0]);
    assert_eq!(
        differences(Server::Ministack, &both, &list).len(),
        2,
        "another server"
    );
    for (changed, differing) in [
        (finding(Rule::Tags, "b", "two"), 2),
        (finding(Rule::Bytes, "b", "none"), 2),
        (finding(Rule::Tags, "c", "none"), 2),
        (finding(Rule::Tags, "a", "none"), 1),
    ] {
        let findings = [both[0].clone(), changed];
        assert_eq!(
            differences(Server::Moto, &findings, &list).len(),
            differing,
            "{findings:?}"
        );
    }
}
