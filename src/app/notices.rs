//! Task that tells the tenants' people which conversations need them.
//!
//! A notice is an ordinary message in the conversation with the person who is told: it passes the outbox with its checks,
//! limits and retries. Its idempotency key is the timer's id, so that however many nodes find it, it is sent once (I5).

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::conversation::Handler;
use palabre_actors::domain::message::Category;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::turn::{NoticeReason, SendRequest};
use palabre_actors::engine::{Engine, SendRefusal};
use palabre_actors::ports::Clock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use crate::config::{Config, Tenant, TenantDirectory};
use crate::store::conversations::{ConversationRow, MessageRow, TimelinePage, TimelineSide};
use crate::store::operator::{Operator, Tenants};
use crate::store::{DueNotice, Store, StoreError};

const EVERY: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 50;
/// Lines of the conversation that a notice repeats.
const LINES: usize = 4;
/// The longest line, in characters.
const LONGEST_LINE: usize = 160;

struct Notices {
    store: Store,
    operator: Operator,
    engine: Engine,
    tenants: TenantDirectory,
    base_url: Option<String>,
}

/// Sends notices until the task is ended.
pub(super) fn follow(
    (config, tenants): (&Config, TenantDirectory),
    (store, operator): (&Store, Operator),
    engine: Engine,
    clock: Arc<dyn Clock>,
    io: &Handle,
) -> JoinHandle<()> {
    let console = &config.console;
    let base_url = console.base_url.as_ref().or(config.http.public_base_url.as_ref()).filter(|_| console.enabled);
    let base_url = base_url.map(|url| url.trim_end_matches('/').to_owned());
    let notices = Notices { store: store.clone(), operator, engine, tenants, base_url };
    io.spawn(async move {
        let mut failing = false;
        loop {
            tokio::time::sleep(EVERY).await;
            if notices.tenants.all().iter().all(|tenant| tenant.notify.is_empty()) {
                continue;
            }
            match notices.send_due(clock.now()).await {
                Ok(()) => failing = false,
                Err(error) => {
                    if !failing {
                        warn!(error = &error as &dyn std::error::Error, "notices cannot be read, trying again");
                    }
                    failing = true;
                }
            }
        }
    })
}

impl Notices {
    async fn send_due(&self, now: palabre_actors::domain::Timestamp) -> Result<(), StoreError> {
        for due in self.store.due_notices(now, AT_ONCE).await? {
            if self.send(&due).await? {
                self.store.forget_notice(&due).await?;
            }
        }
        Ok(())
    }

    /// Whether it is done with: sent, or of no use any more.
    async fn send(&self, due: &DueNotice) -> Result<bool, StoreError> {
        let (Some(told), Some(notice)) = (self.tenants.get(&due.tenant), due.notice) else { return Ok(true) };
        let tenants = Tenants::Of(vec![due.tenant.clone()]);
        let Some(conversation) = self.operator.conversation(&tenants, due.conversation).await? else { return Ok(true) };
        // Somebody has read it meanwhile, or the bot answers again.
        let waits = conversation.unread > 0 && conversation.handler == Handler::Human;
        if notice.reason == NoticeReason::Unread && !waits {
            return Ok(true);
        }
        let page = TimelinePage { after: None, before: None, side: TimelineSide::Newest, limit: LINES };
        let timeline = self.operator.timeline(&conversation, page).await?;
        let text = self.text(&told, notice.reason, &conversation, &timeline.messages);
        let mut done = true;
        for (at, to) in told.notify.iter().enumerate() {
            let channel = told.channels.iter().find(|channel| channel.profile.scheme == to.scheme());
            let channel = channel.map(|channel| channel.id.clone());
            // The configuration has a channel for each, or it would not have been taken.
            let Some(channel) = channel else { continue };
            let request = SendRequest {
                text: Some(text.clone()),
                template: None,
                choices: Vec::new(),
                presentation: None,
                category: Category::Transactional,
                urgent: true,
                send_at: None,
                expires_at: None,
                idempotency_key: Some(format!("notice-{}-{at}", due.id)),
                correlation: due.correlation,
            };
            match self.engine.send(due.tenant.clone(), channel, to.clone(), request).await {
                Ok(_) => {}
                Err(SendRefusal::Unavailable) => done = false,
                Err(refusal) => debug!(notice.id = %due.id, refusal = ?refusal, "a notice was not sent"),
            }
        }
        Ok(done)
    }

    fn text(
        &self,
        told: &Tenant,
        reason: NoticeReason,
        conversation: &ConversationRow,
        lines: &[MessageRow],
    ) -> String {
        let fr = told.rules.source().language == Language::Fr;
        let who = conversation.contact_name.as_deref().unwrap_or(if fr { "Un client" } else { "A customer" });
        let why = match (reason, fr) {
            (NoticeReason::Asked, true) => "demande une personne",
            (NoticeReason::Asked, false) => "asks for a person",
            (NoticeReason::Mood, true) => "semble mécontent",
            (NoticeReason::Mood, false) => "seems unhappy",
            (NoticeReason::Flow, true) => "a besoin d'une personne",
            (NoticeReason::Flow, false) => "needs a person",
            (NoticeReason::Misses, true) => "n'a pas eu de réponse du robot",
            (NoticeReason::Misses, false) => "could not be answered by the bot",
            (NoticeReason::StopRequest, true) => "ne veut peut-être plus de messages",
            (NoticeReason::StopRequest, false) => "may want no more messages",
            (NoticeReason::Assistant, true) => "demande ce que l'assistant ne sait pas",
            (NoticeReason::Assistant, false) => "asks what the assistant does not know",
            (NoticeReason::Late, true) => "sera en retard à son rendez-vous",
            (NoticeReason::Late, false) => "comes late to a booking",
            (NoticeReason::Unread, true) => "attend toujours votre réponse",
            (NoticeReason::Unread, false) => "still waits for your answer",
        };
        let mut text = format!("{} : {who} {why}.", told.name);
        for line in lines.iter().filter(|line| !line.body.trim().is_empty()) {
            let side = if line.is_outbound { "<" } else { ">" };
            let words: String = line.body.replace('\n', " ").chars().take(LONGEST_LINE).collect();
            // Writing into a String cannot fail.
            let _ = write!(text, "\n{side} {words}");
        }
        if let Some(base) = &self.base_url {
            let _ = write!(text, "\n{base}/console/conversations/{}", conversation.id);
        }
        text
    }
}
