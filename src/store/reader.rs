//! Reading. Questions that come by the thousand (a conversation's state, a contact's standing) gather while the one
//! before them is answered, and are answered together.

use std::time::Duration;

use palabre_actors::domain::address::Address;
use palabre_actors::domain::conversation::{ConversationKey, State};
use palabre_actors::domain::ids::{ChannelId, InboundId, TenantId};
use palabre_actors::ports::{Loaded, PortError, PortErrorKind, RecipientStatus};
use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};

use super::database::Database;
use super::error::port_error;
use super::link::{Link, all, id_or_null, list, text};
use super::postgres::{Line, is_broken};
use super::sql;
use super::values::{Packed, Row, corrupt};

/// Questions of one kind that may wait.
const QUEUE: usize = 4096;
/// Questions answered by one statement.
const AT_ONCE: usize = 256;
/// Where so many were asked together, a server is asked after a moment, for more of them.
const BUSY: usize = 4;
/// With so many there is nothing to wait for.
const CROWD: usize = 64;
/// The moment.
const GATHER: Duration = Duration::from_millis(8);
/// The longest that anyone waits for an answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// A question that is asked of the database in bulk.
pub(super) trait Question: Send + Sync + Sized + 'static {
    type Answer: Send + 'static;

    /// An answer for each question, in their order; an outer error is everybody's.
    fn ask(
        conn: &impl Link,
        questions: &[Self],
    ) -> impl Future<Output = Result<Vec<Result<Self::Answer, DbErr>>, DbErr>> + Send;
}

type Asked<Q> = (Q, oneshot::Sender<Result<<Q as Question>::Answer, PortError>>);

/// The way to the reader of one kind of question.
#[derive(Debug)]
pub(super) struct Counter<Q: Question>(mpsc::Sender<Asked<Q>>);

impl<Q: Question> Counter<Q> {
    /// Starts the reader. It ends when the `Counter` is gone.
    pub fn open(conn: Desk) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        tokio::spawn(serve(conn, queue));
        Self(sender)
    }

    /// Asks and waits.
    ///
    /// # Errors
    /// `Timeout`, `Unavailable`, or `Corrupt` when the rows do not read back.
    pub async fn ask(&self, question: Q) -> Result<Q::Answer, PortError> {
        let asked = async {
            let (answer, answered) = oneshot::channel();
            self.0.send((question, answer)).await.map_err(|_| PortError::from(PortErrorKind::Unavailable))?;
            answered.await.map_err(|_| PortError::from(PortErrorKind::Unavailable))?
        };
        tokio::time::timeout(DEADLINE, asked).await.unwrap_or_else(|_| Err(PortErrorKind::Timeout.into()))
    }
}

async fn serve<Q: Question>(desk: Desk, mut queue: mpsc::Receiver<Asked<Q>>) {
    let mut asked = Vec::with_capacity(AT_ONCE);
    let mut many = 0;
    loop {
        if desk.gathers() && (BUSY..CROWD).contains(&many) && queue.len() < CROWD {
            tokio::time::sleep(GATHER).await;
        }
        many = queue.recv_many(&mut asked, AT_ONCE).await;
        if many == 0 {
            return;
        }
        let (questions, waiting): (Vec<_>, Vec<_>) = asked.drain(..).unzip();
        match desk.ask(&questions).await {
            Ok(answers) => {
                for (answer, waiting) in answers.into_iter().zip(waiting) {
                    // Whoever asked may have given up.
                    let _ = waiting.send(answer.map_err(port_error));
                }
            }
            Err(error) => {
                for waiting in waiting {
                    let _ = waiting.send(Err(port_error(error.clone())));
                }
            }
        }
    }
}

/// Where a reader gets its answers.
pub(super) enum Desk {
    Pool(Database),
    /// A connection of its own.
    Line(Line),
}

impl Desk {
    /// Whether a question costs enough by itself, there and back, to wait for company.
    fn gathers(&self) -> bool {
        matches!(self, Self::Line(_))
    }

    async fn ask<Q: Question>(&self, questions: &[Q]) -> Result<Vec<Result<Q::Answer, DbErr>>, DbErr> {
        match self {
            Self::Pool(pool) => Q::ask(pool, questions).await,
            Self::Line(line) => {
                line.ready().await?;
                match Q::ask(line, questions).await {
                    // It may have broken while nobody asked.
                    Err(error) if is_broken(&error) => {
                        line.ready().await?;
                        Q::ask(line, questions).await
                    }
                    answers => answers,
                }
            }
        }
    }
}

/// What a conversation starts from.
#[derive(Debug)]
pub(super) struct Load(pub ConversationKey, pub Option<InboundId>);

impl Question for Load {
    type Answer = Loaded;

    async fn ask(conn: &impl Link, questions: &[Self]) -> Result<Vec<Result<Loaded, DbErr>>, DbErr> {
        let keys = questions.iter().map(|Load(key, to)| {
            [text(key.tenant.as_str()), text(key.channel.as_str()), text(key.address.as_str()), id_or_null(*to)]
        });
        let rows = all(conn, sql::LOAD, [list(keys)]).await?;
        let mut answers: Vec<_> = questions.iter().map(|_| Err(corrupt("a conversation"))).collect();
        for row in rows {
            let position = position(&row)?;
            if let (Some(answer), Some(Load(key, _))) = (answers.get_mut(position), questions.get(position)) {
                *answer = loaded(&row, key);
            }
        }
        Ok(answers)
    }
}

fn loaded(row: &Row, key: &ConversationKey) -> Result<Loaded, DbErr> {
    let packed: Vec<Packed> = serde_json::from_str(&row.get::<String>(14)?).map_err(|_| corrupt("waiting messages"))?;
    let waiting = packed.into_iter().map(|packed| packed.inbound(&key.tenant, &key.channel, &key.address));
    Ok(Loaded {
        waiting: waiting.collect::<Result<_, _>>()?,
        open_rows: row.get(13)?,
        deferred: row.get(15)?,
        state: State {
            key: key.clone(),
            contact: row.contact()?,
            conversation: row.conversation()?,
            opted_out: row.get(12)?,
            // Asked where they matter.
            welcomed: false,
            confirmed: false,
        },
    })
}

/// How a contact stands to a channel.
#[derive(Debug)]
pub(super) struct RecipientStatusOf(pub TenantId, pub ChannelId, pub Address);

impl Question for RecipientStatusOf {
    type Answer = RecipientStatus;

    async fn ask(conn: &impl Link, questions: &[Self]) -> Result<Vec<Result<RecipientStatus, DbErr>>, DbErr> {
        let keys = questions.iter().map(|RecipientStatusOf(tenant, channel, address)| {
            [text(tenant.as_str()), text(channel.as_str()), text(address.as_str())]
        });
        // Whoever gets no row gets no answer, and what was to go to them is held back (I6).
        let mut answers: Vec<_> = questions.iter().map(|_| Err(corrupt("a standing"))).collect();
        for row in all(conn, sql::STANDINGS, [list(keys)]).await? {
            if let Some(answer) = answers.get_mut(position(&row)?) {
                *answer = recipient_status(&row);
            }
        }
        Ok(answers)
    }
}

fn recipient_status(row: &Row) -> Result<RecipientStatus, DbErr> {
    Ok(RecipientStatus { opted_out: row.get(1)?, last_inbound_at: row.time_or_null(2)? })
}

fn position(row: &Row) -> Result<usize, DbErr> {
    usize::try_from(row.get::<i64>(0)?).map_err(|_| corrupt("a position"))
}
