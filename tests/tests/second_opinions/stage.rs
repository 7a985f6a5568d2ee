//! One server with both buckets, and both functions deployed against it.

use std::any::Any;
use std::net::SocketAddr;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, ResponseChecksumValidation};
use serde_json::Value;
use tests::{DEST, SOURCE, World, event};

use crate::api::Api;
use crate::findings::Server;
use crate::lambda::Lambda;
use crate::process::Process;
use crate::queue::Queue;
use crate::s3s_fs::S3sFs;

/// A bucket that no server has.
const NOWHERE: &str = "nowhere";

/// Small sizes for the copier, so that small objects are copied in parts.
const SIZES: [(&str, &str); 2] = [("PART_SIZE_MIB", "5"), ("MULTIPART_THRESHOLD_MIB", "10")];

/// A server, and what is deployed there.
pub struct Stage {
    /// The server.
    pub server: Server,
    /// Where its S3 is.
    pub s3_url: String,
    /// A client for its S3.
    pub s3: aws_sdk_s3::Client,
    /// Where the functions run.
    pub lambda: Lambda,
    queue: Option<Queue>,
    // Dropped with the stage, which ends it.
    _running: Box<dyn Any + Send>,
}

impl Stage {
    /// All three services are the sandbox's.
    pub async fn sandbox() -> Stage {
        let world = World::start().await;
        let address = address(&world);
        Stage::deploy(Server::Sandbox, [address; 2], sandboxed(world), ()).await
    }

    /// S3 is s3s-fs, the rest is the sandbox's.
    pub async fn s3s_fs() -> Stage {
        let (world, s3s_fs) = (World::start().await, S3sFs::start().await);
        let addresses = [s3s_fs.address, address(&world)];
        Stage::deploy(Server::S3sFs, addresses, sandboxed(world), s3s_fs).await
    }

    /// S3 and SNS are moto's; its messages come through its SQS to functions in the sandbox's Lambda.
    pub async fn moto(moto: Process) -> Stage {
        let lambda = sandboxed(World::start().await);
        Stage::deploy(Server::Moto, [moto.address; 2], lambda, moto).await
    }

    /// All three services are ministack's.
    pub async fn ministack(ministack: Process) -> Stage {
        let lambda = Lambda::Api(Api(ministack.address), tempfile::tempdir().unwrap());
        let addresses = [ministack.address; 2];
        Stage::deploy(Server::Ministack, addresses, lambda, ministack).await
    }

    async fn deploy(
        server: Server,
        addresses: [SocketAddr; 2],
        lambda: Lambda,
        running: impl Send + 'static,
    ) -> Stage {
        let [s3_url, sns_url] = addresses.map(|address| format!("http://{address}"));
        let (s3, sns) = (s3_client(&s3_url), sns_client(&sns_url));
        // The sandbox was started with both.
        if server != Server::Sandbox {
            for bucket in [SOURCE, DEST] {
                s3.create_bucket().bucket(bucket).send().await.unwrap();
            }
        }
        let topic = sns.create_topic().name("s3-fanout").send().await.unwrap();
        let topic = topic.topic_arn.unwrap();
        let endpoints = [
            ("AWS_ENDPOINT_URL_S3", s3_url.as_str()),
            ("AWS_ENDPOINT_URL_SNS", &sns_url),
        ];
        let copier = create_functions(&lambda, &topic, &endpoints).await;
        let (queue, protocol, endpoint) = match server {
            Server::Moto => {
                let queue = Queue::create(Api(addresses[0])).await;
                (
                    Some(queue),
                    "sqs",
                    "arn:aws:sqs:us-east-1:123456789012:copier".to_owned(),
                )
            }
            _ => (None, "lambda", copier),
        };
        let subscribe = sns
            .subscribe()
            .topic_arn(&topic)
            .protocol(protocol)
            .endpoint(endpoint);
        subscribe.send().await.unwrap();
        Stage {
            server,
            s3_url,
            s3,
            lambda,
            queue,
            _running: Box::new(running),
        }
    }

    /// Backs up the day, waits for the end of every copier, and returns the publisher's answer.
    pub async fn back_up(&self) -> Value {
        let before = self.lambda.invocations().await;
        let answer = self.lambda.invoke("publisher", &event("date")).await;
        assert!(!answer.failed, "{}", answer.payload);
        if let Some(queue) = &self.queue {
            for event in queue.events().await {
                self.lambda.invoke("copier", &event).await;
            }
        }
        let published = answer.payload["published"].as_u64().unwrap();
        self.lambda.settled(before + published as usize).await;
        answer.payload
    }
}

/// Deploys both functions, each also with a bucket that is not there, and returns the copier's ARN.
async fn create_functions(lambda: &Lambda, topic: &str, endpoints: &[(&str, &str)]) -> String {
    for (name, source) in [("publisher", SOURCE), ("publisher-nowhere", NOWHERE)] {
        let own = [
            ("SOURCE_BUCKET", source),
            ("DEST_BUCKET", DEST),
            ("TOPIC_ARN", topic),
        ];
        lambda
            .create(name, "publisher", &[endpoints, &own].concat())
            .await;
    }
    let copier = async |name, destination| {
        let own = [("SOURCE_BUCKET", SOURCE), ("DEST_BUCKET", destination)];
        lambda
            .create(name, "copier", &[endpoints, &SIZES, &own].concat())
            .await
    };
    copier("copier-nowhere", NOWHERE).await;
    copier("copier", DEST).await
}

fn sandboxed(world: World) -> Lambda {
    Lambda::Sandbox(Box::new(world))
}

fn address(world: &World) -> SocketAddr {
    let url = world.sandbox.endpoint_url();
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

fn s3_client(endpoint_url: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "test"))
        .endpoint_url(endpoint_url)
        // A wrong checksum is to be found by the comparison, and not to end it.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

pub fn sns_client(endpoint_url: &str) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::Config::builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "test"))
        .endpoint_url(endpoint_url);
    aws_sdk_sns::Client::from_conf(config.build())
}
