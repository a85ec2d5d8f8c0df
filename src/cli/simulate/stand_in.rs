//! `palabre simulate provider`: a provider of one's own for the tenants of a configuration. It takes what they send, and lets
//! somebody write to them as a customer: typed, or posted as JSON by a script. Webhooks are signed as the provider signs.
//!
//! Nothing leaves this machine: a channel that would send to a real provider is a reason not to start.

mod customers;
mod house;
mod inlet;

use std::io::{self, BufRead as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use self::customers::{Customer, Typed};
use self::house::{House, Unplayed};
use super::duration;
use crate::cli::{ConfigFile, complain, complain_about, exit, load, say};
use crate::gateway::twilio::simulator::{
    CallbackPlan, Fault, Faults, Policy, Rule, Sent, Simulator, SimulatorConfig, SimulatorError, When,
};

/// Statuses that a provider reports of a message.
const STATUSES: [&str; 5] = ["sent", "delivered", "read", "failed", "undelivered"];
/// Before each repetition of a status that the daemon did not take: two minutes in all, time enough to restart it.
const AGAIN_AFTER_SECONDS: [u64; 7] = [1, 2, 4, 8, 15, 30, 60];
/// How long to knock at the daemon's door before somebody is told that it is closed.
const KNOCK: Duration = Duration::from_secs(1);

/// What the provider is told.
#[derive(Debug, Args)]
pub(super) struct ProviderArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Where scripts post what customers write, on this machine; with port 0 on a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4011", value_parser = loopback)]
    post: SocketAddr,
    /// Which statuses follow a message that was taken, in this order; `none` for none
    #[arg(long, value_name = "STATUS", value_delimiter = ',', default_value = "sent,delivered,read", value_parser = status)]
    callbacks: Vec<&'static str>,
    /// The provider's code that goes with `failed` and `undelivered`
    #[arg(long, value_name = "CODE", default_value_t = 30003)]
    code: u32,
    /// Before each of the statuses, a wait of up to this long
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = duration)]
    late: Duration,
    /// Take nothing: refuse every message with this code of the provider's (21211, 63016, …)
    #[arg(long, value_name = "CODE")]
    refuse: Option<u32>,
    /// Refuse what these channels send, and take the rest
    #[arg(long, value_name = "CHANNEL", value_delimiter = ',', requires = "refuse")]
    only: Vec<String>,
}

/// What keeps it from starting, or ends it.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("the provider cannot be played on {0} (the channels' api_base_url)")]
    Provider(SocketAddr, #[source] SimulatorError),
    #[error("customers' messages cannot be taken on {0}: name another address with --post")]
    Inlet(SocketAddr, #[source] io::Error),
    #[error("the operating system gave no signals")]
    Signals(#[source] io::Error),
}

/// Plays until Ctrl-C.
pub(super) fn run(args: &ProviderArgs) -> u8 {
    let Some(config) = load(&args.file.config) else { return exit::FOUND_WRONG };
    let house = match House::of(&config) {
        Ok(house) => house,
        Err(unplayed) => {
            complain_about(format_args!("{unplayed}"));
            return if matches!(unplayed, Unplayed::Elsewhere(_)) { exit::FOUND_WRONG } else { exit::FAILED };
        }
    };
    if let Some(stranger) = args.only.iter().find(|channel| house.sender(channel).is_none()) {
        complain_about(format_args!("{}", house.no_channel(stranger)));
        return exit::FOUND_WRONG;
    }
    // The inlet is an actix server.
    actix_rt::System::new().block_on(async {
        match play(args, Arc::new(house)).await {
            Ok(()) => exit::OK,
            Err(error) => complain(&error),
        }
    })
}

async fn play(args: &ProviderArgs, house: Arc<House>) -> Result<(), Stopped> {
    let mut simulators = Vec::with_capacity(house.providers.len());
    for address in house.providers.keys() {
        let simulator = start(args, &house, *address).map_err(|error| Stopped::Provider(*address, error))?;
        simulators.push((*address, Arc::new(simulator)));
    }
    let theatre = Theatre { house, simulators: simulators.into() };
    let inlet = inlet::open(theatre.clone(), args.post).map_err(|error| Stopped::Inlet(args.post, error));
    let (inlet, post) = inlet?;
    let directions = theatre.house.directions(post, &args.file.config);
    say(format_args!("{directions}"));
    if let Some(code) = args.refuse {
        let of = if args.only.is_empty() { String::new() } else { format!(" of {}", args.only.join(", ")) };
        say(format_args!("Every message{of} is refused with {code}, so none of them is shown here."));
    }
    theatre.knock(&args.file.config).await;
    let mut lines = typed_lines();
    let mut last: Option<Customer> = None;
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            stopped = &mut stop => {
                stopped.map_err(Stopped::Signals)?;
                break;
            }
            Some(line) = lines.recv() => last = theatre.obey(&line, last, &directions).await,
        }
    }
    inlet.stop(false).await;
    Ok(())
}

