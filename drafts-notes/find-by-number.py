import re
def ed(p, *subs):
    s=open(p).read()
    for a,b in subs:
        assert a in s, (p,a)
        s=s.replace(a,b,1)
    open(p,'w').write(s)
for d in ('sqlite','postgres'):
    among = "IN (SELECT value FROM json_each(+?1))" if d=='sqlite' else "= ANY ($1::text[])"
    t='''
/// Conversations of whoever has an identity (second parameter), of these tenants (first).
macro_rules! of_person {
    () => {
        "SELECT c.id FROM contact_addresses a JOIN conversations c ON c.tenant_id = a.tenant_id AND c.contact_id = a.contact_id \\
        WHERE a.tenant_id AMONG AND a.identity = ?2"
    };
}

/// Tenants, identity, before which id, how many: messages to a person in whatever state, the newest first.
pub(in crate::store) const TO_PERSON: &str = concat!(
    "SELECT ",
    item!(),
    " FROM messages_out WHERE tenant_id AMONG AND conversation_id IN (",
    of_person!(),
    ") AND id < ?3 ORDER BY id DESC LIMIT ?4"
);

/// Tenants, identity: the newest message from or to a person.
pub(in crate::store) const LATEST_OF_PERSON: &str = concat!(
    "SELECT id FROM (SELECT id FROM messages_out WHERE tenant_id AMONG AND conversation_id IN (",
    of_person!(),
    ") UNION ALL SELECT id FROM messages_in WHERE tenant_id AMONG AND conversation_id IN (",
    of_person!(),
    ")) m ORDER BY id DESC LIMIT 1"
);
'''.replace('AMONG',among)
    if d=='postgres': t=re.sub(r'\?(\d)',r'$\1',t)
    p=f'src/store/{d}/operator.rs'
    s=open(p).read().rstrip()+'\n'+t
    open(p,'w').write(s)
ed('src/store/operator/sql.rs',(" ITEM TENANTS"," ITEM TO_PERSON LATEST_OF_PERSON TENANTS") if " ITEM TENANTS" in open('src/store/operator/sql.rs').read() else ("    ITEM TENANTS","    ITEM TO_PERSON LATEST_OF_PERSON TENANTS"))
ed('src/store/operator/listing.rs',("    /// How many rows fit, by tenant, channel, state and reason, the most first.",'''    /// Messages to whoever has this address, by any of their addresses and in whatever state, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn list_to(
        &self,
        tenants: &Tenants,
        address: &Address,
        page: PageRequest,
    ) -> Result<Vec<Item>, StoreError> {
        let before = page.before.map_or_else(|| text(LAST_ID), id);
        let person = text(address.identity().as_str());
        let values = [self.among(tenants).await?, person, before, integer(page.limit)];
        let rows = all(&self.reads, sql::TO_PERSON, values).await?;
        Ok(rows.iter().map(item).collect::<Result<_, _>>()?)
    }

    /// The newest message from or to whoever has this address. `None`: nothing was said.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn latest_with(&self, tenants: &Tenants, address: &Address) -> Result<Option<String>, StoreError> {
        let values = [self.among(tenants).await?, text(address.identity().as_str())];
        let rows = all(&self.reads, sql::LATEST_OF_PERSON, values).await?;
        Ok(rows.first().map(|row| row.get(0)).transpose()?)
    }

    /// How many rows fit, by tenant, channel, state and reason, the most first.'''))
