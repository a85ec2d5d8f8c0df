//! Batched reads: conversations and recipient statuses.
//!
//! Questions of one kind wait while the one before them is answered, and are then answered together by one statement.

use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::address::{Address, Identity};
use palabre_actors::domain::conversation::{ConversationKey, State};
use palabre_actors::domain::ids::{ChannelId, InboundId, TenantId};
use palabre_actors::domain::turn::Prepared;
use palabre_actors::ports::{Loaded, PortError, PortErrorKind, RecipientStatus};
use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};

use super::database::DatabasePool;
use super::error::{is_broken, port_error};
use super::postgres::DedicatedConnection;
use super::sql;
use super::statement::{SqlExecutor, all, id_or_null, list, text};
use super::values::{PackedInbound, Row, corrupt};

/// Questions of one kind that may wait.
const QUEUE: usize = 4096;
/// Questions answered by one statement.
const AT_ONCE: usize = 256;
/// With at least so many questions in the last batch a server's reader lingers for more.
const LINGER_FROM: usize = 4;
/// Target batch: with so many questions it does not linger.
const TARGET_BATCH: usize = 64;
/// How long it lingers.
const LINGER: Duration = Duration::from_millis(8);
/// The longest that a caller waits for an answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// A question that the database answers in bulk.
pub(super) trait Question: Send + Sync + Sized + 'static {
    type Answer: Send + 'static;

    /// Returns an answer for each question, in their order; an outer error belongs to all of them.
    fn ask(
        conn: &impl SqlExecutor,
        questions: &[Self],
    ) -> impl Future<Output = Result<Vec<Result<Self::Answer, DbErr>>, DbErr>> + Send;
}

type Asked<Q> = (Q, oneshot::Sender<Result<<Q as Question>::Answer, PortError>>);

/// Asks the reader task of one kind of question.
#[derive(Debug)]
pub(super) struct BatchReader<Q: Question>(mpsc::Sender<Asked<Q>>);

impl<Q: Question> BatchReader<Q> {
    /// Starts the reader task. It ends when the `BatchReader` is dropped.
    pub fn open(conn: ReadConnection) -> Self {
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

async fn serve<Q: Question>(conn: ReadConnection, mut queue: mpsc::Receiver<Asked<Q>>) {
    let mut asked = Vec::with_capacity(AT_ONCE);
    let mut many = 0;
    loop {
        if conn.lingers() && (LINGER_FROM..TARGET_BATCH).contains(&many) && queue.len() < TARGET_BATCH {
            tokio::time::sleep(LINGER).await;
        }
        many = queue.recv_many(&mut asked, AT_ONCE).await;
        if many == 0 {
            return;
        }
        let (questions, waiting): (Vec<_>, Vec<_>) = asked.drain(..).unzip();
        match conn.ask(&questions).await {
            Ok(answers) => {
                for (answer, waiting) in answers.into_iter().zip(waiting) {
                    // The caller may have given up.
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

/// The connection of a reader.
pub(super) enum ReadConnection {
    Pool(DatabasePool),
    /// A connection of its own.
    Dedicated(DedicatedConnection),
}

impl ReadConnection {
    /// Whether the round trip costs enough to wait for more questions.
    fn lingers(&self) -> bool {
        matches!(self, Self::Dedicated(_))
    }

    async fn ask<Q: Question>(&self, questions: &[Q]) -> Result<Vec<Result<Q::Answer, DbErr>>, DbErr> {
        match self {
            Self::Pool(pool) => Q::ask(pool, questions).await,
            Self::Dedicated(line) => {
                line.ready().await?;
                match Q::ask(line, questions).await {
                    // The connection may have broken while it was idle.
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

/// What a conversation starts from: its state and the messages that wait for it.
#[derive(Debug)]
pub(super) struct LoadConversation(pub ConversationKey, pub Option<InboundId>);

impl Question for LoadConversation {
    type Answer = Loaded;

    async fn ask(conn: &impl SqlExecutor, questions: &[Self]) -> Result<Vec<Result<Loaded, DbErr>>, DbErr> {
        let keys = questions.iter().map(|LoadConversation(key, to)| {
            [text(key.tenant.as_str()), text(key.channel.as_str()), text(key.person.as_str()), id_or_null(*to)]
        });
        let rows = all(conn, sql::LOAD, [list(keys)]).await?;
        let mut answers: Vec<_> = questions.iter().map(|_| Err(corrupt("a conversation"))).collect();
        for row in rows {
            let position = position(&row)?;
            if let (Some(answer), Some(LoadConversation(key, _))) = (answers.get_mut(position), questions.get(position))
            {
                *answer = loaded(&row, key);
            }
        }
        Ok(answers)
    }
}

fn loaded(row: &Row, key: &ConversationKey) -> Result<Loaded, DbErr> {
    let packed: Vec<PackedInbound> =
        serde_json::from_str(&row.get::<String>(17)?).map_err(|_| corrupt("waiting messages"))?;
    let spelling = row.get::<Option<String>>(19)?.as_deref().map(Address::from_normalised);
    let identities = row.get::<Option<String>>(20)?;
    let identities: Vec<String> = identities
        .map_or(Ok(Vec::new()), |listed| serde_json::from_str(&listed))
        .map_err(|_| corrupt("a contact's identities"))?;
    let waiting = packed.into_iter().map(|packed| packed.inbound(&key.tenant, &key.channel));
    Ok(Loaded {
        waiting: waiting.collect::<Result<_, _>>()?,
        open_rows: row.get(16)?,
        deferred: row.get(18)?,
        state: State {
            key: ConversationKey { address: spelling.unwrap_or_else(|| key.address.clone()), ..key.clone() },
            identities: identities.iter().map(|identity| Identity::from_stored(identity)).collect(),
            contact: row.contact()?,
            conversation: row.conversation()?,
            opted_out: row.get(15)?,
            // Asked for where they matter.
            welcomed: false,
            confirmed: false,
            agenda: Arc::default(),
            prepared: Prepared::default(),
        },
    })
}

/// How a contact stands to a channel.
#[derive(Debug)]
pub(super) struct LoadRecipientStatus(pub TenantId, pub ChannelId, pub Address);

impl Question for LoadRecipientStatus {
    type Answer = RecipientStatus;

    async fn ask(conn: &impl SqlExecutor, questions: &[Self]) -> Result<Vec<Result<RecipientStatus, DbErr>>, DbErr> {
        let keys = questions.iter().map(|LoadRecipientStatus(tenant, channel, address)| {
            [text(tenant.as_str()), text(channel.as_str()), text(address.identity().as_str())]
        });
        // A question without a row gets an error, and messages to that contact are held back (I6).
        let mut answers: Vec<_> = questions.iter().map(|_| Err(corrupt("a recipient status"))).collect();
        for row in all(conn, sql::RECIPIENT_STATUSES, [list(keys)]).await? {
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
