//! Validation of `runtime.lease`: at least twice as long as any call to a provider.

use std::time::Duration;

use super::channel::Checked;
use super::document::Scope;

/// The longest call of any channel, of whatever file.
#[derive(Debug, Default)]
pub(super) struct LongestCall(Option<(Duration, String)>);

impl LongestCall {
    /// A timeout counts even when the rest of its channel does not hold.
    pub(super) fn note(&mut self, root: &Scope<'_>, channels: &[Checked]) {
        for (index, channel) in channels.iter().enumerate() {
            let Some(timeout) = channel.timeout else { continue };
            if self.0.as_ref().is_none_or(|(longest, _)| *longest <= timeout) {
                let whose = || format!("the channel at {}", root.element("channels", index).place(""));
                let whose = channel.id.as_ref().map_or_else(whose, ToString::to_string);
                self.0 = Some((timeout, whose));
            }
        }
    }

    /// A lease that runs out while its call is still on the wire has the message looked into, and sent again, too early.
    pub(super) fn is_outlasted_by(&self, root: &Scope<'_>, lease: Option<Duration>) {
        if let (Some((timeout, whose)), Some(lease)) = (&self.0, lease)
            && lease < *timeout * 2
        {
            let timeout = humantime::format_duration(*timeout);
            let message = format!("`runtime.lease` is shorter than two calls of {whose}, whose timeout is {timeout}");
            root.error("runtime.lease", message, "make it at least twice as long as the longest timeout");
        }
    }
}