ed('src/service/outbox.rs',("/// How many messages fit, by tenant, channel, state and reason.",'''/// Messages to whoever has this address, in whatever state, the newest first. That somebody was looked for is noted.
///
/// # Errors
/// [`ServiceError`]
pub async fn list_to(
    caller: &Caller,
    store: &Operator,
    (tenants, address): (&Tenants, &Address),
    page: PageRequest,
) -> Result<Vec<Item>, ServiceError> {
    caller.require(OutboxRead)?;
    let tenants = caller.among(tenants)?;
    audit::note_in_all(caller, store, &tenants, "outbox.find_by_address", ("outbox", "address")).await?;
    Ok(store.list_to(&tenants, address, page).await?)
}

/// The newest message from or to whoever has this address. That somebody was looked for is noted.
///
/// # Errors
/// [`ServiceError`]
pub async fn latest_with(
    caller: &Caller,
    store: &Operator,
    (tenants, address): (&Tenants, &Address),
) -> Result<Option<String>, ServiceError> {
    caller.require(OutboxRead)?;
    let tenants = caller.among(tenants)?;
    audit::note_in_all(caller, store, &tenants, "explain.find_by_address", ("outbox", "address")).await?;
    Ok(store.latest_with(&tenants, address).await?)
}

/// How many messages fit, by tenant, channel, state and reason.'''),
("use palabre_actors::domain::Timestamp;\n","use palabre_actors::domain::Timestamp;\nuse palabre_actors::domain::address::Address;\n"),
("use super::{Caller, ServiceError, audit};","use super::{Caller, ServiceError, Tenants, audit};"))
ed('src/cli/outbox.rs',("    /// Count them by tenant, channel, state and reason instead\n",'''    /// To this person, by any of their addresses and in whatever state: `+33612345678`, `whatsapp:+33612345678`, `telegram:123`; the
    /// audit log says that somebody was looked for
    #[arg(long, value_name = "ADDRESS", value_parser = super::optout::person,
        conflicts_with_all = ["channel", "state", "reason", "kind", "since", "until", "by_reason"])]
    to: Option<Address>,
    /// Count them by tenant, channel, state and reason instead
'''),("use palabre_actors::domain::Timestamp;\n","use palabre_actors::domain::Timestamp;\nuse palabre_actors::domain::address::Address;\n"),
("        palabre outbox list --reason 63016 --since 2h\\n  \\","        palabre outbox list --reason 63016 --since 2h\\n  \\\n        palabre outbox list --to +224620000000\\n  \\"))
ed('src/cli/outbox/views.rs',('''    let items =
        outbox::list(&Caller::command_line(), operator, &filter, PageRequest { before: args.before, limit }, now())
            .await?;
''','''    let (caller, page) = (Caller::command_line(), PageRequest { before: args.before, limit });
    let items = match &args.to {
        Some(address) => outbox::list_to(&caller, operator, (&filter.tenants, address), page).await?,
        None => outbox::list(&caller, operator, &filter, page, now()).await?,
    };
'''))
ed('src/cli/optout.rs',("/// An address with its scheme; an error does not repeat it (I10).\npub(super) fn parsed",'''/// An address of a person: a phone number needs no scheme, because it is one person on every kind of channel. An error does not
/// repeat it (I10).
pub(super) fn person(text: &str) -> Result<Address, String> {
    if text.trim().starts_with('+') {
        return Address::parse(Scheme::Sms, text, None).map_err(|error| error.to_string());
    }
    parsed(text)
}

/// An address with its scheme; an error does not repeat it (I10).
pub(super) fn parsed'''))
ed('src/cli/mod.rs',('''    /// A message's id (ours or the provider's), or a correlation id
    id: String,
''','''    /// A message's id (ours or the provider's), or a correlation id
    #[arg(required_unless_present = "to", conflicts_with = "to")]
    id: Option<String>,
    /// The newest message from or to this person, by any of their addresses: `+33612345678`, `telegram:123`; the audit log says that
    /// somebody was looked for
    #[arg(long, value_name = "ADDRESS", value_parser = optout::person)]
    to: Option<palabre_actors::domain::address::Address>,
'''),('''            explain::run(&args.file.config, &args.id, manner)
''','''            match (&args.to, &args.id) {
                (Some(address), _) => explain::run_for(&args.file.config, address, manner),
                (None, id) => explain::run(&args.file.config, id.as_deref().unwrap_or_default(), manner),
            }
'''))
ed('src/cli/explain.rs',("/// The reason of what the contact would have to write for.",'''/// Prints the history of the newest message from or to a person.
pub(super) fn run_for(config: &Path, address: &Address, manner: Manner) -> u8 {
    let Some(config) = load_without_secrets(config) else { return exit::FOUND_WRONG };
    if !has_database(&config) {
        return exit::FAILED;
    }
    super::on_runtime(async {
        match newest_with(&config, address).await {
            Ok(Some((history, around))) => {
                tell(&history, &around, manner);
                exit::OK
            }
            Ok(None) => {
                complain_about(format_args!("nothing was said by or to this person"));
                exit::FOUND_WRONG
            }
            Err(error) => complain(&error),
        }
    })
}

async fn newest_with(config: &Config, address: &Address) -> Result<Option<(FlowHistory, Around)>, ServiceError> {
    let operator = Operator::open(&config.database.url).await?;
    let who = (&Tenants::All, address);
    match outbox::latest_with(&Caller::command_line(), &operator, who).await? {
        Some(id) => Ok(look_up(config, &id).await?),
        None => Ok(None),
    }
}

/// The reason of what the contact would have to write for.'''),
("use palabre_actors::domain::Timestamp;\n","use palabre_actors::domain::Timestamp;\nuse palabre_actors::domain::address::Address;\n"),
("use crate::gateway;\n","use crate::gateway;\nuse crate::service::{Caller, ServiceError, outbox};\n"),
("use crate::store::entity::message_out;\n","use crate::store::entity::message_out;\nuse crate::store::operator::{Operator, Tenants};\n"))
ed('CHANGELOG.md',("- A consent that was given on paper","- `palabre outbox list --to +224…` and `palabre explain --to +224…` find messages by a person's number; the audit log says so.\n- A consent that was given on paper"))
