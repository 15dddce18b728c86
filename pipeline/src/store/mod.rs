//! Where lakes lie. Local folders need nothing; S3, and what speaks its protocol, is registered here.
//!
//! A commit is a PUT that the server refuses if the object is there (`If-None-Match: *`): two landers
//! never both write a version, and no other service is needed for that.

mod problem;
mod s3;
mod settings;

pub(crate) use problem::line_in;
pub use problem::{explain, is_transient};

use deltalake::{
    DeltaResult, DeltaTableError, ObjectStore, ObjectStoreError, Path,
    logstore::{
        LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore,
        logstore_factories, object_store_factories,
    },
};
use std::sync::{Arc, Once};
use url::Url;

/// Lets this process open `s3://BUCKET/…` and `s3a://BUCKET/…` as lakes. Cheap, and done once however
/// often it is called; credentials are looked for when a lake is opened.
///
/// They and all else come from the usual places, in this order: the environment (`AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; a web identity in `AWS_WEB_IDENTITY_TOKEN_FILE` and
/// `AWS_ROLE_ARN`), the profile `AWS_PROFILE` in `~/.aws/credentials` and `~/.aws/config`, the
/// container's credentials, and, on an EC2 machine alone, its instance profile. `AWS_REGION`,
/// `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`, `AWS_VIRTUAL_HOSTED_STYLE_REQUEST`, `AWS_TIMEOUT` and
/// `AWS_CONNECT_TIMEOUT` are heeded too.
pub fn register_stores() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for scheme in ["s3://", "s3a://"] {
            let Ok(scheme) = Url::parse(scheme) else { continue };
            object_store_factories().insert(scheme.clone(), Arc::new(S3));
            logstore_factories().insert(scheme, Arc::new(S3));
        }
    });
}

struct S3;

impl ObjectStoreFactory for S3 {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let bucket = url.host_str().ok_or_else(|| DeltaTableError::InvalidTableLocation(url.to_string()))?;
        let store: Arc<dyn ObjectStore> = Arc::new(s3::open(bucket)?);
        let path = Path::from_url_path(url.path()).map_err(ObjectStoreError::from)?;
        Ok((store, path))
    }
}

impl LogStoreFactory for S3 {
    fn with_options(
        &self,
        prefixed: ObjectStoreRef,
        root: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed, root, location, options))
    }
}
