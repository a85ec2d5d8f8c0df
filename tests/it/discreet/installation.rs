//! A daemon with every provider and feature, from which personal data could leak.

use std::sync::Arc;

use palabre::config::{Config, Environment};
use palabre::gateway::simulator::{CallbackPlan, Daemon, SampleChannel, SimulatedProvider, Simulation, StartOptions};
use palabre::gateway::{PROVIDERS, Provider};
use palabre_actors::domain::address::Scheme;
use tempfile::TempDir;

use super::sources::Planted;
use crate::daemon::{BELLE, PUBLIC_URL, Setup, TAXI, World};
use crate::observers::stand_ins::{KEY, PROJECT, StandIn};

/// The bearer key of an integrator.
pub const API_KEY: &str = "cle-plantee-de-l-integrateur-01";
const HOOK: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const TENANT: &str = r#"
    [[services]]
    id = "manucure"
    name = "Manucure"
    duration = "45m"
    price = "35 €"
    resources = ["Awa"]
    [booking]
    every = "1h"
    lead_time = "1m"
    [[flows]]
    use = "booking"
    keywords = ["rdv"]
    [[flows]]
    use = "lead"
    keywords = ["devis"]
    [[flows]]
    name = "avis"
    keywords = ["avis"]
    [[flows.steps]]
    id = "quoi"
    ask = "Que s'est-il passé ?"
    next = "personne"
    [[flows.steps]]
    id = "personne"
    hand_over = "Désolé. Une personne de {{ tenant.name }} vous répond."
    [escalation]
    keywords = ["humain"]
    [journal]
    dir = "journal/{id}"
"#;

/// One provider's simulator, and a channel of belle's at it.
pub struct SimulatedChannel {
    pub provider: &'static dyn Provider,
    pub simulation: &'static dyn Simulation,
    pub simulator: Arc<dyn SimulatedProvider>,
    pub channel: String,
    secret: String,
}

pub struct Installation {
    pub world: World,
    pub channels: Vec<SimulatedChannel>,
    pub sentry: Arc<StandIn>,
    pub collector: Arc<StandIn>,
    pub consumer: Arc<StandIn>,
    _secrets: TempDir,
}

/// A sender's address, which some providers tie to their secret.
fn sender(scheme: Scheme, number: usize) -> String {
    match scheme {
        Scheme::Telegram => format!("telegram:8100000{number}"),
        Scheme::Mailto => format!("mailto:belle{number}@example.org"),
        _ => format!("{scheme}:+1415523810{number}"),
    }
}

impl Installation {
    /// Starts it, on a runtime: the stand-ins run there.
    pub fn open() -> Self {
        let ((sentry, sentry_at), (collector, collector_at)) = (StandIn::start(), StandIn::start());
        let (consumer, consumer_at) = StandIn::start();
        let secrets = tempfile::tempdir().expect("a folder");
        let file = |name: &str, secret: &str| {
            let path = secrets.path().join(name);
            std::fs::write(&path, secret).expect("a file");
            path.display().to_string()
        };
        let simulated = PROVIDERS.iter().filter_map(|provider| Some((*provider, provider.simulation().ok()?)));
        let (mut channels, mut tables) = (Vec::new(), String::new());
        for (number, (provider, simulation)) in simulated.enumerate() {
            let options = StartOptions { listen: ([127, 0, 0, 1], 0).into(), seed: 7, on_sent: Arc::new(|_| {}) };
            let simulator = simulation.start(options).expect("it starts");
            simulator.set_callbacks(vec![(1, CallbackPlan::usual())]);
            let (channel, secret) = (format!("belle-{number}"), format!("8100000{number}-jeton-plante-{number}"));
            tables.push_str(&simulation.channel_toml(&SampleChannel {
                id: &channel,
                provider: provider.name(),
                address: &sender(provider.capabilities().scheme, number),
                account: u32::try_from(number).expect("few") + 40,
                secret_file: &file(&channel, &secret),
                base_url: &simulator.base_url(),
            }));
            channels.push(SimulatedChannel { provider, simulation, simulator, channel, secret });
        }
        let base = Setup::default();
        let daemon = format!(
            "{}\n[logs]\nlevel = \"palabre=debug,info\"\n[webhooks]\nprivate_targets = true\n\
             [sentry]\ndsn = \"http://{KEY}@{sentry_at}/{PROJECT}\"\nper_minute = 1000\n\
             [otlp]\nendpoint = \"http://{collector_at}\"\nsample = 1.0\n\
             [[api.keys]]\nname = \"crm\"\nkey = {{ file = \"{}\" }}\ntenants = [\"belle\"]\n\
             scopes = [\"read\", \"read-content\", \"send\", \"operate\", \"privacy\"]\n",
            base.daemon,
            file("api", API_KEY)
        );
        let sandbox = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"";
        let world = World::asleep(&Setup { daemon, sms: sandbox.to_owned(), tenant: TENANT.to_owned(), ..base });
        // The channels are belle's alone.
        let path = world.config().with_file_name("tenants").join("belle.toml");
        let text = std::fs::read_to_string(&path).expect("its file");
        let hook = format!(
            "[[webhooks]]\nid = \"crm\"\nurl = \"http://{consumer_at}/\"\nsecret = {{ file = \"{}\" }}\n",
            file("hook", HOOK)
        );
        std::fs::write(&path, format!("{text}\n{tables}\n{hook}")).expect("a file");
        let mut installation = Self { world, channels, sentry, collector, consumer, _secrets: secrets };
        installation.world.start_daemon();
        let loaded = Config::load(&installation.world.config(), &Environment::default(), &PROVIDERS).expect("it holds");
        let channels = &loaded.config.tenants[0].channels;
        for own in &installation.channels {
            let known: Vec<_> = channels.iter().filter(|channel| channel.id.as_str() == own.channel).cloned().collect();
            assert_eq!(known.len(), 1, "{}", own.channel);
            own.simulator.set_channels(&known);
            let reached_at = installation.world.base_url().to_owned();
            own.simulator.set_daemon(Daemon { public_base_url: PUBLIC_URL.to_owned(), reached_at });
        }
        installation
    }

    /// Every secret that it was configured with.
    pub fn secrets(&self) -> Vec<Planted> {
        let own = [API_KEY, HOOK, &HOOK["whsec_".len()..], BELLE.auth_token, TAXI.auth_token, KEY];
        let of_channels = self.channels.iter().map(|channel| channel.secret.as_str());
        own.into_iter().chain(of_channels).map(Planted::secret).collect()
    }

    /// The files of belle's journal.
    pub fn journal(&self) -> String {
        let files = std::fs::read_dir(self.world.config().with_file_name("journal").join("belle")).expect("a folder");
        let paths = files.map(|file| file.expect("a file").path());
        paths.map(|path| std::fs::read_to_string(path).expect("a journal's file")).collect()
    }

    /// Waits until everything that came in had its turn, and something went out to everybody.
    pub async fn until_quiet(&self) {
        self.world.until("SELECT count(*) FROM messages_in WHERE state <> 'processed'", 0).await;
        let sent = "SELECT count(DISTINCT channel_id) FROM messages_out \
                    WHERE channel_id <> 'belle' AND state IN ('sent', 'delivered', 'read')";
        let channels = i64::try_from(self.channels.len()).expect("few") + 1;
        self.world.until(sent, channels).await;
        self.consumer.until(StandIn::requests, 3).await;
        self.sentry.until(StandIn::events, 1).await;
        self.collector.until(StandIn::spans, 12).await;
    }
}
