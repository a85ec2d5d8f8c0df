//! The part of Stripe's OpenAPI description that is used here: names, words, kinds, and what must be there.
//!
//! Source: github.com/stripe/openapi, version 2026-07-29.dahlia (v2349), read through the types that Stripe generates from it
//! (github.com/stripe/stripe-node 22.5.0, `src/resources`), and compared with those of stripe-python 16.1.0 (each parameter, its
//! kind, its words, and whether it is required) and with the examples of the description itself (`openapi/fixtures3.json`: each
//! field and its kind). The fields of [`BEFORE_BASIL`] are those that version 2025-03-31.basil moved, as its changelog says.

/// Requests: method and path, and the parameters that may stand there. `[]` stands for an index, `[*]` for a key of one's own,
/// `!` for what must be there where its group is. What follows `:` is a kind, a number with its bounds, a URL or a currency; what
/// follows `=` are the words that a parameter may have.
pub(super) const REQUESTS: &[(&str, &str, &[&str])] = &[
    (
        "POST",
        "/v1/checkout/sessions",
        &[
            "mode!=payment|setup|subscription",
            "success_url!:url",
            "cancel_url:url",
            "locale=auto|fr|en",
            "line_items[][quantity]!:1..999999",
            "line_items[][price_data][currency]!:currency",
            "line_items[][price_data][unit_amount]!:0..99999999",
            "line_items[][price_data][tax_behavior]=exclusive|inclusive|unspecified",
            "line_items[][price_data][product_data][name]!",
            "line_items[][price_data][recurring][interval]!=day|month|week|year",
            "subscription_data[trial_period_days]:1..730",
            "subscription_data[metadata][*]",
            "payment_intent_data[metadata][*]",
            "automatic_tax[enabled]!=true|false",
            "allow_promotion_codes=true|false",
            "customer",
            "customer_update[address]=auto|never",
            "customer_creation=always|if_required",
            "metadata[*]",
        ],
    ),
    (
        "GET",
        "/v1/checkout/sessions",
        &["status=complete|expired|open", "created[gte]:0..9999999999", "limit:1..100", "starting_after"],
    ),
    ("GET", "/v1/checkout/sessions/{id}", &[]),
    ("GET", "/v1/subscriptions/{id}", &["expand[]"]),
    ("POST", "/v1/subscriptions/{id}", &["cancel_at_period_end=true|false"]),
    ("DELETE", "/v1/subscriptions/{id}", &[]),
    (
        "GET",
        "/v1/invoices",
        &["subscription", "status=draft|open|paid|uncollectible|void", "expand[]", "limit:1..100", "starting_after"],
    ),
    ("GET", "/v1/invoices/{id}", &[]),
    ("GET", "/v1/invoice_payments", &["payment[type]!=payment_intent|payment_record", "payment[payment_intent]"]),
    ("GET", "/v1/charges", &["customer", "limit:1..100", "starting_after"]),
    ("GET", "/v1/charges/{id}", &[]),
    ("GET", "/v1/disputes", &["charge"]),
    // Either of two parameters says what is given back, and there is no portal of nobody: required here, as these are the ones in
    // use.
    ("POST", "/v1/refunds", &["payment_intent!"]),
    ("POST", "/v1/billing_portal/sessions", &["customer!", "return_url:url"]),
    ("POST", "/v1/accounts", &["type=custom|express|standard", "metadata[*]"]),
    ("GET", "/v1/accounts/{id}", &[]),
    ("GET", "/v1/webhook_endpoints", &["limit:1..100"]),
    (
        "POST",
        "/v1/account_links",
        &["account!", "refresh_url:url", "return_url:url", "type!=account_onboarding|account_update"],
    ),
    ("GET", "/v1/events", &["created[gte]:0..9999999999", "limit:1..100", "starting_after"]),
];

/// Parameters of a checkout that are for some of its modes alone, or only stand beside another one, as their descriptions say.
pub(super) const ONLY_WITH: &[(&str, &str, &str)] = &[
    ("customer_creation", "mode", "payment|setup"),
    ("payment_intent_data", "mode", "payment"),
    ("subscription_data", "mode", "subscription"),
    ("line_items[0][price_data][recurring]", "mode", "subscription"),
    ("customer_update", "customer", ""),
];

/// What metadata may have (<https://docs.stripe.com/api/metadata>).
pub(super) const METADATA_KEYS: usize = 50;
pub(super) const LONGEST_METADATA_KEY: usize = 40;
pub(super) const LONGEST_METADATA_VALUE: usize = 500;

