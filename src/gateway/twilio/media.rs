//! Files at Twilio: the URL of the webhook, with the account's credentials
//! (<https://www.twilio.com/docs/messaging/guides/accepting-media>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palabre_actors::domain::send::{OutboundContent, OutboundRequest, SendError};
use palabre_actors::ports::Pending;
use secrecy::ExposeSecret as _;
use url::Url;

use super::{TwilioAccount, TwilioGateway};
use crate::gateway::media::{MediaMissing, MediaPlace, MediaSource};

pub(super) struct TwilioMedia(pub TwilioAccount);

impl TwilioMedia {
    /// The credentials go to Twilio alone, whatever the URL says.
    fn is_at_twilio(&self, url: &str) -> bool {
        let (Ok(url), Ok(api)) = (Url::parse(url), Url::parse(&self.0.api_base_url)) else { return false };
        let is_own = url.scheme() == "https" && url.host_str().is_some_and(|host| host.ends_with(".twilio.com"));
        is_own || url.origin() == api.origin()
    }
}

impl MediaSource for TwilioMedia {
    fn locate<'a>(&'a self, url: &'a str) -> Pending<'a, Result<MediaPlace, MediaMissing>> {
        let place = MediaPlace::public(url).map(|place| {
            if !self.is_at_twilio(url) {
                return place;
            }
            let key = format!("{}:{}", self.0.account_sid, self.0.auth_token.expose_secret());
            let authorization = format!("Basic {}", STANDARD.encode(key));
            place.with_authorization(&authorization).trusting(&self.0.api_base_url)
        });
        Box::pin(std::future::ready(place.ok_or(MediaMissing::Gone)))
    }
}

impl TwilioGateway {
    /// Adds where Twilio reads the message's file, if it has one. A template has none: Twilio refuses it.
    pub(super) async fn add_file(&self, form: &mut String, outbound: &OutboundRequest<'_>) -> Result<(), SendError> {
        if !matches!(outbound.content, OutboundContent::Template { .. })
            && let Some((_, link)) = self.files.linked(outbound.message).await?
        {
            form.push_str("&MediaUrl=");
            form.extend(form_urlencoded::byte_serialize(link.as_bytes()));
        }
        Ok(())
    }
}
