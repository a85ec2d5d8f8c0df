//! The tables, in the order in which an export shows them.

use super::Erasure::{Blank, Delete, Hold, Index, Keep};
use super::{Erasure, PersonalTable};
use crate::store::statement::Dialect;

const fn table(name: &'static str, whose: &'static str, erasure: Erasure, plain: &'static str) -> PersonalTable {
    PersonalTable { name, whose, erasure, plain, person: "", words: "", only_in: None }
}

const fn of_postgres(table: PersonalTable) -> PersonalTable {
    PersonalTable { only_in: Some(Dialect::Postgres), ..table }
}

const fn of_sqlite(table: PersonalTable) -> PersonalTable {
    PersonalTable { only_in: Some(Dialect::Sqlite), ..table }
}

impl PersonalTable {
    const fn holding(self, person: &'static str) -> Self {
        Self { person, ..self }
    }

    const fn telling(self, words: &'static str) -> Self {
        Self { words, ..self }
    }
}

pub(in super::super) const TABLES: &[PersonalTable] = &[
    table("tenants", "", Keep, "id name language timezone created_at updated_at"),
    table("channels", "", Keep, "id tenant_id provider address created_at updated_at"),
    table(
        "contacts",
        "id IN {contacts}",
        Delete,
        "id tenant_id welcomed_at confirmed_at merged_into merged_at created_at updated_at",
    )
    .holding("name=null"),
    table(
        "contact_addresses",
        "contact_id IN {contacts}",
        Delete,
        "tenant_id contact_id created_at identity_checked origin_contact_id",
    )
    .holding("address=mark identity=null"),
    table(
        "conversations",
        "id IN {conversations}",
        Delete,
        "id tenant_id channel_id contact_id merged_into origin_contact_id status handler assignee \
        version session_id session_opened_at recent_answers timer_at last_inbound_at last_message_at \
        unread waiting_since snoozed_until snoozed_at created_at updated_at",
    )
    .holding("address=mark")
    .telling("flow=null memory=null"),
    table("sessions", "conversation_id IN {conversations}", Delete, "id tenant_id conversation_id opened_at closed_at"),
    table(
        "order_lines",
        "contact_id IN {contacts}",
        Blank,
        "id tenant_id live_session_id conversation_id contact_id reference quantity state correlation_id created_at \
        updated_at",
    )
    .holding("size=null"),
    table("live_sessions", "", Keep, "id tenant_id opened_at last_message_at closed_at paused_at clients unanswered"),
    table(
        "messages_in",
        "id IN {inbound}",
        Blank,
        "id tenant_id channel_id conversation_id to role state reason correlation_id created_at \
        processed_at",
    )
    .holding("provider_message_id=mark from=empty identity=null profile_name=null")
    .telling("body=empty details=null"),
    table(
        "messages_out",
        "id IN {outbound}",
        Blank,
        "id tenant_id channel_id conversation_id in_reply_to kind state attempts next_attempt_at \
        lease_owner lease_until blocked_reason last_error correlation_id created_at sent_at updated_at \
        behind urgent expires_at life life_since attempts_before sent_via cost_micros",
    )
    .holding("to=empty provider_message_id=null idempotency_key=null")
    .telling("body=empty template=null action=null choices=null presentation=null"),
    table(
        "media",
        "message_id IN {inbound} OR message_id IN {outbound}",
        Blank,
        "id tenant_id channel_id message_id correlation_id position declared_type reason content_type size hash attempts \
        next_attempt_at created_at updated_at",
    )
    .holding("url=null name=null state=expired"),
    table(
        "crm_records",
        "contact_id IN {contacts}",
        Delete,
        "tenant_id contact_id state kind attempts last_error looked_up_at next_look_up_at created_at",
    )
    .holding("record_id=null"),
    table(
        "crm_emails",
        "message_id IN {inbound} OR message_id IN {outbound}",
        Delete,
        "tenant_id message_id state attempts last_error next_attempt_at created_at",
    ),
    table("chat_members", "address IN {addresses}", Delete, "tenant_id chat_id membership finding seen_at")
        .holding("address=mark"),
    table(
        "opt_outs",
        "address IN {addresses} OR identity IN {identities}",
        Delete,
        "id tenant_id source message_id created_at identity_checked",
    )
    .holding("address=mark identity=null"),
    table(
        "consents",
        "address IN {addresses} OR contact_id IN {contacts}",
        Delete,
        "id tenant_id channel_id what source created_at scope",
    )
    .holding("contact_id=null address=empty evidence=null"),
    table(
        "notes",
        "conversation_id IN {conversations}",
        Delete,
        "id tenant_id conversation_id author author_name created_at",
    )
    .telling("body=empty"),
    table("conversation_labels", "conversation_id IN {conversations}", Delete, "tenant_id conversation_id created_at")
        .holding("label=mark"),
    table(
        "timers",
        "conversation_id IN {conversations} OR correlation_id IN {flows}",
        Delete,
        "id tenant_id conversation_id kind fires_at correlation_id created_at",
    )
    .telling("payload=empty"),
    table("claims", "owner IN {things}", Delete, "tenant_id name owner created_at"),
    table(
        "bookings",
        "contact_id IN {contacts}",
        Keep,
        "id tenant_id conversation_id contact_id service resource starts_at ends_at free_at state \
        correlation_id created_at updated_at late_minutes people places",
    ),
    table(
        "waiting_list",
        "contact_id IN {contacts}",
        Delete,
        "id tenant_id conversation_id contact_id service resource from_at until_at from_time until_time replaces state \
        correlation_id created_at updated_at people",
    ),
    table(
        "leads",
        "contact_id IN {contacts}",
        Delete,
        "id tenant_id conversation_id contact_id urgent state source correlation_id created_at \
        updated_at",
    )
    .holding("name=null email=null phone=null")
    .telling("need=empty"),
    table(
        "offers",
        "contact_id IN {contacts}",
        Delete,
        "id tenant_id conversation_id contact_id kind state assigned_to expires_at correlation_id \
        created_at updated_at rating",
    )
    .telling("body=empty details=empty"),
    table("on_duty", "conversation_id IN {conversations}", Delete, "tenant_id conversation_id since"),
    table(
        "subscriptions",
        "id IN {subscriptions}",
        Blank,
        "id tenant_id plan_id channel_id contact_id language state current_period_end grace_until \
        provider provider_subscription_id provider_customer_id provider_payment_id account ledger told \
        version next_check_at bound_at invoiced_at moved_at created_at updated_at",
    )
    .holding("address=null email=null receipt_url=null pay_url=null"),
    table(
        "payment_events",
        "subscription_id IN {subscriptions}",
        Hold,
        "id tenant_id provider provider_event_id type livemode account subject subject_id \
        subscription_id amount currency outcome attempts next_attempt_at received_at applied_at",
    ),
    table(
        "access_grants",
        "subscription_id IN {subscriptions}",
        Blank,
        "id tenant_id subscription_id chat_id state message_id updated_at",
    )
    .holding("invite_link=null"),
    table(
        "event_log",
        "entity_id IN {things} OR correlation_id IN {flows}",
        Keep,
        "id tenant_id event_type entity_type entity_id correlation_id actor_type payload created_at",
    ),
    table(
        "audit_log",
        "entity_id IN {things}",
        Keep,
        "id tenant_id position actor action entity_type entity_id correlation_id at metadata hash",
    ),
    table(
        "privacy_requests",
        "contact_id IN {contacts}",
        Keep,
        "id tenant_id kind contact_id state requested_by language progress attempts held_until file \
        bytes sha256 expires_at report error created_at updated_at finished_at",
    ),
    table(
        "webhook_deliveries",
        "entity_id IN {things} OR correlation_id IN {flows}",
        Keep,
        "tenant_id endpoint_id event_id event_type entity_type entity_id correlation_id actor_type payload occurred_at \
        queue state attempts life life_since attempts_before next_attempt_at last_error created_at updated_at",
    ),
    table("webhook_endpoints", "", Keep, "tenant_id id target events state reason created_at updated_at"),
    table("journals", "", Keep, "tenant_id newest complete held_by held_until since updated_at"),
    table("access_chats", "", Keep, "tenant_id chat_id stuck_since mended_at next_audit_at audited_at migrated_to"),
    table("access_bots", "", Keep, "tenant_id channel_id read_up_to next_at"),
    table("assistant_usage", "", Keep, "tenant_id day spent_micros updated_at"),
    table("calendar_feeds", "", Keep, "tenant_id source resource busy attempts last_error fetched_at next_fetch_at"),
    table("setup_steps", "", Keep, "tenant_id step author confirmed_at"),
    table("erased_addresses", "", Keep, "tenant_id digest scope source said_at erased_at"),
    table("seller_phones", "", Keep, "id tenant_id phone_number created_at"),
    table("canned_replies", "", Keep, "id tenant_id shortcut author created_at updated_at").telling("body=empty"),
    table("faq_entries", "", Keep, "id tenant_id about language enabled source author created_at updated_at")
        .telling("question=empty keywords=empty answer=empty"),
    table("daily_figures", "", Keep, "tenant_id day figures made_at"),
    table(
        "broadcasts",
        "",
        Keep,
        "id tenant_id channel_id label seen_since per_minute budget_micros state reason started_by next_at created_at updated_at",
    )
    .telling("body=null template=null"),
    table(
        "broadcast_recipients",
        "conversation_id IN {conversations}",
        Delete,
        "tenant_id broadcast_id conversation_id state reason message_id updated_at",
    ),
    table("poll_cursors", "", Keep, "tenant_id channel_id position held_by held_until updated_at"),
    table("plans", "", Keep, "tenant_id id name price currency every stars updated_at"),
    table("usage", "", Keep, "tenant_id quarter channel_id messages cost_micros"),
    table("channel_pauses", "", Keep, "channel_id tenant_id reason until updated_at"),
    table("channel_notices", "", Keep, "channel_id tenant_id reason until told_at"),
    table(
        "users",
        "",
        Keep,
        "id email name language password_hash totp_secret totp_enabled_at totp_last_step recovery_codes \
        disabled_at signed_in_at created_at updated_at oidc_issuer oidc_subject",
    ),
    table("memberships", "", Keep, "tenant_id user_id role created_at"),
    table("user_sessions", "", Keep, "id user_id digest tenant_id stage device created_at seen_at ends_at"),
    table("push_subscriptions", "", Keep, "id user_id session_id endpoint p256dh auth told failures created_at"),
    table("user_links", "", Keep, "id user_id purpose tenant_id role digest created_at ends_at"),
    table(
        "api_keys",
        "",
        Keep,
        "id tenant_id user_id name digest scopes created_by created_at used_at ends_at revoked_at",
    ),
    table("audit_heads", "", Keep, "tenant_id position hash kept_from kept_after"),
    table("nodes", "", Keep, "id started_at seen_at"),
    table("installation", "", Keep, "name value"),
    of_sqlite(
        table("messages_deleted", "id IN {inbound}", Blank, "tenant_id channel_id id correlation_id")
            .holding("provider_message_id=mark"),
    ),
    of_postgres(
        table("messages_once", "id IN {inbound}", Blank, "tenant_id channel_id id correlation_id")
            .holding("provider_message_id=mark"),
    ),
    of_postgres(table("messages_asked", "id IN {outbound}", Delete, "tenant_id id").holding("idempotency_key=mark")),
    of_postgres(table("quota_leases", "", Keep, "tenant_id node_id messages cost_micros wanted updated_at")),
    of_postgres(table("low_watermark", "", Keep, "one inbound outbound")),
    of_postgres(table(
        "search_positions",
        "",
        Index,
        "one inbound inbound_complete outbound outbound_complete contact",
    )),
    of_postgres(
        table("search_messages", "", Index, "seq message_id tenant_id conversation_id outbound").telling("words=empty"),
    ),
    of_postgres(table("search_words", "", Index, "tenant_id").telling("word=empty")),
    of_postgres(table("search_contacts", "", Index, "contact_id tenant_id").telling("text=empty")),
];