fn start(args: &ProviderArgs, house: &Arc<House>, address: SocketAddr) -> Result<Simulator, SimulatorError> {
    let accounts = house.providers.get(&address).cloned().unwrap_or_default();
    let mut config = SimulatorConfig::new(accounts);
    config.listen = address;
    // The ids that it gives follow from it, and those of the last time stand in the database.
    config.seed = fastrand::u64(..);
    config.daemon = Some(house.daemon.clone());
    let told = Arc::clone(house);
    config.on_send = Some(Arc::new(move |sent: &Sent| say(format_args!("{}", told.received(sent)))));
    let simulator = Simulator::start(config)?;
    simulator.set_policy(Policy { obeys_stop: true, templates: house.templates.clone(), ..Policy::default() });
    if !args.callbacks.is_empty() && args.callbacks != ["none"] {
        let plan = CallbackPlan::of(args.callbacks.iter().copied());
        simulator.set_callbacks(Some(CallbackPlan {
            error_code: Some(args.code),
            late: args.late,
            again_after: AGAIN_AFTER_SECONDS.map(Duration::from_secs).to_vec(),
            ..plan
        }));
    }
    if let Some(code) = args.refuse {
        let refused = || Rule::always(Fault::Refuse { status: 400, code });
        let senders = args.only.iter().filter_map(|channel| house.sender(channel));
        let rules: Vec<Rule> = senders.map(|sender| refused().when(When::From(sender.to_owned()))).collect();
        simulator.set_faults(if rules.is_empty() { Faults::of([refused()]) } else { Faults::of(rules) });
    }
    Ok(simulator)
}

/// The house and its simulators, each where the channels look for it.
#[derive(Clone)]
struct Theatre {
    house: Arc<House>,
    simulators: Arc<[(SocketAddr, Arc<Simulator>)]>,
}

/// What came of a customer's message: its id at the provider, and the daemon's status, unless it did not answer.
struct Written {
    sid: String,
    status: Option<u16>,
}

impl Theatre {
    /// A customer writes: signs, posts, tells.
    async fn write(&self, customer: &Customer) -> Result<Written, String> {
        let (line, message) = self.house.message(customer)?;
        let simulator = self.simulators.iter().find(|(address, _)| *address == line.provider);
        let Some((_, simulator)) = simulator else { return Err("nobody plays this channel's provider".to_owned()) };
        let posted = simulator.deliver(&message).await;
        let status = posted.as_ref().ok().map(|answer| answer.status);
        let outcome = match (&posted, status) {
            (_, Some(200)) => format!("200, {}", message.sid),
            (_, Some(401)) => "401: was the daemon started with another token, or another public_base_url?".to_owned(),
            (_, Some(404)) => "404: was the daemon started with this configuration?".to_owned(),
            (_, Some(other)) => format!("{other}: the daemon's log tells why"),
            (Err(error), None) => format!("{error}: does the daemon run on {}?", self.house.daemon.reached_at),
            (Ok(_), None) => String::new(),
        };
        say(format_args!("→ {}  {outcome}", house::line(&line.channel, &message.from, &message.body)));
        Ok(Written { sid: message.sid, status })
    }

    /// A typed line; the customer that a line without a channel goes on as.
    async fn obey(&self, line: &str, last: Option<Customer>, directions: &str) -> Option<Customer> {
        let customer = match self.house.read(line, last.as_ref()) {
            Typed::Nothing => return last,
            Typed::Help => {
                say(format_args!("{directions}"));
                return last;
            }
            Typed::Wrong(why) => {
                complain_about(format_args!("{why}"));
                return last;
            }
            Typed::Message(customer) => customer,
        };
        match self.write(&customer).await {
            Ok(_) => Some(customer),
            Err(why) => {
                complain_about(format_args!("{why}"));
                last
            }
        }
    }

    /// Says so when no daemon is there yet.
    async fn knock(&self, config: &Path) {
        let at = self.house.listens;
        let knock = tokio::time::timeout(KNOCK, TcpStream::connect(at)).await;
        if !matches!(knock, Ok(Ok(_))) {
            complain_about(format_args!(
                "nothing answers on {at} yet; in another terminal: palabre serve --config {}",
                config.display()
            ));
        }
    }
}

/// What somebody types, line by line. A thread of its own: nothing can call a blocked read back, and the process need not
/// wait for it.
fn typed_lines() -> mpsc::UnboundedReceiver<String> {
    let (lines, typed) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    typed
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "write it like 127.0.0.1:4011".to_owned())?;
    if address.ip().to_canonical().is_loopback() {
        Ok(address)
    } else {
        Err("customers' messages are taken on this machine alone, on 127.0.0.1 say".to_owned())
    }
}

fn status(text: &str) -> Result<&'static str, String> {
    let known = STATUSES.iter().chain(&["none"]).find(|status| **status == text);
    known.copied().ok_or_else(|| format!("one of {}, none", STATUSES.join(", ")))
}
