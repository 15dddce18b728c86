//! A bucket as an object store whose errors are for people.

use super::{
    problem::Place,
    settings::{Origin, Outside, Settings},
};
use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    BackoffConfig, ClientConfigKey, CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    RetryConfig, StaticCredentialProvider, UploadPart,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key, S3ConditionalPut},
    path::Path,
};
use std::{env, fmt, fs, sync::Arc, time::Duration};

/// How long one request is tried again before its trouble is told. What is worth longer patience, a
/// lander's commit, is decided above.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the environment may set otherwise: a request with its body, and reaching the server.
const TIMEOUTS: [(ClientConfigKey, &str); 2] =
    [(ClientConfigKey::Timeout, "60s"), (ClientConfigKey::ConnectTimeout, "5s")];

/// The bucket, with credentials from the usual places.
///
/// # Errors
/// [`object_store::Error`] if there are none, or settings contradict each other; nothing is asked yet.
pub(super) fn open(bucket: &str) -> Result<Bucket> {
    // A variable that is no text is none that is meant here.
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let outside = Outside {
        variables: variables.collect(),
        read: &|path| fs::read_to_string(path).ok(),
        on_ec2: on_ec2(),
    };
    let settings = Settings::find(&outside).map_err(|what| Place::refuse(bucket, &what))?;
    let place = Arc::new(Place::new(bucket, &settings));
    let mut builder = AmazonS3Builder::new();
    for (key, default) in TIMEOUTS {
        builder = builder.with_config(Key::Client(key), default);
    }
    let user_agent = concat!("benchlake/", env!("CARGO_PKG_VERSION"));
    builder = builder.with_config(Key::Client(ClientConfigKey::UserAgent), user_agent);
    for (name, value) in
        outside.variables.iter().filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty())
    {
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some([file, role, session]) = settings.web_identity {
        builder = builder.with_config(Key::WebIdentityTokenFile, file).with_config(Key::RoleArn, role);
        builder = builder.with_config(Key::RoleSessionName, session);
    }
    if let Some(keys) = settings.keys {
        builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(keys)));
    }
    if let Some(endpoint) = settings.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    let inner = builder
        .with_bucket_name(bucket)
        .with_region(settings.region)
        .with_skip_signature(settings.origin == Origin::Nobody)
        // Without this two landers could both write a version: no setting may switch it off.
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(10), ..BackoffConfig::default() },
            max_retries: 10,
            retry_timeout: PATIENCE,
        })
        .build()
        .map_err(|error| place.name(error))?;
    Ok(Bucket { inner, place })
}

/// Whether this is a virtual machine of Amazon's, from what its firmware says.
fn on_ec2() -> bool {
    let says = |file: &str| fs::read_to_string(format!("/sys/class/dmi/id/{file}")).unwrap_or_default();
    says("sys_vendor").starts_with("Amazon") || says("product_uuid").to_ascii_lowercase().starts_with("ec2")
}

pub(super) struct Bucket {
    inner: AmazonS3,
    place: Arc<Place>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3({})", self.place.bucket)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Bucket {
    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| self.place.name(error))
    }

    fn stream<T: Send + 'static>(
        &self,
        stream: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let place = self.place.clone();
        stream.map_err(move |error| place.name(error)).boxed()
    }
}

/// Everything as the bucket does it, its errors named.
#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.named(self.inner.put_opts(location, payload, opts).await)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.named(self.inner.put_multipart_opts(location, opts).await)?;
        Ok(Box::new(Upload { inner, place: self.place.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut got = self.named(self.inner.get_opts(location, options).await)?;
        if let GetResultPayload::Stream(stream) = got.payload {
            got.payload = GetResultPayload::Stream(self.stream(stream));
        }
        Ok(got)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.stream(self.inner.delete_stream(locations))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.stream(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.stream(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.named(self.inner.list_with_delimiter(prefix).await)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.named(self.inner.copy_opts(from, to, options).await)
    }
}

#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    place: Arc<Place>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, place) = (self.inner.put_part(data), self.place.clone());
        Box::pin(async move { part.await.map_err(|error| place.name(error)) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.inner.complete().await.map_err(|error| self.place.name(error))
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await.map_err(|error| self.place.name(error))
    }
}
