//! `palabre simulate provider`: a provider of one's own for the tenants of a configuration. It takes what they send, and lets
//! somebody write to them as a customer: typed, or posted as JSON by a script. Webhooks are signed as the provider signs.
//!
//! Nothing leaves this machine: a channel that would send to a real provider is a reason not to start.

mod channels;
mod endpoint;
mod input;

use std::io::{self, BufRead as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;

pub(crate) use self::channels::Elsewhere;
use self::channels::HostedChannels;
use self::input::{Customer, Typed};
use super::target::BadTarget;
use crate::config::Config;
use crate::gateway::twilio::simulator::{
    CallbackPlan, Fault, Faults, Policy, Rule, Sent, Simulator, SimulatorConfig, SimulatorError, When,
};
use crate::lab::printer::{print_error_line, print_line};

/// Before each repetition of a status that the daemon did not take: two minutes in all, time enough to restart it.
const AGAIN_AFTER_SECONDS: [u64; 7] = [1, 2, 4, 8, 15, 30, 60];
/// How long to knock at the daemon's door before somebody is told that it is closed.
const KNOCK: Duration = Duration::from_secs(1);

/// What the provider does.
#[derive(Debug)]
pub(crate) struct Options {
    /// Where scripts post what customers write.
    pub(crate) post: SocketAddr,
    /// Which statuses follow a message that was taken, in this order.
    pub(crate) callbacks: Vec<&'static str>,
    /// The provider's code that goes with `failed` and `undelivered`.
    pub(crate) code: u32,
    /// The longest wait before each of the statuses.
    pub(crate) late: Duration,
    /// Refuses every message with this code of the provider's.
    pub(crate) refuse: Option<u32>,
    /// Of these channels alone, when there are any.
    pub(crate) only: Vec<String>,
}

/// What keeps it from starting, or ends it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManualError {
    /// Channels that would send to a real provider, or to another machine.
    #[error("{0}")]
    Elsewhere(Elsewhere),
    #[error(transparent)]
    Daemon(#[from] BadTarget),
    /// A channel was named that there is not.
    #[error("{0}")]
    NoChannel(String),
    #[error("the provider cannot be simulated on {0} (the channels' api_base_url)")]
    Provider(SocketAddr, #[source] SimulatorError),
    #[error("customers' messages cannot be taken on {0}: name another address with --post")]
    Endpoint(SocketAddr, #[source] io::Error),
    #[error("the operating system gave no signals")]
    Signals(#[source] io::Error),
}

/// Simulates the provider of a configuration's channels until Ctrl-C. `file`: where the configuration is, for what is
/// printed.
///
/// # Errors
/// [`ManualError`]
pub(crate) fn run(config: &Config, file: &Path, options: &Options) -> Result<(), ManualError> {
    let hosted = HostedChannels::of(config)?;
    if let Some(unknown) = options.only.iter().find(|channel| hosted.sender(channel).is_none()) {
        return Err(ManualError::NoChannel(hosted.no_channel(unknown)));
    }
    // The endpoint is an actix server.
    actix_rt::System::new().block_on(serve(options, file, Arc::new(hosted)))
}

async fn serve(options: &Options, file: &Path, hosted: Arc<HostedChannels>) -> Result<(), ManualError> {
    let mut simulators = Vec::with_capacity(hosted.providers.len());
    for address in hosted.providers.keys() {
        let simulator = start(options, &hosted, *address).map_err(|error| ManualError::Provider(*address, error))?;
        simulators.push((*address, Arc::new(simulator)));
    }
    let run = ManualRun { hosted, simulators: simulators.into() };
    let endpoint =
        endpoint::open(run.clone(), options.post).map_err(|error| ManualError::Endpoint(options.post, error));
    let (endpoint, post) = endpoint?;
    let directions = run.hosted.directions(post, file);
    print_line(format_args!("{directions}"));
    if let Some(code) = options.refuse {
        let of = if options.only.is_empty() { String::new() } else { format!(" of {}", options.only.join(", ")) };
        print_line(format_args!("Every message{of} is refused with {code}, so none of them is shown here."));
    }
    run.warn_without_daemon(file).await;
    let mut lines = typed_lines();
    let mut last: Option<Customer> = None;
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            stopped = &mut stop => {
                stopped.map_err(ManualError::Signals)?;
                break;
            }
            Some(line) = lines.recv() => last = run.handle_line(&line, last, &directions).await,
        }
    }
    endpoint.stop(false).await;
    Ok(())
}

fn start(options: &Options, hosted: &Arc<HostedChannels>, address: SocketAddr) -> Result<Simulator, SimulatorError> {
    let accounts = hosted.providers.get(&address).cloned().unwrap_or_default();
    let mut config = SimulatorConfig::new(accounts);
    config.listen = address;
    // The ids that it gives follow from it, and those of the last time stand in the database.
    config.seed = fastrand::u64(..);
    config.daemon = Some(hosted.daemon.clone());
    let told = Arc::clone(hosted);
    config.on_send = Some(Arc::new(move |sent: &Sent| print_line(format_args!("{}", told.received(sent)))));
    let simulator = Simulator::start(config)?;
    simulator.set_policy(Policy { obeys_stop: true, templates: hosted.templates.clone(), ..Policy::default() });
    if !options.callbacks.is_empty() {
        let plan = CallbackPlan::of(options.callbacks.iter().copied());
        simulator.set_callbacks(Some(CallbackPlan {
            error_code: Some(options.code),
            late: options.late,
            again_after: AGAIN_AFTER_SECONDS.map(Duration::from_secs).to_vec(),
            ..plan
        }));
    }
    if let Some(code) = options.refuse {
        let refused = || Rule::always(Fault::Refuse { status: 400, code });
        let senders = options.only.iter().filter_map(|channel| hosted.sender(channel));
        let rules: Vec<Rule> = senders.map(|sender| refused().when(When::From(sender.to_owned()))).collect();
        simulator.set_faults(if rules.is_empty() { Faults::of([refused()]) } else { Faults::of(rules) });
    }
    Ok(simulator)
}

/// The hosted and its simulators, each where the channels look for it.
#[derive(Clone)]
struct ManualRun {
    hosted: Arc<HostedChannels>,
    simulators: Arc<[(SocketAddr, Arc<Simulator>)]>,
}

/// What came of a customer's message: its id at the provider, and the daemon's status, unless it did not answer.
struct Written {
    sid: String,
    status: Option<u16>,
}

impl ManualRun {
    /// A customer writes: signs, posts, tells.
    async fn write(&self, customer: &Customer) -> Result<Written, String> {
        let (line, message) = self.hosted.message(customer)?;
        let simulator = self.simulators.iter().find(|(address, _)| *address == line.provider);
        let Some((_, simulator)) = simulator else { return Err("nobody plays this channel's provider".to_owned()) };
        let posted = simulator.deliver(&message).await;
        let status = posted.as_ref().ok().map(|answer| answer.status);
        let outcome = match (&posted, status) {
            (_, Some(200)) => format!("200, {}", message.sid),
            (_, Some(401)) => "401: was the daemon started with another token, or another public_base_url?".to_owned(),
            (_, Some(404)) => "404: was the daemon started with this configuration?".to_owned(),
            (_, Some(other)) => format!("{other}: the daemon's log tells why"),
            (Err(error), None) => format!("{error}: does the daemon run on {}?", self.hosted.daemon.reached_at),
            (Ok(_), None) => String::new(),
        };
        print_line(format_args!("→ {}  {outcome}", channels::line(&line.channel, &message.from, &message.body)));
        Ok(Written { sid: message.sid, status })
    }

    /// A typed line; the customer that a line without a channel goes on as.
    async fn handle_line(&self, line: &str, last: Option<Customer>, directions: &str) -> Option<Customer> {
        let customer = match self.hosted.read(line, last.as_ref()) {
            Typed::Nothing => return last,
            Typed::Help => {
                print_line(format_args!("{directions}"));
                return last;
            }
            Typed::Wrong(why) => {
                print_error_line(format_args!("{why}"));
                return last;
            }
            Typed::Message(customer) => customer,
        };
        match self.write(&customer).await {
            Ok(_) => Some(customer),
            Err(why) => {
                print_error_line(format_args!("{why}"));
                last
            }
        }
    }

    /// Says so when no daemon is there yet.
    async fn warn_without_daemon(&self, config: &Path) {
        let at = self.hosted.listens;
        let knock = tokio::time::timeout(KNOCK, TcpStream::connect(at)).await;
        if !matches!(knock, Ok(Ok(_))) {
            print_error_line(format_args!(
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
