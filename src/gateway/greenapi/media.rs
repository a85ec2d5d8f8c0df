//! Files at Green-API: the webhook's `downloadUrl`, which anybody may read
//! (<https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/>).

use palabre_actors::ports::Pending;

use crate::gateway::media::{MediaMissing, MediaPlace, MediaSource};

pub(super) struct GreenMedia {
    pub api_base_url: String,
}

impl MediaSource for GreenMedia {
    fn locate<'a>(&'a self, url: &'a str) -> Pending<'a, Result<MediaPlace, MediaMissing>> {
        let place = MediaPlace::public(url).map(|place| place.trusting(&self.api_base_url));
        Box::pin(std::future::ready(place.ok_or(MediaMissing::Gone)))
    }
}
