//! What people see when something did not go as they meant.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};

use crate::service::ServiceError;
use crate::service::paid_access::AccessError;

/// Why there is no page. [`super::finish`] makes a page of it, in the language of whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignIn {
        /// Where they wanted to go.
        next: Option<String>,
    },
    /// They have several tenants, and chose none yet.
    #[error("no tenant is chosen")]
    ChooseTenant { next: Option<String> },
    /// There is no tenant yet, and they may make the first one.
    #[error("there is no tenant yet")]
    NoTenantYet,
    /// They belong to no tenant.
    #[error("no tenant is theirs")]
    Nowhere,
    /// There is no such page or thing, or it is another tenant's.
    #[error("no such page")]
    NotFound,
    /// The form was not sent from a page of this session.
    #[error("the form was not sent from a page of this session")]
    StaleForm,
    /// The form cannot be read.
    #[error("the form cannot be read")]
    BadForm,
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Stripe, or a message that was to be written.
    #[error("paid access could not be changed")]
    PaymentSystem(#[source] AccessError),
    /// A template is wrong: a bug. What minijinja says of it may quote what was to be shown.
    #[error("a template is wrong: {:?} in line {:?}", .0.kind(), .0.line())]
    Template(minijinja::Error),
}

impl From<minijinja::Error> for ConsoleError {
    fn from(error: minijinja::Error) -> Self {
        Self::Template(error)
    }
}

impl ConsoleError {
    /// The word under which the texts of its page stand, or where it leads.
    pub(super) const fn told(&self) -> Result<&'static str, (&'static str, Option<&String>)> {
        Ok(match self {
            Self::SignIn { next } => return Err(("/console/login", next.as_ref())),
            Self::ChooseTenant { next } => return Err(("/console/tenants", next.as_ref())),
            Self::NoTenantYet => return Err(("/console/tenants/new", None)),
            Self::Nowhere => "nowhere",
            Self::NotFound | Self::Service(ServiceError::NotFound(_) | ServiceError::UnknownTenant) => "not_found",
            Self::StaleForm => "stale_form",
            Self::BadForm
            | Self::Service(ServiceError::Invalid(_) | ServiceError::WeakPassword(_) | ServiceError::NotValid { .. }) => {
                "bad_form"
            }
            Self::Service(ServiceError::Denied(_)) => "denied",
            Self::Service(ServiceError::Busy) => "busy",
            Self::Service(_) | Self::PaymentSystem(_) | Self::Template(_) => "unavailable",
        })
    }
}

impl ResponseError for ConsoleError {
    fn status_code(&self) -> StatusCode {
        match self.told() {
            Err(_) => StatusCode::SEE_OTHER,
            Ok("not_found") => StatusCode::NOT_FOUND,
            Ok("nowhere" | "stale_form" | "denied") => StatusCode::FORBIDDEN,
            Ok("bad_form") => StatusCode::BAD_REQUEST,
            Ok(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Err((path, next)) = self.told() {
            let query =
                next.map(|next| form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish());
            let location = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
            if let Ok(location) = HeaderValue::from_maybe_shared(location) {
                response.insert_header((header::LOCATION, location));
            }
        }
        response.finish()
    }
}
