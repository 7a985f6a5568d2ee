//! Ten messages or fewer done again: published to their topics, their functions invoked.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_config::{Region, SdkConfig};
use publisher::continuation;
use publisher::topic::{self, BATCH_BYTES, BATCH_ENTRIES, Topic};

use super::letter::{Again, Letter};

/// Who takes what is done again: clients by the region of what they ask.
#[derive(Debug)]
pub struct Takers {
    sdk: SdkConfig,
    topics: BTreeMap<String, topic::Client>,
    functions: BTreeMap<String, aws_sdk_lambda::Client>,
}

/// A message for a topic, and whose it is.
struct Body<'a> {
    letter: usize,
    text: &'a str,
}

impl Takers {
    /// No client is made before it is needed.
    pub fn new(sdk: SdkConfig) -> Takers {
        Takers {
            sdk,
            topics: BTreeMap::new(),
            functions: BTreeMap::new(),
        }
    }

    /// Does letters again, and says of each why it was not accepted, if it was not, or not all of it.
    pub async fn resend(&mut self, letters: &[&Letter]) -> Vec<Result<(), String>> {
        let mut outcomes = vec![Ok(()); letters.len()];
        let mut by_topic: BTreeMap<&str, Vec<Body<'_>>> = BTreeMap::new();
        for (letter, again) in numbered(letters) {
            match again {
                Again::Publish { topic, body } => {
                    let text = body.as_str();
                    by_topic
                        .entry(topic)
                        .or_default()
                        .push(Body { letter, text });
                }
                Again::Invoke { function, event } => {
                    let client = self.function_client(function);
                    let invoked = continuation::invoke(client, function, event).await;
                    if let Err(cause) = invoked {
                        outcomes[letter] = Err(format!("{function}: {cause}"));
                    }
                }
            }
        }
        for (arn, bodies) in by_topic {
            let client = self.topic_client(arn);
            for batch in batches(&bodies) {
                let topic = Topic {
                    client,
                    arn,
                    concurrency: 1,
                };
                let texts: Vec<_> = batch.iter().map(|body| body.text).collect();
                for refused in topic.publish_bodies(&texts).await {
                    let letter = batch[refused.entry].letter;
                    outcomes[letter] = Err(format!("{arn}: {}", refused.reason));
                }
            }
        }
        outcomes
    }

    fn topic_client(&mut self, arn: &str) -> &topic::Client {
        let region = region_of(arn, &self.sdk);
        let client = self.topics.entry(region.clone());
        client.or_insert_with(|| topic::client(&self.sdk, &region))
    }

    fn function_client(&mut self, arn: &str) -> &aws_sdk_lambda::Client {
        let region = region_of(arn, &self.sdk);
        let client = self.functions.entry(region.clone());
        client.or_insert_with(|| {
            let config = aws_sdk_lambda::config::Builder::from(&self.sdk);
            aws_sdk_lambda::Client::from_conf(config.region(Region::new(region)).build())
        })
    }
}

/// All that letters ask for, with the number of the letter.
fn numbered<'a>(letters: &[&'a Letter]) -> impl Iterator<Item = (usize, &'a Again)> {
    let all = letters.iter().enumerate();
    all.flat_map(|(number, letter)| letter.again.iter().map(move |again| (number, again)))
}

/// Cuts bodies into batches that SNS takes; one that is too long by itself stands alone, and is refused alone.
fn batches<'a, 'b>(bodies: &'b [Body<'a>]) -> Vec<&'b [Body<'a>]> {
    let mut batches = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, body) in bodies.iter().enumerate() {
        let is_full = at - from == BATCH_ENTRIES || bytes + body.text.len() > BATCH_BYTES;
        if is_full && at > from {
            batches.push(&bodies[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += body.text.len();
    }
    batches.push(&bodies[from..]);
    batches
}

/// The region in an ARN, or else one's own.
fn region_of(arn: &str, sdk: &SdkConfig) -> String {
    let named = arn.split(':').nth(3).filter(|region| !region.is_empty());
    let own = sdk.region().map(Region::as_ref);
    named.or(own).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_ten_bodies_and_no_more_bytes_than_sns_takes() {
        let cut = |lengths: &[usize]| -> Vec<usize> {
            let texts: Vec<_> = lengths.iter().map(|length| "x".repeat(*length)).collect();
            let bodies: Vec<_> = texts.iter().map(|text| Body { letter: 0, text }).collect();
            batches(&bodies).iter().map(|batch| batch.len()).collect()
        };
        assert_eq!(cut(&[1; 21]), [10, 10, 1]);
        assert_eq!(cut(&[BATCH_BYTES, 1, 1]), [1, 2]);
        assert_eq!(cut(&[1, BATCH_BYTES + 1, 1]), [1, 1, 1]);
        assert_eq!(cut(&[BATCH_BYTES / 2; 3]), [2, 1]);
    }
}
