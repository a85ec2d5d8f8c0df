//! Events of appointments beside those of bookings, in words.

use super::Both;

/// What happened, by the event's type.
pub(super) fn event(event_type: &str) -> Option<Both> {
    Some(match event_type {
        "booking_late" => ("the contact comes late to a booking", "le contact arrive en retard à un rendez-vous"),
        "waiting_joined" => ("the contact waits for a time to become free", "le contact attend qu'une place se libère"),
        "waiting_offered" => (
            "a time became free, and is kept for the contact, who was asked",
            "une place s'est libérée : elle est gardée pour le contact, à qui elle a été proposée",
        ),
        "waiting_ended" => ("the contact waits for no time any more", "le contact n'attend plus de place"),
        "ride_arrived" => {
            ("the driver is there, and the contact is told", "le chauffeur est là, le contact est prévenu")
        }
        "ride_done" => ("the ride is over", "la course est finie"),
        "ride_rated" => ("the contact said how good the ride was", "le contact a noté la course"),
        _ => return None,
    })
}
