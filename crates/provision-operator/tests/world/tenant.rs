//! A cloud of a tenant's own: a server that notes what it is told, and answers as its owner likes.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A server on this machine that lives as long as the test.
pub(crate) struct TenantCloud {
    pub(crate) url: String,
    told: Arc<Mutex<Vec<String>>>,
    sent: Arc<AtomicUsize>,
}

impl TenantCloud {
    /// Answers the n-th request, from 1, with this body.
    pub(crate) fn start(answer: fn(usize) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (told, sent) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicUsize>::default());
        let (notes, count) = (told.clone(), sent.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let number = notes.lock().unwrap().len() + 1;
                let Ok(stream) = stream else { return };
                let request = serve(stream, &answer(number), &count);
                notes.lock().unwrap().push(request);
            }
        });
        Self { url, told, sent }
    }

    /// The requests, whole.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// The bytes of all answers.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
}

fn serve(mut stream: TcpStream, body: &str, sent: &AtomicUsize) -> String {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => request.extend_from_slice(&buffer[..length]),
        }
    }
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    if stream.write_all(head.as_bytes()).is_ok() && stream.write_all(body.as_bytes()).is_ok() {
        sent.fetch_add(length, Ordering::Relaxed);
    }
    String::from_utf8_lossy(&request).into_owned()
}
