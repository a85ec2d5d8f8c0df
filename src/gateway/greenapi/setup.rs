//! How a channel at Green-API is connected.

use crate::gateway::channel_setup::{ChannelSetup, SetupAddress, SetupField};

pub(super) static SETUP: ChannelSetup = ChannelSetup {
    name: "WhatsApp (Green-API)",
    about: (
        "WhatsApp by way of the app on your phone, linked to an instance at Green-API.",
        "WhatsApp par l'application de votre téléphone, liée à une instance chez Green-API.",
    ),
    address: SetupAddress::Typed {
        label: ("The phone's number", "Numéro du téléphone"),
        help: ("With its country: +224620000000", "Avec son pays : +224620000000"),
    },
    fields: &[
        SetupField::text(
            "instance_id",
            ("idInstance", "idInstance"),
            (
                "In Green-API's console beside the instance: digits alone.",
                "Dans la console de Green-API, à côté de l'instance : des chiffres seulement.",
            ),
        ),
        SetupField::secret(
            "api_token",
            ("apiTokenInstance", "apiTokenInstance"),
            ("Beside it in Green-API's console.", "À côté, dans la console de Green-API."),
        ),
        SetupField::made_up(
            "webhook_token",
            ("webhookUrlToken", "webhookUrlToken"),
            (
                "Paste it into the field webhookUrlToken of the instance: it proves that webhooks are Green-API's.",
                "Collez-le dans le champ webhookUrlToken de l'instance : il prouve que les messages viennent de Green-API.",
            ),
        ),
    ],
    fixed: &[],
    takes_messages: true,
    webhook: Some((
        "In Green-API's console, in the instance's settings, paste this address into webhookUrl, then save.",
        "Dans la console de Green-API, dans les réglages de l'instance, collez cette adresse dans webhookUrl, puis enregistrez.",
    )),
    afterwards: None,
    picture: Some((
        include_str!("../../../docs/images/setup/greenapi-en.svg"),
        include_str!("../../../docs/images/setup/greenapi-fr.svg"),
    )),
};
