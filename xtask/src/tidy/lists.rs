//! The lists that the rules work with. A line more here is a decision: say why in the commit.

/// Every file that a provider crate has, so that whoever knows one knows all.
pub(super) const PROVIDER_FILES: [&str; 13] = [
    "README.md",
    "CHANGELOG.md",
    "src/lib.rs",
    "src/info.rs",
    "src/config.rs",
    "src/provider.rs",
    "src/request.rs",
    "src/response.rs",
    "src/status.rs",
    "src/error.rs",
    "tests/wire.rs",
    "tests/contract.rs",
    "Cargo.toml",
];

/// What else a provider's `src` may hold: the parts of an id, authentication that is more than a header, and the steps of a
/// create and delete that take several calls.
pub(super) const PROVIDER_EXTRA_SOURCES: &[&str] = &[
    "id.rs",
    "auth.rs",
    "sign.rs",
    // EC2: the calls to one region.
    "api.rs",
    // Azure: a file of its command line tool; the labels in tags; the requests with a token that is renewed.
    "config/auth_file.rs",
    "tags.rs",
    "session.rs",
    // Civo: the names of a host's own firewall. GCE: the rules of one.
    "firewall.rs",
    "rule.rs",
    // Civo runs scripts only: what a cloud-config says has to be turned into one.
    "script.rs",
    "script/cloud_config.rs",
    "script/multi_part.rs",
    "script/yaml.rs",
    // OpenStack: the file that its users have; how a host gets its public address; what is made for one beside it; the steps of a
    // create and of a deletion, each of which would fill the file of the trait.
    "config/clouds_yaml.rs",
    "network.rs",
    "parts.rs",
    "provider/create.rs",
    "provider/remove.rs",
];

/// Crates from outside that providers share. The last group signs requests or fetches credentials for one cloud.
pub(super) const PROVIDER_DEPENDENCIES: &[&str] = &[
    "async-trait",
    "base64",
    "bytes",
    "futures-util",
    "http",
    "httpdate",
    "jiff",
    "percent-encoding",
    "secrecy",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "sha2",
    "thiserror",
    "tracing",
    "url",
    // a random root password (Linode)
    "getrandom",
    // XML answers (EC2)
    "quick-xml",
    "roxmltree",
    // EC2; the last four behind the feature `aws-config`
    "aws-credential-types",
    "aws-sigv4",
    "aws-config",
    "aws-runtime",
    "aws-smithy-runtime-api",
    "aws-smithy-types",
    // GCE: RS256 on the one crypto library (jsonwebtoken would bring `rsa` or aws-lc), and PEM. Azure: random passwords
    "ring",
    "rustls-pki-types",
    // OVH signs with SHA-1
    "sha1",
    // cloud-config (Civo)
    "serde-saphyr",
];

/// What only some crates may import, whatever else they do.
pub(super) const RUNTIME: [&str; 5] = ["tokio", "tokio-util", "tokio-stream", "async-std", "smol"];
/// HTTP stacks. Only `provision-http` (client) and `provision-sim` (server) speak HTTP.
pub(super) const HTTP: [&str; 5] = ["reqwest", "hyper", "hyper-util", "ureq", "wiremock"];
/// Front ends: the command line and Kubernetes.
pub(super) const FRONT_END: [&str; 4] = ["clap", "clap_complete", "kube", "k8s-openapi"];

/// From how many lines on a source file is named, to be looked at.
pub(super) const LONG_FILE: usize = 450;
/// Longest `lib.rs` of a provider, in lines.
pub(super) const MAX_PROVIDER_LIB_LINES: usize = 60;
