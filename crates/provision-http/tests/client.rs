//! The client over scripted answers: what is sent again and what is not, what errors carry, and what they never carry.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests, which clippy does not count as tests"
)]

mod common;

use std::time::Duration;

use common::{Reply, Script, client, request};
use http::Method;
use provision_core::ErrorKind;
use provision_http::{Retry, TransportError};

fn broken() -> Reply {
    Err(TransportError::Interrupted("reset".into()))
}

fn no_connection() -> Reply {
    Err(TransportError::Connect("refused".into()))
}

#[tokio::test]
async fn a_safe_request_is_sent_once_more_after_a_passing_failure() {
    let good = || common::answer(200, "{}");
    let failures: [fn() -> Reply; 5] = [
        broken,
        no_connection,
        || common::answer(502, ""),
        || common::answer(503, ""),
        || common::answer(504, ""),
    ];
    for (number, failure) in failures.iter().enumerate() {
        let script = Script::new([failure(), good()]);
        client(&script).send(request(Method::GET)).await.unwrap();
        assert_eq!(script.sent(), 2, "failure {number}");

        let script = Script::new([failure(), failure(), good()]);
        let error = client(&script).send(request(Method::GET)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "failure {number}");
        assert_eq!(script.sent(), 2, "failure {number}: once more, and no more than that");
    }
}

#[tokio::test]
async fn nothing_else_is_sent_again() {
    let failures: [fn() -> Reply; 4] = [
        broken,
        no_connection,
        || common::answer(502, ""),
        || common::answer(503, ""),
    ];
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for failure in failures {
            let script = Script::new([failure(), common::answer(200, "{}")]);
            let error = client(&script).send(request(method.clone())).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert_eq!(script.sent(), 1, "{method}");
        }
    }
    let final_answers: [fn() -> Reply; 5] = [
        || common::answer(400, ""),
        || common::answer(404, ""),
        || common::answer(429, ""),
        || common::answer(500, ""),
        || Err(TransportError::Timeout),
    ];
    for (number, failure) in final_answers.iter().enumerate() {
        let script = Script::new([failure(), common::answer(200, "{}")]);
        client(&script).send(request(Method::GET)).await.unwrap_err();
        assert_eq!(script.sent(), 1, "answer {number}");
    }
}

#[tokio::test]
async fn the_retry_class_of_a_request_can_be_set() {
    let script = Script::new([broken(), common::answer(200, "{}")]);
    let reads = request(Method::POST).retry(Retry::Safe);
    client(&script).send(reads).await.unwrap();
    assert_eq!(script.sent(), 2);

    let script = Script::new([broken(), common::answer(200, "{}")]);
    let once = request(Method::GET).retry(Retry::Never);
    client(&script).send(once).await.unwrap_err();
    assert_eq!(script.sent(), 1);
}

#[tokio::test]
async fn a_rate_limit_returns_at_once_with_the_wait() {
    for (name, value) in [("retry-after", "7"), ("x-reset", &common::in_seconds(7))] {
        let script = Script::new([common::answer_with(429, name, value)]);
        let error = client(&script).send(request(Method::GET)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        let wait = error.retry_after().unwrap();
        // The reset is a time of the computer's clock, which went on since.
        assert!(
            (Duration::from_secs(5)..=Duration::from_secs(7)).contains(&wait),
            "{name}: {wait:?}"
        );
        assert_eq!(script.sent(), 1);
    }
}

/// DigitalOcean sends the reset of its hourly limit with every answer.
#[tokio::test]
async fn the_reset_of_a_limit_that_was_not_met_is_no_reason_to_wait() {
    let busy = || common::answer_with(503, "x-reset", &common::in_seconds(3600));
    let script = Script::new([busy(), common::answer(200, "{}")]);
    client(&script).send(request(Method::GET)).await.unwrap();
    assert_eq!(script.sent(), 2);

    let script = Script::new([busy()]);
    let error = client(&script).send(request(Method::POST)).await.unwrap_err();
    assert_eq!(error.retry_after(), None, "{error}");

    let script = Script::new([common::answer_with(503, "retry-after", "5")]);
    let error = client(&script).send(request(Method::GET)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(5)));
    assert_eq!(script.sent(), 1, "the cloud asked to wait longer than a call lasts");
}

