//! `palabre simulate provider`: simulates the providers of a configuration's channels. It takes what the channels send,
//! and lets people and scripts write to them as customers: typed, or posted as JSON. Webhooks are signed as the
//! provider signs.
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
use crate::gateway::simulator::{CallbackPlan, Fault, Faults, Rule, SentMessage, SimulatorError, When};
use crate::lab::host::Host;
use crate::lab::printer::{print_error_line, print_line};

/// Before each repetition of a status that the daemon did not take: two minutes in all, time enough to restart it.
const AGAIN_AFTER_SECONDS: [u64; 7] = [1, 2, 4, 8, 15, 30, 60];
/// How long to try the daemon's port before somebody is told that nothing listens.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

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
    actix_rt::System::new().block_on(serve(config, file, options, Arc::new(hosted)))
}

async fn serve(
    config: &Config,
    file: &Path,
    options: &Options,
    hosted: Arc<HostedChannels>,
) -> Result<(), ManualError> {
    let host = Arc::new(start(config, options, &hosted)?);
    let run = ManualRun { hosted, host };
    let opened = endpoint::open(run.clone(), options.post);
    let (endpoint, post) = opened.map_err(|error| ManualError::Endpoint(options.post, error))?;
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

/// Starts a simulator at each address to which the channels send.
fn start(config: &Config, options: &Options, hosted: &HostedChannels) -> Result<Host, ManualError> {
    let show = |sent: SentMessage| print_line(format_args!("{}", channels::received(&sent)));
    let mut host = Host::empty(Some(Arc::new(show)));
    for (address, simulation) in &hosted.providers {
        // The ids that it gives follow from the seed, and those of the last time stand in the database.
        let started = host.add_at(*simulation, *address, fastrand::u64(..));
        started.map_err(|error| ManualError::Provider(*address, error))?;
    }
    host.set_channels(config, |channel| hosted.provider_of(channel.id.as_str()));
    host.set_daemon(&hosted.daemon);
    host.enforce_rules(&hosted.templates);
    if !options.callbacks.is_empty() {
        let plan = CallbackPlan {
            error_code: Some(options.code),
            late: options.late,
            again_after: AGAIN_AFTER_SECONDS.map(Duration::from_secs).to_vec(),
            ..CallbackPlan::of(options.callbacks.iter().copied())
        };
        host.set_callbacks(&[(1, plan)]);
    }
    if let Some(code) = options.refuse {
        let refused = || Rule::always(Fault::Refuse { status: 400, code });
        let senders = options.only.iter().filter_map(|channel| hosted.sender(channel));
        let rules: Vec<Rule> = senders.map(|sender| refused().when(When::From(sender.to_owned()))).collect();
        host.set_faults(&if rules.is_empty() { Faults::of([refused()]) } else { Faults::of(rules) });
    }
    Ok(host)
}

/// The channels and their simulators, each where the channels look for it.
#[derive(Clone)]
struct ManualRun {
    hosted: Arc<HostedChannels>,
    host: Arc<Host>,
}

/// What came of a customer's message: its id at the provider, and the daemon's status, unless it did not answer.
struct Written {
    sid: String,
    status: Option<u16>,
}

impl ManualRun {
    /// A customer writes: signs, posts, tells.
    async fn write(&self, customer: &Customer) -> Result<Written, String> {
        let fresh_id = |channel: &str| self.host.fresh_id(channel).map_err(|error| error.to_string());
        let message = self.hosted.message(customer, fresh_id)?;
        let posted = self.host.deliver(&message).await;
        let status = posted.as_ref().ok().map(|answer| answer.status);
        let outcome = match (&posted, status) {
            (_, Some(200)) => format!("200, {}", message.id),
            (_, Some(401)) => "401: was the daemon started with another token, or another public_base_url?".to_owned(),
            (_, Some(404)) => "404: was the daemon started with this configuration?".to_owned(),
            (_, Some(other)) => format!("{other}: the daemon's log tells why"),
            (Err(error), None) => format!("{error}: does the daemon run on {}?", self.hosted.daemon.reached_at),
            (Ok(_), None) => String::new(),
        };
        print_line(format_args!("→ {}  {outcome}", channels::line(&message.channel, &message.from, &message.text)));
        Ok(Written { sid: message.id, status })
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
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(at)).await;
        if !matches!(connected, Ok(Ok(_))) {
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
