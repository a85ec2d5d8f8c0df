//! How a channel at Twilio is connected.

use super::Kind;
use crate::gateway::Bilingual;
use crate::gateway::channel_setup::{ChannelSetup, SetupAddress, SetupField};

const PICTURE: Bilingual = (
    include_str!("../../../docs/images/setup/twilio-en.svg"),
    include_str!("../../../docs/images/setup/twilio-fr.svg"),
);

const FIELDS: &[SetupField] = &[
    SetupField::text(
        "account_sid",
        ("Account SID", "Account SID"),
        (
            "On the first page of Twilio's console: AC and 32 letters and digits.",
            "Sur la première page de la console de Twilio : AC puis 32 lettres et chiffres.",
        ),
    ),
    SetupField::secret(
        "auth_token",
        ("Auth token", "Auth token"),
        (
            "Beside it: the account's primary token, not an API key.",
            "À côté : le jeton principal du compte, pas une clé API.",
        ),
    ),
];

const WEBHOOK: Bilingual = (
    "In Twilio's console, at the number or the WhatsApp sender, paste this address where messages come in (POST), whole, with what \
     stands behind #.",
    "Dans la console de Twilio, au numéro ou à l'expéditeur WhatsApp, collez cette adresse pour les messages entrants (POST), \
     entière, avec ce qui suit #.",
);

static WHATSAPP: ChannelSetup = ChannelSetup {
    name: "WhatsApp (Twilio)",
    about: ("A WhatsApp sender at Twilio.", "Un expéditeur WhatsApp chez Twilio."),
    address: SetupAddress::Typed {
        label: ("WhatsApp number", "Numéro WhatsApp"),
        help: ("With its country: +14155238886", "Avec son pays : +14155238886"),
    },
    fields: FIELDS,
    fixed: &[],
    takes_messages: true,
    webhook: Some(WEBHOOK),
    afterwards: None,
    picture: Some(PICTURE),
};

static SMS: ChannelSetup = ChannelSetup {
    name: "SMS (Twilio)",
    about: ("A number for SMS at Twilio.", "Un numéro SMS chez Twilio."),
    address: SetupAddress::Typed {
        label: ("SMS number", "Numéro SMS"),
        help: ("With its country: +33755000000", "Avec son pays : +33755000000"),
    },
    fields: FIELDS,
    fixed: &[],
    takes_messages: true,
    webhook: Some(WEBHOOK),
    afterwards: None,
    picture: None,
};

pub(super) fn of(kind: Kind) -> &'static ChannelSetup {
    match kind {
        Kind::Whatsapp => &WHATSAPP,
        Kind::Sms => &SMS,
    }
}