#[tokio::test]
async fn no_attempt_gets_more_time_than_the_call_has_left() {
    let script = Script::new([broken(), broken()]).taking(Duration::from_millis(3));
    let deadline = Duration::from_secs(2);
    let client = common::builder(&script).deadline(deadline).build();
    client.send(request(Method::GET)).await.unwrap_err();
    let timeouts = script.timeouts();
    assert_eq!(timeouts.len(), 2);
    assert!(timeouts[0] <= deadline && timeouts[1] < timeouts[0], "{timeouts:?}");

    // No time is left for a second attempt.
    let script = Script::new([broken(), common::answer(200, "{}")]).taking(Duration::from_millis(3));
    let client = common::builder(&script).deadline(Duration::from_millis(2)).build();
    client.send(request(Method::GET)).await.unwrap_err();
    assert_eq!(script.sent(), 1);
}

#[tokio::test]
async fn an_error_carries_what_the_vendor_said() {
    let script = Script::new([Ok(common::response(
        422,
        "{\"code\": \"bad_size\", \"text\": \"The size\\nis  wrong.\"}",
        &[("x-request-id", "r-1")],
    ))]);
    let error = client(&script).send(request(Method::POST)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(
        error.to_string(),
        "example: create host: The size is wrong (http 422, code bad_size, request id r-1)"
    );
}

#[tokio::test]
async fn what_the_cloud_echoes_is_redacted() {
    let script_text = "#!/bin/sh\nexport TOKEN=of-the-user-data\n";
    let echoes = [
        "token hunter2hunter2 is not valid",
        "header was Bearer hunter2hunter2",
        "cannot run: #!/bin/sh\nexport TOKEN=of-the-user-data",
        "line 2: export TOKEN=of-the-user-data",
        "the word secret-of-the-request is not valid",
    ];
    for echo in echoes {
        let body = serde_json::json!({"code": echo, "text": echo}).to_string();
        let script = Script::new([common::answer(422, &body)]);
        let request = request(Method::POST)
            .redact(script_text)
            .secret_header("x-extra", "secret-of-the-request")
            .unwrap();
        let shown = format!("{request:?}");
        let error = client(&script).send(request).await.unwrap_err();
        let told = format!("{error} {error:?} {shown}");
        for secret in ["hunter2hunter2", "of-the-user-data", "secret-of-the-request"] {
            assert!(!told.contains(secret), "{told}");
        }
        assert!(told.contains("[redacted]"), "{told}");
    }
}

#[tokio::test]
async fn an_answer_of_another_form_is_told_by_its_place_never_by_its_content() {
    let script = Script::new([common::answer(200, "{\"host\": {\"id\": \"password-in-the-answer\"}}")]);
    let answer = client(&script).send(request(Method::GET)).await.unwrap();
    let error = answer.json::<common::HostAnswer>().unwrap_err();
    let told = format!("{error} {error:?}");
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!(told.contains("host.id"), "{told}");
    assert!(!told.contains("password-in-the-answer"), "{told}");
}

#[tokio::test]
async fn an_endless_text_of_the_vendor_is_cut() {
    let body = serde_json::json!({"code": "c", "text": "blah ".repeat(10_000)}).to_string();
    let script = Script::new([common::answer(400, &body)]);
    let error = client(&script).send(request(Method::POST)).await.unwrap_err();
    assert!(error.to_string().len() < 600, "{} bytes", error.to_string().len());
}

#[tokio::test]
async fn a_secret_that_cannot_stand_in_a_header_is_not_repeated() {
    let script = Script::new([]);
    let error = common::builder(&script)
        .secret_header("x-other", None, "line\nbreak-hunter2")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert!(error.to_string().contains("x-other"), "{error}");
}

mod lists {
    use std::sync::{Arc, Mutex};

    use provision_core::{Clock, Error};
    use provision_http::{
        Answer, Bounds, ChainedPage, Client, NumberedPage, Request, Response, Transport, async_trait,
    };
    use serde::Deserialize;

    use super::*;
    use crate::common::vendor;

    /// A cloud whose lists never end: it makes up a page for each request.
    #[derive(Debug, Clone)]
    struct Endless {
        page: fn(usize) -> String,
        /// How long each page takes.
        takes: Duration,
        asked: Arc<Mutex<u32>>,
    }

    impl Endless {
        fn new(page: fn(usize) -> String, takes: u64) -> Self {
            Self {
                page,
                takes: Duration::from_secs(takes),
                asked: Arc::default(),
            }
        }

        fn client(&self) -> Client {
            Client::builder(vendor(), Arc::new(self.clone())).build()
        }

        fn asked(&self) -> u32 {
            *self.asked.lock().unwrap()
        }
    }

    #[async_trait]
    impl Transport for Endless {
        async fn send(&self, _: &Request, _: Duration) -> Result<Response, TransportError> {
            let mut asked = self.asked.lock().unwrap();
            *asked += 1;
            Ok(common::response(200, &(self.page)(*asked as usize), &[]))
        }

        fn clock(&self) -> Clock {
            let this = self.clone();
            Clock::new(move || this.takes * this.asked())
        }

        fn bounds(&self) -> Bounds {
            Bounds::NARROW
        }
    }

    #[derive(Deserialize)]
    struct Page {
        items: Vec<String>,
        next: Option<String>,
    }

    impl ChainedPage for Page {
        type Item = String;

        fn into_parts(self, _: &Answer) -> Result<(Vec<String>, Option<String>), Error> {
            Ok((self.items, self.next))
        }
    }

    impl NumberedPage for Page {
        type Item = String;

        fn has_more(&self, _: usize, _: &mut usize, _: &Answer) -> bool {
            true
        }

        fn into_items(self) -> Vec<String> {
            self.items
        }
    }

    async fn chained(page: fn(usize) -> String, takes: u64) -> (String, u32) {
        let cloud = Endless::new(page, takes);
        let request = |token: Option<&str>| common::request(Method::GET).query("page", token.unwrap_or("first"));
        let error = cloud.client().chained_pages::<Page>(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
        (error.to_string(), cloud.asked())
    }

    fn page(items: usize, text: &str, next: usize) -> String {
        serde_json::json!({ "items": vec![text; items], "next": next.to_string() }).to_string()
    }

    #[tokio::test]
    async fn a_list_without_an_end_is_given_up_whatever_it_is_made_of() {
        let (error, asked) = chained(|number| page(1, &"x".repeat(1_000_000), number), 0).await;
        assert!(error.contains("16777216 bytes") && asked == 17, "{error}, {asked}");
        let (error, asked) = chained(|number| page(1_000, "", number), 0).await;
        assert!(error.contains("20000 items") && asked == 21, "{error}, {asked}");
        let (error, asked) = chained(|number| page(0, "", number), 0).await;
        assert!(error.contains("200 pages") && asked == 200, "{error}, {asked}");
        let (error, asked) = chained(|number| page(0, "", number), 10).await;
        assert!(error.contains("longer than 60 s") && asked == 7, "{error}, {asked}");
    }

    #[tokio::test]
    async fn a_page_that_comes_again_ends_the_list() {
        let (error, asked) = chained(|_| page(1, "x", 7), 0).await;
        assert!(error.contains("the same page again") && asked == 2, "{error}, {asked}");
        // In a circle of two.
        let (error, asked) = chained(|number| page(number, "x", number % 2), 0).await;
        assert!(error.contains("the same page again") && asked == 3, "{error}, {asked}");
        let cloud = Endless::new(|_| page(1, "x", 1), 0);
        let request = |number: usize| common::request(Method::GET).query("page", number);
        let error = cloud.client().numbered_pages::<Page>(request).await.unwrap_err();
        assert!(error.to_string().contains("the same page again"), "{error}");
        assert_eq!(cloud.asked(), 2);
    }

    #[tokio::test]
    async fn json_may_not_be_nested_without_end() {
        let deep = format!("{{\"other\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let script = Script::new([common::answer(200, &deep)]);
        let answer = client(&script).send(request(Method::GET)).await.unwrap();
        assert!(answer.json::<Page>().is_err());
    }
}

/// A gateway that answers 200 with a page of its own did not delete anything.
#[tokio::test]
async fn a_success_that_the_cloud_does_not_answer_is_none() {
    let delete = || request(Method::DELETE).answered_with(http::StatusCode::NO_CONTENT);
    for body in ["", "{}", "<html>welcome</html>"] {
        let script = Script::new([common::answer(200, body)]);
        let error = client(&script).send(delete()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{body}");
        assert!(error.to_string().contains("is 200"), "{error}");
        assert_eq!(script.sent(), 1);
    }
    let script = Script::new([common::answer(204, "")]);
    client(&script).send(delete()).await.unwrap();
}
