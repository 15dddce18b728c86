//! A proxy before the S3 server that makes trouble on command: each connection carries one request.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// What happens to the next commits; other requests go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// So many are answered 503 and not passed on.
    Busy(u32),
    /// One is passed on only after this time.
    Slow(Duration),
    /// The connection ends in the middle of one's body, which the server never sees.
    CutBefore,
    /// The server gets one, the client gets no answer.
    CutAfter,
}

pub(crate) struct Proxy {
    pub(crate) url: String,
    trouble: Arc<Mutex<Trouble>>,
}

impl Proxy {
    pub(crate) fn before(server: &str) -> io::Result<Self> {
        let server: SocketAddr = server.trim_start_matches("http://").parse().map_err(io::Error::other)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let trouble = Arc::new(Mutex::new(Trouble::None));
        let shared = trouble.clone();
        // It ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let trouble = shared.clone();
                thread::spawn(move || pass(client, server, &trouble));
            }
        });
        Ok(Self { url, trouble })
    }

    pub(crate) fn make(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// What is still to come.
    pub(crate) fn left(&self) -> Trouble {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The trouble that this request is in; the next one has what is left.
fn take(trouble: &Mutex<Trouble>) -> Trouble {
    let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
    let now = *trouble;
    *trouble = match now {
        Trouble::Busy(count @ 2..) => Trouble::Busy(count - 1),
        _ => Trouble::None,
    };
    now
}

fn pass(mut client: TcpStream, server: SocketAddr, trouble: &Mutex<Trouble>) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).map_err(io::Error::other)?;
    let (first, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
    let length = rest.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or_default()];
    let is_commit = first.starts_with("PUT ") && first.contains("/_delta_log/") && first.contains(".json");
    let trouble = if is_commit { take(trouble) } else { Trouble::None };
    if trouble == Trouble::CutBefore {
        let half = body.len() / 2;
        return client.read_exact(&mut body[..half]);
    }
    client.read_exact(&mut body)?;
    match trouble {
        Trouble::Busy(_) => {
            let text = "<Error><Code>SlowDown</Code><Message>later</Message></Error>";
            let answer = format!(
                "HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            );
            return client.write_all(answer.as_bytes());
        }
        Trouble::Slow(time) => thread::sleep(time),
        _ => {}
    }
    let mut upstream = TcpStream::connect(server)?;
    // Headers that are not signed may be added: the server ends the connection after its answer.
    upstream.write_all(format!("{first}\r\nConnection: close\r\n{rest}").as_bytes())?;
    upstream.write_all(&body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    if trouble == Trouble::CutAfter { Ok(()) } else { client.write_all(&answer) }
}
