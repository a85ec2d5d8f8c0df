//! Every simulated provider at one daemon: copies of a webhook that race, foreign credentials, and an answer for each message.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use palabre::config::{Config, Environment};
use palabre::gateway::simulator::{
    CustomerMessage, Daemon, Forgery, SampleChannel, SentMessage, SimulatedProvider, Simulation,
};
use palabre::gateway::{self, PROVIDERS};

use crate::daemon::{PUBLIC_URL, Setup, World, telling};

/// Of every provider's first channel, and of its second one. Telegram's bots have the numbers before the hyphens.
const SECRETS: [&str; 2] = ["12345678-un-secret-du-fournisseur", "87654321-un-autre-secret-tout-autre"];
const COPIES: usize = 8;

struct OneChannel {
    id: String,
    simulation: &'static dyn Simulation,
    simulator: Arc<dyn SimulatedProvider>,
    /// The channel of another account at the same provider.
    other: String,
    from: String,
}

struct Everything {
    world: World,
    channels: Vec<OneChannel>,
    sent: Arc<Mutex<Vec<SentMessage>>>,
}

impl Everything {
    fn open() -> Self {
        let sent: Arc<Mutex<Vec<SentMessage>>> = Arc::default();
        let mut tenant =
            "id = \"every\"\nname = \"Tout\"\nreplies.fallback = \"Reçu : {{ message.body }}\"\n".to_owned();
        let (mut channels, mut simulators) = (Vec::new(), Vec::new());
        for simulation in gateway::simulations() {
            let simulator = simulation.start(telling(&sent)).expect("the simulator starts");
            for (provider, scheme) in simulation.providers() {
                let number = channels.len();
                let address = |account: usize| match scheme.to_string().as_str() {
                    "telegram" => format!("telegram:{}", SECRETS[account].split('-').next().expect("a number")),
                    scheme => format!("{scheme}:+33612349{number}{account}0"),
                };
                for account in 0..2 {
                    tenant.push_str(&simulation.channel_toml(&SampleChannel {
                        id: &format!("{provider}-{account}"),
                        provider,
                        address: &address(account),
                        account: 2 * u32::try_from(number).expect("few") + u32::try_from(account).expect("two") + 1,
                        secret_file: &format!("every-secret-{account}"),
                        base_url: &simulator.base_url(),
                    }));
                }
                let is_phone = scheme.to_string() != "telegram";
                let from =
                    if is_phone { format!("{scheme}:+3369876{number}000") } else { "telegram:5550001".to_owned() };
                channels.push(OneChannel {
                    id: format!("{provider}-0"),
                    simulation,
                    simulator: Arc::clone(&simulator),
                    other: format!("{provider}-1"),
                    from,
                });
            }
            simulators.push(simulator);
        }
        let mut world = World::asleep(&Setup::default());
        for (account, secret) in SECRETS.iter().enumerate() {
            world.write_secret(&format!("every-secret-{account}"), secret);
        }
        std::fs::write(world.config().with_file_name("tenants").join("every.toml"), tenant).expect("a file");
        world.start_daemon();
        let loaded = Config::load(&world.config(), &Environment::default(), &PROVIDERS).expect("it holds");
        let every = loaded.config.tenants.iter().find(|tenant| tenant.id.as_str() == "every").expect("it is there");
        for simulator in &simulators {
            simulator.set_channels(&every.channels);
            let reached_at = world.base_url().to_owned();
            simulator.set_daemon(Daemon { public_base_url: PUBLIC_URL.to_owned(), reached_at });
        }
        Self { world, channels, sent }
    }
}

#[tokio::test]
async fn i2_copies_that_race_are_one_message_and_one_answer_on_every_channel() {
    let every = Everything::open();
    for channel in &every.channels {
        let message = CustomerMessage {
            channel: channel.id.clone(),
            id: channel.simulation.fresh_id(),
            from: channel.from.clone(),
            text: format!("Bonjour 😀 שלום par {}", channel.id),
            ..CustomerMessage::default()
        };
        for forgery in [Forgery::Unsigned, Forgery::SignedBy(&channel.other)] {
            let forged = channel.simulator.forged_webhook(&message, forgery).expect("a webhook");
            let refused = forged.request(&reqwest::Client::new()).send().await.expect("an answer");
            assert_eq!(refused.status(), 401, "{}: {forgery:?}", channel.id);
        }
        let answers = join_all((0..COPIES).map(|_| channel.simulator.deliver(&message))).await;
        for answer in answers {
            assert_eq!(answer.expect("an answer").status, 200, "{}", channel.id);
        }
    }
    let count = i64::try_from(every.channels.len()).expect("few");
    assert!(count >= 5, "Twilio's two, Green-API, WhatsApp Cloud, Telegram");
    every.world.until("SELECT count(*) FROM messages_in WHERE processed_at IS NOT NULL", count).await;
    every.world.until("SELECT count(*) FROM messages_out WHERE state IN ('sent', 'delivered', 'read')", count).await;
    let rows: i64 = every.world.value("SELECT count(*) FROM messages_in").await;
    let ignored: i64 =
        every.world.value("SELECT count(*) FROM event_log WHERE event_type = 'idempotent_ignored'").await;
    let copies = i64::try_from(COPIES).expect("few") - 1;
    assert_eq!((rows, ignored), (count, count * copies));
    let sent = every.sent.lock().expect("a lock").clone();
    for channel in &every.channels {
        let own = sent.iter().filter(|sent| sent.channel.as_deref() == Some(channel.id.as_str()));
        let texts: Vec<&str> = own.map(|sent| sent.text.as_str()).collect();
        assert_eq!(texts, [format!("Reçu : Bonjour 😀 שלום par {}", channel.id)], "{}", channel.id);
    }
    for secret in SECRETS {
        assert!(!every.world.logs().contains(secret), "a secret in the log");
    }
}
