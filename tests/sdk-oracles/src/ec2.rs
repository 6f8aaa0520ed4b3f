//! What the cases of the two SDKs for EC2 share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::world::{USER_DATA, World};

pub(crate) const CLOUD: &str = "ec2";
pub(crate) const REGION: &str = "us-east-1";
/// Resolved by EC2 itself, at launch.
pub(crate) const IMAGE: &str =
    "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id";
/// Of the right form, and nobody's.
pub(crate) const NO_INSTANCE: &str = "i-0123456789abcdef0";

/// Key id and secret.
pub(crate) fn keys() -> (String, String) {
    (
        World::setting(CLOUD, "access-key-id"),
        World::setting(CLOUD, "secret-access-key"),
    )
}

/// A key that may describe and nothing else.
pub(crate) fn reading_keys() -> (String, String) {
    ("AKIASIMPROVISION0002".to_owned(), "sim-secret-ec2-readonly".to_owned())
}

/// Neither of the two SDKs encodes user data by itself.
pub(crate) fn user_data() -> String {
    STANDARD.encode(USER_DATA)
}
