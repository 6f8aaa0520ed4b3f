//! Errors as texts, with what brought them about: "client error" alone helps nobody.

use std::{error::Error, iter};

/// The error and its causes in one line, each said once.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |said, cause| {
        let cause = cause.to_string();
        if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: io::Error,
    }

    #[test]
    fn causes_follow_and_are_not_repeated() {
        let refused = || io::Error::other("connection refused");
        let bare = Layer {
            text: "client error",
            source: refused(),
        };
        assert_eq!(with_causes(&bare), "client error: connection refused");
        let told = Layer {
            text: "client error: connection refused",
            source: refused(),
        };
        assert_eq!(with_causes(&told), "client error: connection refused");
        assert_eq!(with_causes(&refused()), "connection refused");
    }
}
