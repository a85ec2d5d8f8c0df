//! How a mailbox is connected.

use crate::gateway::channel_setup::{ChannelSetup, SetupAddress, SetupField, SetupFieldKind};

const SECURITY: SetupFieldKind = SetupFieldKind::Choice(&[("starttls", "STARTTLS (587)"), ("tls", "TLS (465)")]);

pub(super) static SETUP: ChannelSetup = ChannelSetup {
    name: "E-mail",
    about: (
        "A mailbox that mails are sent from. Mails that come in are not read.",
        "Une boîte d'où partent des e-mails. Ceux qui arrivent ne sont pas lus.",
    ),
    address: SetupAddress::Typed {
        label: ("E-mail address", "Adresse e-mail"),
        help: ("contact@institut-belle.example", "contact@institut-belle.example"),
    },
    fields: &[
        SetupField::text(
            "host",
            ("Mail server", "Serveur d'envoi"),
            (
                "Your provider's server for outgoing mail, such as ssl0.ovh.net.",
                "Le serveur SMTP de votre hébergeur, par exemple ssl0.ovh.net.",
            ),
        ),
        SetupField {
            kind: SECURITY,
            ..SetupField::text(
                "security",
                ("Connection", "Connexion"),
                ("STARTTLS unless your provider says otherwise.", "STARTTLS, sauf si votre hébergeur dit autre chose."),
            )
        },
        SetupField::text(
            "username",
            ("User name", "Nom d'utilisateur"),
            ("Most often the whole address.", "Le plus souvent l'adresse entière."),
        ),
        SetupField::secret(
            "password",
            ("Password", "Mot de passe"),
            ("Of the mailbox, or one for applications.", "De la boîte, ou un mot de passe d'application."),
        ),
        SetupField::text(
            "from_name",
            ("Name of the sender", "Nom de l'expéditeur"),
            ("As it stands in your customers' mailboxes.", "Comme il apparaît chez vos clients."),
        )
        .optional(),
    ],
    fixed: &[],
    takes_messages: false,
    webhook: None,
    afterwards: Some((
        "There is nothing to paste: messages to e-mail addresses leave from this mailbox.",
        "Rien à coller : les messages vers des adresses e-mail partent de cette boîte.",
    )),
    picture: None,
};
