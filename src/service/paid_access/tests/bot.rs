//! The bot of the tests.

use super::*;

/// The bot: does every action at once, and remembers what members were told.
pub(super) struct Bot {
    store: Store,
    pub(super) in_chat: Mutex<BTreeSet<String>>,
    pub(super) banned: Mutex<BTreeSet<String>>,
    pub(super) told: Mutex<BTreeMap<String, OutgoingMessage>>,
    /// Whether it may do what it is asked to, and how often it was asked.
    pub(super) has_rights: AtomicBool,
    /// While its provider is away, what it is asked to do waits.
    pub(super) is_away: AtomicBool,
    waiting: Mutex<Vec<(OutboundId, String, String)>>,
    pub(super) asked: AtomicUsize,
    /// What it was asked to do that is about no chat: kinds and arguments.
    pub(super) asked_otherwise: Mutex<Vec<(String, serde_json::Value)>>,
}

impl Outgoing for Bot {
    fn send(&self, message: OutgoingMessage) -> Pending<'_, Result<OutboundId, NotSent>> {
        let key = message.idempotency_key.clone().unwrap();
        let is_new = !lock(&self.told).contains_key(&key);
        if is_new {
            // Whoever has a link asks to join, and is let in.
            let is_link = message.text.as_deref().is_some_and(|text| text.contains("https://t.me/+"));
            if is_link && message.to.scheme() == Scheme::Telegram {
                lock(&self.in_chat).insert(message.to.as_str().to_owned());
            }
            lock(&self.told).insert(key, message);
        }
        Box::pin(async move { if is_new { Ok(OutboundId::fresh()) } else { Err(NotSent::KeyTaken) } })
    }

    fn act(
        &self,
        tenant: TenantId,
        _: ChannelId,
        _: Address,
        asked: Action,
    ) -> Pending<'_, Result<OutboundId, NotSent>> {
        Box::pin(async move {
            let id = OutboundId::fresh();
            if asked.arguments["chat"].is_null() {
                action(&self.store, id, tenant.as_str(), ("sent", "")).await;
                lock(&self.asked_otherwise).push((asked.kind.clone(), serde_json::to_value(&asked.arguments).unwrap()));
                return Ok(id);
            }
            let user = asked.arguments["user"].as_str().unwrap().to_owned();
            assert!([CHAT, OTHER_CHAT].contains(&asked.arguments["chat"].as_str().unwrap()));
            self.asked.fetch_add(1, Ordering::Relaxed);
            if !self.has_rights.load(Ordering::Relaxed) {
                action(&self.store, id, tenant.as_str(), ("dead", "")).await;
                return Ok(id);
            }
            if self.is_away.load(Ordering::Relaxed) {
                action(&self.store, id, tenant.as_str(), ("pending", "")).await;
                lock(&self.waiting).push((id, asked.kind, user));
                return Ok(id);
            }
            self.does(&asked.kind, user);
            action(&self.store, id, tenant.as_str(), ("sent", "https://t.me/+abc")).await;
            Ok(id)
        })
    }

    fn request(&self, _: TenantId, _: ConversationId, _: Request) -> Pending<'_, Result<Performed, NotSent>> {
        unreachable!("nothing here asks conversations")
    }
}

impl Bot {
    pub(super) fn new(store: &Store) -> Arc<Self> {
        Arc::new(Self {
            store: store.clone(),
            in_chat: Mutex::default(),
            banned: Mutex::default(),
            told: Mutex::default(),
            has_rights: AtomicBool::new(true),
            is_away: AtomicBool::new(false),
            waiting: Mutex::default(),
            asked: AtomicUsize::new(0),
            asked_otherwise: Mutex::default(),
        })
    }

    fn does(&self, kind: &str, user: String) {
        match kind {
            "invite_link" => assert!(!lock(&self.banned).contains(&user), "a link for somebody who is banned"),
            "ban" => {
                lock(&self.in_chat).remove(&user);
                lock(&self.banned).insert(user);
            }
            "unban" => drop(lock(&self.banned).remove(&user)),
            "remove" => drop(lock(&self.in_chat).remove(&user)),
            "approve" => drop(lock(&self.in_chat).insert(user)),
            "decline" => {}
            other => panic!("{other}"),
        }
    }

    /// Its provider is back: what waited is done, in the order in which it was asked for.
    pub(super) async fn comes_back(&self) {
        self.is_away.store(false, Ordering::Relaxed);
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        for (id, kind, user) in waiting {
            // Whoever was put out by one purchase and let in by another has both waiting: their ban is lifted next.
            if kind != "invite_link" {
                self.does(&kind, user);
            }
            tests::action_is_done(&self.store, id, "https://t.me/+abc").await;
        }
    }
}
