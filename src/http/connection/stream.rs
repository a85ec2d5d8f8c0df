//! A connection's stream, which ends when what must come does not.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep, sleep_until};

use super::shares::ConnectionShare;
use super::{Activity, Deadlines, ended};

/// A TCP stream with deadlines.
pub(in crate::http) struct WatchedStream {
    stream: TcpStream,
    activity: Rc<Activity>,
    /// Wakes the reader when its deadline is over.
    reading: Option<Pin<Box<Sleep>>>,
    /// Runs while the client does not read.
    writing: Option<Pin<Box<Sleep>>>,
    /// It was too slow, and is at its end.
    is_late: bool,
    _share: Option<ConnectionShare>,
}

impl WatchedStream {
    pub(super) fn new(stream: TcpStream, deadlines: Deadlines, share: Option<ConnectionShare>) -> Self {
        let activity = Rc::new(Activity::new(deadlines));
        Self { stream, activity, reading: None, writing: None, is_late: false, _share: share }
    }

    pub(in crate::http) fn activity(&self) -> Rc<Activity> {
        Rc::clone(&self.activity)
    }

    /// Whether the deadline is over; the task is woken when it will be.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_late {
            return Poll::Ready(());
        }
        let Some(until) = self.activity.deadline() else { return Poll::Pending };
        let until = until.into();
        let timer = self.reading.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        std::task::ready!(timer.as_mut().poll(context));
        self.is_late = true;
        if self.activity.is_in_head() {
            ended("slow_head");
        }
        Poll::Ready(())
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => {
                if buffer.filled().len() > before {
                    self.activity.heard(Instant::now());
                }
                Poll::Ready(read)
            }
            // As if the client had closed: there is nobody to tell.
            Poll::Pending => self.poll_deadline(context).map(Ok),
        }
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(context, bytes) {
            self.writing = None;
            return Poll::Ready(written);
        }
        let stall = self.activity.deadlines().stall;
        let timer = self.writing.get_or_insert_with(|| Box::pin(sleep(stall)));
        std::task::ready!(timer.as_mut().poll(context));
        ended("slow_reader");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
