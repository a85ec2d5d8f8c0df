//! How a bot at Telegram is connected.

use crate::gateway::channel_setup::{ChannelSetup, SetupAddress, SetupField};

/// A bot that is connected by hand is polled: that needs no public address, and nothing to paste at Telegram.
pub(super) static SETUP: ChannelSetup = ChannelSetup {
    name: "Telegram",
    about: ("A bot: two minutes with BotFather.", "Un robot : deux minutes avec BotFather."),
    address: SetupAddress::BeforeColonOf("bot_token"),
    fields: &[SetupField::secret(
        "bot_token",
        ("The bot's token", "Jeton du robot"),
        (
            "BotFather's answer to /newbot: digits, a colon, letters.",
            "La réponse de BotFather à /newbot : des chiffres, deux-points, des lettres.",
        ),
    )],
    fixed: &[("updates", "poll")],
    takes_messages: true,
    webhook: None,
    afterwards: Some((
        "There is nothing to paste: write to your bot in Telegram.",
        "Rien à coller : écrivez à votre robot dans Telegram.",
    )),
    picture: Some((
        include_str!("../../../docs/images/setup/botfather-en.svg"),
        include_str!("../../../docs/images/setup/botfather-fr.svg"),
    )),
};