/// Objects and parts of objects, each with the fields that are read here: `name kind`, with `?` where it may be null. A kind is
/// `text`, `number`, `flag`, `pairs`, `ref` (an id, or the object), `list:OBJECT`, `of:OBJECT`, or the words it may be.
pub(super) const OBJECTS: &[(&str, &[&str])] = &[
    (
        "checkout.session",
        &[
            "id text",
            "object checkout.session",
            "livemode flag",
            "mode payment|setup|subscription",
            "status complete|expired|open ?",
            "payment_status no_payment_required|paid|unpaid",
            "subscription ref ?",
            "payment_intent ref ?",
            "customer ref ?",
            "metadata pairs ?",
            "created number",
            "amount_total number ?",
            "currency text ?",
            "customer_details of:customer_details ?",
            "url text ?",
        ],
    ),
    ("customer_details", &["email text ?"]),
    (
        "subscription",
        &[
            "id text",
            "object subscription",
            "livemode flag",
            "status active|canceled|incomplete|incomplete_expired|past_due|paused|trialing|unpaid",
            "customer ref",
            "metadata pairs",
            "cancel_at number ?",
            "cancel_at_period_end flag",
            "ended_at number ?",
            "canceled_at number ?",
            "cancellation_details of:cancellation_details ?",
            "items list:subscription_item",
            "start_date number",
            "default_payment_method of:payment_method ?",
        ],
    ),
    (
        "cancellation_details",
        &["reason canceled_by_retention_policy|cancellation_requested|payment_disputed|payment_failed ?"],
    ),
    (
        "subscription_item",
        &["id text", "object subscription_item", "current_period_start number", "current_period_end number"],
    ),
    ("payment_method", &["id text", "object payment_method", "type text", "card of:card"]),
    ("card", &["exp_month number", "exp_year number"]),
    (
        "invoice",
        &[
            "id text",
            "object invoice",
            "status draft|open|paid|uncollectible|void ?",
            "parent of:parent ?",
            "status_transitions of:status_transitions",
            "lines list:line_item",
            "period_end number",
            "created number",
            "amount_paid number",
            "amount_due number",
            "currency text",
            "hosted_invoice_url text ?",
            "customer_email text ?",
            "payments list:invoice_payment",
        ],
    ),
    ("parent", &["type quote_details|subscription_details", "subscription_details of:subscription_details ?"]),
    ("subscription_details", &["subscription ref"]),
    ("status_transitions", &["paid_at number ?"]),
    ("line_item", &["id text", "object line_item", "period of:period"]),
    ("period", &["start number", "end number"]),
    ("invoice_payment", &["id text", "object invoice_payment", "invoice ref", "payment of:payment"]),
    ("payment", &["type charge|payment_intent|payment_record", "payment_intent ref"]),
    (
        "charge",
        &[
            "id text",
            "object charge",
            "payment_intent ref ?",
            "customer ref ?",
            "created number",
            "metadata pairs",
            "amount number",
            "amount_refunded number",
            "currency text",
            "receipt_url text ?",
            "refunded flag",
            "disputed flag",
        ],
    ),
    (
        "dispute",
        &[
            "id text",
            "object dispute",
            "charge ref",
            "status lost|needs_response|prevented|under_review|warning_closed|warning_needs_response|warning_under_review|won",
        ],
    ),
    ("refund", &["id text", "object refund", "status text ?"]),
    ("billing_portal.session", &["id text", "object billing_portal.session", "customer text", "url text"]),
    ("account", &["id text", "object account", "charges_enabled flag", "details_submitted flag"]),
    ("account_link", &["object account_link", "created number", "expires_at number", "url text"]),
    ("webhook_endpoint", &["id text", "object webhook_endpoint", "url text", "status text"]),
    (
        "event",
        &[
            "id text",
            "object event",
            "type text",
            "account text",
            "livemode flag",
            "created number",
            "data of:event_data",
        ],
    ),
    ("event_data", &["object object"]),
];

/// Fields that objects had before version 2025-03-31.basil, in place of those that it added.
pub(super) const BEFORE_BASIL: &[(&str, &[&str], &[&str])] = &[
    ("subscription", &["current_period_start number", "current_period_end number"], &[]),
    ("subscription_item", &[], &["current_period_start", "current_period_end"]),
    ("invoice", &["subscription ref ?", "payment_intent ref ?"], &["parent", "payments"]),
    ("charge", &["invoice ref ?"], &[]),
];
