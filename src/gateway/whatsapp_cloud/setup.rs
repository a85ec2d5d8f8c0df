//! How a number at Meta's Cloud API is connected.

use crate::gateway::channel_setup::{ChannelSetup, SetupAddress, SetupField};

pub(super) static SETUP: ChannelSetup = ChannelSetup {
    name: "WhatsApp (Meta)",
    about: (
        "A number at Meta's WhatsApp Business Platform, without anybody between.",
        "Un numéro sur la plateforme WhatsApp Business de Meta, sans intermédiaire.",
    ),
    address: SetupAddress::Typed {
        label: ("WhatsApp number", "Numéro WhatsApp"),
        help: ("With its country: +33639980099", "Avec son pays : +33639980099"),
    },
    fields: &[
        SetupField::text(
            "phone_number_id",
            ("Phone number ID", "Phone number ID"),
            (
                "In Meta's app under WhatsApp, API setup: digits, and not the number itself.",
                "Dans l'application de Meta, sous WhatsApp, API setup : des chiffres, et pas le numéro lui-même.",
            ),
        ),
        SetupField::text(
            "business_account_id",
            ("WhatsApp Business Account ID", "WhatsApp Business Account ID"),
            ("Just below it: digits.", "Juste en dessous : des chiffres."),
        ),
        SetupField::secret(
            "access_token",
            ("Access token", "Jeton d'accès"),
            (
                "Of a system user, without an end. The temporary one of the same page ends after a day.",
                "D'un utilisateur système, sans fin. Le jeton provisoire de la même page finit après un jour.",
            ),
        ),
        SetupField::secret(
            "app_secret",
            ("App secret", "App secret"),
            ("In Meta's app under App settings, Basic.", "Dans l'application de Meta, sous App settings, Basic."),
        ),
        SetupField::made_up(
            "verify_token",
            ("Verify token", "Verify token"),
            (
                "Paste it beside the address: Meta shows it once to make sure that the address is yours.",
                "Collez-le à côté de l'adresse : Meta le montre une fois pour vérifier que l'adresse est à vous.",
            ),
        ),
    ],
    fixed: &[],
    takes_messages: true,
    webhook: Some((
        "In Meta's app under WhatsApp, Configuration, paste address and verify token, press Verify and save, then subscribe to messages.",
        "Dans l'application de Meta, sous WhatsApp, Configuration, collez l'adresse et le verify token, appuyez sur Verify and save, puis abonnez-vous à messages.",
    )),
    afterwards: None,
    picture: Some((
        include_str!("../../../docs/images/setup/meta-en.svg"),
        include_str!("../../../docs/images/setup/meta-fr.svg"),
    )),
};
